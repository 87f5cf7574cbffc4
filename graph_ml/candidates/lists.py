"""Turn scores into lists of candidates for many customers at once, with the tie rules of the saved queries."""

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

from ...cypher.catalogue import find_query
from ..export.subgraph import Integers
from .largest import find_largest

Floats = npt.NDArray[np.float64]
SLACK = 1e-12  # relative; sums closer than this differ only by the order of addition
COMPILE_FROM = 2_000  # entries of a matrix above which compiling pays off
CELLS_AT_ONCE = 32_000_000  # 32 MB of booleans
THREADS = min(8, os.cpu_count() or 1)


LISTED = int(find_query("popular").default("listed"))
"""The greatest number of articles in a stored list of a group of customers or of a department."""


@dataclass(frozen=True)
class Candidates:
    """Ranked lists of articles for n customers, concatenated, each with the best first.

    Attributes
    ----------
    indptr : [n + 1] int64, the start of each list, and the end of the last.
    article : [m] int64, numbers of articles.
    score : [m] float64, as in the query of the same name.
    source : [m] int64, for the ranker's lists: in which source's list the article stands highest; None for others.
    """

    indptr: Integers
    article: Integers
    score: Floats
    source: Integers | None = None

    @classmethod
    def empty(cls, number: int) -> Candidates:
        """Return empty lists for this number of customers."""
        return cls(np.zeros(number + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def of(self, place: int) -> tuple[Integers, Floats]:
        """Return the articles and scores of the list at this position."""
        part = slice(int(self.indptr[place]), int(self.indptr[place + 1]))
        return self.article[part], self.score[part]

    @property
    def row(self) -> Integers:
        """[m] int64, the list of each article."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


def join(parts: Iterable[Candidates]) -> Candidates:
    """Concatenate the lists of several parts of the customers."""
    parts = list(parts)
    sizes = np.concatenate([np.zeros(1, dtype=np.int64), *(np.diff(part.indptr) for part in parts)])
    return Candidates(
        np.cumsum(sizes),
        np.concatenate([np.zeros(0, dtype=np.int64), *(part.article for part in parts)]),
        np.concatenate([np.zeros(0), *(part.score for part in parts)]),
    )


def in_batches(customers: Integers, size: int, make: Callable[[Integers], Candidates]) -> Candidates:
    """Return the lists that `make` computes for batches of at most `size` customers, in parallel.

    Products of sparse matrices release the GIL: two threads took 53 % of the time of one, on two cores.
    """
    batches = [customers[begin : begin + size] for begin in range(0, len(customers), size)]
    if len(batches) < 2:
        return join(map(make, batches))
    with ThreadPoolExecutor(THREADS) as pool:
        return join(pool.map(make, batches))


def keep_top_k(
    scores: sp.csr_matrix,
    number: int,
    slack: float = SLACK,
    margin: float = 0.0,
    without: sp.csr_matrix | None = None,
) -> sp.csr_matrix:
    """Keep the entries of each row that are at least as large as its `number`-th largest, with ties.

    Rows are processed one by one, so that each stays in the cache. Sorting or searching all rows at once took longer
    than the product that computed the scores.

    Parameters
    ----------
    scores : [n, A], not negative; the entries of a row may be in any order.
    number : number of entries to keep, at least 1.
    slack, margin : relative and absolute tolerance below which values count as equal.
    without : [n, A], entries to exclude beforehand; None for none.
    """
    if without is None and not (np.diff(scores.indptr) > number).any():
        return scores
    find = find_largest if scores.nnz >= COMPILE_FROM else _find_largest
    places, sizes = find(scores, number, slack, margin, without)
    return sp.csr_matrix((scores.data[places], scores.indices[places], list_offsets(sizes)), scores.shape)


def _find_largest(
    scores: sp.csr_matrix, number: int, slack: float, margin: float, without: sp.csr_matrix | None
) -> tuple[Integers, Integers]:
    """Do as `find_largest`, without compiling."""
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
    return np.concatenate(kept), sizes


def select(matrix: sp.csr_matrix, kept: npt.NDArray[np.bool_]) -> sp.csr_matrix:
    """Return the matrix with only the entries for which `kept` [nnz] is true."""
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sp.csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), matrix.shape)


def rank_relative(scores: Floats) -> Floats:
    """Round scores to twelve significant digits, so that sums added in another order are ties at any scale."""
    logarithms: Floats = np.log(scores)
    return np.round(logarithms, 12)


def rank_absolute(scores: Floats) -> Floats:
    """Round scores to twelve decimals, as `round(score, 12)` in the queries."""
    ranks: Floats = np.round(scores, 12)
    return ranks


def take_top_k(
    scores: sp.csr_matrix,
    k: int,
    rank: Callable[[Floats], Floats] = rank_relative,
    without: sp.csr_matrix | None = None,
    only: npt.NDArray[np.bool_] | None = None,
) -> Candidates:
    """Return the `k` best entries of each row, by rank and then by article.

    Articles with an entry in `without` [n, A] are excluded, as are those for which `only` [A] is false.
    """
    if only is not None:
        scores = select(scores, only[scores.indices])
    is_relative = rank is rank_relative
    slack, margin = (4 * SLACK, 0.0) if is_relative else (0.0, 4 * SLACK)
    pool = keep_top_k(scores, k, slack, margin, without)
    if is_relative and pool.nnz and pool.data.min() <= 0:  # sums that underflow to 0
        pool = select(pool, pool.data > 0)
    if not pool.has_sorted_indices:
        pool = pool.sorted_indices()
    order = _sort_rows(pool, -rank(pool.data))
    order = order[np.arange(len(order)) - pool.indptr[row_numbers(pool)] < k]
    sizes = np.minimum(np.diff(pool.indptr), k)
    return Candidates(list_offsets(sizes), pool.indices[order].astype(np.int64), pool.data[order])


def _sort_rows(matrix: sp.csr_matrix, values: Floats) -> Integers:
    """Return [nnz], the positions of each row's entries by ascending values [nnz]; ties keep their order."""
    sizes = np.diff(matrix.indptr)
    longest = int(sizes.max(initial=0))
    if len(sizes) * longest > 4 * len(values) + COMPILE_FROM:  # a few rows are much longer than the others
        return np.lexsort((values, row_numbers(matrix)))
    inside = np.arange(longest) < sizes[:, None]
    table = np.full(inside.shape, np.inf)
    table[inside] = values
    order = np.argsort(table, axis=1, kind="stable") + matrix.indptr[:-1, None]
    return np.asarray(order[inside], dtype=np.int64)


def row_numbers(matrix: sp.csr_matrix) -> Integers:
    """Return the row of each entry, [nnz] int64."""
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def place_within(row: Integers, score: npt.NDArray[Any], group: Integers | None = None) -> Integers:
    """Return the rank of each entry in its row (ascending), [m]; 0 is the largest score, ties keep their order.

    If there is a `group` [m], lower groups come first whatever their scores.
    """
    place = np.empty(len(row), dtype=np.int64)
    keys = (-score, row) if group is None else (-score, group, row)
    place[np.lexsort(keys)] = np.arange(len(row)) - np.searchsorted(row, row)
    return place


def take_largest(row: Integers, score: npt.NDArray[Any], most: int) -> Integers:
    """Return the positions of the `most` largest scores of each row (ascending), in order; of ties, the first.

    These are the ranks below `most` of `place_within`, without a full sort: a fifth of its time.
    """
    sizes = np.bincount(row)
    if not len(row) or sizes.max() <= most:
        return np.arange(len(row))
    begins = list_offsets(sizes)
    table = np.full((len(sizes), int(sizes.max())), -np.inf)
    table[row, np.arange(len(row)) - begins[row]] = score
    least = np.partition(table, table.shape[1] - most, axis=1)[:, table.shape[1] - most][row]
    is_above, is_equal = score > least, score == least
    above = np.add.reduceat(is_above, begins[:-1][sizes > 0], dtype=np.int64)
    earlier = np.cumsum(is_equal) - is_equal  # number of earlier ties, over all rows
    earlier -= earlier[begins[row]]
    room = np.zeros(len(sizes), dtype=np.int64)
    room[sizes > 0] = most - above
    return np.flatnonzero(is_above | (is_equal & (earlier < room[row])))


def look_up(matrix: sp.csr_matrix, rows: Integers, columns: Integers) -> npt.NDArray[Any]:
    """Return the matrix's entries at these positions, [m]; 0 if there is none."""
    if not len(rows):
        return np.zeros(0)
    return np.asarray(matrix[rows, columns]).ravel()


@dataclass(frozen=True)
class Rankings:
    """Rankings of articles for several groups of customers; all customers of a group share one.

    Attributes
    ----------
    indptr : [groups + 1] int64.
    article, score : the rankings, concatenated, each with the best first.
    key, place : group * articles + article, ascending, and the article's position in the group's ranking.
    articles : total number of articles, ranked or not.
    """

    indptr: Integers
    article: Integers
    score: Floats
    key: Integers
    place: Integers
    articles: int

    @classmethod
    def of(cls, scores: sp.csr_matrix, most: int | None = None) -> Rankings:
        """Rank the entries of each row [groups, A]; keep the `most` best, or all."""
        ranked = take_top_k(scores, max(1, scores.shape[1] if most is None else most))
        key = ranked.row * scores.shape[1] + ranked.article
        order = np.argsort(key)
        place = (np.arange(len(key)) - ranked.indptr[ranked.row])[order]
        return cls(ranked.indptr, ranked.article, ranked.score, key[order], place, scores.shape[1])

    def first(self, group: Integers, k: int, without: sp.csr_matrix | None = None) -> Candidates:
        """Return the first `k` articles of the group of each of m lists, except those in `without` [m, A]."""
        if without is None:
            without = sp.csr_matrix((len(group), self.articles))
        rows, places = self._find(group, without)
        most = k + int(np.bincount(rows, minlength=1).max())
        size = max(1, CELLS_AT_ONCE // most)
        parts = []
        for begin in range(0, len(group), size):
            inside = (rows >= begin) & (rows < begin + size) & (places < most)
            parts.append(self._first(group[begin : begin + size], k, most, rows[inside] - begin, places[inside]))
        return join(parts)

    def _find(self, group: Integers, articles: sp.csr_matrix) -> tuple[Integers, Integers]:
        """Find the articles of each list [m, A] in its group's ranking; return the rows and positions found."""
        rows = row_numbers(articles)
        key = group[rows] * self.articles + articles.indices
        at = np.minimum(np.searchsorted(self.key, key), max(0, len(self.key) - 1))
        found = self.key[at] == key if len(self.key) else np.zeros(len(key), dtype=np.bool_)
        return rows[found], self.place[at[found]]

    def _first(self, group: Integers, k: int, most: int, rows: Integers, places: Integers) -> Candidates:
        free = np.arange(most) < np.diff(self.indptr)[group][:, None]
        free[rows, places] = False
        free &= np.cumsum(free, axis=1) <= k
        row, place = np.nonzero(free)
        found = self.indptr[group[row]] + place
        return Candidates(list_offsets(free.sum(axis=1)), self.article[found], self.score[found])


def take_lists(lists: Candidates, places: Integers) -> Candidates:
    """Return the lists at these positions, in this order."""
    sizes = np.diff(lists.indptr)[places]
    indptr = list_offsets(sizes)
    taken = np.repeat(lists.indptr[places] - indptr[:-1], sizes) + np.arange(indptr[-1])
    return Candidates(indptr, lists.article[taken], lists.score[taken])


def replace_lists(lists: Candidates, places: Integers, find: Callable[[Integers], Candidates]) -> Candidates:
    """Return the lists with those at some positions found anew; `find` is not called for none."""
    if not len(places):
        return lists
    chosen = np.arange(len(lists))
    chosen[places] = len(lists) + np.arange(len(places))
    return take_lists(join([lists, find(places)]), chosen)


def list_offsets(sizes: npt.NDArray[Any]) -> Integers:
    """Return [n + 1], the start of each of n lists, and the end of the last."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])
