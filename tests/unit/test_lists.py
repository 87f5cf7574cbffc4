"""Ranked lists from scores, and lists for groups of customers, compared with computations row by row."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hmrec.graph_ml.candidates import by_attributes
from hmrec.graph_ml.candidates.lists import keep_top_k, rank_absolute, take_top_k
from hmrec.graph_ml.candidates.snapshot import Snapshot


def make_scores(seed: int, values: int = 9) -> sp.csr_matrix:
    """Return [40, 50] with few distinct values, so that ties are common; some rows are empty, columns are unordered."""
    random = np.random.default_rng(seed)
    rows = [random.permutation(50)[: random.integers(0, 50)] * (row % 7 > 0) for row in range(40)]
    columns = [np.unique(row) if row.any() else row[:0] for row in rows]
    columns = [random.permutation(row) for row in columns]
    data = random.integers(1, values, sum(map(len, columns))) / 10
    return sp.csr_matrix((data, np.concatenate(columns), np.cumsum([0, *map(len, columns)])), (40, 50))


def read_row(matrix: sp.csr_matrix, row: int) -> dict[int, float]:
    part = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return dict(zip(matrix.indices[part].tolist(), matrix.data[part].tolist(), strict=True))


@pytest.mark.parametrize("number", [1, 5, 60])
@pytest.mark.parametrize("is_without", [False, True])
def test_the_largest_entries_of_each_row_are_kept_with_ties(number: int, is_without: bool) -> None:
    scores, without = make_scores(0), make_scores(1) if is_without else None
    kept = keep_top_k(scores, number, without=without)
    for row in range(40):
        left = read_row(scores, row)
        if without is not None:
            left = {column: value for column, value in left.items() if column not in read_row(without, row)}
        least = sorted(left.values())[-number] if len(left) > number else 0
        assert read_row(kept, row) == {column: value for column, value in left.items() if value >= least}


def test_sums_in_another_order_are_ties_broken_by_the_lower_number() -> None:
    one, other = 0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1
    assert one != other
    scores = sp.csr_matrix(np.array([[0.1, other, one, 0.7], [one, 1e-9, other, 0.0]]))
    for best in (take_top_k(scores, 2), take_top_k(scores, 2, rank_absolute)):
        assert best.article.tolist() == [3, 1, 0, 2]
        assert best.indptr.tolist() == [0, 2, 4]
    assert take_top_k(scores, 2, without=scores[[1, 0]]).article.tolist() == [3]


def test_entries_with_score_zero_are_not_candidates() -> None:
    scores = sp.csr_matrix((np.array([0.0, 0.5]), np.array([0, 1]), np.array([0, 2])), (1, 3))
    assert take_top_k(scores, 3).article.tolist() == [1]


def make_shop(places: int) -> Snapshot:
    """Make 300 customers with this many post codes, the first for a tenth of them; many attributes are unknown."""
    random = np.random.default_rng(places)
    customer = np.sort(random.integers(0, 300, 3000))
    unknown = random.random((300, 4)) < 0.15

    def pick(column: int, values: int) -> list[str | None]:
        return [
            None if u else f"v{v}" for u, v in zip(unknown[:, column], random.integers(0, values, 300), strict=True)
        ]

    place = [value if random.random() > 0.1 else "v0" for value in pick(3, places)]
    frame = pl.DataFrame({
        "age": [None if u else float(a) for u, a in zip(unknown[:, 0], random.integers(18, 30, 300), strict=True)],
        "club_member_status": pick(1, 2), "fashion_news_frequency": pick(2, 3), "postal_code": place,
    })  # fmt: skip
    return Snapshot(10, (300, 60), customer, random.integers(0, 60, 3000), np.full(3000, 8, dtype=np.int32), frame, {})


@pytest.mark.parametrize("nearby", [0, 12, 1_000])
@pytest.mark.parametrize("places", [1, 3, 150])
def test_similarity_by_attributes_equals_its_formula(monkeypatch: pytest.MonkeyPatch, places: int, nearby: int) -> None:
    monkeypatch.setattr(by_attributes, "NEARBY", nearby)
    shop = make_shop(places)
    frame = shop.customers
    customers = np.array([5, 3, *range(10, 40)])
    whole, new = (by_attributes.by_attributes(shop, customers, k=60, new_only=new_only) for new_only in (False, True))
    for at, customer in enumerate(customers.tolist()):
        mine, differs = frame.row(customer, named=True), np.zeros(300)
        for n, other in enumerate(frame.iter_rows(named=True)):
            if mine["age"] is not None:
                differs[n] += 1 if other["age"] is None else abs(other["age"] - mine["age"]) / 5
            for name in ("club_member_status", "fashion_news_frequency", "postal_code"):
                differs[n] += mine[name] is not None and other[name] != mine[name]
        scores = np.bincount(shop.article, 0.5 ** differs[shop.customer], minlength=60)
        article, score = whole.of(at)
        assert score == pytest.approx(scores[article])
        assert score == pytest.approx(np.sort(scores)[::-1])
        owned = shop.article[shop.customer == customer]
        assert new.of(at)[0].tolist() == [a for a in article.tolist() if a not in owned]
