"""Record the lists that customers were shown, and remove expired ones."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ..cypher.errors import UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .events import prepare_for_events

KEPT_DAYS = 90
"""For how many days shown lists are kept by default."""
MOST_DAYS = 3650
"""The greatest number of days for which shown lists are kept."""
LONGEST_LIST = 1000
"""The greatest number of articles in a shown list."""
AT_ONCE = 1_000
"""How many expired lists are removed in one transaction."""
_ADD, _REMOVE = "add_impressions", "remove_expired_impressions"


class ShownArticle(NamedTuple):
    """An article of a shown list, and the probability with which the list has it; None if that is not known."""

    article_id: str
    propensity: float | None = None


def draw_id() -> str:
    """Return a new id for a shown list."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Impression:
    """A list that a customer was shown, stored as a node (:Impression).

    Attributes
    ----------
    customer_id : the customer.
    articles : the articles in the order of their places.
    method : how they were recommended.
    shown_at : when; it has a time zone.
    impression_id : the id by which events refer to the list.
    version : version of the model in force; None without one.
    experiment, arm : the experiment that chose the method, and the customer's arm in it; None without one.

    Raises
    ------
    UserMistake : there are no articles or too many, a propensity is not in (0, 1], or the time has no zone.
    """

    customer_id: str
    articles: tuple[ShownArticle, ...]
    method: str
    shown_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    impression_id: str = field(default_factory=draw_id)
    version: int | None = None
    experiment: str | None = None
    arm: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.articles) <= LONGEST_LIST:
            raise UserMistake(f"A shown list has 1 to {LONGEST_LIST:,} articles, not {len(self.articles):,}.")
        if any(one.propensity is not None and not 0 < one.propensity <= 1 for one in self.articles):
            raise UserMistake("A propensity must be above 0 and at most 1.")
        if self.shown_at.tzinfo is None:
            raise UserMistake("shown_at needs a time zone.", "Pass datetime.now(UTC), for example.")

    def to_row(self, days: int) -> dict[str, Any]:
        """Return the list for the query `add_impressions`, to be kept for so many days."""
        shown_at = self.shown_at.astimezone(UTC)
        row = vars(self) | {"shown_at": shown_at, "expires": shown_at + timedelta(days=days)}
        return row | {"articles": [list(one) for one in self.articles]}


def record_impressions(graph: Graph, impressions: Sequence[Impression], *, days: int = KEPT_DAYS) -> int:
    """Record shown lists in one transaction, each only once, even if it is sent again.

    Parameters
    ----------
    graph : the open graph.
    impressions : the lists; those of unknown customers, and unknown articles, are left out.
    days : for how long they are kept, from the time when they were shown.

    Returns
    -------
    How many were new. They are committed.

    Raises
    ------
    LoadRunning : a load or write-back is running; nothing was recorded.
    """
    if not 1 <= days <= MOST_DAYS:
        raise UserMistake(f"Shown lists are kept for 1 to {MOST_DAYS:,} days, not {days}.")
    prepare_for_events(graph)
    rows = list({one.impression_id: one.to_row(days) for one in impressions}.values())
    return graph.write_beside_loads(_ADD, lambda run: int(run(_ADD, impressions=rows)[0]["recorded"]))


def remove_expired(graph: Graph, progress: Progress = silent, *, most: int | None = None) -> int:
    """Remove the expired shown lists, in several transactions, and return how many there were.

    Parameters
    ----------
    graph : the open graph.
    progress : called with how many were removed so far.
    most : stop after about this many; None removes all.

    Raises
    ------
    LoadRunning : a load or write-back is running; run it again later.
    """
    removed = 0
    while most is None or removed < most:
        progress("Removing expired lists", removed, None)
        found = graph.write_beside_loads(_REMOVE, lambda run: int(run(_REMOVE, most=AT_ONCE)[0]["removed"]))
        removed += found
        if found < AT_ONCE:
            break
    return removed
