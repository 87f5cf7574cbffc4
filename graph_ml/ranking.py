"""Lists of articles for many customers at once, and how they hold against what the customers bought."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from .export import Integers, Subgraph
from .metrics import Counts, Hits
from .split import HoldOut

if TYPE_CHECKING:
    import torch

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
    import torch  # takes seconds, and one customer's recommendations need none of it

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
        best, place = _find_largest(torch.from_numpy(scores), min(k, number))
        nearest = torch.where(torch.isinf(best), -1, place)
        found[begin : begin + size, : nearest.shape[1]] = nearest.numpy()
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


def _find_largest(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """[n, k] each: the largest of each row, the first first, and their places.

    They are in the k groups with the largest maxima, and only those are sorted: a third of `topk`'s time over all.
    """
    import torch

    groups = scores.shape[1] // GROUP
    if groups <= k:
        best = scores.topk(k, dim=1)
        return best.values, best.indices
    whole = groups * GROUP  # group g has the places g, g + groups, g + 2 groups, ...
    maxima = scores[:, :whole].view(len(scores), GROUP, groups).amax(dim=1)
    chosen = maxima.topk(k, dim=1).indices
    places = (chosen[:, :, None] + groups * torch.arange(GROUP)).flatten(1)
    rest = torch.arange(whole, scores.shape[1]).expand(len(scores), -1)
    places = torch.cat([places, rest], dim=1)
    best = scores.gather(1, places).topk(k, dim=1)
    return best.values, places.gather(1, best.indices)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let the libraries compute in the thread that asks them: for threads of one's own, as many as there are cores."""
    import torch

    before = torch.get_num_threads()
    with threadpool_limits(1, "blas"):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def mark_hits(ranked: Integers, truth: Truth) -> Hits:
    """[n, k]: whether the article at each place of `ranked` [n, k], a row for each of the truth's customers, counts."""
    rows = np.repeat(truth.customers, ranked.shape[1])
    counts = np.asarray(truth.bought[rows, np.maximum(ranked, 0).ravel()]).ravel() > 0
    return counts.reshape(ranked.shape) & (ranked >= 0)
