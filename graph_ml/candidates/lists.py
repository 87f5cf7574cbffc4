"""Lists of candidates for many customers at once: how scores become lists, by the rules of the saved queries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export import Integers

Floats = npt.NDArray[np.float64]
SLACK = 1e-12  # sums that differ by less, relative, are the same sum added up in another order
CELLS_AT_ONCE = 32_000_000  # 32 MB of booleans
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Candidates:
    """A list of articles for each of n customers, one after the other, the best first.

    Attributes
    ----------
    indptr : [n + 1] int64, where each list begins; the last one's end.
    article : [m] int64, numbers of articles.
    score : [m] float64, as the query of the same name gives it.
    """

    indptr: Integers
    article: Integers
    score: Floats

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def of(self, place: int) -> tuple[Integers, Floats]:
        """The articles and scores of the list at a place."""
        part = slice(int(self.indptr[place]), int(self.indptr[place + 1]))
        return self.article[part], self.score[part]

    @property
    def row(self) -> Integers:
        """[m] int64: to which list each article belongs."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


def join(parts: Iterable[Candidates]) -> Candidates:
    """Lists of one part of the customers after the other."""
    parts = list(parts)
    sizes = np.concatenate([np.zeros(1, dtype=np.int64), *(np.diff(part.indptr) for part in parts)])
    return Candidates(
        np.cumsum(sizes),
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.article for part in parts)]),
        np.concatenate([np.zeros(0), *(part.score for part in parts)]),
    )


def in_batches(customers: Integers, size: int, make: Callable[[Integers], Candidates]) -> Candidates:
    """The lists that `make` gives for at most `size` customers at a time, a few such batches at once.

    Products of sparse matrices let other threads run: two took 53 % of one's time on two cores.
    """
    batches = [customers[begin : begin + size] for begin in range(0, len(customers), size)]
    if len(batches) < 2:
        return join(map(make, batches))
    with ThreadPoolExecutor(THREADS) as pool:
        return join(pool.map(make, batches))


def keep_largest(
    scores: sp.csr_matrix,
    number: int,
    slack: float = SLACK,
    margin: float = 0.0,
    without: sp.csr_matrix | None = None,
) -> sp.csr_matrix:
    """Those entries of each row that are as large as its `number`-th largest, ties among them; scores are not below 0.

    One row after the other, so that each stays in the cache: it costs 10 microseconds and its partition. Nothing of all
    rows is sorted or looked up, which took longer than the product that gave the scores.

    Parameters
    ----------
    scores : [n, A]; the entries of a row in any order.
    number : how many, at least 1.
    slack, margin : what is smaller by less than this, relative and absolute, counts as equal.
    without : [n, A], whose entries are left out before anything is counted; None for nothing.
    """
    if without is None and not (np.diff(scores.indptr) > number).any():
        return scores
    is_out = np.zeros(scores.shape[1], dtype=np.bool_)
    kept = [np.zeros(0, dtype=np.int64)]
    sizes = np.zeros(scores.shape[0], dtype=np.int64)
    for row, (begin, end) in enumerate(pairwise(scores.indptr.tolist())):
        values, places = scores.data[begin:end], None
        if without is not None:
            out = without.indices[without.indptr[row] : without.indptr[row + 1]]
            is_out[out] = True
            places = np.flatnonzero(~is_out[scores.indices[begin:end]])
            is_out[out] = False
            values = values[places]
        if len(values) > number:
            least = np.partition(values, len(values) - number)[len(values) - number]
            large = np.flatnonzero(values >= least * (1 - slack) - margin)
            places = large if places is None else places[large]
        elif places is None:
            places = np.arange(end - begin)
        kept.append(places + begin)
        sizes[row] = len(places)
    places = np.concatenate(kept)
    return sp.csr_matrix((scores.data[places], scores.indices[places], _begin(sizes)), scores.shape)


def select(matrix: sp.csr_matrix, kept: npt.NDArray[np.bool_]) -> sp.csr_matrix:
    """Those entries of a matrix alone for which `kept` [nnz] is true."""
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sp.csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), matrix.shape)


def rank_relative(scores: Floats) -> Floats:
    """The score with twelve digits, so that sums added up in another order are ties, at any scale."""
    logarithms: Floats = np.log(scores)
    return np.round(logarithms, 12)


def rank_absolute(scores: Floats) -> Floats:
    """The score with twelve decimals: `round(score, 12)` of the queries."""
    ranks: Floats = np.round(scores, 12)
    return ranks


def take_best(
    scores: sp.csr_matrix,
    k: int,
    rank: Callable[[Floats], Floats] = rank_relative,
    without: sp.csr_matrix | None = None,
    only: npt.NDArray[np.bool_] | None = None,
) -> Candidates:
    """The `k` best of each row, by rank and then by article.

    What has an entry in `without` [n, A] is left out, and every article for which `only` [A] is false.
    """
    if only is not None:
        scores = select(scores, only[scores.indices])
    is_relative = rank is rank_relative
    slack, margin = (4 * SLACK, 0.0) if is_relative else (0.0, 4 * SLACK)
    pool = keep_largest(scores, k, slack, margin, without)
    if is_relative and pool.nnz and pool.data.min() <= 0:  # sums so small that nothing is left of them
        pool = select(pool, pool.data > 0)
    row = row_numbers(pool)
    order = np.lexsort((pool.indices, -rank(pool.data), row))
    order = order[np.arange(len(order)) - pool.indptr[row] < k]
    sizes = np.minimum(np.diff(pool.indptr), k)
    return Candidates(_begin(sizes), pool.indices[order].astype(np.int64), pool.data[order])


def row_numbers(matrix: sp.csr_matrix) -> Integers:
    """[nnz] int64: the row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def place_within(row: Integers, score: npt.NDArray[Any]) -> Integers:
    """[m]: the place of each entry in its row (ascending), from 0, the largest score first, equal ones as they come."""
    place = np.empty(len(row), dtype=np.int64)
    place[np.lexsort((-score, row))] = np.arange(len(row)) - np.searchsorted(row, row)
    return place


def look_up(matrix: sp.csr_matrix, rows: Integers, columns: Integers) -> npt.NDArray[Any]:
    """[m]: the matrix's entries at those places, 0 where it has none."""
    if not len(rows):
        return np.zeros(0)
    return np.asarray(matrix[rows, columns]).ravel()


@dataclass(frozen=True)
class Rankings:
    """Articles in their order, for each of several groups: what is the same for all customers of a group.

    Attributes
    ----------
    indptr : [groups + 1] int64.
    article, score : one ranking after the other, the best first.
    place : [groups, A], 1 + the place of an article in a group's ranking.
    """

    indptr: Integers
    article: Integers
    score: Floats
    place: sp.csr_matrix

    @classmethod
    def of(cls, scores: sp.csr_matrix, rank: Callable[[Floats], Floats] = rank_relative) -> Rankings:
        """The entries of each row [groups, A], in their order."""
        all_of_them = take_best(scores, max(1, scores.shape[1]), rank)
        place = np.arange(len(all_of_them.article)) - all_of_them.indptr[all_of_them.row] + 1
        matrix = sp.csr_matrix((place, all_of_them.article, all_of_them.indptr), scores.shape)
        matrix.sort_indices()
        return cls(all_of_them.indptr, all_of_them.article, all_of_them.score, matrix)

    def first(self, group: Integers, k: int, without: sp.csr_matrix | None = None) -> Candidates:
        """The first `k` of the group of each of m lists, what is `without` [m, A] left out."""
        if without is None:
            without = sp.csr_matrix((len(group), self.place.shape[1]))
        rows = row_numbers(without)
        places = look_up(self.place, group[rows], without.indices).astype(np.int64) - 1
        rows, places = rows[places >= 0], places[places >= 0]
        most = k + int(np.bincount(rows, minlength=1).max())
        size = max(1, CELLS_AT_ONCE // most)
        parts = []
        for begin in range(0, len(group), size):
            inside = (rows >= begin) & (rows < begin + size) & (places < most)
            parts.append(self._first(group[begin : begin + size], k, most, rows[inside] - begin, places[inside]))
        return join(parts)

    def _first(self, group: Integers, k: int, most: int, rows: Integers, places: Integers) -> Candidates:
        free = np.arange(most) < np.diff(self.indptr)[group][:, None]
        free[rows, places] = False
        free &= np.cumsum(free, axis=1) <= k
        row, place = np.nonzero(free)
        found = self.indptr[group[row]] + place
        return Candidates(_begin(free.sum(axis=1)), self.article[found], self.score[found])


def _begin(sizes: npt.NDArray[Any]) -> Integers:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])
