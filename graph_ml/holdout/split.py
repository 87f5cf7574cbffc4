"""Hold the last days out: what a model may learn from, and what it is asked to foresee."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from ...cypher.errors import UserMistake
from ..export.subgraph import Subgraph, to_date, to_days

WEEK = 7  # days; what is foreseen


@dataclass(frozen=True)
class HoldOut:
    """Purchases before a day, and those of the days from it on.

    Attributes
    ----------
    cut : the first day held out.
    before : all purchases of earlier days.
    after : the purchases of `cut` and the days that follow.
    """

    cut: date
    before: Subgraph
    after: Subgraph


def hold_out(subgraph: Subgraph, days: int = 7, periods_ago: int = 0) -> HoldOut:
    """Hold out the last days, or as many days some periods earlier; later purchases are in neither part.

    Both parts keep all customers and articles under the same numbers.

    Parameters
    ----------
    subgraph : the purchases.
    days : length of the part held out, at least 1.
    periods_ago : 0 for the last `days`, 1 for the `days` before those, and so on.

    Raises
    ------
    UserMistake : no purchase is before the cut or none after it.
    """
    if days < 1 or periods_ago < 0:
        raise UserMistake(f"At least one day must be held out, not {days}, and {periods_ago} periods ago at least 0.")
    end = to_days(subgraph.until) - days * periods_ago
    before = subgraph.where(subgraph.time < end - days)
    after = subgraph.where((subgraph.time >= end - days) & (subgraph.time < end))
    if not before.num_edges or not after.num_edges:
        raise UserMistake(
            f"{days} days cannot be held out: purchases are from {subgraph.since} to {subgraph.until} only.",
            "Hold fewer days out, or choose a wider part of the graph.",
        )
    return HoldOut(to_date(end - days), before, after)


def hold_out_weeks(subgraph: Subgraph, periods: int, days: int = 7) -> Iterator[HoldOut]:
    """Hold out, one after the other, each of the last `periods` stretches of `days`, the latest first."""
    for periods_ago in range(periods):
        yield hold_out(subgraph, days, periods_ago)
