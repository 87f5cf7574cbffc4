"""Articles that were never sold before."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, Rankings
from .snapshot import Snapshot


@batch_recommender
def unsold(snapshot: Snapshot, customers: Integers, *, k: int, new_only: bool) -> Candidates:
    """Return the articles that were never sold before, as the query `unsold` does; all customers get the same list."""

    def make() -> Rankings:
        found = np.flatnonzero(snapshot.mask_scores(snapshot.purchases_by_article == 0))[::-1]
        scores = np.zeros((1, snapshot.shape[1]))
        scores[0, found] = 1 / np.arange(1, len(found) + 1)
        return Rankings.of(sp.csr_matrix(scores))

    ranking: Rankings = snapshot.cached(("unsold",), make)
    return ranking.first(np.zeros(len(customers), dtype=np.int64), k)
