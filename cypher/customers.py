"""Queries about one customer, and searches for customers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from .errors import UnknownCustomer
from .graph import Graph

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class History:
    """A customer's purchases in numbers, and whether there is an embedding of the customer.

    Attributes
    ----------
    purchases : articles bought, repeats included.
    articles : different articles bought.
    first, last : days of the first and the last purchase; None without purchases.
    has_embedding : whether the model in force has an embedding of the customer.
    """

    purchases: int
    articles: int
    first: date | None
    last: date | None
    has_embedding: bool


@dataclass(frozen=True)
class Profile:
    """A customer's attributes and purchases.

    Attributes
    ----------
    customer_id : the customer.
    attributes : the properties of the customer by H&M's column names; None if missing.
    history : all purchases in numbers.
    purchases : t_dat, article_id, prod_name, price, quantity; the newest first.
    """

    customer_id: str
    attributes: dict[str, Any]
    history: History
    purchases: pd.DataFrame


def read_history(graph: Graph, customer_id: str) -> History:
    """Return how much a customer bought and when, and whether they have an embedding.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    history = graph.read_one(_make_history, "customer", customer_id=customer_id)
    if history is None:
        raise UnknownCustomer(customer_id)
    return history


def read_profile(graph: Graph, customer_id: str, *, k: int = 1000) -> Profile:
    """Return a customer's attributes and their last `k` purchases.

    Parameters
    ----------
    graph : the graph to read.
    customer_id : the customer.
    k : how many purchases at most, the newest.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    attributes = graph.read_one(dict[str, Any], "customer_attributes", customer_id=customer_id)
    if attributes is None:
        raise UnknownCustomer(customer_id, hint="")
    history = read_history(graph, customer_id)
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


def _make_history(
    purchases: int, articles: int, first: date | None, last: date | None, has_embedding: bool, **_: object
) -> History:
    return History(purchases, articles, first, last, has_embedding)
