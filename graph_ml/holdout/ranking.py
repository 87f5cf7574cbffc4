"""Lists of articles for many customers at once, and how they hold against what the customers bought."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export.subgraph import Integers, Subgraph
from .metrics import Counts, Hits
from .split import HoldOut

SCORES_AT_ONCE = 16_000_000  # 64 MB of float32
GROUP = 32  # articles whose largest score stands for them
_OF_THREAD = threading.local()


@dataclass(frozen=True)
class Truth:
    """What customers bought in the days held out.

    Attributes
    ----------
    customers : [n] int64, those who bought something that counts.
    bought : [C, A], what counts: all they bought, or only what they had not bought before.
    owned : [C, A], what they bought before where that is left out of lists, else None.
    relevant : [n], how many different articles count.
    """

    customers: Integers
    bought: sp.csr_matrix
    owned: sp.csr_matrix | None
    relevant: Counts


def collect_pairs(subgraph: Subgraph) -> sp.csr_matrix:
    """[C, A]: 1 where a customer bought an article."""
    shape = (len(subgraph.customer_ids), len(subgraph.article_ids))
    ones = np.ones(subgraph.num_edges, dtype=np.float32)
    pairs = sp.csr_matrix((ones, (subgraph.customer, subgraph.article)), shape)
    pairs.sum_duplicates()
    pairs.data[:] = 1
    return pairs


def make_truth(held: HoldOut, new_only: bool, cold: bool = False) -> Truth:
    """What lists are held against: of what customers with a history bought after the cut, all or what is new to them.

    Parameters
    ----------
    held : the purchases before and after the cut.
    new_only : whether pairs bought before are left out, of the lists and of what counts.
    cold : whether customers without a history count, too.
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
    """The articles with the largest cosine to each customer, exactly, by parts that fit the memory.

    Parameters
    ----------
    customers, articles : [n, dim] and [A, dim]; an embedding of zeros is near to nothing.
    k : how many.
    owned : [n, A], what to leave out of each customer's list.

    Returns
    -------
    [n, k] int64, the nearest first; -1 where there are no more.
    """
    return rank_by_product(_normalize(customers), np.ascontiguousarray(_normalize(articles).T), k, owned)


def rank_by_product(
    customers: npt.NDArray[np.float32], articles: npt.NDArray[np.float32], k: int, owned: sp.csr_matrix | None = None
) -> Integers:
    """The articles with the largest product with each customer: `rank_by_cosine` of embeddings of length 1.

    Parameters
    ----------
    customers, articles : [n, dim] and [dim, A], the second by rows.
    k, owned : as there.
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
    """[size]: memory of this thread, the same each time: what is given anew costs as much as the product."""
    space: npt.NDArray[np.float32] | None = getattr(_OF_THREAD, "space", None)
    if space is None or len(space) < size:
        space = _OF_THREAD.space = np.empty(size, dtype=np.float32)
    return space[:size]


def _normalize(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """[n, dim]: of length 1, or 0 where it was."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = vectors / np.maximum(length, np.float32(1e-12))
    return scaled


def _find_largest(scores: npt.NDArray[np.float32], k: int) -> tuple[npt.NDArray[np.float32], Integers]:
    """[n, k] each: the largest of each row, the first first, and their places.

    They are in the k groups with the largest maxima, and only those are sorted: a third of the time over all.
    """
    groups = scores.shape[1] // GROUP
    if groups <= k:
        return _sort_largest(scores, np.broadcast_to(np.arange(scores.shape[1]), scores.shape), k)
    whole = groups * GROUP  # group g has the places g, g + groups, g + 2 groups, ...
    maxima = scores[:, :whole].reshape(len(scores), GROUP, groups).max(axis=1)
    chosen = np.argpartition(maxima, groups - k, axis=1)[:, groups - k :]
    places = (chosen[:, :, None] + groups * np.arange(GROUP)).reshape(len(scores), -1)
    rest = np.broadcast_to(np.arange(whole, scores.shape[1]), (len(scores), scores.shape[1] - whole))
    places = np.concatenate([places, rest], axis=1)
    return _sort_largest(np.take_along_axis(scores, places, axis=1), places, k)


def _sort_largest(
    values: npt.NDArray[np.float32], places: Integers, k: int
) -> tuple[npt.NDArray[np.float32], Integers]:
    """[n, k] each: the largest of values [n, m], the first first, and their places [n, m]."""
    best = np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
    best = np.take_along_axis(best, np.argsort(-np.take_along_axis(values, best, axis=1), axis=1), axis=1)
    return np.take_along_axis(values, best, axis=1), np.take_along_axis(places, best, axis=1)


def mark_hits(ranked: Integers, truth: Truth) -> Hits:
    """[n, k]: whether the article at each place of `ranked` [n, k], a row for each of the truth's customers, counts."""
    rows = np.repeat(truth.customers, ranked.shape[1])
    counts = np.asarray(truth.bought[rows, np.maximum(ranked, 0).ravel()]).ravel() > 0
    return counts.reshape(ranked.shape) & (ranked >= 0)
