"""Articles never sold before, in the departments the customer buys from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, Floats
from .snapshot import Snapshot
from .taste import rank_by_taste


@batch_recommender
def new_arrivals(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    departments: int,
) -> Candidates:
    """Return what was never sold in each customer's departments, as the query `new_arrivals` does."""

    def place() -> Floats:
        within = snapshot.incidence("Department").tocsc()
        unsold = snapshot.mask_scores(snapshot.purchases_by_article == 0) > 0
        worth = np.zeros(snapshot.shape[1])
        for begin, end in pairwise(within.indptr.tolist()):
            arrived = np.sort(within.indices[begin:end])[::-1]
            arrived = arrived[unsold[arrived]]
            worth[arrived] = 1 / np.arange(1, len(arrived) + 1)
        return worth

    return rank_by_taste(snapshot, customers, ("new_arrivals",), place, k, new_only, half_life, departments)
