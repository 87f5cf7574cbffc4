"""Lists of candidates for many customers at once: how scores become lists, by the rules of the saved queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export import Integers

Floats = npt.NDArray[np.float64]
SLACK = 1e-12  # sums that differ by less, relative, are the same sum added up in another order
CELLS_AT_ONCE = 32_000_000  # 32 MB of booleans


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
    """The lists that `make` gives for at most `size` customers at a time."""
    return join(make(customers[begin : begin + size]) for begin in range(0, len(customers), size))


def keep_largest(scores: sp.csr_matrix, number: int, slack: float = SLACK) -> sp.csr_matrix:
    """Those entries of each row that are as large as its `number`-th largest, ties among them; scores are above 0.

    A row costs 5 to 10 microseconds besides its partition; sorting all entries of all rows is five times as slow.
    """
    sizes = np.diff(scores.indptr)
    least = np.zeros(len(sizes))
    for row in np.flatnonzero(sizes > number):
        values = scores.data[scores.indptr[row] : scores.indptr[row + 1]]
        least[row] = np.partition(values, len(values) - number)[len(values) - number]
    return select(scores, scores.data >= np.repeat(least * (1 - slack), sizes))


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


def take_best(scores: sp.csr_matrix, k: int, rank: Callable[[Floats], Floats] = rank_relative) -> Candidates:
    """The `k` best of each row, by rank and then by article."""
    slack = 4 * SLACK if rank is rank_relative else np.inf
    pool = keep_largest(scores, k, slack) if np.isfinite(slack) else scores
    row = np.repeat(np.arange(pool.shape[0]), np.diff(pool.indptr))
    order = np.lexsort((pool.indices, -rank(pool.data), row))
    order = order[np.arange(len(order)) - pool.indptr[row] < k]
    sizes = np.minimum(np.diff(pool.indptr), k)
    return Candidates(_begin(sizes), pool.indices[order].astype(np.int64), pool.data[order])


def leave_out(scores: sp.csr_matrix, owned: sp.csr_matrix) -> sp.csr_matrix:
    """The entries of `scores` [n, A] that have none in `owned` [n, A], which holds ones."""
    return select(scores, look_up(owned, row_numbers(scores), scores.indices) == 0)


def row_numbers(matrix: sp.csr_matrix) -> Integers:
    """[nnz] int64: the row of each entry."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


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
