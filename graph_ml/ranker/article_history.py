"""Facts about articles alone: their sales and repeat sales, their prices, and how new they are."""

from __future__ import annotations

from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers, Mask
from .declare import ARTICLE, SHARED_LABELS, Feature, Floats, divide

WINDOWS = (7, 14, 28, 84, 364)
NEIGHBOURING_ARTICLES = 25
"""Articles on each side in the order of ids. Shops number articles that arrive together consecutively."""


class ArticleHistory:
    """The purchases of all articles as of a snapshot's day; a property is [A] unless it says otherwise."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot, self.pairs = snapshot, snapshot.pairs
        self.cut, self.number = snapshot.cut, snapshot.shape[1]

    def count_pairs(self, which: Mask, weight: Integers | None = None) -> npt.NDArray[np.generic]:
        """Return [A]: the number of selected pairs of customer and article per article, or the sum of their weights."""
        return np.bincount(self.pairs.article[which], None if weight is None else weight[which], minlength=self.number)

    @cached_property
    def buyers(self) -> dict[int, Integers]:
        """The number of different customers in the last days, by the lengths in `WINDOWS`."""
        last = self.pairs.last
        return {days: self.count_pairs(last >= self.cut - days).astype(np.int64) for days in WINDOWS}

    @cached_property
    def again(self) -> Mask:
        """[pairs], whether the customer bought the article on two days or more."""
        again: Mask = self.pairs.days > 1
        return again

    @cached_property
    def first(self) -> Floats:
        """The day of the first purchase; infinity if there is none."""
        first = np.full(self.number, np.inf)
        np.minimum.at(first, self.pairs.article, self.pairs.first)
        return first

    @cached_property
    def last(self) -> Floats:
        """The day of the last purchase; minus infinity if there is none."""
        last = np.full(self.number, -np.inf)
        np.maximum.at(last, self.pairs.article, self.pairs.last)
        return last

    @cached_property
    def sold(self) -> Mask:
        """Whether the article was ever sold."""
        sold: Mask = np.isfinite(self.first)
        return sold

    @cached_property
    def mean_prices(self) -> dict[int, Floats]:
        """The mean price of the purchases in the last days, by number of days."""
        return {days: self._average_price(days) for days in (7, 28, 84)}

    def _average_price(self, days: int) -> Floats:
        price, article = self.snapshot.price, self.snapshot.article
        if price is None:
            return np.full(self.number, np.nan)
        known = (self.snapshot.time >= self.cut - days) & (price > 0)
        sums = np.bincount(article[known], price[known], minlength=self.number)
        return divide(sums, np.bincount(article[known], minlength=self.number))

    def decay_sales(self, half_life: float) -> Floats:
        """Return log(1 + the purchases of the last 84 days, each weighted by 0.5 ^ (age in days / half_life))."""
        recent = np.flatnonzero(self.snapshot.time >= self.cut - 84)
        weights = np.power(0.5, (self.cut - self.snapshot.time[recent]) / half_life)
        return np.log1p(np.bincount(self.snapshot.article[recent], weights, minlength=self.number))

    def measure_growth(self, weeks_ago: int = 0) -> Floats:
        """Return log((1 + purchases in a week) / (1 + those in the week before))."""
        until, since, before = (self.snapshot.count_since(7 * (weeks_ago + more)) for more in range(3))
        growth: Floats = np.log((1 + since - until) / (1 + before - since))
        return growth

    def count_weeks(self) -> Floats:
        """Return the number of the last 12 weeks in which a customer bought the article, summed over customers."""
        snapshot, customers = self.snapshot, self.snapshot.shape[0]
        recent = snapshot.time >= self.cut - 84
        week = (self.cut - 1 - snapshot.time[recent]) // 7
        key = (snapshot.article[recent] * customers + snapshot.customer[recent]) * 12 + week
        return np.bincount(np.unique(key) // (12 * customers), minlength=self.number).astype(np.float64)


def _measure_repeat_gap(history: ArticleHistory) -> Floats:
    pairs, again = history.pairs, history.again
    return divide(history.count_pairs(again, pairs.last - pairs.first), history.count_pairs(again, pairs.days - 1))


def _average_neighbouring(values: npt.NDArray[np.generic]) -> Floats:
    """Return [A]: the mean over the `NEIGHBOURING_ARTICLES` before and after each article."""
    values = values.astype(np.float64)
    sums = np.append(0.0, np.cumsum(values))
    place = np.arange(len(values))
    low, high = np.maximum(place - NEIGHBOURING_ARTICLES, 0), np.minimum(place + NEIGHBOURING_ARTICLES + 1, len(values))
    return divide(sums[high] - sums[low] - values, high - low - 1)


def _sum_over_shared(label: str, history: ArticleHistory) -> Floats:
    incidence: sp.csr_matrix = history.snapshot.incidence(label)
    if not incidence.shape[1]:
        return np.full(incidence.shape[0], np.nan)
    alike = incidence @ (incidence.T @ history.snapshot.count_since(28))
    return np.where(np.diff(incidence.indptr) > 0, np.log1p(alike), np.nan)


def _count_buyers(days: int, history: ArticleHistory) -> Floats:
    return np.log1p(history.buyers[days])


_fact = partial(Feature[ArticleHistory], subject=ARTICLE)

ARTICLE_FACTS: tuple[Feature[ArticleHistory], ...] = (
    # log(1 + different customers in the last days)
    *(_fact(f"buyers_{days}", partial(_count_buyers, days)) for days in WINDOWS),
    # log((1 + buyers in the last 7 days) / (1 + a quarter of those in the last 28))
    _fact("trend", lambda h: np.log((1 + h.buyers[7]) / (1 + h.buyers[28] / 4))),
    # purchases of the last 84 days with a half-life of 3 and of 10 days
    _fact("fresh_sales_3", lambda h: h.decay_sales(3.0)),
    _fact("fresh_sales_10", lambda h: h.decay_sales(10.0)),
    # growth of the last week's purchases over those of the week before, and minus that week's growth
    _fact("growth", lambda h: h.measure_growth()),
    _fact("acceleration", lambda h: h.measure_growth() - h.measure_growth(weeks_ago=1)),
    # share of the last 28 days' buyers who had not bought it earlier
    _fact("first_share", lambda h: divide(h.count_pairs(h.pairs.first >= h.cut - 28), h.buyers[28])),
    # share of all buyers who bought it on two days or more
    _fact("repeat_share", lambda h: divide(h.count_pairs(h.again), np.bincount(h.pairs.article, minlength=h.number))),
    # on how many days a buyer bought it again, on average
    _fact("repeats", lambda h: h.snapshot.measure_repeats()),
    # mean days between the purchases of those buyers
    _fact("repeat_gap", _measure_repeat_gap),
    # mean share of the last 12 weeks in which a buyer of those weeks bought it
    _fact("weekly_rate", lambda h: h.count_weeks() / (12 * np.maximum(h.buyers[84], 1))),
    # log of the mean price of the last 28 days
    _fact("log_price", lambda h: np.log(h.mean_prices[28])),
    # log(mean price of the last 7 days / mean price of the last 84)
    _fact("log_discount", lambda h: np.log(h.mean_prices[7] / h.mean_prices[84])),
    # days since it was first sold
    _fact("days_sold", lambda h: np.where(h.sold, h.cut - h.first, np.nan)),
    # days since it was last sold
    _fact("days_idle", lambda h: np.where(h.sold, h.cut - h.last, np.nan)),
    # share of its neighbours in the order of ids that were first sold in the last 28 days
    _fact("around_new", lambda h: _average_neighbouring((h.first >= h.cut - 28) & h.sold)),
    # mean of buyers_7 over those neighbours
    _fact("around_buyers", lambda h: _average_neighbouring(_count_buyers(7, h))),
    # log(1 + purchases in the last 28 days of all articles of its product, product type and department)
    *(_fact(f"{label.lower()}_buyers", partial(_sum_over_shared, label)) for label in SHARED_LABELS),
)
"""Facts as of a day. An unknown fact, such as the gap of an article that no customer bought twice, is NaN."""
