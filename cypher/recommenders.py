"""The table of recommenders, from which help, completion, evaluation, service and ranker are derived.

A new recommender is a row here, its query `recommend/NAME.cypher` and its batch version `graph_ml/candidates/NAME.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import UserMistake


@dataclass(frozen=True)
class Method:
    """A recommendation method.

    Attributes
    ----------
    name : also the name of its saved query and of its file in `graph_ml/candidates/`.
    doc : what it recommends, in a few words.
    label : its name in the ranker's reasons; empty if it proposes nothing to the ranker.
    aliases : old names, accepted for one version.
    has_query : whether it is a saved query.
    needs_history : whether it recommends nothing to a customer without purchases.
    needs_embeddings : whether it needs `hmrec train`.
    needs_views : whether it recommends nothing without views and carts.
    candidates : number of articles that it proposes to the ranker; 0 if none.
    is_retired : whether only rankers of earlier versions have it as a source.
    parameters : its query's parameters when it proposes to the ranker, if they differ from the defaults.
    proposes_bought : whether it proposes articles that the customer has bought before.
    is_for_cold_start : whether it proposes articles only to customers without purchases.
    shared_by : the customer's properties that determine its list. Customers with equal properties share a list, without
        the articles they own. None if each customer has their own list.
    relationship : the type of the relationships that its query reads if `hmrec relate` wrote them; None if it always
        reads purchases.
    is_baseline : whether evaluation compares other methods with it.
    is_evaluated : whether `hmrec evaluate` measures it by default.
    """

    name: str
    doc: str
    label: str = ""
    aliases: tuple[str, ...] = ()
    has_query: bool = True
    needs_history: bool = False
    needs_embeddings: bool = False
    needs_views: bool = False
    candidates: int = 0
    is_retired: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    proposes_bought: bool = False
    is_for_cold_start: bool = False
    shared_by: tuple[str, ...] | None = None
    relationship: str | None = None
    is_baseline: bool = False
    is_evaluated: bool = False


UNSOLD = "unsold"
"""The method that lists end with: it proposes what no other does."""
METHODS = (
    Method("auto", "hybrid once trained, else user_based_cf, gnn and popular", has_query=False),
    Method(
        "own_repurchases",
        "what the customer bought before and may be due again",
        label="own repurchases",
        aliases=("repurchases",),
        needs_history=True,
        candidates=150,
        parameters={"loyalty": 0.35},
        proposes_bought=True,
        is_baseline=True,
        is_evaluated=True,
    ),
    Method(
        "recently_viewed",
        "viewed or put into the cart lately, and not bought since",
        label="your views and carts",
        needs_views=True,
        candidates=60,
        proposes_bought=True,
    ),
    Method(
        "user_based_cf",
        "user-based collaborative filtering",
        label="customers like you",
        aliases=("cf",),
        needs_history=True,
        candidates=120,
        parameters={"own_weight": 0.0},
        proposes_bought=True,
        is_evaluated=True,
    ),
    Method(
        "item_based_cf",
        "item-based collaborative filtering",
        label="articles like yours",
        aliases=("items",),
        needs_history=True,
        candidates=60,
        is_retired=True,
    ),
    Method(
        "bought_together",
        "bought on the same day as the customer's articles",
        label="bought together",
        aliases=("together",),
        needs_history=True,
        candidates=60,
        is_retired=True,
    ),
    Method(
        "related_together",
        "what goes with the customer's articles, by stored relationships",
        label="goes with yours",
        needs_history=True,
        candidates=60,
        relationship="BOUGHT_WITH",
    ),
    Method(
        "related_next",
        "what is bought after the customer's articles, by stored relationships",
        label="comes after yours",
        needs_history=True,
        candidates=60,
        relationship="BOUGHT_AFTER",
    ),
    Method(
        "bought_after",
        "bought by others in the weeks after the customer's articles",
        needs_history=True,
    ),
    Method(
        "variants",
        "other variants of products bought",
        label="variants",
        needs_history=True,
        candidates=30,
    ),
    Method(
        "popular_in_departments",
        "popular in the customer's departments",
        label="your departments",
        aliases=("departments",),
        needs_history=True,
        candidates=60,
        relationship="SELLS",
    ),
    Method(
        "new_arrivals",
        "never sold before, in the customer's departments",
        label="new arrivals",
        aliases=("arrivals",),
        needs_history=True,
        candidates=40,
        relationship="RECEIVED",
    ),
    Method(
        "popular_in_segment",
        "popular among customers of the same age and club status",
        label="your segment",
        aliases=("segment",),
        candidates=30,
        shared_by=("age", "club_member_status"),
        relationship="BUYS",
    ),
    Method(
        "popular",
        "most popular recently",
        label="popular",
        candidates=30,
        shared_by=(),
        relationship="BUYS",
        is_baseline=True,
        is_evaluated=True,
    ),
    Method(UNSOLD, "never sold before, the newest first", shared_by=()),
    Method(
        "by_attributes",
        "popular among similar customers; for those without purchases",
        label="customers of your age and place",
        aliases=("attributes",),
        candidates=60,
        is_for_cold_start=True,
        shared_by=("age", "club_member_status", "fashion_news_frequency", "postal_code"),
    ),
    Method(
        "gnn",
        "nearest embeddings of the graph neural network",
        label="embedding",
        needs_history=True,
        needs_embeddings=True,
        candidates=60,
        parameters={"reasons": False},
        is_evaluated=True,
    ),
    Method("hybrid", "a ranker over all the others", has_query=False, needs_embeddings=True, is_evaluated=True),
)
"""The ranker's columns have this order; a trained ranker keeps the order of its training."""

_BY_NAME = {method.name: method for method in METHODS}
_BY_OLD_NAME = {old: method for method in METHODS for old in (*method.aliases, method.label) if old}


def find_method(name: str) -> Method:
    """Return the method of that name; old names are accepted.

    Raises
    ------
    UserMistake : there is no such method.
    """
    method = _BY_NAME.get(name) or _BY_OLD_NAME.get(name)
    if method is None:
        raise UserMistake(f"The method must be one of {', '.join(_BY_NAME)}, not {name[:20]!r}.")
    return method


def explain_old_name(name: str) -> str:
    """Return a sentence with the new name if `name` is an old one, else an empty string."""
    method = find_method(name)
    return "" if method.name == name else f"`{name}` is now called `{method.name}`."


def describe_methods() -> str:
    """Return every method with its description in parentheses, for help texts."""
    return "; ".join(f"{method.name} ({method.doc})" for method in METHODS)


def list_evaluated() -> tuple[str, ...]:
    """Return the names that `hmrec evaluate` can measure, baselines first: every method but `auto`, which chooses."""
    names = [method for method in METHODS if method.name != "auto"]
    return tuple(method.name for method in sorted(names, key=lambda method: not method.is_baseline))
