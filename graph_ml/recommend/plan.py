"""Which recommenders fill a customer's list, in which order: what each method means, for one customer or for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...cypher.errors import NoRanker
from .active_ranker import RankerVersion
from .request import Request


class Step(NamedTuple):
    """A recommender that fills up the lists that are still too short.

    Attributes
    ----------
    method : its name in the table.
    history : whether it is for customers who have bought something, or for those who have not; None for both.
    embedding : the same for customers who have an embedding.
    """

    method: str
    history: bool | None = None
    embedding: bool | None = None

    def suits(self, history: Any, embedding: Any) -> Any:
        """Return whether it is for a customer with these properties: booleans, or boolean arrays for many customers."""
        by_history = True if self.history is None else history == self.history
        by_embedding = True if self.embedding is None else embedding == self.embedding
        return by_history & by_embedding


class Plan(NamedTuple):
    """The steps of a request, in order, and the ranker of the step `hybrid` if it is among them."""

    steps: tuple[Step, ...]
    ranker: RankerVersion | None = None


STEPS = {
    "auto": (
        Step("user_based_cf", history=True),
        Step("gnn", history=True, embedding=True),
        Step("by_attributes", history=False),
        Step("popular"),
    ),
    "user_based_cf": (
        Step("user_based_cf", history=True),
        Step("by_attributes", history=False),
        Step("popular", history=False),
    ),
    "gnn": (
        Step("gnn", embedding=True),
        Step("user_based_cf", history=True, embedding=False),
        Step("by_attributes", history=False, embedding=False),
        Step("popular", embedding=False),
    ),
}
"""Of methods without the ranker; any other method is its own single step."""


def plan_steps(request: Request, find_ranker: Callable[[], RankerVersion | None]) -> Plan:
    """Return the steps that a request's method takes.

    `auto` is the ranker if there is one and no earlier day is asked for. Otherwise customers with purchases get
    user-based collaborative filtering, then what is near by embedding, then what is popular; customers without
    purchases get what is popular among similar customers, then what is popular.

    Parameters
    ----------
    request : what is asked for.
    find_ranker : returns which ranker is in force, or None; called only if the method may use it.

    Raises
    ------
    NoRanker : `hybrid` is asked for, and there is no ranker, or it knows purchases of `as_of` or later.
    """
    method = request.chosen.name
    if method == "hybrid" or (method == "auto" and request.as_of is None):
        ranker = find_ranker()
        if method == "hybrid":
            _check_ranker(request, ranker)
        if ranker is not None:
            return Plan((Step("hybrid"), Step("popular")), ranker)
    return Plan(STEPS.get(method, (Step(method),)))


def _check_ranker(request: Request, ranker: RankerVersion | None) -> None:
    if ranker is None:
        raise NoRanker("The graph has no ranker yet.", "`hmrec train` trains one; --method user_based_cf needs none.")
    if request.as_of is not None and request.as_of < ranker.until:
        raise NoRanker(
            f"The ranker was trained on purchases until {ranker.until}; using it for {request.as_of} would leak the "
            "future.",
            "--method user_based_cf looks at the graph as it stood on that day.",
        )
