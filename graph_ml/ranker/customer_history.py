"""Features of a customer and an article, from the customer's own purchases."""

from __future__ import annotations

from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..candidates.lists import look_up, place_within, row_numbers
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers
from .article_history import ARTICLE_FACTS
from .declare import BOTH, CUSTOMER, SHARED_LABELS, Column, Feature, Floats, divide

REPEAT_GAP = [fact.name for fact in ARTICLE_FACTS].index("repeat_gap")
"""The column of that fact."""
PRIOR_GAPS = 5.0
"""The number of gaps of other customers' length that are added to a customer's own, because few gaps say little."""
GAP_DEVIATION = 0.8
"""The standard deviation of the log of a gap."""


class Kind(NamedTuple):
    """[m] each: days with a purchase of the article's kind, days since the last, and since / mean gap between them."""

    days: Floats
    since: Floats
    due: Floats


class CustomerHistory:
    """The purchases of customers, described for each of m candidates; a property is [m] unless it says otherwise.

    Parameters
    ----------
    snapshot : the purchases of n customers, and no others, because all are sorted and counted.
    row : [m], the customer of each candidate.
    article : [m], the article of each candidate.
    facts : [A, facts], from `describe_articles`.
    cosine : [m], the cosine of the embeddings.
    """

    def __init__(self, snapshot: Snapshot, row: Integers, article: Integers, facts: Column, cosine: Column) -> None:
        self.snapshot, self.row, self.article = snapshot, row, article
        self.repeat_gaps = facts[:, REPEAT_GAP].astype(np.float64)
        self.cosine = cosine
        self.cut, self.pairs = snapshot.cut, snapshot.pairs

    @property
    def repeat_gap(self) -> Floats:
        """Mean days between the purchases of the article, over all customers."""
        return self.repeat_gaps[self.article]

    @cached_property
    def place(self) -> Integers:
        """The position in `pairs`; -1 if the customer never bought the article."""
        return self.snapshot.find_pairs(self.row, self.article)

    def take(self, values: Column, otherwise: float) -> Floats:
        """Return the value [pairs] of each candidate's pair; `otherwise` if the customer never bought it."""
        return np.append(values.astype(np.float64), otherwise)[self.place]  # place -1 is the last element

    @cached_property
    def days(self) -> Floats:
        """The number of days on which the customer bought the article."""
        return self.take(self.pairs.days, 0)

    @cached_property
    def since_last(self) -> Floats:
        """Days since the customer last bought the article."""
        return self.cut - self.take(self.pairs.last, np.nan)

    @cached_property
    def since_first(self) -> Floats:
        """Days since the customer first bought the article."""
        return self.cut - self.take(self.pairs.first, np.nan)

    @cached_property
    def gap(self) -> Floats:
        """Mean days between the days of purchase; NaN if there is only one."""
        known = self.days > 1
        out = np.full(len(known), np.nan)
        np.divide(self.since_first - self.since_last, self.days - 1, out=out, where=known)
        return out

    @cached_property
    def pace(self) -> Floats:
        """The mean log(gap / repeat_gap) of the customer's own gaps; near 0 if there are few.

        It is negative for a customer who buys again sooner than others.
        """
        pairs, number = self.pairs, self.snapshot.shape[0]
        elsewhere = self.repeat_gaps[pairs.article]
        again = (pairs.days > 1) & (elsewhere > 0)
        gaps = pairs.days[again] - 1
        ratio = (pairs.last - pairs.first)[again] / (gaps * elsewhere[again])
        customer = np.repeat(np.arange(number), np.diff(pairs.indptr))[again]
        sums = np.bincount(customer, gaps * np.log(ratio), minlength=number)
        paces: Floats = sums / (PRIOR_GAPS + np.bincount(customer, gaps, minlength=number))
        return paces[self.row]

    def expect_gap(self, prior: float) -> Floats:
        """Return the log of the days to expect between the customer's purchases of the article.

        It is the mean of the logs of the pair's own gaps and of `prior` gaps of repeat_gap * exp(pace), as in empirical
        Bayes. Without a repeat_gap, the pair's own gaps count alone.
        """
        elsewhere, own = np.log(self.repeat_gap) + self.pace, np.log(self.gap)
        gaps = np.where(np.isnan(own), 0, self.days - 1)
        mean = (prior * elsewhere + gaps * np.nan_to_num(own)) / (prior + gaps)
        return np.where(np.isnan(elsewhere), own, mean)

    def expect_purchase(self) -> Floats:
        """Return the chance that the customer buys the article in the next 7 days, by the expected gap.

        Gaps are log-normal around it. Source of the idea that each article has its own lifetime: Wang et al., Modeling
        item-specific temporal dynamics of repeat consumption for recommender systems, WWW 2019.
        """
        expected = self.expect_gap(1.0)
        from scipy.special import ndtr

        now, later = (ndtr((expected - np.log(self.since_last + days)) / GAP_DEVIATION) for days in (0, 7))
        return 1 - divide(later, np.maximum(now, 1e-9))

    @cached_property
    def weights(self) -> sp.csr_matrix:
        """[n, A]: the customers' purchases of articles, weighted with a half-life of 60 days."""
        return self.snapshot.decayed_counts(60.0)

    @cached_property
    def total(self) -> Floats:
        """The sum of the customer's weights over all articles."""
        sums: Floats = np.asarray(self.weights.sum(axis=1)).ravel()
        return sums[self.row]

    def sum_weights(self, half_life: float) -> Floats:
        """Return the sum of 0.5 ^ (age / half_life) over the customer's purchases of the article."""
        return self.take(self.snapshot.decayed_counts(half_life).data, 0)

    def count_recent(self, days: int) -> Floats:
        """Return on how many of the last `days` days the customer bought the article."""
        snapshot, articles = self.snapshot, self.snapshot.shape[1]
        recent = np.flatnonzero(snapshot.time >= self.cut - days)
        key = snapshot.customer[recent] * articles + snapshot.article[recent]
        return _find_days(key, snapshot.time[recent], self.row * articles + self.article)[0]

    @cached_property
    def visits(self) -> tuple[Floats, Floats]:
        """Days with any purchase of the customer after the last purchase of the article, and after the first."""
        pairs, basket = self.pairs, self.snapshot.basket
        last_of = basket[np.cumsum(self.snapshot.purchases_by_customer) - 1]  # unused for customers without purchases
        ends = np.append(pairs.begin[1:], len(pairs.order))[: len(pairs.begin)]
        latest = np.repeat(last_of, np.diff(pairs.indptr))
        since, since_first = latest - basket[pairs.order[ends - 1]], latest - basket[pairs.order[pairs.begin]]
        return self.take(since, np.nan), self.take(since_first, np.nan)

    @cached_property
    def visits_gap(self) -> Floats:
        """Mean number of days with any purchase from one purchase of the article to the next."""
        since, since_first = self.visits
        return divide(since_first - since, self.days - 1)

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The purchases of articles of the same kind, by label in `SHARED_LABELS`."""
        return {label: self._summarise_kind(label) for label in SHARED_LABELS}

    def _summarise_kind(self, label: str) -> Kind:
        snapshot = self.snapshot
        node, nodes = snapshot.node_of(label), snapshot.incidence(label).shape[1]
        if not nodes:
            return Kind(*[np.full(len(self.row), np.nan)] * 3)
        known = node[snapshot.article] >= 0
        key = snapshot.customer[known] * nodes + node[snapshot.article[known]]
        at = node[self.article]
        days, first, last = _find_days(key, snapshot.time[known], np.where(at >= 0, self.row * nodes + at, -1))
        since = self.cut - last
        return Kind(days, since, divide(since, divide(last - first, days - 1)))

    @cached_property
    def articles(self) -> Integers:
        """[n]: the number of different articles that each customer bought."""
        return np.diff(self.pairs.indptr)

    @cached_property
    def baskets(self) -> tuple[Integers, npt.NDArray[np.int32]]:
        """The customer and the day of each basket, [baskets] each."""
        snapshot = self.snapshot
        start = np.append(True, np.diff(snapshot.basket) > 0) if len(snapshot.time) else np.zeros(0, dtype=bool)
        return snapshot.customer[start], snapshot.time[start]

    def count_baskets(self, since: float = -np.inf) -> Integers:
        """Return [n]: the number of days from `since` on with a purchase of each customer."""
        customer, day = self.baskets
        return np.bincount(customer[day >= since], minlength=self.snapshot.shape[0])


def _find_days(key: Integers, time: npt.NDArray[np.int32], wanted: Integers) -> tuple[Floats, Floats, Floats]:
    """Return [m] each: the number of days on which each wanted key occurs, the first and the last day; NaN if none."""
    if not len(key):
        missing = np.full(len(wanted), np.nan)
        return np.zeros(len(wanted)), missing, missing
    low = int(time.min())
    span = int(time.max()) - low + 1
    keys, day = np.divmod(np.unique(key * span + (time - low)), span)
    begin = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    days = np.diff(np.append(begin, len(keys)))
    at = np.minimum(np.searchsorted(keys[begin], wanted), len(begin) - 1)
    found = keys[begin][at] == wanted
    first = np.where(found, (low + day[begin])[at], np.nan)
    last = np.where(found, (low + day[begin + days - 1])[at], np.nan)
    return np.where(found, days[at], 0).astype(np.float64), first, last


def _rank(history: CustomerHistory) -> Floats:
    weights = history.weights
    return history.take(place_within(row_numbers(weights), weights.data) + 1, np.nan)


def _share_of_shared(label: str, history: CustomerHistory) -> Floats:
    """Return [m]: the share of the customer's weight on articles with the candidate's attribute; NaN without one."""
    incidence, node = history.snapshot.incidence(label), history.snapshot.node_of(label)
    if not incidence.shape[1]:
        return np.full(len(history.article), np.nan)
    taste = (history.weights @ incidence).tocsr()
    at = node[history.article]
    share = divide(look_up(taste, history.row, np.maximum(at, 0)), history.total)
    return np.where(at >= 0, share, np.nan)


def _take_kind(label: str, part: str, history: CustomerHistory) -> Floats:
    column: Floats = getattr(history.kinds[label], part)
    return column


def _measure_idle(history: CustomerHistory) -> Floats:
    customer, day = history.baskets
    last = np.full(history.snapshot.shape[0], -np.inf)
    np.maximum.at(last, customer, day)
    return np.where(np.isfinite(last), history.cut - last, np.nan)[history.row]


def _share_repeats(history: CustomerHistory) -> Floats:
    articles, number = history.articles, history.snapshot.shape[0]
    repeats = np.bincount(np.repeat(np.arange(number), articles), history.pairs.days > 1, minlength=number)
    return divide(repeats, articles)[history.row]


_both = partial(Feature[CustomerHistory], subject=BOTH)
_customer = partial(Feature[CustomerHistory], subject=CUSTOMER)

CUSTOMER_FEATURES: tuple[Feature[CustomerHistory], ...] = (
    # number of days on which the customer bought the article
    _both("days_bought", lambda h: h.days),
    # days since the last and the first of those days, mean days between them, and since_last / gap
    _both("since_last", lambda h: h.since_last),
    _both("since_first", lambda h: h.since_first),
    _both("gap", lambda h: h.gap),
    _both("due", lambda h: h.since_last / h.gap),
    # sum of 0.5 ^ (age / half-life in days) over the purchases
    _both("weight_14", lambda h: h.sum_weights(14.0)),
    _both("weight_60", lambda h: h.sum_weights(60.0)),
    _both("weight_180", lambda h: h.sum_weights(180.0)),
    # weight_60 / its sum over all articles
    _both("share", lambda h: divide(h.sum_weights(60.0), h.total)),
    # rank of the article among the customer's, by weight_60
    _both("rank", _rank),
    # number of the last 28 or 84 days on which the customer bought it
    _both("days_28", lambda h: h.count_recent(28)),
    _both("days_84", lambda h: h.count_recent(84)),
    # number of days since then on which the customer bought anything
    _both("visits_since", lambda h: h.visits[0]),
    # days_bought / days with any purchase from the first of them on
    _both("visits_share", lambda h: divide(h.days, h.visits[1] + 1)),
    # mean number of days with any purchase between them, and visits_since / visits_gap
    _both("visits_gap", lambda h: h.visits_gap),
    _both("visits_due", lambda h: divide(h.visits[0], h.visits_gap)),
    # since_last / repeat_gap, the mean gap of all customers
    _both("due_elsewhere", lambda h: divide(h.since_last, h.repeat_gap)),
    # mean log(gap / repeat_gap) of the customer's own gaps
    _customer("pace", lambda h: h.pace),
    # log of the gap to expect, with 1 or 3 gaps by repeat_gap and pace, and log(since_last / expected gap)
    _both("expected_gap_1", lambda h: h.expect_gap(1.0)),
    _both("expected_due_1", lambda h: np.log(h.since_last) - h.expect_gap(1.0)),
    _both("expected_gap_3", lambda h: h.expect_gap(3.0)),
    _both("expected_due_3", lambda h: np.log(h.since_last) - h.expect_gap(3.0)),
    # chance of a purchase in the next 7 days
    _both("repeat_chance", lambda h: h.expect_purchase()),
    # share of the customer's weight on the article's product, product type and department
    *(_both(f"{label.lower()}_share", partial(_share_of_shared, label)) for label in SHARED_LABELS),
    # days, since and due of its product, product type and department
    *(
        _both(f"{label.lower()}_{part}", partial(_take_kind, label, part))
        for label in SHARED_LABELS
        for part in Kind._fields
    ),
    # log(1 + different articles bought)
    _customer("customer_articles", lambda h: np.log1p(h.articles)[h.row]),
    # log(1 + days with a purchase)
    _customer("customer_days", lambda h: np.log1p(h.count_baskets())[h.row]),
    # days since the customer's last purchase
    _customer("customer_idle", _measure_idle),
    # days with a purchase in the last 28 days
    _customer("customer_recent", lambda h: h.count_baskets(since=h.cut - 28)[h.row]),
    # share of the customer's articles bought on two days or more
    _customer("customer_repeats", _share_repeats),
    # age in years
    _customer("customer_age", lambda h: h.snapshot.age[h.row]),
    # cosine of the embeddings
    _both("cosine", lambda h: h.cosine),
)
