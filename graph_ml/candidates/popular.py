"""Articles bought most in the last days."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, Rankings
from .snapshot import Snapshot


@batch_recommender
def popular(snapshot: Snapshot, customers: Integers, *, k: int, new_only: bool, days: int) -> Candidates:
    """Return the articles bought most in the last days, as the query `popular` does."""
    listed = snapshot.find_group_lists("popular", k, days=days).get((None, None))

    def make() -> Rankings:
        scores = snapshot.count_since(days) if listed is None else listed.spread(snapshot.shape[1])
        return Rankings.of(sp.csr_matrix(snapshot.mask_scores(scores)[None, :]))

    ranking: Rankings = snapshot.cached(("popular", days, listed is None), make)
    return ranking.first(np.zeros(len(customers), dtype=np.int64), k, snapshot.owned_to_exclude(customers, new_only))
