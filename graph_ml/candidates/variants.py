"""Other articles of the products that the customer bought."""

from __future__ import annotations

import numpy as np

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, in_batches, take_top_k
from .snapshot import Snapshot
from .sparse import subtract_own, take_heaviest


@batch_recommender
def variants(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    days: int,
    products: int,
) -> Candidates:
    """Return other articles of the products that each customer bought, as the query `variants` does."""

    def score(batch: Integers) -> Candidates:
        bought = weights[batch] @ product
        bought.sort_indices()
        others = take_heaviest(bought, products) @ product.T
        sums = subtract_own(others, weights[batch])
        sums.data *= sold[sums.indices]
        return take_top_k(sums, k, without=snapshot.owned_to_exclude(batch, new_only), only=snapshot.only)

    weights, product = snapshot.decayed_counts(half_life), snapshot.incidence("Product")
    sold = np.log(1 + snapshot.count_since(days))
    return in_batches(customers, 2_000, score)
