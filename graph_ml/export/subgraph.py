"""Export a subgraph of the purchases: from Neo4j into arrays, and on to PyTorch Geometric's `HeteroData`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ...cypher.errors import UserMistake
from .features import FeatureEncoder, FeatureSpec

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

Integers = npt.NDArray[np.int64]
"""An array of int64: numbers of customers, articles or purchases."""
Mask = npt.NDArray[np.bool_]
"""An array of booleans."""

EPOCH = date(1970, 1, 1)
"""The day that counts as 0."""
NEVER = np.iinfo(np.int32).max
"""The day in `Subgraph.bought_again` of a purchase without a next one."""


class EmptySubgraph(UserMistake):
    """No purchase is in the subgraph that was asked for."""


class SubgraphSpec(BaseModel):
    """Which part of the graph to export; without a choice, all of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: date | None = Field(default=None, description="First day of the purchases")
    until: date | None = Field(default=None, description="The day after their last")
    customers: int | tuple[str, ...] | None = Field(
        default=None, description="Only the first so many customers by id, or only these ids"
    )
    category: str | None = Field(
        default=None, description="Only articles of the IndexGroup, Department or ProductGroup of this name"
    )
    rows: int | None = Field(default=None, ge=1, description="Only the first so many transactions by date")
    isolated: bool = Field(default=False, description="Keep customers and articles that are left without a purchase")
    features: FeatureSpec = Field(default=FeatureSpec(), description="Which properties and relationships come along")

    @field_validator("customers")
    @classmethod
    def _at_least_one(cls, customers: int | tuple[str, ...] | None) -> int | tuple[str, ...] | None:
        if customers is not None and (customers if isinstance(customers, int) else len(customers)) < 1:
            raise ValueError("at least one customer must be asked for")
        return customers


class IdMap:
    """An immutable bridge between outer ids (strings, in sorted order) and the numbers 0..n-1."""

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
        KeyError : the map has no such id.
        """
        return self._index[outer]

    def id(self, index: int) -> str:
        """The id of a number."""
        return self._ids[index]

    def select(self, mask: Mask) -> IdMap:
        """The map of those ids alone where `mask` [n] is true, numbered anew in the same order."""
        return IdMap(self._ids[index] for index in np.flatnonzero(mask))


@dataclass(frozen=True)
class Attribute:
    """One kind of attribute node.

    Attributes
    ----------
    relationship : its type in the graph, from Article.
    keys : the nodes' keys, sorted.
    edge_index : [2, num_edges] int64: article, attribute node.
    """

    relationship: str
    keys: tuple[str | int, ...]
    edge_index: Integers


@dataclass(frozen=True)
class Subgraph:
    """Purchases between customers and articles, each purchase one place in the arrays of length num_edges.

    They are in the order of customer, day, article, price and channel, whatever the order in the store.

    Attributes
    ----------
    customer_ids, article_ids : outer id <-> 0..n-1.
    customer, article : [num_edges] int64, numbers by the maps.
    time : [num_edges] int32, days since 1970-01-01.
    price : [num_edges] float32, not a number where it is missing.
    quantity : [num_edges] int32, how many equal rows.
    channel : [num_edges] int32, 0 where it is missing.
    customers, articles : a row for each node: `customer_id` or `article_id`, then the properties of `features`, of
        customers `GRAPH_ONLY_CUSTOMER_FEATURES`, too.
    attributes : by label, the nodes that the articles hang on.
    features : which properties and relationships those are.
    """

    customer_ids: IdMap
    article_ids: IdMap
    customer: Integers
    article: Integers
    time: npt.NDArray[np.int32]
    price: npt.NDArray[np.float32]
    quantity: npt.NDArray[np.int32]
    channel: npt.NDArray[np.int32]
    customers: pl.DataFrame = field(default_factory=pl.DataFrame)
    articles: pl.DataFrame = field(default_factory=pl.DataFrame)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    features: FeatureSpec = field(default_factory=FeatureSpec)

    @property
    def num_edges(self) -> int:
        """How many purchases."""
        return len(self.time)

    @property
    def edge_index(self) -> Integers:
        """[2, num_edges] int64: customer, article."""
        return np.stack([self.customer, self.article])

    @cached_property
    def bought_again(self) -> npt.NDArray[np.int32]:
        """[num_edges]: the day of the customer's next purchase of the same article, `NEVER` after the last."""
        order = np.argsort(self.customer * len(self.article_ids) + self.article, kind="stable")  # of a pair by day
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
        """The day after the last one with a purchase."""
        return to_date(int(self.time.max()) + 1)

    def where(self, which: Mask | Integers | slice) -> Subgraph:
        """The same nodes with those purchases alone, by a mask [num_edges], by their places, or from one to another.

        Parameters
        ----------
        which : [num_edges] bool, int64 places, or a slice.
        """
        names = ("customer", "article", "time", "price", "quantity", "channel")
        return replace(self, **{name: getattr(self, name)[which] for name in names})

    def take(self, customers: Integers) -> Subgraph:
        """Those customers [n] alone with what they bought, numbered from 0 in the order given; all articles.

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
        )

    def without_isolated(self) -> Subgraph:
        """The same purchases with those nodes alone that have one, numbered anew in the same order."""
        has_customer = np.zeros(len(self.customer_ids), dtype=np.bool_)
        has_article = np.zeros(len(self.article_ids), dtype=np.bool_)
        has_customer[self.customer], has_article[self.article] = True, True
        new_customer, new_article = np.cumsum(has_customer) - 1, np.cumsum(has_article) - 1
        return replace(
            self,
            customer_ids=self.customer_ids.select(has_customer),
            article_ids=self.article_ids.select(has_article),
            customer=new_customer[self.customer],
            article=new_article[self.article],
            customers=self.customers.filter(pl.Series(has_customer)) if self.customers.height else self.customers,
            articles=self.articles.filter(pl.Series(has_article)) if self.articles.height else self.articles,
            attributes={label: _select_articles(a, has_article, new_article) for label, a in self.attributes.items()},
        )

    def to_hetero(self, encoders: Mapping[str, FeatureEncoder] | None = None) -> HeteroData:
        """The subgraph for PyTorch Geometric; the purchases' arrays are shared, not copied.

        Parameters
        ----------
        encoders : for `customer` and `article` the encoders of a training, to encode as it did; None: `fit_encoders()`.

        Returns
        -------
        Node types `customer` and `article` (x: numbers, codes: categories, see `EncodedFeatures`) and one for each kind
        of attribute node by its label; edge types ('customer', 'bought', 'article') with time, price, quantity and
        channel, and ('article', relationship, label).
        """
        import torch
        from torch_geometric.data import HeteroData

        encoders = self.fit_encoders() if encoders is None else encoders
        data = HeteroData()
        for name, ids, frame in (
            ("customer", self.customer_ids, self.customers),
            ("article", self.article_ids, self.articles),
        ):
            data[name].num_nodes = len(ids)
            if frame.height:
                encoded = encoders[name].encode(frame)
                data[name].x, data[name].codes, data[name].code_sizes = encoded.numbers, encoded.codes, encoded.sizes
        bought = data["customer", "bought", "article"]
        bought.edge_index = torch.from_numpy(self.edge_index)
        for name in ("time", "price", "quantity", "channel"):
            bought[name] = torch.from_numpy(getattr(self, name))
        for label, attribute in self.attributes.items():
            data[label].num_nodes = len(attribute.keys)
            data["article", attribute.relationship, label].edge_index = torch.from_numpy(attribute.edge_index)
        return data

    def fit_encoders(self) -> dict[str, FeatureEncoder]:
        """How these customers' and articles' features are encoded, to be kept for nodes that come later."""
        parts = {
            "customer": (self.customers, self.features.customers),
            "article": (self.articles, self.features.articles),
        }
        return {name: FeatureEncoder.fit(frame, features) for name, (frame, features) in parts.items() if frame.height}


def find_purchases(customer: Integers, customers: Integers) -> tuple[Integers, Integers]:
    """What some customers bought.

    Parameters
    ----------
    customer : [num_edges], ascending, who bought.
    customers : [n], whom to look for.

    Returns
    -------
    For each purchase of theirs, one customer's after the other's: the place in `customers`, and the one in `customer`.
    """
    begin, end = (np.searchsorted(customer, customers, side) for side in ("left", "right"))
    sizes = end - begin
    row = np.repeat(np.arange(len(customers)), sizes)
    return row, np.arange(len(row)) + np.repeat(begin - (np.cumsum(sizes) - sizes), sizes)


def to_days(day: date) -> int:
    """Days since 1970-01-01, as `Subgraph.time` counts."""
    return (day - EPOCH).days


def to_date(days: int) -> date:
    """The day of a number in `Subgraph.time`."""
    return date.fromordinal(EPOCH.toordinal() + days)


def _select_articles(attribute: Attribute, kept: Mask, renumbered: Integers) -> Attribute:
    article, node = attribute.edge_index[:, kept[attribute.edge_index[0]]]
    used, node = np.unique(node, return_inverse=True)
    keys: Sequence[str | int] = [attribute.keys[place] for place in used]
    return Attribute(attribute.relationship, tuple(keys), np.stack([renumbered[article], node]))
