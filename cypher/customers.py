"""Queries about one customer, and searches for customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import UnknownCustomer
from .graph import Graph

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Profile:
    """A customer's attributes and purchases.

    Attributes
    ----------
    customer_id : the customer.
    attributes : the customer's properties by H&M's column names; None if missing.
    history : number of `purchases` and of `articles`, and the days `first` and `last`.
    purchases : t_dat, article_id, prod_name, price, quantity; the newest first.
    """

    customer_id: str
    attributes: dict[str, Any]
    history: dict[str, Any]
    purchases: pd.DataFrame


@dataclass(frozen=True)
class History:
    """The facts that decide which recommenders suit a customer.

    Attributes
    ----------
    purchases : number of purchases, repeats included.
    has_embedding : whether the active model has an embedding of the customer.
    """

    purchases: int
    has_embedding: bool


def read_history(graph: Graph, customer_id: str) -> History:
    """Return the size of a customer's history, and whether they have an embedding.

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
    """Return a customer's attributes and their last `k` purchases.

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
    """Return customers whose ids begin with `start`: customer_id, bought (number of purchases), ordered by id."""
    return graph.read("find_customers", start=start, k=k)
