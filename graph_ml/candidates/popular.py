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

    def make() -> Rankings:
        return Rankings.of(sp.csr_matrix(snapshot.mask_scores(snapshot.count_since(days))[None, :]))

    ranking: Rankings = snapshot.cached(("popular", days), make)
    return ranking.first(np.zeros(len(customers), dtype=np.int64), k, snapshot.owned_to_exclude(customers, new_only))
