"""Operations on sparse matrices that several recommenders share."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .lists import Candidates, Floats, look_up, rank_absolute, row_numbers, select, take_top_k
from .products import number_by_count
from .snapshot import Snapshot


def take_heaviest(weights: sp.csr_matrix, articles: int) -> sp.csr_matrix:
    """Return the `articles` entries of largest weight in each row; of ties, the first."""
    best = take_top_k(weights, articles, rank_absolute)
    matrix = sp.csr_matrix((best.score, best.article, best.indptr), weights.shape)
    matrix.sort_indices()
    return matrix


def number_by_sales(snapshot: Snapshot, counts: sp.csr_matrix) -> tuple[sp.csr_matrix, Integers]:
    """Renumber the articles of counts [C, A] by purchases; return the counts, and the article of each number [A].

    The columns that are updated most are then adjacent and stay in the cache: sums over customers take two thirds of
    the time.
    """
    number, article = number_by_count(snapshot.purchases_by_article)
    numbered = sp.csr_matrix((counts.data.copy(), number[counts.indices], counts.indptr), counts.shape)
    numbered.sort_indices()
    return numbered, article


def keep_passing(snapshot: Snapshot, sums: sp.csr_matrix, article: Integers | None = None) -> sp.csr_matrix:
    """Return the sums [n, A] of articles that pass the snapshot's filters alone.

    Parameters
    ----------
    snapshot : has the filters.
    sums : the sums.
    article : [A], the article of each column; None if the columns are the articles.
    """
    if snapshot.only is None:
        return sums
    return select(sums, snapshot.only[sums.indices if article is None else article[sums.indices]])


def damp(
    snapshot: Snapshot, sums: sp.csr_matrix, batch: Integers, k: int, new_only: bool, damping: float
) -> Candidates:
    """Divide the sums [n, A] by (purchases, at least 1) ^ damping; return each customer's `k` best articles."""
    known: Floats = snapshot.cached(
        ("damped", damping), lambda: np.maximum(snapshot.purchases_by_article, 1) ** damping
    )
    damped = with_data(sums, sums.data / known[sums.indices])
    return take_top_k(damped, k, without=snapshot.owned_to_exclude(batch, new_only), only=snapshot.only)


def make_ones(row: Integers, column: Integers, shape: tuple[int, int]) -> sp.csr_matrix:
    """Return a matrix that is 1 at these positions, and 0 elsewhere."""
    matrix = sp.csr_matrix((np.ones(len(row)), (row, column)), shape)  # adds duplicates
    matrix.data[:] = 1
    return matrix


def with_data(matrix: sp.csr_matrix, data: Floats) -> sp.csr_matrix:
    """Return the matrix with its entries replaced by `data` [nnz]."""
    return sp.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def divide_or_zero(weights: Floats, counts: Floats) -> Floats:
    """Return weights / counts; 0 if the count is 0."""
    return np.divide(weights, counts, out=np.zeros(len(weights)), where=counts > 0)


def subtract_own(sums: sp.csr_matrix, itself: sp.csr_matrix) -> sp.csr_matrix:
    """Subtract what an article adds to its own sum, and drop sums to which no other article adds.

    Of those, only a rounding error is left. A customer has at most `articles` sums with an own part. So the `pool`
    largest differences are among the `pool + articles` largest sums, and the callers pass only these.
    """
    own = look_up(itself, row_numbers(sums), sums.indices)
    left = sums.data - own
    return select(with_data(sums, left), left > 1e-12 * own)
