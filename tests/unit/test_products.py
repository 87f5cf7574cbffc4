"""Compiled code for many customers returns what SciPy and NumPy return for few."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hmrec.graph_ml.candidates import lists, products
from hmrec.graph_ml.candidates.largest import find_largest
from hmrec.graph_ml.candidates.lists import place_within, take_largest
from hmrec.graph_ml.candidates.products import multiply, number_by_count, number_by_first_use, spread
from hmrec.graph_ml.candidates.snapshot import sort_stably


def draw(rows: int, columns: int, seed: int) -> sp.csr_matrix:
    """Return a matrix with some empty rows, some zero entries, and unordered columns."""
    random = np.random.default_rng(seed)
    matrix = sp.random(rows, columns, 0.3, format="lil", random_state=random)
    matrix[random.integers(0, rows, rows // 4 + 1)] = 0
    matrix = matrix.tocsr()
    matrix.data[random.random(matrix.nnz) < 0.05] = 0
    shuffled = matrix[:, random.permutation(columns)]
    assert isinstance(shuffled, sp.csr_matrix)
    return shuffled


@pytest.mark.parametrize("seed", range(20))
def test_products_equal_scipys_bit_for_bit(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    left, right = draw(7, 12, seed), draw(12, 30, seed + 100)
    expected = (left @ right).toarray()
    monkeypatch.setattr(products, "COMPILE_FROM", 0)
    found = multiply(left, right)
    assert (found.toarray() == expected).all()
    assert (np.diff(found.indptr) == (expected > 0).sum(axis=1)).all()  # each column once
    apart = spread(left, right)
    assert apart.toarray() == pytest.approx(expected)
    assert apart.nnz == np.diff(right.indptr)[left.indices].sum()
    again = draw(30, 9, seed + 200)
    assert multiply(apart, again).toarray() == pytest.approx((left @ right @ again).toarray())


def test_products_of_empty_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "COMPILE_FROM", 0)
    for left in (sp.csr_matrix((3, 4)), sp.csr_matrix((0, 4))):
        assert multiply(left, draw(4, 5, 1)).shape == (left.shape[0], 5)
        assert not multiply(left, draw(4, 5, 1)).nnz
        assert spread(left, draw(4, 5, 1)).shape == (left.shape[0], 5)
    assert not multiply(draw(3, 4, 2), sp.csr_matrix((4, 5))).nnz


@pytest.mark.parametrize("seed", range(60))
def test_compiled_and_plain_code_find_the_same_largest_entries(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = draw(int(random.integers(1, 6)), int(random.integers(1, 300)), seed)
    if seed % 3 == 1:
        scores.data = np.round(scores.data * 4) / 4
    if seed % 3 == 2:
        scores.data *= 10.0 ** random.integers(-300, 300, scores.nnz)
    without = draw(*scores.shape, seed + 1) if seed % 2 else None
    for number in (1, 2, 7, 60):
        for slack, margin in ((1e-12, 0.0), (0.1, 0.0), (0.0, 0.01)):
            expected = lists._find_largest(scores, number, slack, margin, without)
            found = find_largest(scores, number, slack, margin, without)
            assert all((one == other).all() for one, other in zip(expected, found, strict=True))


def test_the_first_of_tied_entries_are_taken() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        row = np.sort(random.integers(0, random.integers(1, 8), random.integers(0, 60)))
        score = random.integers(0, 6, len(row)).astype(float)
        for most in (1, 3, 8):
            assert take_largest(row, score, most).tolist() == np.flatnonzero(place_within(row, score) < most).tolist()


def test_numbering_by_count_and_by_first_occurrence() -> None:
    number, place = number_by_count(np.array([3, 9, 3, 0]))
    assert number.tolist() == [1, 0, 2, 3]
    assert place.tolist() == [1, 0, 2, 3]
    renumbered, size = number_by_first_use(np.array([0, 1, 2, 3, 3, 5]), np.array([3, 0, 3, 5, 0]))
    assert renumbered.tolist() == [1, -1, -1, 0, 0, 2]
    assert size == 3


@pytest.mark.parametrize("high", [3, 70_000, 2**40])
def test_stable_sort_equals_lexsort(high: int) -> None:
    random = np.random.default_rng(high)
    for length in (0, 1, 500):
        first, last = random.integers(-9, 9, length).astype(np.int32), random.integers(-high, high, length)
        assert (sort_stably(first, last) == np.lexsort((first, last))).all()
