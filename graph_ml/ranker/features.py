"""What the ranker sees of a customer and an article: counts, recency, rhythm, likeness, and how the sources found it.

Two steps, so that one customer is served from the graph by the code that thousands are trained by in memory: facts
about articles alone, which `hmrec train` writes on their nodes, and what the customer's own purchases add.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..candidates.lists import look_up, place_within, row_numbers
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers

Matrix = npt.NDArray[np.float32]

WINDOWS = (7, 14, 28, 84, 364)
AROUND = 25  # articles on each side in the order of ids: shops number what comes in together one after the other
LIKE = ("Product", "ProductType", "Department")

FACTS = (
    *(f"buyers_{days}" for days in WINDOWS),  # log(1 + different customers in the last so many days)
    "trend",  # log of buyers in the last 7 days beside a week's share of the last 28
    "first_share",  # share of the last 28 days' buyers who had not bought it before
    "repeat_share",  # share of all buyers who bought it on two days or more
    "repeat_gap",  # mean days between their purchases
    "weekly_rate",  # weeks of the last 12 in which a buyer of these weeks bought it, on average, beside 12
    "log_price",  # of the mean price of the last 28 days
    "log_discount",  # of the mean price of the last 7 days beside that of the last 84
    "days_sold",  # days since it first sold
    "days_idle",  # days since it last sold
    "around_new",  # share of the articles numbered next to it that first sold in the last 28 days
    "around_buyers",  # mean of buyers_7 over them
    *(f"{label.lower()}_buyers" for label in LIKE),  # log(1 + purchases of all such articles in the last 28 days)
)
"""Facts about an article alone, as of a day. What cannot be known, as the gap of what nobody bought twice, is NaN."""

OWN = (
    "days_bought",  # on how many days the customer bought the article
    "since_last",  # days since the last of them
    "since_first",
    "gap",  # mean days between them
    "due",  # since_last / gap
    "weight_14",  # sum of 0.5 ^ (age / 14 days) over the purchases
    "weight_60",
    "weight_180",
    "share",  # weight_60 beside all articles'
    "rank",  # place of the article among the customer's, by weight_60
    "days_28",  # on how many of the last 28 days the customer bought it
    "days_84",
    "visits_since",  # on how many days the customer bought anything since
    "visits_share",  # days_bought beside the days with any purchase from the first of them on
    "visits_gap",  # mean of such days between them, and
    "visits_due",  # visits_since / visits_gap
    "due_elsewhere",  # since_last / repeat_gap, as other customers have it
    *(f"{label.lower()}_share" for label in LIKE),  # share of the customer's purchases in the article's product, ...
    *(
        f"{label.lower()}_{what}" for label in LIKE for what in ("days", "since", "due")
    ),  # as of the article, of its kind
    "customer_articles",  # log(1 + different articles bought)
    "customer_days",  # log(1 + days with a purchase)
    "customer_idle",  # days since the last of them
    "customer_recent",  # days with a purchase in the last 28
    "customer_repeats",  # share of the articles bought on two days or more
    "customer_age",  # years
    "cosine",  # of the embeddings
)
HALF_LIVES = (14.0, 60.0, 180.0)

CUSTOMER, ARTICLE, BOTH = "the customer", "the article", "the customer and the article"
KNOWN = {
    CUSTOMER: "what is known of the customer alone: age, how much they buy, how often and how lately",
    ARTICLE: "what is known of the article alone: how it sells and to how many again, its price, how new it is",
    BOTH: "the customer's own purchases of the article and its kind, and how near their embeddings are",
}
"""What features are about, in words. Those of the sources are about each source's list."""


def choose_subject(feature: str) -> str:
    """Return which of `KNOWN` a feature of `OWN` or `FACTS` is about."""
    if feature in FACTS:
        return ARTICLE
    return CUSTOMER if feature.startswith("customer_") else BOTH


@dataclass(frozen=True)
class Offers:
    """Articles that the sources propose to customers, each pair once, customer by customer.

    Attributes
    ----------
    customers : [n], numbers of customers.
    row : [m], ascending: the place in `customers`.
    article : [m], ascending within a row.
    score, place : [m, sources] float32: each source's score, and its place in the list from 1; NaN where it did not
        propose the article.
    """

    customers: Integers
    row: Integers
    article: Integers
    score: Matrix
    place: Matrix

    @property
    def customer(self) -> Integers:
        """[m]: the numbers of the customers."""
        return self.customers[self.row]


def describe_articles(snapshot: Snapshot) -> Matrix:
    """[A, len(FACTS)]: the facts about every article as of the snapshot's day; later purchases change nothing."""
    pairs, articles = snapshot.pairs, snapshot.shape[1]
    columns = []
    buyers = {}
    for days in WINDOWS:
        buyers[days] = np.bincount(pairs.article[pairs.last >= snapshot.cut - days], minlength=articles)
        columns.append(np.log1p(buyers[days]))
    columns.append(np.log((1 + buyers[7]) / (1 + buyers[28] / 4)))
    fresh = pairs.first >= snapshot.cut - 28
    columns.append(_divide(np.bincount(pairs.article[fresh], minlength=articles), buyers[28]))
    again = pairs.days > 1
    repeated = np.bincount(pairs.article[again], minlength=articles)
    columns.append(_divide(repeated, np.bincount(pairs.article, minlength=articles)))
    spans = np.bincount(pairs.article[again], (pairs.last - pairs.first)[again], minlength=articles)
    columns.append(_divide(spans, np.bincount(pairs.article[again], (pairs.days - 1)[again], minlength=articles)))
    columns += [_count_weeks(snapshot) / (12 * np.maximum(buyers[84], 1)), *_describe_prices(snapshot)]
    first, last = np.full(articles, np.inf), np.full(articles, -np.inf)
    np.minimum.at(first, pairs.article, pairs.first)
    np.maximum.at(last, pairs.article, pairs.last)
    sold = np.isfinite(first)
    columns.append(np.where(sold, snapshot.cut - first, np.nan))
    columns.append(np.where(sold, snapshot.cut - last, np.nan))
    columns.append(_mean_around((first >= snapshot.cut - 28) & sold))
    columns.append(_mean_around(columns[0]))
    counts = snapshot.count_since(28)
    for label in LIKE:
        columns.append(_sum_over_alike(snapshot.incidence(label), counts))
    return np.stack(columns, axis=1).astype(np.float32)


def describe_offers(snapshot: Snapshot, offers: Offers, facts: Matrix, cosine: Matrix) -> Matrix:
    """[m, len(OWN) + len(FACTS) + 2 * sources]: all that the ranker sees, a row for each offer.

    Parameters
    ----------
    snapshot : has all purchases of the customers; those of others are not looked at.
    offers : the pairs.
    facts : [A, len(FACTS)], as `describe_articles` gives them.
    cosine : [m], of the embeddings; NaN where one is missing.
    """
    part = snapshot.take(offers.customers)  # what follows sorts and counts all purchases that there are
    repeat_gap = facts[offers.article, FACTS.index("repeat_gap")]
    own = _describe_own(part, replace(offers, customers=np.arange(len(offers.customers))), repeat_gap)
    columns = [*own, cosine, *(fact[offers.article] for fact in facts.T), *offers.score.T, *offers.place.T]
    described = np.empty((len(columns), len(offers.row)), dtype=np.float32)  # by columns: written in order
    for place, column in enumerate(columns):
        described[place] = column
    return described.T


def name_features(sources: tuple[str, ...]) -> list[str]:
    """The names of `describe_offers`' columns."""
    words = [source.replace(" ", "_") for source in sources]  # as LightGBM keeps them
    scores, places = [f"{source}_score" for source in words], [f"{source}_place" for source in words]
    return [*OWN, *FACTS, *scores, *places]


def _describe_own(
    snapshot: Snapshot, offers: Offers, repeat_gap: npt.NDArray[np.float32]
) -> list[npt.NDArray[np.float64]]:
    """[m] each: what the customers' own purchases tell, in the order of `OWN`, the cosine left out."""
    pairs, customers = snapshot.pairs, offers.customers
    place = _find_pairs(snapshot, offers)  # [m], -1 where never bought

    def take(values: npt.NDArray[Any], otherwise: float) -> npt.NDArray[np.float64]:
        """[m]: what the pairs [pairs] have at each offer's place."""
        return np.append(values.astype(np.float64), otherwise)[place]  # -1 is the one at the end

    days = take(pairs.days, 0)
    last, first = (snapshot.cut - take(day, np.nan) for day in (pairs.last, pairs.first))
    gap = np.divide(first - last, days - 1, out=np.full(len(days), np.nan), where=days > 1)
    weights = [take(snapshot.weigh(half_life).data, 0) for half_life in HALF_LIVES]
    mine = snapshot.weigh(60.0)[customers]  # [n, A]
    total = np.asarray(mine.sum(axis=1)).ravel()
    columns = [days, last, first, gap, last / gap, *weights, _divide(weights[1], total[offers.row])]
    columns.append(take(_rank_within(snapshot.weigh(60.0)), np.nan))
    columns += [_count_days(snapshot, offers, days) for days in (28, 84)]
    since, first_since = (take(visits, np.nan) for visits in _count_visits(snapshot))
    visits_gap = _divide(first_since - since, days - 1)
    columns += [since, _divide(days, first_since + 1), visits_gap, _divide(since, visits_gap)]
    columns.append(_divide(last, repeat_gap))
    columns += [_share_of_alike(snapshot, label, mine, total, offers) for label in LIKE]
    columns += [column for label in LIKE for column in _describe_kind(snapshot, label, offers)]
    return columns + [column[offers.row] for column in _describe_customers(snapshot, customers)]


def _count_weeks(snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """[A]: in how many of the last 12 weeks each customer bought an article, summed over the customers."""
    recent = snapshot.time >= snapshot.cut - 84
    week = (snapshot.cut - 1 - snapshot.time[recent]) // 7
    key = (snapshot.article[recent] * snapshot.shape[0] + snapshot.customer[recent]) * 12 + week
    return np.bincount(np.unique(key) // (12 * snapshot.shape[0]), minlength=snapshot.shape[1]).astype(np.float64)


def _describe_prices(snapshot: Snapshot) -> list[npt.NDArray[np.float64]]:
    """[A] each: price and discount."""
    means = []
    for days in (7, 28, 84):
        if snapshot.price is None:
            means.append(np.full(snapshot.shape[1], np.nan))
            continue
        told = (snapshot.time >= snapshot.cut - days) & (snapshot.price > 0)
        sums = np.bincount(snapshot.article[told], snapshot.price[told], minlength=snapshot.shape[1])
        means.append(_divide(sums, np.bincount(snapshot.article[told], minlength=snapshot.shape[1])))
    return [np.log(means[1]), np.log(means[0] / means[2])]


def _count_days(snapshot: Snapshot, offers: Offers, days: int) -> npt.NDArray[np.float64]:
    """[m]: on how many of the last so many days the customer bought the article."""
    recent = np.flatnonzero(snapshot.time >= snapshot.cut - days)
    key = snapshot.customer[recent] * snapshot.shape[1] + snapshot.article[recent]
    return _look_up_days(key, snapshot.time[recent], offers.customer * snapshot.shape[1] + offers.article)[0]


def _count_visits(snapshot: Snapshot) -> tuple[Integers, Integers]:
    """[pairs] each: on how many days the customer bought anything since the pair's last purchase, and its first."""
    pairs, basket = snapshot.pairs, snapshot.basket
    last_of = basket[np.cumsum(snapshot.purchases_by_customer) - 1]  # of each customer; of those without any it is idle
    ends = np.append(pairs.begin[1:], len(pairs.order))[: len(pairs.begin)]
    latest = np.repeat(last_of, np.diff(pairs.indptr))
    return latest - basket[pairs.order[ends - 1]], latest - basket[pairs.order[pairs.begin]]


def _describe_kind(snapshot: Snapshot, label: str, offers: Offers) -> list[npt.NDArray[np.float64]]:
    """[m] each: days with a purchase of the article's kind, days since the last, and that beside their mean gap."""
    node, nodes = snapshot.node_of(label), snapshot.incidence(label).shape[1]
    if not nodes:
        return [np.full(len(offers.row), np.nan)] * 3
    known = node[snapshot.article] >= 0
    key = snapshot.customer[known] * nodes + node[snapshot.article[known]]
    at = node[offers.article]
    wanted = np.where(at >= 0, offers.customer * nodes + at, -1)
    days, first, last = _look_up_days(key, snapshot.time[known], wanted)
    since = snapshot.cut - last
    return [days, since, _divide(since, _divide(last - first, days - 1))]


def _look_up_days(
    key: Integers, time: npt.NDArray[np.int32], wanted: Integers
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """[m] each: on how many different days each wanted key is there, the first and the last (NaN where it is not)."""
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


def _find_pairs(snapshot: Snapshot, offers: Offers) -> Integers:
    """[m]: the place of each offer among the pairs of customer and article; -1 where there is no purchase."""
    numbers = sp.csr_matrix(
        (np.arange(1, len(snapshot.pairs.article) + 1), snapshot.pairs.article, snapshot.pairs.indptr), snapshot.shape
    )
    return look_up(numbers, offers.customer, offers.article).astype(np.int64) - 1


def _describe_customers(snapshot: Snapshot, customers: Integers) -> list[npt.NDArray[np.float64]]:
    """[n] each: what is known of the customers alone, in the order of `OWN`."""
    pairs, number = snapshot.pairs, snapshot.shape[0]
    articles = np.diff(pairs.indptr)
    start = np.append(True, np.diff(snapshot.basket) > 0) if len(snapshot.time) else np.zeros(0, dtype=bool)
    who, day = snapshot.customer[start], snapshot.time[start]
    baskets = np.bincount(who, minlength=number)
    recent = np.bincount(who[day >= snapshot.cut - 28], minlength=number)
    last = np.full(number, -np.inf)
    np.maximum.at(last, who, day)
    repeats = np.bincount(np.repeat(np.arange(number), articles), pairs.days > 1, minlength=number)
    idle = np.where(np.isfinite(last), snapshot.cut - last, np.nan)
    known = [np.log1p(articles), np.log1p(baskets), idle, recent, _divide(repeats, articles), snapshot.age]
    return [column[customers].astype(np.float64) for column in known]


def _share_of_alike(
    snapshot: Snapshot, label: str, mine: sp.csr_matrix, total: npt.NDArray[np.float64], offers: Offers
) -> npt.NDArray[np.float64]:
    """[m]: the share of the customer's weight on articles with the offer's attribute; NaN where it has none."""
    incidence, node = snapshot.incidence(label), snapshot.node_of(label)
    if not incidence.shape[1]:
        return np.full(len(offers.article), np.nan)
    taste = (mine @ incidence).tocsr()
    at = node[offers.article]
    share = _divide(look_up(taste, offers.row, np.maximum(at, 0)), total[offers.row])
    return np.where(at >= 0, share, np.nan)


def _rank_within(weights: sp.csr_matrix) -> Integers:
    """[pairs]: the place of each article among its customer's, the largest weight first, from 1."""
    return place_within(row_numbers(weights), weights.data) + 1


def _mean_around(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[A]: the mean over the articles at most `AROUND` places away in the order of ids, the article itself left out."""
    values = values.astype(np.float64)
    sums = np.append(0.0, np.cumsum(values))
    place = np.arange(len(values))
    low, high = np.maximum(place - AROUND, 0), np.minimum(place + AROUND + 1, len(values))
    return _divide(sums[high] - sums[low] - values, high - low - 1)


def _sum_over_alike(incidence: sp.csr_matrix, counts: Integers) -> npt.NDArray[np.float64]:
    """[A]: log(1 + the sum of `counts` over the articles with the same attribute); NaN without one."""
    if not incidence.shape[1]:
        return np.full(incidence.shape[0], np.nan)
    alike = incidence @ (incidence.T @ counts)
    return np.where(np.diff(incidence.indptr) > 0, np.log1p(alike), np.nan)


def _divide(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """above / below, NaN where there is nothing below."""
    out = np.full(len(below), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out
