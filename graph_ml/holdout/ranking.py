"""Rank articles for many customers at once, and compare the lists with what the customers bought."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export.subgraph import Integers, Subgraph
from .metrics import Counts, Hits
from .split import HoldOut

SCORES_AT_ONCE = 16_000_000
"""How many scores are in memory at once: 64 MB of float32."""
_GROUP = 32  # articles per group; only the groups with the largest maxima are sorted
_OF_THREAD = threading.local()


@dataclass(frozen=True)
class Truth:
    """What customers bought in the hold-out period.

    Attributes
    ----------
    customers : [n] int64, customers with a relevant purchase.
    bought : [C, A], the relevant purchases: all, or only pairs not bought before.
    owned : [C, A], earlier purchases to exclude from the lists; None to keep them.
    relevant : [n], number of different relevant articles.
    """

    customers: Integers
    bought: sp.csr_matrix
    owned: sp.csr_matrix | None
    relevant: Counts


def collect_pairs(subgraph: Subgraph) -> sp.csr_matrix:
    """Return [C, A], 1 if the customer bought the article."""
    shape = (len(subgraph.customer_ids), len(subgraph.article_ids))
    ones = np.ones(subgraph.num_edges, dtype=np.float32)
    pairs = sp.csr_matrix((ones, (subgraph.customer, subgraph.article)), shape)
    pairs.sum_duplicates()
    pairs.data[:] = 1
    return pairs


def make_truth(held: HoldOut, new_only: bool, cold: bool = False) -> Truth:
    """Return the purchases from the cut on that lists are compared with.

    Parameters
    ----------
    held : the purchases before and after the cut.
    new_only : exclude pairs bought before, from the lists and from the purchases that count.
    cold : include customers without a history.
    """
    owned, bought = collect_pairs(held.before), collect_pairs(held.after)
    if new_only:
        bought = (bought - bought.multiply(owned)).tocsr()
        bought.eliminate_zeros()
    relevant = np.diff(bought.indptr)
    customers = np.flatnonzero((relevant > 0) & (cold | (np.diff(owned.indptr) > 0)))
    return Truth(customers, bought, owned if new_only else None, relevant[customers].astype(np.int64))


def rank_by_cosine(
    customers: npt.NDArray[np.float32], articles: npt.NDArray[np.float32], k: int, owned: sp.csr_matrix | None = None
) -> Integers:
    """Return the articles with the largest cosine to each customer, exactly, in batches that fit in memory.

    Parameters
    ----------
    customers, articles : [n, dim] and [A, dim]; the cosine with an embedding of zeros is 0.
    k : length of the lists.
    owned : [n, A], articles to exclude from each customer's list.

    Returns
    -------
    [n, k] int64, the nearest first, padded with -1.
    """
    return rank_by_product(_normalize(customers), np.ascontiguousarray(_normalize(articles).T), k, owned)


def rank_by_product(
    customers: npt.NDArray[np.float32], articles: npt.NDArray[np.float32], k: int, owned: sp.csr_matrix | None = None
) -> Integers:
    """Return the articles with the largest inner product with each customer; `rank_by_cosine` for unit vectors.

    Parameters
    ----------
    customers, articles : [n, dim] and [dim, A], the second in row-major order.
    k, owned : as in `rank_by_cosine`.
    """
    number = articles.shape[1]
    found = np.full((len(customers), k), -1, dtype=np.int64)
    size = max(1, min(len(customers), SCORES_AT_ONCE // max(1, number)))
    space = _take_space(size * number).reshape(size, number)
    for begin in range(0, len(customers), size):
        part = customers[begin : begin + size]
        scores = np.matmul(part, articles, out=space[: len(part)])
        if owned is not None:
            pairs = owned[begin : begin + size].tocoo()
            scores[pairs.row, pairs.col] = -np.inf
        best, place = _find_largest(scores, min(k, number))
        found[begin : begin + size, : place.shape[1]] = np.where(np.isinf(best), -1, place)
    return found


def _take_space(size: int) -> npt.NDArray[np.float32]:
    """Return a buffer [size] that is reused by this thread; allocating one each time costs as much as the product."""
    space: npt.NDArray[np.float32] | None = getattr(_OF_THREAD, "space", None)
    if space is None or len(space) < size:
        space = _OF_THREAD.space = np.empty(size, dtype=np.float32)
    return space[:size]


def _normalize(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scale the vectors [n, dim] to length 1; zeros stay zeros."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = vectors / np.maximum(length, np.float32(1e-12))
    return scaled


def _find_largest(scores: npt.NDArray[np.float32], k: int) -> tuple[npt.NDArray[np.float32], Integers]:
    """Return the k largest scores of each row in descending order, and their positions, [n, k] each.

    They lie in the k groups with the largest maxima. Sorting only those takes a third of the time of sorting all.
    """
    groups = scores.shape[1] // _GROUP
    if groups <= k:
        return _sort_largest(scores, np.broadcast_to(np.arange(scores.shape[1]), scores.shape), k)
    whole = groups * _GROUP  # group g has the positions g, g + groups, g + 2 groups, ...
    maxima = scores[:, :whole].reshape(len(scores), _GROUP, groups).max(axis=1)
    chosen = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
    places = (chosen[:, :, None] + groups * np.arange(_GROUP)).reshape(len(scores), -1)
    rest = np.broadcast_to(np.arange(whole, scores.shape[1]), (len(scores), scores.shape[1] - whole))
    places = np.concatenate([places, rest], axis=1)
    return _sort_largest(np.take_along_axis(scores, places, axis=1), places, k)


def _sort_largest(
    values: npt.NDArray[np.float32], places: Integers, k: int
) -> tuple[npt.NDArray[np.float32], Integers]:
    """Return the k largest of values [n, m] in descending order, and their entries in places [n, m], [n, k] each."""
    best = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(values, best, axis=1), axis=1), axis=1)
    return np.take_along_axis(values, best, axis=1), np.take_along_axis(places, best, axis=1)


def mark_hits(ranked: Integers, truth: Truth) -> Hits:
    """Return [n, k]: whether each article of `ranked` [n, k], a row per customer of the truth, is relevant.

    Parameters
    ----------
    ranked : [n, k] int64, lists of articles, padded with -1.
    truth : the purchases that count.
    """
    rows = np.repeat(truth.customers, ranked.shape[1])
    counts = np.asarray(truth.bought[rows, np.maximum(ranked, 0).ravel()]).ravel() > 0
    return counts.reshape(ranked.shape) & (ranked >= 0)
