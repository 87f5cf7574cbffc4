"""Lists of articles for many customers at once, and how they hold against what the customers bought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .export import Integers, Subgraph
from .metrics import Counts, Hits
from .split import HoldOut

if TYPE_CHECKING:
    import torch

SCORES_AT_ONCE = 8_000_000  # 32 MB of float32
GROUP = 32  # articles whose largest score stands for them


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

    right = torch.nn.functional.normalize(torch.from_numpy(articles), dim=1).T
    found = np.full((len(customers), k), -1, dtype=np.int64)
    size = min(len(customers), max(1, SCORES_AT_ONCE // max(1, len(articles))))
    space = torch.empty((size, len(articles)))  # taken once: new memory costs as much as the product
    for begin in range(0, len(customers), max(1, size)):
        left = torch.nn.functional.normalize(torch.from_numpy(customers[begin : begin + size]), dim=1)
        scores = torch.mm(left, right, out=space[: len(left)])
        if owned is not None:
            part = owned[begin : begin + size].tocoo()
            scores[torch.from_numpy(part.row).long(), torch.from_numpy(part.col).long()] = -torch.inf
        best, place = _find_largest(scores, min(k, len(articles)))
        nearest = torch.where(torch.isinf(best), -1, place)
        found[begin : begin + size, : nearest.shape[1]] = nearest.numpy()
    return found


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


def mark_hits(ranked: Integers, truth: Truth) -> Hits:
    """[n, k]: whether the article at each place of `ranked` [n, k], a row for each of the truth's customers, counts."""
    rows = np.repeat(truth.customers, ranked.shape[1])
    counts = np.asarray(truth.bought[rows, np.maximum(ranked, 0).ravel()]).ravel() > 0
    return counts.reshape(ranked.shape) & (ranked >= 0)
