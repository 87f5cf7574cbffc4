"""Articles that other buyers of the customer's articles bought."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, Floats, in_batches, keep_top_k, look_up, row_numbers, select
from .products import multiply, spread
from .snapshot import Snapshot
from .sparse import (
    damp,
    divide_or_zero,
    keep_passing,
    make_ones,
    number_by_sales,
    subtract_own,
    take_heaviest,
    with_data,
)

SUMS_AT_ONCE = 1_000_000  # on average; at least 64 customers, whose sums took 26 MB on Complete Journey


@batch_recommender
def item_based_cf(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    days: int,
    damping: float,
    articles: int,
    buyers: int,
    pool: int,
) -> Candidates:
    """Return articles that other buyers of each customer's articles bought, as the query `item_based_cf` does."""

    def make() -> tuple[sp.csr_matrix, sp.csr_matrix, Floats, sp.csr_matrix, Integers]:
        sample, is_recent = snapshot.latest(buyers), snapshot.time >= snapshot.cut - days
        bought_by = make_ones(
            snapshot.article[sample], snapshot.customer[sample], (snapshot.shape[1], snapshot.shape[0])
        )
        recent = sp.csr_matrix(
            (np.ones(is_recent.sum()), (snapshot.customer[is_recent], snapshot.article[is_recent])), snapshot.shape
        )
        repeated = np.asarray(bought_by.multiply(recent.T.tocsr()).sum(axis=1)).ravel()
        return bought_by, recent, repeated, *number_by_sales(snapshot, recent)

    def score(batch: Integers) -> Candidates:
        own = take_heaviest(weights[batch], articles)
        row = row_numbers(own)
        is_in = look_up(bought_by, own.indices, batch[row])
        share = divide_or_zero(own.data, size[own.indices] - is_in)
        others = spread(with_data(own, share), bought_by)
        others = select(others, others.indices != batch[row_numbers(others)])
        sums = keep_top_k(keep_passing(snapshot, multiply(others, by_sales), article_of), pool + articles)
        sums = sp.csr_matrix((sums.data, article_of[sums.indices], sums.indptr), sums.shape)
        if not new_only:  # else `damp` excludes the articles with an own part; they keep their places in the pool
            by_itself = repeated[own.indices] - is_in * look_up(recent, batch[row], own.indices)
            sums = subtract_own(sums, with_data(own, share * by_itself))
        return damp(snapshot, keep_top_k(sums, pool), batch, k, new_only, damping)

    weights = snapshot.decayed_counts(half_life)
    bought_by, recent, repeated, by_sales, article_of = snapshot.cached(("item_based_cf", days, buyers), make)
    size = np.diff(bought_by.indptr)
    sums = articles * buyers * by_sales.nnz // max(1, snapshot.shape[0])  # per customer, on average: 49,000 on Journey
    return in_batches(customers, int(np.clip(SUMS_AT_ONCE // max(1, sums), 64, 250)), score)
