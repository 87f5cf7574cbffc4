"""Articles bought most in the last days."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, Rankings, replace_lists
from .snapshot import Snapshot


@batch_recommender
def popular(snapshot: Snapshot, customers: Integers, *, k: int, new_only: bool, days: int) -> Candidates:
    """Return the articles bought most in the last days, as the query `popular` does."""
    listed = snapshot.find_group_lists("popular", days=days).get((None, None))

    def rank(is_listed: bool) -> Rankings:
        scores = listed.spread(snapshot.shape[1]) if listed and is_listed else snapshot.count_since(days)
        return Rankings.of(sp.csr_matrix(snapshot.mask_scores(scores)[None, :]))

    def find(those: Integers, is_listed: bool) -> Candidates:
        ranking: Rankings = snapshot.cached(("popular", days, is_listed), lambda: rank(is_listed))
        return ranking.first(np.zeros(len(those), dtype=np.int64), k, snapshot.owned_to_exclude(those, new_only))

    found = find(customers, listed is not None)
    if listed is None or listed.is_whole:
        return found
    short = np.flatnonzero(np.diff(found.indptr) < k)
    return replace_lists(found, short, lambda rows: find(customers[rows], False))
