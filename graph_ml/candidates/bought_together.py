"""Articles that others bought on the same day as the customer's articles."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, in_batches, keep_top_k, look_up, row_numbers, select
from .products import multiply, number_by_first_use, spread
from .snapshot import Snapshot
from .sparse import damp, divide_or_zero, keep_passing, make_ones, subtract_own, take_heaviest, with_data


@batch_recommender
def bought_together(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    damping: float,
    articles: int,
    buyers: int,
    pool: int,
) -> Candidates:
    """Return articles bought on one day with each customer's articles, as the query `bought_together` does."""

    def make() -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csr_matrix, Integers]:
        sample = snapshot.latest(buyers)
        # The baskets of one article are then adjacent.
        basket, number = number_by_first_use(snapshot.basket, snapshot.basket[sample])
        inside = basket >= 0
        owner = np.zeros(number, dtype=np.int64)
        owner[basket[inside]] = snapshot.customer[inside]
        holds = make_ones(basket[inside], snapshot.article[inside], (number, snapshot.shape[1]))
        within = make_ones(snapshot.article[sample], basket[sample], (snapshot.shape[1], number))
        of_customer = make_ones(np.arange(number), owner, (number, snapshot.shape[0]))
        return holds, within, (within @ of_customer).tocsr(), owner

    def score(batch: Integers) -> Candidates:
        own = take_heaviest(weights[batch], articles)
        size = np.diff(within.indptr)[own.indices] - look_up(of_customer, own.indices, batch[row_numbers(own)])
        share = divide_or_zero(own.data, size)
        others = spread(with_data(own, share), within)
        others = select(others, owner[others.indices] != batch[row_numbers(others)])
        found = keep_passing(snapshot, multiply(others, holds))
        sums = subtract_own(keep_top_k(found, pool + articles), with_data(own, share * size))
        return damp(snapshot, keep_top_k(sums, pool), batch, k, new_only, damping)

    weights = snapshot.decayed_counts(half_life)
    holds, within, of_customer, owner = snapshot.cached(("bought_together", buyers), make)
    of_customer.sort_indices()
    return in_batches(customers, 250, score)
