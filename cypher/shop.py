"""The figures of the whole shop: its sizes, its days, its weeks, the model in force, and customers to try things on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from .graph import Graph
from .state import Counts, read_counts

if TYPE_CHECKING:
    import pandas as pd


class ExampleCustomer(NamedTuple):
    """A customer to try things on.

    Attributes
    ----------
    kind : `few`, `typical`, `many` or `none`: how much they bought, among the shop's buyers.
    customer_id : the customer.
    bought : number of purchases.
    """

    kind: str
    customer_id: str
    bought: int


@dataclass(frozen=True)
class Shop:
    """The figures of a shop.

    Attributes
    ----------
    counts : numbers of nodes and relationships.
    first, last : days of the first and the last purchase; None without purchases.
    model : the properties of the (:Model) in force; None before the first training.
    examples : customers with few, typical and many purchases, and one without; those that there are.
    """

    counts: Counts
    first: date | None
    last: date | None
    model: dict[str, Any] | None
    examples: tuple[ExampleCustomer, ...]


class _Days(NamedTuple):
    first: date | None
    last: date | None


def read_shop(graph: Graph) -> Shop:
    """Return the figures of a shop; reads counters, indexes and 10,000 customers, so the shop's size hardly matters."""
    (days,) = graph.read_as(_Days, "first_and_last_day")
    models: list[dict[str, Any]] = graph.read_column("models", k=_EVERY)
    return Shop(
        read_counts(graph),
        days.first,
        days.last,
        next((model for model in models if model["in_force"]), None),
        tuple(graph.read_as(ExampleCustomer, "example_customers")),
    )


def read_weeks(graph: Graph) -> pd.DataFrame:
    """Return the sales of each week, as the report plots them; reads every purchase, a minute for 31 million.

    Returns
    -------
    week (its Monday), articles (different ones sold), new_articles (never sold before), purchases (units),
    new_purchases (units of new articles); oldest first.
    """
    return graph.read("weeks")


_EVERY = 1_000_000  # versions
