"""Steps on sparse matrices that several recommenders share."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .lists import Candidates, Floats, look_up, rank_absolute, row_numbers, select, take_top_k
from .products import number_by_count
from .snapshot import Snapshot


def take_weightiest(weights: sp.csr_matrix, articles: int) -> sp.csr_matrix:
    """Of each row the `articles` entries of most weight, and of equal ones the first."""
    best = take_top_k(weights, articles, rank_absolute)
    matrix = sp.csr_matrix((best.score, best.article, best.indptr), weights.shape)
    matrix.sort_indices()
    return matrix


def number_by_sales(snapshot: Snapshot, counts: sp.csr_matrix) -> tuple[sp.csr_matrix, Integers]:
    """The counts [C, A] with the articles numbered by how often they are bought, and by that number the article.

    What is added to most stands together, and stays in the cache: sums over customers take two thirds of the time.
    """
    number, seller = number_by_count(snapshot.purchases_by_article)
    numbered = sp.csr_matrix((counts.data.copy(), number[counts.indices], counts.indptr), counts.shape)
    numbered.sort_indices()
    return numbered, seller


def damp(
    snapshot: Snapshot, sums: sp.csr_matrix, batch: Integers, k: int, new_only: bool, damping: float
) -> Candidates:
    known: Floats = snapshot.cached(("damped", damping), lambda: snapshot.purchases_by_article**damping)
    damped = with_data(sums, sums.data / known[sums.indices])
    return take_top_k(damped, k, without=snapshot.owned_to_exclude(batch, new_only), only=snapshot.only)


def make_ones(row: Integers, column: Integers, shape: tuple[int, int]) -> sp.csr_matrix:
    matrix = sp.csr_matrix((np.ones(len(row)), (row, column)), shape)  # adds up what stands at one place
    matrix.data[:] = 1
    return matrix


def with_data(matrix: sp.csr_matrix, data: Floats) -> sp.csr_matrix:
    return sp.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def divide_or_zero(weights: Floats, counts: Floats) -> Floats:
    """0 where there is nobody else."""
    return np.divide(weights, counts, out=np.zeros(len(weights)), where=counts > 0)


def subtract_own(sums: sp.csr_matrix, itself: sp.csr_matrix) -> sp.csr_matrix:
    """The sums without what an article adds to itself; where nothing else did, what is left is rounding.

    A customer has at most `articles` such sums, so the `pool` largest differences are among the `pool + articles`
    largest sums: the callers look no further.
    """
    own = look_up(itself, row_numbers(sums), sums.indices)
    left = sums.data - own
    return select(with_data(sums, left), left > 1e-12 * own)
