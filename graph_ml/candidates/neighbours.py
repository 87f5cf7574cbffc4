"""The articles bought with and after each article, for all articles at once, by the formulas of the query `related`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ...cypher.progress import Progress, silent
from ..export.subgraph import Integers
from .compiled import compile_loop
from .lists import Floats, list_offsets, take_top_k
from .snapshot import Snapshot, sort_stably

TERMS_AT_ONCE = 4_000_000
"""How many pairs of a purchase and another article are added up at once; they take at most 120 MB."""


@dataclass(frozen=True)
class Neighbours:
    """The best neighbours of each of n articles, concatenated, each list with the best first.

    Attributes
    ----------
    indptr : [n + 1] int64, the start of each list, and the end of the last.
    article : [m] int64, numbers of articles.
    score : [m] float64.
    customers : [m] int64, how many customers bought both.
    days : [m] float64, the average number of days between both purchases; 0 if they are on one day.
    """

    indptr: Integers
    article: Integers
    score: Floats
    customers: Integers
    days: Floats


@dataclass(frozen=True)
class _Baskets:
    """The baskets of all customers: a customer's purchases of a day, by customer and day.

    Attributes
    ----------
    owner, day : [baskets], the customer and the day.
    begin : [baskets + 1], the start of each basket in `article`.
    article : [items] int32, the different articles of each basket.
    """

    owner: Integers
    day: Integers
    begin: Integers
    article: npt.NDArray[np.int32]


@dataclass(frozen=True)
class _Visits:
    """The latest purchases of each article, by customer and day, and the items that count for each.

    Attributes
    ----------
    indptr : [A + 1], the visits of each article.
    basket : [visits], the basket, ascending for each article.
    low, high : [visits], the items that count: a range of positions in `_Baskets.article`.
    weight : [visits], by age.
    """

    indptr: Integers
    basket: Integers
    low: Integers
    high: Integers
    weight: Floats


def relate_together(
    snapshot: Snapshot, *, most: int, half_life: float, buyers: int, damping: float, progress: Progress = silent
) -> Neighbours:
    """Return what is bought on one day with each article: `with(a,x)` of the query `related`.

    Parameters
    ----------
    snapshot : all purchases of the shop.
    most, half_life, buyers, damping : the query's parameters.
    progress : receives the number of articles done.
    """
    baskets = _collect_baskets(snapshot)
    visits = _collect_visits(snapshot, baskets, snapshot.latest(buyers), half_life)
    visits = _with_range(visits, baskets.begin[visits.basket], baskets.begin[visits.basket + 1])
    return _relate(snapshot, baskets, visits, np.ones(1), most, damping, "Relating articles bought together", progress)


def relate_after(
    snapshot: Snapshot,
    *,
    most: int,
    half_life: float,
    buyers: int,
    days: int,
    gap_half_life: float,
    lag: int,
    damping: float,
    progress: Progress = silent,
) -> Neighbours:
    """Return what is bought after each article by the same customers: `next(a,x)` of the query `related`.

    Parameters
    ----------
    snapshot : all purchases of the shop.
    most, half_life, buyers, days, gap_half_life, lag : the query's parameters.
    damping : the query's `next_damping`.
    progress : receives the number of articles done.
    """
    baskets = _collect_baskets(snapshot)
    visits = _collect_visits(snapshot, baskets, snapshot.latest(buyers, lag), half_life)
    span = int(baskets.day.max(initial=0) - baskets.day.min(initial=0)) + days + 1
    place = baskets.owner * span + baskets.day - baskets.day.min(initial=0)  # ascending
    end = np.searchsorted(place, place[visits.basket] + days, side="right")
    visits = _with_range(visits, baskets.begin[visits.basket + 1], baskets.begin[end])
    decay = np.power(0.5, np.arange(days + 1) / gap_half_life)
    return _relate(snapshot, baskets, visits, decay, most, damping, "Relating articles bought after", progress)


def _collect_baskets(snapshot: Snapshot) -> _Baskets:
    def make() -> _Baskets:
        basket, article = snapshot.basket, snapshot.article
        starts = np.flatnonzero(np.append(True, np.diff(basket) > 0)[: len(basket)])
        order = np.lexsort((article, basket)) if (np.diff(article)[np.diff(basket) == 0] < 0).any() else slice(None)
        basket, article = basket[order], article[order]
        is_new = np.append(True, (np.diff(basket) > 0) | (np.diff(article) != 0))[: len(basket)]
        return _Baskets(
            snapshot.customer[starts],
            snapshot.time[starts].astype(np.int64),
            list_offsets(np.bincount(basket[is_new], minlength=len(starts))),
            article[is_new].astype(np.int32),
        )

    found: _Baskets = snapshot.cached(("relate", "baskets"), make)
    return found


def _collect_visits(snapshot: Snapshot, baskets: _Baskets, sample: Integers, half_life: float) -> _Visits:
    sample = np.sort(sample)
    sample = sample[sort_stably(snapshot.article[sample])]
    article, basket = snapshot.article[sample], snapshot.basket[sample]
    is_new = np.append(True, (np.diff(article) != 0) | (np.diff(basket) != 0))[: len(article)]
    article, basket = article[is_new], basket[is_new]
    sizes = np.bincount(article, minlength=snapshot.shape[1])
    indptr, day = list_offsets(sizes), baskets.day[basket]
    latest = np.zeros(snapshot.shape[1], dtype=np.int64)
    if len(day):
        latest[sizes > 0] = np.maximum.reduceat(day, indptr[:-1][sizes > 0])
    weight = np.power(0.5, (latest[article] - day) / half_life)
    return _Visits(indptr, basket, basket, basket, weight)


def _with_range(visits: _Visits, low: Integers, high: Integers) -> _Visits:
    return _Visits(visits.indptr, visits.basket, low, high, visits.weight)


def _relate(
    snapshot: Snapshot,
    baskets: _Baskets,
    visits: _Visits,
    decay: Floats,
    most: int,
    damping: float,
    step: str,
    progress: Progress,
) -> Neighbours:
    """Add up the visits of each article, damp the sums, and keep the largest.

    Parameters
    ----------
    decay : [days + 1], the weight of a purchase that many days after the visit.
    step : its name, for `progress`.
    """
    articles = snapshot.shape[1]
    sales = np.maximum(snapshot.purchases_by_article, 1) ** damping
    totals = np.zeros(articles)
    filled = np.diff(visits.indptr) > 0
    if len(visits.weight):
        totals[filled] = np.add.reduceat(visits.weight, visits.indptr[:-1][filled])
    terms = list_offsets(visits.high - visits.low)[visits.indptr]
    item_day = np.repeat(baskets.day, np.diff(baskets.begin)).astype(np.int32)
    space = tuple(np.zeros(articles, kind) for kind in (np.float64, np.int64, np.int64, np.int64, np.int64))
    parts: list[Neighbours] = []
    for begin, end in _cut_blocks(terms):
        size = int(terms[end] - terms[begin])
        row_ends = np.zeros(end - begin + 1, dtype=np.int64)
        column, total = np.empty(size, dtype=np.int32), np.empty(size)
        customers, times, gaps = (np.empty(size, dtype=np.int64) for _ in range(3))
        compile_loop(_add_up)(
            begin, visits.indptr[begin : end + 1], visits.basket, visits.low, visits.high, visits.weight,
            baskets.owner, baskets.day, baskets.article, item_day, decay, *space,
            row_ends, column, total, customers, times, gaps,
        )  # fmt: skip
        last = int(row_ends[-1])
        row = np.repeat(np.arange(begin, end), np.diff(row_ends))
        score = total[:last] / (totals[row] * sales[column[:last]])
        parts.append(_keep_best(row_ends, column, score, customers, times, gaps, articles, most))
        progress(step, end, articles)
    return _join(parts)


def _keep_best(
    indptr: Integers,
    column: npt.NDArray[np.int32],
    score: Floats,
    customers: Integers,
    times: Integers,
    gaps: Integers,
    articles: int,
    most: int,
) -> Neighbours:
    last, rows = int(indptr[-1]), len(indptr) - 1
    best = take_top_k(sp.csr_matrix((score, column[:last], indptr), (rows, articles)), most)
    key = np.repeat(np.arange(rows), np.diff(indptr)) * articles + column[:last]
    order = np.argsort(key)
    place = order[np.searchsorted(key[order], best.row * articles + best.article)]
    return Neighbours(
        best.indptr, best.article, best.score, customers[place], gaps[place] / np.maximum(times[place], 1)
    )


def _cut_blocks(terms: Integers) -> Iterator[tuple[int, int]]:
    """Yield ranges of articles with at most `TERMS_AT_ONCE` terms, at least one article each."""
    begin, articles = 0, len(terms) - 1
    while begin < articles:
        end = int(np.searchsorted(terms, terms[begin] + TERMS_AT_ONCE, side="right")) - 1
        end = min(articles, max(begin + 1, end))
        yield begin, end
        begin = end


def _join(parts: list[Neighbours]) -> Neighbours:
    columns = ("article", "score", "customers", "days")
    if not parts:
        return Neighbours(np.zeros(1, dtype=np.int64), *(np.zeros(0, k) for k in (np.int64, float, np.int64, float)))
    sizes = np.concatenate([np.diff(part.indptr) for part in parts])
    return Neighbours(list_offsets(sizes), *(np.concatenate([getattr(p, name) for p in parts]) for name in columns))


def _add_up(
    first: int,
    indptr: Integers,
    basket: Integers,
    low: Integers,
    high: Integers,
    weight: Floats,
    owner: Integers,
    day: Integers,
    item: npt.NDArray[np.int32],
    item_day: npt.NDArray[np.int32],
    decay: Floats,
    sums: Floats,
    buyers: Integers,
    counts: Integers,
    distances: Integers,
    seen: Integers,
    row_ends: Integers,
    column: npt.NDArray[np.int32],
    found: Floats,
    customers: Integers,
    times: Integers,
    gaps: npt.NDArray[Any],
) -> None:
    """Write each article's sums, customers, purchases and days between, in CSR form. Compiled by numba.

    A visit's customer is never smaller than that of the article's previous visit, so customers are counted by
    comparison with the last one. The five arrays [A] before `row_ends` are zero before and after.
    """
    end = 0
    for row in range(len(indptr) - 1):
        begin = end
        for visit in range(indptr[row], indptr[row + 1]):
            customer, today = owner[basket[visit]] + 1, day[basket[visit]]
            for place in range(low[visit], high[visit]):
                other = item[place]
                if other == first + row:
                    continue
                gap = item_day[place] - today
                if counts[other] == 0:
                    column[end] = other
                    end += 1
                sums[other] += weight[visit] * decay[gap]
                counts[other] += 1
                distances[other] += gap
                if seen[other] != customer:
                    seen[other] = customer
                    buyers[other] += 1
        for place in range(begin, end):
            other = column[place]
            found[place], customers[place] = sums[other], buyers[other]
            times[place], gaps[place] = counts[other], distances[other]
            sums[other] = 0.0
            buyers[other] = counts[other] = distances[other] = seen[other] = 0
        row_ends[row + 1] = end
