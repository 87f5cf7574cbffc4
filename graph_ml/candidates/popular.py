"""Candidates from what sells now: everywhere, in the customer's departments, among customers like them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export.subgraph import Integers
from .history import take_weightiest
from .lists import Candidates, Floats, Rankings, in_batches, join, look_up, row_numbers, select, take_best
from .snapshot import Snapshot

MOST_SEGMENTS = 1_000  # whose rankings are kept; with 10,000 articles lately each takes 0.2 MB
FEW = 8  # times as many segments as customers: those of all are ranked once, and serve the next customers, too
GROUPS_AT_ONCE = 50  # rankings of all articles sold lately
NEARBY = 200  # purchases lately in a post code; with more it is a group of its own, and there are few of those
UNKNOWN, ELSEWHERE = -1, -2


def popular(
    snapshot: Snapshot, customers: Integers, k: int = 12, *, new_only: bool = False, days: int = 7
) -> Candidates:
    """What was bought most in the last days, as the query popular gives it."""

    def make() -> Rankings:
        return Rankings.of(sp.csr_matrix(snapshot.show(snapshot.count_since(days))[None, :]))

    ranking: Rankings = snapshot.keep(("popular", days), make)
    return ranking.first(np.zeros(len(customers), dtype=np.int64), k, snapshot.leave_out(customers, new_only))


def popular_in_departments(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    half_life: float = 42.0,
    days: int = 7,
    departments: int = 5,
) -> Candidates:
    """What sells now where each customer buys, as the query popular_in_departments gives it."""
    key = ("popular_in_departments", days)
    worth = partial(snapshot.count_since, days)
    return _weigh_by_taste(snapshot, customers, key, worth, k, new_only, half_life, departments)


def new_arrivals(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    half_life: float = 42.0,
    departments: int = 5,
) -> Candidates:
    """What was never sold, where each customer buys, as the query new_arrivals gives it."""

    def place() -> Floats:
        within = snapshot.incidence("Department").tocsc()
        unsold = snapshot.show(snapshot.purchases_by_article == 0) > 0
        worth = np.zeros(snapshot.shape[1])
        for begin, end in pairwise(within.indptr.tolist()):
            arrived = np.sort(within.indices[begin:end])[::-1]
            arrived = arrived[unsold[arrived]]
            worth[arrived] = 1 / np.arange(1, len(arrived) + 1)
        return worth

    return _weigh_by_taste(snapshot, customers, ("new_arrivals",), place, k, new_only, half_life, departments)


def _weigh_by_taste(
    snapshot: Snapshot,
    customers: Integers,
    key: tuple[Any, ...],
    make_worth: Callable[[], npt.NDArray[Any]],
    k: int,
    new_only: bool,
    half_life: float,
    departments: int,
) -> Candidates:
    """The articles of most worth [A] times the customer's taste for their department; the worth is kept under `key`."""

    def make() -> Rankings:
        of_department = (sp.diags(snapshot.show(make_worth())) @ within).T.tocsr()
        of_department.eliminate_zeros()
        return Rankings.of(of_department)

    def score(batch: Integers) -> Candidates:
        weighed = (weights[batch] @ within).tocsr()
        weighed.sort_indices()
        total = np.asarray(weighed.sum(axis=1)).ravel()
        taste = take_weightiest(weighed, departments)
        row = row_numbers(taste)
        share = taste.data / total[row]
        found = ranking.first(taste.indices.astype(np.int64), k, snapshot.leave_out(batch[row], new_only))
        rows = row[found.row]
        shape = (len(batch), snapshot.shape[1])
        return take_best(sp.csr_matrix((found.score * share[found.row], (rows, found.article)), shape), k)

    weights, within = snapshot.weigh(half_life), snapshot.incidence("Department")
    if not within.shape[1]:
        return join([]) if not len(customers) else _nothing(len(customers))
    ranking: Rankings = snapshot.keep(key, make)
    return in_batches(customers, 500, score)


def popular_in_segment(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    days: int = 7,
    age_span: int = 5,
    purchases: int = 100_000,
) -> Candidates:
    """What customers of the same age and club status bought lately, as the query popular_in_segment gives it."""
    found = snapshot.window(days, purchases)
    buyer, article = snapshot.customer[found], snapshot.article[found]

    def group() -> tuple[Floats, Integers]:
        known = np.stack([np.nan_to_num(snapshot.age, nan=UNKNOWN), snapshot.code("club_member_status")], axis=1)
        groups, of = np.unique(known, axis=0, return_inverse=True)
        return groups, of.ravel()

    status_of = snapshot.code("club_member_status")

    def count(of: Floats) -> Floats:
        age, status = of
        alike = np.ones(len(buyer), dtype=np.bool_)
        if age >= 0:
            alike &= np.abs(snapshot.age[buyer] - age) <= age_span
        if status >= 0:
            alike &= status_of[buyer] == status
        return snapshot.show(np.bincount(article[alike], minlength=snapshot.shape[1]))

    def rank() -> Rankings:
        return Rankings.of(sp.vstack([sp.csr_matrix(count(of)[None, :]) for of in groups], format="csr"))

    groups, group_of = snapshot.keep(("segments",), group)
    if len(groups) > MOST_SEGMENTS or FEW * len(customers) < len(groups):  # most of the rankings would be nobody's
        return _rank_groups(snapshot, customers, groups[group_of], count, k, new_only)
    ranking: Rankings = snapshot.keep(("popular_in_segment", days, age_span, purchases), rank)
    return ranking.first(group_of[customers], k, snapshot.leave_out(customers, new_only))


def by_attributes(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    days: int = 7,
    age_span: float = 5.0,
    purchases: int = 100_000,
) -> Candidates:
    """What customers like each one buy now, as the query by_attributes gives it."""
    found = snapshot.window(days, purchases)
    buyer, article = snapshot.customer[found], snapshot.article[found]

    def know() -> Floats:
        codes = [snapshot.code(name) for name in ("club_member_status", "fashion_news_frequency", "postal_code")]
        return np.stack([np.nan_to_num(snapshot.age, nan=UNKNOWN), *codes], axis=1)

    def know_buyers() -> tuple[Floats, Integers, Integers]:
        by_place = np.argsort(place[buyer], kind="stable")
        return np.column_stack([snapshot.age[buyer], known[buyer, 1:]]), by_place, place[buyer][by_place]

    def compare(of: Floats, others: Floats) -> Floats:
        """The likeness of customers, a row of `known` each, or one for all, and others [n, 4], as of `know_buyers`."""
        differs = _compare_ages(of[..., 0], others[:, 0], age_span)
        for column in range(1, known.shape[1]):
            differs += (of[..., column] != UNKNOWN) & (of[..., column] != others[:, column])
        return np.exp2(-differs)

    def weigh(of: Floats) -> Floats:
        return snapshot.show(np.bincount(article, compare(of, buyers), minlength=snapshot.shape[1]))

    # Post codes are many (350,000 at H&M), each with few purchases lately: rankings of all articles are made as for
    # nobody's post code, and the few purchases of one's own counted double. Where there are many, they make a group.
    def group() -> tuple[npt.NDArray[np.bool_], Floats]:
        bought_in = np.bincount(place[buyer][place[buyer] >= 0], minlength=int(place.max(initial=-1)) + 1)
        small = (place >= 0) & (np.append(bought_in, 0)[place] <= NEARBY)
        return small, np.column_stack([known[:, :3], np.where(small, ELSEWHERE, place)])

    known: Floats = snapshot.keep(("attributes",), know)  # [C, 4]
    place = snapshot.code("postal_code")
    is_small, group_of = snapshot.keep(("by_attributes", days, purchases), group)
    buyers, by_place, lives = snapshot.keep(("buyers", days, purchases), know_buyers)

    def add_nearby(lists: Candidates, those: Integers, scores: Floats, group: Integers) -> Candidates:
        row, at = _join_on(np.where(is_small[those], place[those], -1), lives, by_place)
        if not len(row):
            return lists
        near = compare(known[those[row]], buyers[at]) / 2  # twice what counted already
        shape = (len(those), snapshot.shape[1])
        more = sp.csr_matrix((near, (row, article[at])), shape)
        more.data += scores[group[row_numbers(more)], more.indices]
        before = sp.csr_matrix((lists.score, lists.article, lists.indptr), shape)
        others = select(before, look_up(more, row_numbers(before), before.indices) == 0)
        return take_best(others + more, k, without=snapshot.leave_out(those, new_only), only=snapshot.only)

    return _rank_groups(snapshot, customers, group_of, weigh, k, new_only, add_nearby)


def _compare_ages(age: Floats, others: Floats, age_span: float) -> Floats:
    """By how many spans the others' ages differ; 1 where theirs is not known, 0 where one's own (-1) is not."""
    apart: Floats = np.nan_to_num(np.abs(others - age) / age_span, nan=1.0)
    return np.where(age >= 0, apart, 0.0)


def _join_on(left: Integers, right: Integers, order: Integers) -> tuple[Integers, Integers]:
    """The places of all pairs of equal values at least 0 in `left` and what `order` sorted to `right`, by `left`."""
    begin = np.searchsorted(right, left)
    counts = np.where(left >= 0, np.searchsorted(right, left, side="right") - begin, 0)
    row = np.repeat(np.arange(len(left)), counts)
    inside = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, order[begin[row] + inside]


def _rank_groups(
    snapshot: Snapshot,
    customers: Integers,
    features: Floats,
    score: Callable[[Floats], Floats],
    k: int,
    new_only: bool,
    refine: Callable[[Candidates, Integers, Floats, Integers], Candidates] | None = None,
) -> Candidates:
    """Each customer's first `k` in the ranking of all who have the same features; one ranking a group.

    Parameters
    ----------
    snapshot, customers, k, new_only : as everywhere.
    features : [C, f].
    score : gives [A], the scores for customers with features [f].
    refine : changes lists; told the customers [n], the scores of some groups [groups, A], and whose group is which [n].
    """
    groups, group = np.unique(features[customers], axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    begins = np.searchsorted(group[order], np.arange(0, len(groups) + GROUPS_AT_ONCE, GROUPS_AT_ONCE))
    parts = []
    for first, (begin, end) in zip(range(0, len(groups), GROUPS_AT_ONCE), pairwise(begins.tolist()), strict=False):
        scores = np.stack([score(of) for of in groups[first : first + GROUPS_AT_ONCE]])
        those, row = customers[order[begin:end]], group[order[begin:end]] - first
        without = snapshot.leave_out(those, new_only)
        most = k + (0 if without is None else int(np.diff(without.indptr).max(initial=0)))
        found = Rankings.of(sp.csr_matrix(scores), most).first(row, k, without)
        parts.append(found if refine is None else refine(found, those, scores, row))
    return _reorder(join(parts), np.argsort(order))


def _reorder(lists: Candidates, places: Integers) -> Candidates:
    """The lists at these places, in this order."""
    sizes = np.diff(lists.indptr)[places]
    indptr = np.append(0, np.cumsum(sizes))
    taken = np.repeat(lists.indptr[places] - indptr[:-1], sizes) + np.arange(indptr[-1])
    return Candidates(indptr, lists.article[taken], lists.score[taken])


def _nothing(number: int) -> Candidates:
    return Candidates(np.zeros(number + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
