"""The shop as of a day: the data shared by all candidate sources, computed once and cached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ...cypher.errors import UserMistake
from ..export.subgraph import Attribute, Integers, Subgraph, Views, find_purchases, to_date, to_days
from .group_lists import GroupList, GroupLists, Key
from .lists import look_up

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int32]


def sort_stably(*keys: Integers | Days) -> Integers:
    """Return the order [n] of np.lexsort for arrays of integers: the last array is the primary key.

    Sorts 16 bits at a time, which NumPy does without comparisons. 28.8 million purchases take a quarter of lexsort's
    time.
    """
    order = np.arange(len(keys[0]))
    for key in keys:
        rest = key.astype(np.int64) - int(key.min(initial=0))
        while rest.any():
            order = order[np.argsort((rest[order] & 0xFFFF).astype(np.uint16), kind="stable")]
            rest >>= 16
    return order


@dataclass(frozen=True)
class Pairs:
    """The distinct pairs of customer and article in the purchases.

    Attributes
    ----------
    indptr, article : a matrix [C, A] in CSR form, with articles ascending.
    order : [num_edges], the purchases in the order of the pairs.
    begin : [pairs], the position in `order` of each pair's first purchase.
    first, last : [pairs] int32, the days of its first and last purchase.
    days : [pairs], the number of days with a purchase.
    """

    indptr: Integers
    article: Integers
    order: Integers
    begin: Integers
    first: Days
    last: Days
    days: Integers


@dataclass(frozen=True)
class Snapshot:
    """The purchases before a day, with the attributes of customers and articles.

    The results equal those of the saved queries only if the subgraph is complete, that is exported with
    `SubgraphSpec(isolated=True)`.

    Attributes
    ----------
    cut : the day of the snapshot, as days since 1970-01-01; `$as_of` in the queries.
    shape : number of customers and articles.
    customer, article : [num_edges] int64, of the purchases before the cut, by customer and day.
    time : [num_edges] int32, days since 1970-01-01.
    customers : a row for each customer; may be empty. None if only `ages` are known.
    attributes : by label, the attribute nodes of the articles.
    price : [num_edges] float32, NaN if missing; None if no source uses prices.
    only : [A], the articles that may be recommended, from the queries' filters; None for all.
    repeats : [A], as a training wrote them on the articles; None: as a training on these purchases would.
    ages : [C], in years, NaN if unknown; None for those of `customers`.
    related : by recommender, the scores of the relationships that `hmrec relate` wrote: [A, A] between articles,
        [departments, A] of departments. A recommender that is missing computes them.
    group_lists : by recommender, what groups of customers buy, as `hmrec relate` wrote it. What is missing is counted.
    views : the views and carts that lists may know.
    """

    cut: int
    shape: tuple[int, int]
    customer: Integers
    article: Integers
    time: Days
    customers: pl.DataFrame | None
    attributes: Mapping[str, Attribute]
    price: npt.NDArray[np.float32] | None = None
    only: npt.NDArray[np.bool_] | None = None
    repeats: Floats | None = None
    ages: Floats | None = None
    related: Mapping[str, sp.csr_matrix] = field(default_factory=dict, repr=False, compare=False)
    group_lists: Mapping[str, GroupLists] = field(default_factory=dict, repr=False, compare=False)
    views: Views = field(default_factory=Views.empty)
    _cache: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    _of_articles: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)  # independent of purchases
    _lock: RLock = field(default_factory=RLock, repr=False, compare=False)

    @classmethod
    def of(cls, subgraph: Subgraph, cut: date | None = None, only: npt.NDArray[np.bool_] | None = None) -> Snapshot:
        """Return the shop as of a day.

        Parameters
        ----------
        subgraph : its purchases and views; those of the day and later are ignored.
        cut : the day; None for the day after the last purchase, with later views, as in the queries.
        only : [A], the articles that may be recommended; None for all.

        Raises
        ------
        UserMistake : there is no purchase before that day.
        """
        views = subgraph.views if cut is None else subgraph.views.before(to_days(cut))
        cut = cut or subgraph.until
        before = np.flatnonzero(subgraph.time < to_days(cut))
        if not len(before):
            raise UserMistake(f"There is no purchase before {cut}.", "Choose a later day.")
        shape = (len(subgraph.customer_ids), len(subgraph.article_ids))
        edges = (subgraph.customer[before], subgraph.article[before], subgraph.time[before])
        nodes, price = (subgraph.customers, subgraph.attributes), subgraph.price[before]
        return cls(to_days(cut), shape, *edges, *nodes, price, only, views=views)

    def take(self, customers: Integers) -> Snapshot:
        """Return a snapshot of these customers only, with what they bought and viewed, in this order; all articles."""
        row, edges = find_purchases(self.customer, customers)
        return replace(
            self,
            shape=(len(customers), self.shape[1]),
            customer=row,
            article=self.article[edges],
            time=self.time[edges],
            customers=self.customers
            if self.customers is None or not self.customers.height
            else self.customers[customers],
            ages=None if self.ages is None else self.ages[customers],
            price=None if self.price is None else self.price[edges],
            views=self.views.take(customers),
            _cache={},
            _lock=RLock(),
        )

    @property
    def day(self) -> date:
        """The day of the snapshot."""
        return to_date(self.cut)

    def cached(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return the cached value for this key, computed by `make` the first time; other threads wait for it."""
        with self._lock:
            if key not in self._cache:
                self._cache[key] = make()
            return self._cache[key]

    @cached_property
    def pairs(self) -> Pairs:
        """The purchases grouped by customer and article."""
        key = self.customer * self.shape[1] + self.article
        order = np.argsort(key, kind="stable")  # keeps the order by day within a pair
        key, time = key[order], self.time[order]
        is_new = np.append(True, key[1:] != key[:-1])[: len(key)]
        begin = np.flatnonzero(is_new)
        end = np.append(begin[1:], len(key))[: len(begin)]
        is_new[1:] |= time[1:] != time[:-1]
        counts = np.bincount(key[begin] // self.shape[1], minlength=self.shape[0])
        return Pairs(
            np.append(0, np.cumsum(counts)),
            key[begin] % self.shape[1],
            order,
            begin,
            time[begin],
            time[end - 1],
            np.add.reduceat(is_new, begin, dtype=np.int64) if len(begin) else np.zeros(0, dtype=np.int64),
        )

    def find_pairs(self, customer: Integers, article: Integers) -> Integers:
        """Return the position in `pairs` of each customer and article, [m]; -1 if that customer never bought it."""
        pairs = self.pairs
        numbers = sp.csr_matrix((np.arange(1, len(pairs.article) + 1), pairs.article, pairs.indptr), self.shape)
        return look_up(numbers, customer, article).astype(np.int64) - 1

    def decay(self, half_life: float) -> Floats:
        """Return the weight of each purchase by its age, [num_edges]."""
        weights: Floats = np.power(0.5, (self.cut - self.time) / half_life)
        return weights

    def decayed_counts(self, half_life: float | None) -> sp.csr_matrix:
        """Return w(c,a) [C, A], a customer's purchases of an article, summed by weight; 1 without a half-life."""

        def make() -> sp.csr_matrix:
            pairs = self.pairs
            if half_life is None:
                weights = np.ones(len(pairs.begin))
            else:
                weights = (
                    np.add.reduceat(self.decay(half_life)[pairs.order], pairs.begin)
                    if len(pairs.begin)
                    else np.zeros(0)
                )
            return sp.csr_matrix((weights, pairs.article, pairs.indptr), self.shape)

        weights: sp.csr_matrix = self.cached(("weights", half_life), make)
        return weights

    @property
    def owned(self) -> sp.csr_matrix:
        """[C, A], 1 if the customer bought the article."""
        return self.decayed_counts(None)

    def owned_to_exclude(self, customers: Integers, new_only: bool) -> sp.csr_matrix | None:
        """Return [n, A], the articles each customer bought, to exclude from lists of new ones; None to keep them."""
        return self.owned[customers] if new_only else None

    def mask_scores(self, scores: npt.NDArray[Any]) -> Floats:
        """Return the scores [A] with 0 for articles that may not be recommended."""
        shown: Floats = np.where(True if self.only is None else self.only, scores, 0).astype(np.float64)
        return shown

    @cached_property
    def purchases_by_article(self) -> Integers:
        """[A], the number of purchases of each article."""
        return np.bincount(self.article, minlength=self.shape[1])

    @cached_property
    def purchases_by_customer(self) -> Integers:
        """[C], the number of purchases of each customer."""
        return np.bincount(self.customer, minlength=self.shape[0])

    @cached_property
    def known_repeats(self) -> Floats:
        """[A], the `repeats` of the articles; NaN for articles that nobody bought."""
        return self.measure_repeats() if self.repeats is None else self.repeats

    def measure_repeats(self) -> Floats:
        """Return on how many days a buyer bought the article again, on average, [A]; NaN without buyers."""
        article, again = self.pairs.article, self.pairs.days - 1
        repeats = np.bincount(article, again, minlength=self.shape[1])
        with np.errstate(invalid="ignore"):
            found: Floats = repeats / np.bincount(article, minlength=self.shape[1])
        return found

    @cached_property
    def basket(self) -> Integers:
        """[num_edges], the number of the basket of each purchase: one customer's purchases of one day."""
        is_new = (self.customer[1:] != self.customer[:-1]) | (self.time[1:] != self.time[:-1])
        return np.append(0, np.cumsum(is_new))

    def latest(self, buyers: int, lag: int = 0) -> Integers:
        """Return each article's latest purchases, by whole days, until there are at least `buyers`.

        Purchases of the last `lag` days do not count.
        """

        def make() -> Integers:
            order: Integers = self.cached(("by article",), lambda: sort_stably(self.time, self.article))
            counts = self.purchases_by_article
            if lag:
                order = order[self.time[order] < self.cut - lag]
                counts = np.bincount(self.article[order], minlength=self.shape[1])
            end = np.cumsum(counts)
            since = np.full(self.shape[1], -(2**31))
            many = counts >= buyers
            since[many] = self.time[order[end[many] - buyers]]
            return order[self.time[order] >= since[self.article[order]]]

        sample: Integers = self.cached(("latest", buyers, lag), make)
        return sample

    def count_since(self, days: int) -> Integers:
        """Return the number of purchases of each article in the last `days` days, [A]."""

        def make() -> Integers:
            return np.bincount(self.article[self.time >= self.cut - days], minlength=self.shape[1])

        counts: Integers = self.cached(("count_since", days), make)
        return counts

    def window(self, days: int, purchases: int) -> Integers:
        """Return the purchases of the last `days` days, the latest by whole days, until at least `purchases`."""

        def make() -> Integers:
            found = np.flatnonzero(self.time >= self.cut - days)
            if len(found) >= purchases:
                since = np.partition(self.time[found], len(found) - purchases)[len(found) - purchases]
                found = found[self.time[found] >= since]
            return found

        places: Integers = self.cached(("window", days, purchases), make)
        return places

    def count_days(self, days: int, purchases: int) -> int:
        """Return how many days the purchases of `window` are from: `days`, or fewer if there are more purchases."""
        found = self.window(days, purchases)
        return self.cut - int(self.time[found].min()) if len(found) >= purchases else days

    def find_group_lists(self, name: str, **parameters: int) -> dict[Key, GroupList]:
        """Return the stored lists that the query of this name reads, by group; see `GroupLists.select`."""
        return self.group_lists.get(name, GroupLists()).select(**parameters)

    def list_values(self, name: str) -> tuple[str, ...]:
        """Return the values that a property of the customers has, ascending."""
        if self.customers is None or name not in self.customers.columns:
            return ()
        import polars as pl

        return tuple(self.customers[name].cast(pl.String).drop_nulls().unique().sort().to_list())

    def code(self, name: str) -> Integers:
        """Return the customers' values of a property as numbers in `list_values`, [C]; -1 if unknown."""

        def make() -> Integers:
            import polars as pl

            if self.customers is None or name not in self.customers.columns:
                return np.full(self.shape[0], -1)
            known = pl.Enum(self.list_values(name))
            values = self.customers[name].cast(pl.String).cast(known)
            return values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()

        codes: Integers = self.cached(("code", name), make)
        return codes

    @cached_property
    def age(self) -> Floats:
        """[C], in years; NaN if unknown."""
        if self.ages is not None:
            return self.ages
        if self.customers is None or "age" not in self.customers.columns:
            return np.full(self.shape[0], np.nan)
        import polars as pl

        return self.customers["age"].cast(pl.Float64).fill_null(np.nan).to_numpy()

    def incidence(self, label: str) -> sp.csr_matrix:
        """Return [A, nodes], 1 if the article has that attribute node of the label."""

        def make() -> sp.csr_matrix:
            attribute = self.attributes.get(label)
            if attribute is None:
                return sp.csr_matrix((self.shape[1], 0))
            article, node = attribute.edge_index
            return sp.csr_matrix((np.ones(len(article)), (article, node)), (self.shape[1], len(attribute.keys)))

        incidence: sp.csr_matrix = self._cache_for_articles(("incidence", label), make)
        return incidence

    def node_of(self, label: str) -> Integers:
        """Return the attribute node of that label of each article, [A]; -1 if it has none."""

        def make() -> Integers:
            incidence = self.incidence(label)
            node = np.full(incidence.shape[0], -1)
            node[np.repeat(np.arange(len(node)), np.diff(incidence.indptr))] = incidence.indices
            return node

        nodes: Integers = self._cache_for_articles(("node_of", label), make)
        return nodes

    def _cache_for_articles(self, key: tuple[str, str], make: Callable[[], Any]) -> Any:
        """Return a cached value that all results of `take` share; two threads may compute it at once."""
        if key not in self._of_articles:
            self._of_articles[key] = make()
        return self._of_articles[key]
