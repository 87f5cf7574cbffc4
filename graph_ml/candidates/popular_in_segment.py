"""Articles that customers of the same age and club status bought recently."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .groups import UNKNOWN, rank_groups
from .lists import Candidates, Floats, Rankings
from .snapshot import Snapshot

MAX_SEGMENTS = 1_000  # cached rankings; each takes 0.2 MB with 10,000 articles sold recently
RANK_ALL_BELOW = 8  # segments per customer, up to which all segments are ranked and cached for later customers


@batch_recommender
def popular_in_segment(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    days: int,
    age_span: int,
    purchases: int,
) -> Candidates:
    """Return what customers of the same age and club status bought recently, as the query `popular_in_segment` does."""
    found = snapshot.window(days, purchases)
    buyer, article = snapshot.customer[found], snapshot.article[found]

    def group() -> tuple[Floats, Integers]:
        known = np.stack([np.nan_to_num(snapshot.age, nan=UNKNOWN), snapshot.code("club_member_status")], axis=1)
        groups, of = np.unique(known, axis=0, return_inverse=True)
        return groups, of.ravel()

    status_of = snapshot.code("club_member_status")

    def count(of: Floats) -> Floats:
        age, status = of
        alike = np.ones(len(buyer), dtype=np.bool_)
        if age >= 0:
            alike &= np.abs(snapshot.age[buyer] - age) <= age_span
        if status >= 0:
            alike &= status_of[buyer] == status
        return snapshot.mask_scores(np.bincount(article[alike], minlength=snapshot.shape[1]))

    def rank() -> Rankings:
        return Rankings.of(sp.vstack([sp.csr_matrix(count(of)[None, :]) for of in groups], format="csr"))

    groups, group_of = snapshot.cached(("segments",), group)
    if len(groups) > MAX_SEGMENTS or len(groups) > RANK_ALL_BELOW * len(customers):  # most would not be read
        return rank_groups(snapshot, customers, groups[group_of], count, k, new_only)
    ranking: Rankings = snapshot.cached(("popular_in_segment", days, age_span, purchases), rank)
    return ranking.first(group_of[customers], k, snapshot.owned_to_exclude(customers, new_only))
