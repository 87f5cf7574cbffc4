"""One ranking for all customers with the same attributes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .lists import Candidates, Floats, Rankings, join, take_lists
from .snapshot import Snapshot

GROUPS_AT_ONCE = 50  # each has the scores of all articles
UNKNOWN = -1  # value of an unknown attribute


def rank_groups(
    snapshot: Snapshot,
    customers: Integers,
    features: Floats,
    score: Callable[[Floats], Floats],
    k: int,
    new_only: bool,
    refine: Callable[[Candidates, Integers, Floats, Integers], Candidates] | None = None,
) -> Candidates:
    """Return each customer's first `k` articles in the ranking of their group: all customers with the same features.

    Parameters
    ----------
    snapshot, customers, k, new_only : as for every batch recommender.
    features : [C, f], the features by which customers are grouped.
    score : returns [A], the scores for customers with features [f].
    refine : changes lists. It takes them, their customers [n], the scores of some groups [groups, A], and the group of
        each customer [n]. None to leave the lists as they are.
    """
    groups, group = np.unique(features[customers], axis=0, return_inverse=True)
    group = group.ravel()
    order = np.argsort(group, kind="stable")
    begins = np.searchsorted(group[order], np.arange(0, len(groups) + GROUPS_AT_ONCE, GROUPS_AT_ONCE))
    parts = []
    for first, (begin, end) in zip(range(0, len(groups), GROUPS_AT_ONCE), pairwise(begins.tolist()), strict=False):
        scores = np.stack([score(of) for of in groups[first : first + GROUPS_AT_ONCE]])
        those, row = customers[order[begin:end]], group[order[begin:end]] - first
        without = snapshot.owned_to_exclude(those, new_only)
        most = k + (0 if without is None else int(np.diff(without.indptr).max(initial=0)))
        found = Rankings.of(sp.csr_matrix(scores), most).first(row, k, without)
        parts.append(found if refine is None else refine(found, those, scores, row))
    return take_lists(join(parts), np.argsort(order))
