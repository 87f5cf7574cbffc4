"""Articles that the customers most similar to each customer bought."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ...cypher.errors import UserMistake
from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates, Floats, in_batches, keep_top_k, look_up, rank_absolute, row_numbers, select, take_top_k
from .products import multiply, number_by_count
from .snapshot import Snapshot
from .sparse import take_heaviest, with_data

SIMILARITIES = ("cosine", "jaccard", "overlap")


@batch_recommender
def user_based_cf(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    similarity: str,
    half_life: float | None,
    similarity_half_life: float | None,
    damping: float,
    neighbours: int,
    own_weight: float,
    articles: int,
    buyers: int,
    pool: int,
    candidates: int,
) -> Candidates:
    """Return articles of each customer and of their nearest neighbours, as the query `user_based_cf` does.

    Raises
    ------
    UserMistake : there is no such similarity.
    """
    if similarity not in SIMILARITIES:
        raise UserMistake(f"There is no similarity {similarity[:40]!r}.", f"There are: {', '.join(SIMILARITIES)}.")

    def make() -> tuple[sp.csr_matrix, npt.NDArray[np.int32], Floats]:
        sample = snapshot.latest(buyers)
        half = similarity_half_life
        count = np.ones(len(sample)) if half is None else snapshot.decay(half)[sample]
        number, buyer = number_by_count(np.bincount(snapshot.customer[sample], minlength=snapshot.shape[0]))
        places = (snapshot.article[sample], number[snapshot.customer[sample]])
        bought_by = sp.csr_matrix((count, places), (snapshot.shape[1], snapshot.shape[0]))
        if half is None:
            bought_by.data[:] = 1
        return bought_by, buyer.astype(np.int32), np.asarray(tastes.multiply(tastes).sum(axis=1)).ravel()

    def score(batch: Integers) -> Candidates:
        own = _take_tastes(take_heaviest(weights[batch], articles), tastes[batch])
        rare = own.copy()
        rare.data = own.data * rarity[own.indices]
        shared = multiply(rare, bought_by)
        shared = sp.csr_matrix((shared.data, buyer[shared.indices], shared.indptr), shared.shape)
        shared = keep_top_k(select(shared, shared.indices != batch[row_numbers(shared)]), pool)
        nearest = _find_nearest(shared, length[batch])
        itself = np.asarray(own.multiply(rare).sum(axis=1)).ravel()
        factor = own_weight * _compare_with_self(itself, length[batch], similarity)
        themselves = sp.csr_matrix((factor, (np.arange(len(batch)), batch)), nearest.shape)
        scores = multiply((nearest + themselves).tocsr(), weights)
        return take_top_k(scores, k, without=snapshot.owned_to_exclude(batch, new_only), only=snapshot.only)

    def _find_nearest(shared: sp.csr_matrix, own_length: Floats) -> sp.csr_matrix:
        guess = shared.copy()
        guess.data = shared.data / np.sqrt(snapshot.purchases_by_customer[shared.indices])
        compared = take_top_k(guess, candidates)
        row = compared.row
        common = compared.score * np.sqrt(snapshot.purchases_by_customer[compared.article])
        mine, other = own_length[row], length[compared.article]
        if similarity == "cosine":
            alike = common / np.sqrt(mine * other)
        elif similarity == "jaccard":
            alike = common / (mine + other - common)
        else:
            alike = common / np.minimum(mine, other)
        found = sp.csr_matrix((alike, compared.article, compared.indptr), shared.shape)
        found.sort_indices()
        best = take_top_k(found, neighbours, rank_absolute)
        return sp.csr_matrix((best.score, best.article, best.indptr), shared.shape)

    weights, tastes = snapshot.decayed_counts(half_life), snapshot.decayed_counts(similarity_half_life)
    rarity = 1 / np.log(2 + snapshot.purchases_by_article) ** damping
    bought_by, buyer, length = snapshot.cached(("user_based_cf", similarity_half_life, buyers), make)
    return in_batches(customers, 250, score)


def _take_tastes(heaviest: sp.csr_matrix, tastes: sp.csr_matrix) -> sp.csr_matrix:
    """Return the entries of `tastes` [n, A] at the positions of `heaviest` [n, A]."""
    return with_data(heaviest, look_up(tastes, row_numbers(heaviest), heaviest.indices))


def _compare_with_self(itself: Floats, length: Floats, similarity: str) -> Floats:
    """Return each customer's similarity to themselves, [n]; 0 without a history."""
    least = 2 * length - itself if similarity == "jaccard" else length
    return np.divide(itself, least, out=np.zeros(len(length)), where=length > 0)
