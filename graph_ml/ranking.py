"""Lists of articles for many customers at once, and how they hold against what the customers bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .export import Integers, Subgraph
from .metrics import Counts, Hits
from .split import HoldOut

SCORES_AT_ONCE = 32_000_000  # 128 MB of float32


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
    import torch  # takes seconds, and one customer's recommendations need none of it

    right = torch.nn.functional.normalize(torch.from_numpy(articles), dim=1).T.contiguous()
    found = np.full((len(customers), k), -1, dtype=np.int64)
    size = max(1, SCORES_AT_ONCE // max(1, len(articles)))
    for begin in range(0, len(customers), size):
        left = torch.nn.functional.normalize(torch.from_numpy(customers[begin : begin + size]), dim=1)
        scores = left @ right
        if owned is not None:
            part = owned[begin : begin + size].tocoo()
            scores[torch.from_numpy(part.row).long(), torch.from_numpy(part.col).long()] = -torch.inf
        best = scores.topk(min(k, len(articles)), dim=1)
        nearest = torch.where(torch.isinf(best.values), -1, best.indices)
        found[begin : begin + size, : nearest.shape[1]] = nearest.numpy()
    return found


def mark_hits(ranked: Integers, truth: Truth) -> Hits:
    """[n, k]: whether the article at each place of `ranked` [n, k], a row for each of the truth's customers, counts."""
    rows = np.repeat(truth.customers, ranked.shape[1])
    counts = np.asarray(truth.bought[rows, np.maximum(ranked, 0).ravel()]).ravel() > 0
    return counts.reshape(ranked.shape) & (ranked >= 0)
