"""A part of the purchases with their customers and articles, as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ...cypher.errors import UserMistake
from .features import FeatureEncoder, FeatureSpec

if TYPE_CHECKING:
    import polars as pl

Integers = npt.NDArray[np.int64]
"""An array of int64: numbers of customers, articles or purchases."""
Mask = npt.NDArray[np.bool_]
"""An array of booleans."""

EPOCH = date(1970, 1, 1)
"""The day that counts as 0."""
NEVER = np.iinfo(np.int32).max
"""The day in `Subgraph.bought_again` of a purchase without a next one."""


class EmptySubgraph(UserMistake):
    """The requested subgraph has no purchase."""


class SubgraphSpec(BaseModel):
    """The part of the graph to export; by default all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date | None = Field(default=None, description="First day of the purchases")
    until: date | None = Field(default=None, description="The day after the last day of the purchases")
    customers: int | tuple[str, ...] | None = Field(
        default=None, description="Only the first N customers by id, or only these ids"
    )
    category: str | None = Field(
        default=None, description="Only articles of the IndexGroup, Department or ProductGroup with this name"
    )
    rows: int | None = Field(default=None, ge=1, description="Only the first N transactions by date")
    isolated: bool = Field(default=False, description="Keep customers and articles without a purchase")
    features: FeatureSpec = Field(default=FeatureSpec(), description="The properties and relationships to export")

    @field_validator("customers")
    @classmethod
    def _at_least_one(cls, customers: int | tuple[str, ...] | None) -> int | tuple[str, ...] | None:
        if customers is not None and (customers if isinstance(customers, int) else len(customers)) < 1:
            raise ValueError("choose at least one customer")
        return customers


class IdMap:
    """An immutable two-way map between n ids of the graph, in the order given, and the numbers 0..n-1."""

    __slots__ = ("_ids", "_index")

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = tuple(ids)
        self._index = {outer: index for index, outer in enumerate(self._ids)}
        if len(self._index) != len(self._ids):
            raise ValueError("ids must differ from each other")

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __contains__(self, outer: object) -> bool:
        return outer in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdMap) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    def index(self, outer: str) -> int:
        """Return the number of an id.

        Raises
        ------
        KeyError : the id is unknown.
        """
        return self._index[outer]

    def id(self, index: int) -> str:
        """Return the id of a number."""
        return self._ids[index]

    def select(self, mask: Mask) -> IdMap:
        """Return a map of only the ids where `mask` [n] is true, renumbered in the same order."""
        return IdMap(self._ids[index] for index in np.flatnonzero(mask))


@dataclass(frozen=True)
class Attribute:
    """One kind of attribute node.

    Attributes
    ----------
    relationship : type of the relationship from the article.
    keys : keys of the nodes, sorted.
    edge_index : [2, num_edges] int64: article, attribute node.
    """

    relationship: str
    keys: tuple[str | int, ...]
    edge_index: Integers


@dataclass(frozen=True)
class Views:
    """Views of articles and additions to carts, one entry each in arrays of the same length.

    They are sorted by customer, day, article and kind, independent of their order in the store.

    Attributes
    ----------
    customer, article : [n] int64, numbers of customers and articles.
    time : [n] int32, days since 1970-01-01.
    is_cart : [n], whether the article was put into a cart; otherwise it was viewed.
    """

    customer: Integers
    article: Integers
    time: npt.NDArray[np.int32]
    is_cart: Mask

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def empty(cls) -> Views:
        """Return no views."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, nothing.astype(np.int32), nothing.astype(np.bool_))

    @classmethod
    def of(cls, customer: Integers, article: Integers, time: npt.NDArray[np.int32], is_cart: Mask) -> Views:
        """Return these views, sorted."""
        return cls(customer, article, time, is_cart).where(np.lexsort((is_cart, article, time, customer)))

    def where(self, which: Mask | Integers) -> Views:
        """Return only the views of a mask [n], or at these positions."""
        return Views(self.customer[which], self.article[which], self.time[which], self.is_cart[which])

    def before(self, day: int) -> Views:
        """Return the views before a day, as days since 1970-01-01."""
        return self.where(self.time < day)

    def take(self, customers: Integers) -> Views:
        """Return the views of these customers, renumbered in this order."""
        row, places = find_purchases(self.customer, customers)
        return replace(self.where(places), customer=row)


def _make_frame() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame()


@dataclass(frozen=True)
class Subgraph:
    """Purchases of articles by customers, one entry each in the arrays of length num_edges.

    They are sorted by customer, day, article, price and channel, independent of their order in the store.

    Attributes
    ----------
    customer_ids, article_ids : maps between ids and numbers.
    customer, article : [num_edges] int64, numbers by these maps.
    time : [num_edges] int32, days since 1970-01-01.
    price : [num_edges] float32, NaN if missing.
    quantity : [num_edges] int32, number of identical rows.
    channel : [num_edges] int32, 0 if missing.
    customers, articles : a row for each node: `customer_id` or `article_id`, then the properties of `features`.
        Customers also have `GRAPH_ONLY_CUSTOMER_FEATURES`.
    attributes : by label, the attribute nodes of the articles.
    features : the properties and relationships that were exported.
    views : the views and carts, if they were read (`add_views`).
    """

    customer_ids: IdMap
    article_ids: IdMap
    customer: Integers
    article: Integers
    time: npt.NDArray[np.int32]
    price: npt.NDArray[np.float32]
    quantity: npt.NDArray[np.int32]
    channel: npt.NDArray[np.int32]
    customers: pl.DataFrame = field(default_factory=_make_frame)
    articles: pl.DataFrame = field(default_factory=_make_frame)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    features: FeatureSpec = field(default_factory=FeatureSpec)
    views: Views = field(default_factory=Views.empty)

    @property
    def num_edges(self) -> int:
        """The number of purchases."""
        return len(self.time)

    @property
    def edge_index(self) -> Integers:
        """[2, num_edges] int64: customer, article."""
        return np.stack([self.customer, self.article])

    @cached_property
    def bought_again(self) -> npt.NDArray[np.int32]:
        """[num_edges]: the day of the customer's next purchase of the same article; `NEVER` after the last."""
        order = np.argsort(self.customer * len(self.article_ids) + self.article, kind="stable")  # within a pair by day
        again = np.full(self.num_edges, NEVER, dtype=np.int32)
        this, next_one = order[:-1], order[1:]
        same = (self.customer[this] == self.customer[next_one]) & (self.article[this] == self.article[next_one])
        again[this[same]] = self.time[next_one[same]]
        return again

    @property
    def since(self) -> date:
        """The first day with a purchase."""
        return to_date(int(self.time.min()))

    @property
    def until(self) -> date:
        """The day after the last day with a purchase."""
        return to_date(int(self.time.max()) + 1)

    def before(self, day: int) -> Subgraph:
        """Return the same nodes with only the purchases and views before a day, as days since 1970-01-01."""
        return replace(self.where(self.time < day), views=self.views.before(day))

    def where(self, which: Mask | Integers | slice) -> Subgraph:
        """Return the same nodes with only these purchases, and all views.

        Parameters
        ----------
        which : a mask [num_edges], int64 positions, or a slice.
        """
        names = ("customer", "article", "time", "price", "quantity", "channel")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def take(self, customers: Integers) -> Subgraph:
        """Return only these customers with their purchases and views, renumbered in this order, and all articles.

        Parameters
        ----------
        customers : [n] int64, numbers of customers.
        """
        row, places = find_purchases(self.customer, customers)
        return replace(
            self.where(places),
            customer=row,
            customer_ids=IdMap(self.customer_ids.id(number) for number in customers.tolist()),
            customers=self.customers[customers] if self.customers.height else self.customers,
            views=self.views.take(customers),
        )

    def without_isolated(self) -> Subgraph:
        """Return the same purchases with only the nodes that have one, renumbered in the same order."""
        import polars as pl

        has_customer = np.zeros(len(self.customer_ids), dtype=np.bool_)
        has_article = np.zeros(len(self.article_ids), dtype=np.bool_)
        has_customer[self.customer], has_article[self.article] = True, True
        new_customer, new_article = np.cumsum(has_customer) - 1, np.cumsum(has_article) - 1
        views = self.views.where(has_customer[self.views.customer] & has_article[self.views.article])
        return replace(
            self,
            customer_ids=self.customer_ids.select(has_customer),
            article_ids=self.article_ids.select(has_article),
            customer=new_customer[self.customer],
            article=new_article[self.article],
            customers=self.customers.filter(pl.Series(has_customer)) if self.customers.height else self.customers,
            articles=self.articles.filter(pl.Series(has_article)) if self.articles.height else self.articles,
            attributes={label: _select_articles(a, has_article, new_article) for label, a in self.attributes.items()},
            views=replace(views, customer=new_customer[views.customer], article=new_article[views.article]),
        )

    def fit_encoders(self) -> dict[str, FeatureEncoder]:
        """Fit the encoders of the customers' and articles' features, to store for nodes that are loaded later."""
        parts = {
            "customer": (self.customers, self.features.customers),
            "article": (self.articles, self.features.articles),
        }
        return {name: FeatureEncoder.fit(frame, features) for name, (frame, features) in parts.items() if frame.height}


def find_purchases(customer: Integers, customers: Integers) -> tuple[Integers, Integers]:
    """Find the purchases of some customers.

    Parameters
    ----------
    customer : [num_edges], ascending: the customer of each purchase.
    customers : [n], the customers to look for.

    Returns
    -------
    For each of their purchases, grouped by customer: the position in `customers`, and the position in `customer`.
    """
    begin, end = (np.searchsorted(customer, customers, side) for side in ("left", "right"))
    sizes = end - begin
    row = np.repeat(np.arange(len(customers)), sizes)
    return row, np.arange(len(row)) + np.repeat(begin - (np.cumsum(sizes) - sizes), sizes)


def to_days(day: date) -> int:
    """Return the days since 1970-01-01, as in `Subgraph.time`."""
    return (day - EPOCH).days


def to_date(days: int) -> date:
    """Return the day of a number in `Subgraph.time`."""
    return date.fromordinal(EPOCH.toordinal() + days)


def _select_articles(attribute: Attribute, kept: Mask, renumbered: Integers) -> Attribute:
    article, node = attribute.edge_index[:, kept[attribute.edge_index[0]]]
    used, node = np.unique(node, return_inverse=True)
    keys: Sequence[str | int] = [attribute.keys[place] for place in used]
    return Attribute(attribute.relationship, tuple(keys), np.stack([renumbered[article], node]))
