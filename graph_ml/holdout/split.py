"""Hold out the last days: split purchases into those a model learns from and those it predicts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ...cypher.errors import UserMistake
from ..export.subgraph import Subgraph, to_date, to_days

WEEK = 7
"""Days of the period to predict."""


@dataclass(frozen=True)
class HoldOut:
    """The purchases before a day, and those from that day on.

    Attributes
    ----------
    cut : the first day held out.
    before : all purchases and views before `cut`.
    after : the purchases of the hold-out period, which begins on `cut`.
    """

    cut: date
    before: Subgraph
    after: Subgraph


def hold_out(subgraph: Subgraph, days: int = 7, periods_ago: int = 0) -> HoldOut:
    """Hold out the last days, or an earlier period of the same length; later purchases are in neither part.

    Both parts keep all customers and articles, with the same numbers.

    Parameters
    ----------
    subgraph : the purchases.
    days : length of the hold-out period, at least 1.
    periods_ago : 0 for the last `days`, 1 for the `days` before those, and so on.

    Raises
    ------
    UserMistake : there is no purchase before the cut, or none from the cut on.
    """
    if days < 1 or periods_ago < 0:
        raise UserMistake(f"Hold out at least one day, not {days}, and at least 0 periods ago, not {periods_ago}.")
    end = to_days(subgraph.until) - days * periods_ago
    before = subgraph.before(end - days)
    after = subgraph.where((subgraph.time >= end - days) & (subgraph.time < end))
    if not before.num_edges or not after.num_edges:
        raise UserMistake(
            f"{days} days cannot be held out: the purchases only span {subgraph.since} to {subgraph.until}.",
            "Hold out fewer days, or choose a larger part of the graph.",
        )
    return HoldOut(to_date(end - days), before, after)


def hold_out_weeks(subgraph: Subgraph, periods: int, days: int = 7) -> Iterator[HoldOut]:
    """Hold out each of the last `periods` periods of `days` in turn, the latest first.

    Parameters
    ----------
    subgraph : the purchases.
    periods : number of periods.
    days : length of each, in days.

    Raises
    ------
    UserMistake : as for `hold_out`, when that period's turn comes.
    """
    for periods_ago in range(periods):
        yield hold_out(subgraph, days, periods_ago)
