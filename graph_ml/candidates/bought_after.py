"""Articles that others bought on their next visits after the customer's articles."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, in_batches, keep_top_k, list_offsets, look_up, row_numbers, select
from .products import multiply, number_by_first_use, spread
from .snapshot import Snapshot
from .sparse import damp, divide_or_zero, keep_passing, make_ones, take_heaviest, with_data


@batch_recommender
def bought_after(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    days: int,
    gap_half_life: float,
    lag: int,
    damping: float,
    articles: int,
    buyers: int,
    recent: int,
    variants: int,
    pool: int,
) -> Candidates:
    """Return articles bought within days after each customer's articles, as the query `bought_after` does."""

    def make() -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csr_matrix, Integers]:
        sample, basket = snapshot.latest(buyers, lag), snapshot.basket
        starts = np.flatnonzero(np.append(True, np.diff(basket) > 0)[: len(basket)])
        owner, day = snapshot.customer[starts], snapshot.time[starts].astype(np.int64)
        visits = make_ones(snapshot.article[sample], basket[sample], (snapshot.shape[1], len(starts)))
        of_customer = make_ones(np.arange(len(starts)), owner, (len(starts), snapshot.shape[0]))
        # A customer's baskets are adjacent, by day.
        span = int(day.max()) + days + 1
        end = np.searchsorted(owner * span + day, owner * span + day + days, side="right")
        first = visits.indices.astype(np.int64)
        counts = end[first] - first - 1
        start, row = np.repeat(first, counts), np.repeat(row_numbers(visits), counts)
        later = start + 1 + np.arange(len(start)) - np.repeat(list_offsets(counts)[:-1], counts)
        decay = np.power(0.5, (day[later] - day[start]) / gap_half_life)
        numbers, used = number_by_first_use(basket, later)
        inside = numbers >= 0
        used = max(1, used)  # a shop of a few days has no later visit
        holds = make_ones(numbers[inside], snapshot.article[inside], (used, snapshot.shape[1]))
        after = sp.csr_matrix((decay, (row, numbers[starts[later]])), (snapshot.shape[1], used))
        owner_of = np.zeros(used, dtype=np.int64)
        owner_of[numbers[inside]] = snapshot.customer[inside]
        return holds, after, (visits @ of_customer).tocsr(), owner_of

    def share_out() -> tuple[sp.csr_matrix, sp.csr_matrix]:
        """Return which product each article is part of [A, W], and the shares of a product's articles [W, A]."""
        product, sold = snapshot.incidence("Product"), 1.0 + snapshot.count_since(recent)
        product = product[:, np.flatnonzero(product.sum(axis=0) <= variants)]
        alone = sp.identity(len(sold), format="csc")[:, np.flatnonzero(product.sum(axis=1) == 0)]
        whole_of = sp.hstack([product, alone], format="csr")
        return whole_of, (sp.diags(sold) @ whole_of @ sp.diags(1 / (sold @ whole_of))).T.tocsr()

    def score(batch: Integers) -> Candidates:
        own = take_heaviest(weights[batch], articles)
        size = total[own.indices] - look_up(of_customer, own.indices, batch[row_numbers(own)])
        others = spread(with_data(own, divide_or_zero(own.data, size)), after)
        others = select(others, owner[others.indices] != batch[row_numbers(others)])
        wholes = multiply(others, holds) @ whole_of
        best = keep_top_k(wholes if passes is None else select(wholes, passes[wholes.indices]), pool)
        return damp(snapshot, keep_passing(snapshot, best @ shares), batch, k, new_only, damping)

    weights = snapshot.decayed_counts(half_life)
    holds, after, of_customer, owner = snapshot.cached(("bought_after", days, gap_half_life, lag, buyers), make)
    whole_of, shares = snapshot.cached(("wholes", recent, variants), share_out)
    passes = None if snapshot.only is None else snapshot.only @ whole_of > 0
    of_customer.sort_indices()
    total = np.asarray(of_customer.sum(axis=1)).ravel()
    return in_batches(customers, 250, score)
