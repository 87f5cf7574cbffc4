"""Articles that the customer bought before."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, in_batches, rank_absolute, take_top_k
from .snapshot import Snapshot


@batch_recommender
def own_repurchases(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    rhythm: float,
    loyalty: float,
) -> Candidates:
    """Return what each customer bought before, as the query `own_repurchases` does."""

    def make() -> sp.csr_matrix:
        pairs, weights = snapshot.pairs, snapshot.decayed_counts(half_life)
        again = pairs.days > 1
        gap = (pairs.last - pairs.first)[again] / (pairs.days[again] - 1)
        late = (snapshot.cut - pairs.last)[again] / gap
        factor = np.ones(len(again))
        factor[again] += rhythm * np.exp(-2 * (late - 1) ** 2)
        if loyalty:
            factor *= np.power(0.1 + np.nan_to_num(snapshot.known_repeats), loyalty)[pairs.article]
        return sp.csr_matrix((weights.data * factor, weights.indices, weights.indptr), weights.shape)

    if new_only:
        return Candidates.empty(len(customers))
    scores: sp.csr_matrix = snapshot.cached(("own_repurchases", half_life, rhythm, loyalty), make)
    return in_batches(customers, 10_000, lambda batch: take_top_k(scores[batch], k, rank_absolute, only=snapshot.only))
