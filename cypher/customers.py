"""What the graph knows about one customer, and which customers it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import UnknownCustomer
from .graph import Graph

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Profile:
    """A customer.

    Attributes
    ----------
    customer_id : who.
    attributes : what the shop knows besides, by H&M's column names; what it does not know is None.
    history : how many `purchases` of how many `articles` between the days `first` and `last`.
    purchases : t_dat, article_id, prod_name, price, quantity; the newest first.
    """

    customer_id: str
    attributes: dict[str, Any]
    history: dict[str, Any]
    purchases: pd.DataFrame


@dataclass(frozen=True)
class History:
    """What decides which recommenders suit a customer.

    Attributes
    ----------
    purchases : how many articles they bought, each as often as it was bought.
    has_embedding : whether the model in force has an embedding of them.
    """

    purchases: int
    has_embedding: bool


def read_history(graph: Graph, customer_id: str) -> History:
    """Return how much a customer bought, and whether they have an embedding.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    keys, rows = graph.read_rows("customer", customer_id=customer_id)
    if not rows:
        raise UnknownCustomer(customer_id)
    facts = dict(zip(keys, rows[0], strict=True))
    return History(int(facts["purchases"]), bool(facts["has_embedding"]))


def read_profile(graph: Graph, customer_id: str, *, k: int = 1000) -> Profile:
    """Return a customer's attributes and their last purchases.

    Parameters
    ----------
    graph : the graph to read.
    customer_id : the customer.
    k : how many purchases at most, the newest.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    keys, rows = graph.read_rows("customer_attributes", customer_id=customer_id)
    if not rows:
        raise UnknownCustomer(customer_id, hint="")
    attributes = dict(zip(keys, rows[0], strict=True))
    facts = graph.read("customer", customer_id=customer_id).astype(object).iloc[0]
    history = {name: facts[name] for name in ("purchases", "articles", "first", "last")}
    return Profile(customer_id, attributes, history, graph.read("last_purchases", customer_id=customer_id, k=k))


def find_customers(graph: Graph, start: str = "", *, k: int = 20) -> pd.DataFrame:
    """Return customers whose ids begin with `start`, in the order of their ids.

    Parameters
    ----------
    graph : the graph to read.
    start : the first characters of the ids; empty for all customers.
    k : how many customers at most.

    Returns
    -------
    customer_id, bought (how many purchases).
    """
    return graph.read("find_customers", start=start, k=k)
