"""Articles that are bought on one day with the customer's articles."""

from __future__ import annotations

from functools import partial

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates
from .neighbours import relate_together
from .related import recommend_related
from .snapshot import Snapshot


@batch_recommender
def related_together(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    articles: int,
    most: int,
    related_half_life: float,
    buyers: int,
    damping: float,
) -> Candidates:
    """Return what is bought with each customer's articles, as the query `related_together` does."""
    relate = partial(relate_together, snapshot, most=most, half_life=related_half_life, buyers=buyers, damping=damping)
    return recommend_related(snapshot, customers, "related_together", relate, k, new_only, half_life, articles)
