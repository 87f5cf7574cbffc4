"""Lists by the share of each department in what the customer bought."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .lists import LISTED, Candidates, Rankings, in_batches, replace_lists, row_numbers, take_top_k
from .snapshot import Snapshot
from .sparse import take_heaviest


def rank_by_taste(
    snapshot: Snapshot,
    customers: Integers,
    key: tuple[Any, ...],
    rate: Callable[[], sp.csr_matrix],
    k: int,
    new_only: bool,
    half_life: float,
    departments: int,
    listed: sp.csr_matrix | None = None,
) -> Candidates:
    """Return the articles with the largest score in a department times its share in what the customer bought.

    Parameters
    ----------
    snapshot, customers, k, new_only : as for every batch recommender.
    key : the rankings of the departments are cached under this key.
    rate : returns [departments, A], the articles' scores in their departments.
    half_life : days after which a purchase counts half.
    departments : use this many departments of each customer, those of largest share.
    listed : [departments, A], the scores of stored lists, `LISTED` in each department at most. They are taken instead
        of the scores for customers of whose departments each has `k` articles left, or all. None without such lists.
    """

    def make(scores: sp.csr_matrix) -> Rankings:
        of_department = (scores @ sp.diags(snapshot.mask_scores(np.ones(snapshot.shape[1])))).tocsr()
        of_department.eliminate_zeros()
        return Rankings.of(of_department)

    def take(scores: sp.csr_matrix | None, department: Integers, customer: Integers) -> Candidates:
        """Return the first articles of departments, by stored scores or by those of `rate`."""
        name = key if scores is None else (*key, "listed")
        ranking: Rankings = snapshot.cached(name, lambda: make(rate() if scores is None else scores))
        return ranking.first(department, k, snapshot.owned_to_exclude(customer, new_only))

    def find(department: Integers, customer: Integers) -> Candidates:
        found = take(listed, department, customer)
        if listed is None:
            return found
        lacks = (np.diff(found.indptr) < k) & (np.diff(listed.indptr)[department] >= LISTED)
        short = np.flatnonzero(np.isin(customer, customer[lacks]))
        return replace_lists(found, short, lambda rows: take(None, department[rows], customer[rows]))

    def score(batch: Integers) -> Candidates:
        weighed = (weights[batch] @ within).tocsr()
        weighed.sort_indices()
        total = np.asarray(weighed.sum(axis=1)).ravel()
        taste = take_heaviest(weighed, departments)
        row = row_numbers(taste)
        share = taste.data / total[row]
        found = find(taste.indices.astype(np.int64), batch[row])
        rows = row[found.row]
        shape = (len(batch), snapshot.shape[1])
        return take_top_k(sp.csr_matrix((found.score * share[found.row], (rows, found.article)), shape), k)

    weights, within = snapshot.decayed_counts(half_life), snapshot.incidence("Department")
    if not within.shape[1]:
        return Candidates.empty(len(customers))
    return in_batches(customers, 500, score)
