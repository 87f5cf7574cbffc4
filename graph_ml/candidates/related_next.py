"""Articles that are bought after the customer's articles."""

from __future__ import annotations

from functools import partial

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates
from .neighbours import relate_after
from .related import recommend_related
from .snapshot import Snapshot


@batch_recommender
def related_next(
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
    days: int,
    gap_half_life: float,
    lag: int,
    next_damping: float,
) -> Candidates:
    """Return what is bought after each customer's articles, as the query `related_next` does."""
    relate = partial(
        relate_after, snapshot, most=most, half_life=related_half_life, buyers=buyers, days=days,
        gap_half_life=gap_half_life, lag=lag, damping=next_damping,
    )  # fmt: skip
    return recommend_related(snapshot, customers, "related_next", relate, k, new_only, half_life, articles)
