"""Articles that the customer lately viewed or put into a cart, and has not bought since."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, in_batches, take_top_k
from .snapshot import Snapshot


@batch_recommender
def recently_viewed(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    days: int,
    view_weight: float,
    cart_weight: float,
) -> Candidates:
    """Return what each customer lately viewed or put into a cart, as the query `recently_viewed` does."""

    def make() -> sp.csr_matrix:
        views = snapshot.views.where(snapshot.views.time >= snapshot.cut - days)
        last = np.append(snapshot.pairs.last, np.iinfo(np.int32).min)  # place -1 is the last element
        views = views.where(views.time > last[snapshot.find_pairs(views.customer, views.article)])
        age = np.maximum(0, snapshot.cut - views.time)
        weights = np.where(views.is_cart, cart_weight, view_weight) * np.power(0.5, age / half_life)
        return sp.csr_matrix((weights, (views.customer, views.article)), snapshot.shape)

    def score(batch: Integers) -> Candidates:
        return take_top_k(scores[batch], k, without=snapshot.owned_to_exclude(batch, new_only), only=snapshot.only)

    if not len(snapshot.views):
        return Candidates.empty(len(customers))
    scores = snapshot.cached(("recently_viewed", half_life, days, view_weight, cart_weight), make)
    return in_batches(customers, 10_000, score)
