"""Which recommenders fill a customer's list, and in which order; what each method means, for one customer or all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ...cypher.errors import NoRanker
from ...cypher.recommenders import UNSOLD, find_method
from ...cypher.state import GraphState
from .request import Request


class Step(NamedTuple):
    """A recommender that fills the lists that are still too short.

    Attributes
    ----------
    method : its name in `cypher/recommenders.py`.
    history : True for customers with purchases, False for customers without; None for both.
    embedding : True for customers with an embedding, False for customers without; None for both.
    parameters : those of its query that differ from the header's defaults.
    """

    method: str
    history: bool | None = None
    embedding: bool | None = None
    parameters: Mapping[str, Any] = MappingProxyType({})

    def suits(self, history: Any, embedding: Any) -> Any:
        """Return whether the step is for customers with these properties.

        Parameters
        ----------
        history, embedding : whether the customer has purchases, and an embedding: booleans, or boolean arrays for many
            customers.
        """
        by_history = True if self.history is None else history == self.history
        by_embedding = True if self.embedding is None else embedding == self.embedding
        return by_history & by_embedding


class Plan(NamedTuple):
    """How a request is answered.

    Attributes
    ----------
    steps : in order.
    state : the graph's state if the first step is `hybrid`; its model then has a ranker. None for other steps.
    """

    steps: tuple[Step, ...]
    state: GraphState | None = None


ALL_TIME = 1_000_000
"""Days that include every purchase; `popular` then counts all of them."""
BEST_SELLERS = Step("popular", parameters={"days": ALL_TIME})
"""All articles that pass the filters and were ever sold."""
LAST = (Step("popular"), BEST_SELLERS, Step(UNSOLD))
"""The last steps: together, all articles that pass the filters. No list that they end is too short."""

CF, OWN = "user_based_cf", "own_repurchases"
STEPS = {
    "auto": (
        Step("user_based_cf", history=True),
        Step("gnn", history=True, embedding=True),
        Step("by_attributes", history=False),
        *LAST,
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
"""The steps of methods with fallbacks. Any other method is its own single step."""


def plan_steps(request: Request, read_state: Callable[[], GraphState]) -> Plan:
    """Return the steps that a request's method takes.

    `auto` means the ranker if the model in force has one and the request names no earlier day. Otherwise customers with
    purchases get user-based collaborative filtering, then articles near by embedding, then popular ones. Customers
    without purchases get what is popular among similar customers, then what is popular. The best sellers of all time,
    and then articles that nobody bought yet, fill what is still too short, as when few articles pass the filters.
    Collaborative filtering and own repurchases have the parameters of `find_parameters`.

    Parameters
    ----------
    request : the request.
    read_state : returns the graph's state; called only if the method may use what a training wrote.

    Raises
    ------
    NoRanker : `hybrid` is requested, and there is no ranker, or it was trained on purchases of `as_of` or later.
    """
    method = request.chosen.name
    if method == "hybrid" or (method == "auto" and request.as_of is None):
        state = read_state()
        if method == "hybrid":
            check_ranker(request, state)
        if state.model is not None and state.model.has_ranker:
            return Plan((Step("hybrid"), *LAST), state)
    steps = STEPS.get(method, (Step(method),))
    if any(step.method in (CF, OWN) for step in steps):
        found = find_parameters(request, read_state())
        steps = tuple(step._replace(parameters=found.get(step.method, step.parameters)) for step in steps)
    return Plan(steps)


def find_parameters(request: Request, state: GraphState) -> dict[str, Mapping[str, Any]]:
    """Return the parameters that a training gives to queries for such lists, by the query's name and their own.

    `user_based_cf` has those that training learned; `own_repurchases` reads what it wrote on the articles, as the
    ranker's source does. Empty if the model in force has none, or if it knows purchases of `as_of` or later: using them
    would leak the future. Then the defaults of the query's header apply.
    """
    model = state.model
    if model is None or (request.as_of is not None and request.as_of < model.until):
        return {}
    found: dict[str, Mapping[str, Any]] = {OWN: find_method(OWN).parameters} if model.has_ranker else {}
    return found if model.cf is None else found | {CF: model.cf.parameters(request.new_only)}


def check_ranker(request: Request, state: GraphState) -> None:
    """Check that the model in force has a ranker that may answer the request.

    Raises
    ------
    NoRanker : there is no ranker, or it was trained on purchases of `as_of` or later.
    """
    model = state.model
    if model is None or not model.has_ranker:
        raise NoRanker("The graph has no ranker yet.", "`hmrec train` trains one; --method user_based_cf needs none.")
    if request.as_of is not None and request.as_of < model.until:
        raise NoRanker(
            f"The ranker was trained on purchases until {model.until}; using it for {request.as_of} would leak the "
            "future.",
            "--method user_based_cf looks at the graph as it stood on that day.",
        )
