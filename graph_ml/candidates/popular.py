"""Candidates from what sells now: everywhere, in the customer's departments, among customers like them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from ..export import Integers
from .history import take_weightiest
from .lists import Candidates, Floats, Rankings, in_batches, join, row_numbers, take_best
from .snapshot import Snapshot

GROUPS_AT_ONCE = 50  # rankings of all articles sold lately


def popular(
    snapshot: Snapshot, customers: Integers, k: int = 12, *, new_only: bool = False, days: int = 7
) -> Candidates:
    """What was bought most in the last days, as the query popular gives it."""
    ranking = Rankings.of(sp.csr_matrix(snapshot.count_since(days)[None, :].astype(np.float64)))
    group = np.zeros(len(customers), dtype=np.int64)
    return ranking.first(group, k, snapshot.owned[customers] if new_only else None)


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

    def score(batch: Integers) -> Candidates:
        weighed = (weights[batch] @ within).tocsr()
        weighed.sort_indices()
        total = np.asarray(weighed.sum(axis=1)).ravel()
        taste = take_weightiest(weighed, departments)
        row = row_numbers(taste)
        share = taste.data / total[row]
        found = ranking.first(taste.indices.astype(np.int64), k, snapshot.owned[batch[row]] if new_only else None)
        rows = row[found.row]
        shape = (len(batch), snapshot.shape[1])
        return take_best(sp.csr_matrix((found.score * share[found.row], (rows, found.article)), shape), k)

    weights, within = snapshot.weigh(half_life), snapshot.incidence("Department")
    if not within.shape[1]:
        return join([]) if not len(customers) else _nothing(len(customers))
    sold = sp.diags(snapshot.count_since(days).astype(np.float64)) @ within
    sold = sold.T.tocsr()
    sold.eliminate_zeros()
    ranking = Rankings.of(sold)
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
    age, status = snapshot.age, snapshot.code("club_member_status")

    def count(customer: int) -> Floats:
        alike = np.ones(len(buyer), dtype=np.bool_)
        if not np.isnan(age[customer]):
            alike &= np.abs(age[buyer] - age[customer]) <= age_span
        if status[customer] >= 0:
            alike &= status[buyer] == status[customer]
        return np.bincount(article[alike], minlength=snapshot.shape[1]).astype(np.float64)

    return _rank_groups(snapshot, customers, np.stack([np.nan_to_num(age, nan=-1), status], axis=1), count, k, new_only)


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
    age = snapshot.age
    codes = [snapshot.code(name) for name in ("club_member_status", "fashion_news_frequency", "postal_code")]

    def weigh(customer: int) -> Floats:
        differs = np.zeros(len(buyer))
        if not np.isnan(age[customer]):
            differs += np.nan_to_num(np.abs(age[buyer] - age[customer]) / age_span, nan=1.0)
        for code in codes:
            if code[customer] >= 0:
                differs += code[buyer] != code[customer]
        scores: Floats = np.bincount(article, np.power(0.5, differs), minlength=snapshot.shape[1]).astype(np.float64)
        return scores

    # A post code without a purchase lately sets all apart alike: its customers share one ranking, halved.
    place = codes[2]
    is_lively = np.isin(place, place[buyer])
    group = np.stack([np.nan_to_num(age, nan=-1), codes[0], codes[1], np.where((place < 0) | is_lively, place, -2)], 1)
    return _rank_groups(snapshot, customers, group, weigh, k, new_only)


def _rank_groups(
    snapshot: Snapshot,
    customers: Integers,
    features: Floats,
    score: Callable[[int], Floats],
    k: int,
    new_only: bool,
) -> Candidates:
    """Each customer's first `k` in the ranking of all who have the same features [C, f]; one ranking a group."""
    _, example, group = np.unique(features[customers], axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    parts = []
    for begin in range(0, len(example), GROUPS_AT_ONCE):
        some = example[begin : begin + GROUPS_AT_ONCE]
        ranking = Rankings.of(sp.csr_matrix(np.stack([score(int(customers[place])) for place in some])))
        inside = order[(group[order] >= begin) & (group[order] < begin + len(some))]
        owned = snapshot.owned[customers[inside]] if new_only else None
        parts.append(ranking.first(group[inside] - begin, k, owned))
    return _reorder(join(parts), np.argsort(order))


def _reorder(lists: Candidates, places: Integers) -> Candidates:
    """The lists at these places, in this order."""
    sizes = np.diff(lists.indptr)[places]
    indptr = np.append(0, np.cumsum(sizes))
    taken = np.repeat(lists.indptr[places] - indptr[:-1], sizes) + np.arange(indptr[-1])
    return Candidates(indptr, lists.article[taken], lists.score[taken])


def _nothing(number: int) -> Candidates:
    return Candidates(np.zeros(number + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
