"""The customers most likely to buy an article, for many articles at once."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, in_batches, keep_top_k, row_numbers, select, take_top_k
from .products import multiply
from .snapshot import Snapshot
from .sparse import make_ones, with_data

ARTICLES_AT_ONCE = 50
"""How many articles are computed together; their customers take some hundred megabytes in a large shop."""


@batch_recommender
def audience(
    snapshot: Snapshot,
    chosen: Integers,
    *,
    k: int,
    include_buyers: bool,
    half_life: float,
    days: int,
    damping: float,
    buyers: int,
    neighbours: int,
    reach: int,
    pool: int,
    repeat: float,
) -> Candidates:
    """Return the customers most likely to buy each of the `chosen` articles, as the query `audience` does.

    The lists have numbers of customers where those of other recommenders have numbers of articles. A list is empty if
    nobody bought the article yet.
    """

    def make() -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csr_matrix, Integers]:
        sample, is_recent = snapshot.latest(buyers), snapshot.time >= snapshot.cut - days
        turned = (snapshot.shape[1], snapshot.shape[0])
        bought_by = make_ones(snapshot.article[sample], snapshot.customer[sample], turned)
        recent = make_ones(snapshot.customer[is_recent], snapshot.article[is_recent], snapshot.shape)
        latest = snapshot.latest(reach)
        weights = (snapshot.decay(half_life)[latest], (snapshot.article[latest], snapshot.customer[latest]))
        pairs = snapshot.pairs
        many = sp.csr_matrix(((pairs.days > 1).astype(np.float64), pairs.article, pairs.indptr), snapshot.shape)
        again = np.asarray(bought_by.multiply(many.T.tocsr()).sum(axis=1)).ravel()
        return bought_by, recent, sp.csr_matrix(weights, turned), again

    def score(batch: Integers) -> Candidates:
        size = np.maximum(1, np.diff(bought_by.indptr)[batch])
        met = multiply(bought_by[batch], recent)
        met = select(met, (met.indices != batch[row_numbers(met)]) & (met.data > 0))
        met = keep_top_k(met, pool, slack=0.0)
        row = row_numbers(met)
        alike = take_top_k(with_data(met, met.data / size[row] / sold[met.indices] ** damping), neighbours)
        rate = again[batch] / size
        keeps = include_buyers | (rate >= repeat)
        own = np.flatnonzero(keeps & (rate > 0))
        similarity = np.concatenate([alike.score, rate[own] / sold[batch[own]] ** damping])
        entries = (np.concatenate([alike.row, own]), np.concatenate([alike.article, batch[own]]))
        similar = sp.csr_matrix((similarity, entries), (len(batch), snapshot.shape[1]))
        owners = bought[batch]
        return take_top_k(multiply(similar, weights), k, without=select(owners, ~keeps[row_numbers(owners)]))

    bought_by, recent, weights, again = snapshot.cached(("audience", half_life, days, buyers, reach), make)
    sold = np.maximum(1, snapshot.purchases_by_article).astype(np.float64)
    bought: sp.csr_matrix = snapshot.cached(("buyers of articles",), lambda: snapshot.owned.T.tocsr())
    return in_batches(chosen, ARTICLES_AT_ONCE, score)
