"""The source's protocol: its split, and its metrics compared with values by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.evaluate.random_split import (
    SOURCE,
    RandomSplit,
    describe_random_split,
    fit_logistic,
    measure_errors,
    measure_lists,
    measure_scores,
    measure_simple,
    split_rows,
    tabulate_random_split,
)

from tests.unit.purchases import make_subgraph, make_two_tastes


def test_seventy_percent_of_the_rows_are_for_training() -> None:
    shop = make_two_tastes()
    split = split_rows(shop)
    assert split.rows == shop.quantity.sum()
    assert split.train_rows == split.train.quantity.sum() == round(0.7 * split.rows)
    assert split.test_rows <= split.rows - split.train_rows
    assert (split.owned.shape, split.tested.shape) == ((len(split.customers), len(split.train.article_ids)),) * 2
    again, other = split_rows(shop), split_rows(shop, seed=1)
    assert (again.tested != split.tested).nnz == 0
    assert again.train_rows == other.train_rows
    assert other.tested.shape != split.tested.shape or (other.tested != split.tested).nnz > 0


def test_identical_rows_are_drawn_independently() -> None:
    split = split_rows(make_subgraph([("ann", "x", 0)], quantity=10))
    assert (split.train_rows, split.test_rows) == (7, 3)
    assert split.train.quantity.tolist() == [7]
    assert split.owned.toarray().tolist() == split.tested.toarray().tolist() == [[1]]


def test_only_customers_and_articles_in_training_are_tested() -> None:
    rows = [(f"c{number}", f"a{number}", number) for number in range(10)]
    with pytest.raises(UserMistake, match="None of the 10 rows can be tested"):
        split_rows(make_subgraph(rows))
    shop = make_two_tastes()
    split = split_rows(shop, share=0.05)
    train = split.train
    assert set(train.customer.tolist()) == set(range(len(train.customer_ids)))
    assert set(split.customers.tolist()) <= set(train.customer.tolist())
    outer = [train.customer_ids.id(int(number)) for number in split.customers]
    bought = {(shop.customer_ids.id(int(c)), shop.article_ids.id(int(a))) for c, a in shop.edge_index.T}
    for row, article in zip(*split.tested.nonzero(), strict=True):
        assert (outer[row], train.article_ids.id(int(article))) in bought


def test_precision_and_recall_by_hand() -> None:
    scores = np.array([[4, 3, 2, 1], [1, 2, 3, 4], [9, 9, 9, 9]], dtype=np.float32)
    relevant = np.array([[0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=bool)
    allowed = np.ones((3, 4), dtype=bool)
    # lists 0 1 and 3 2; the third customer has nothing relevant
    found = measure_lists(scores, relevant, allowed, 2)
    assert found == {
        "precision": pytest.approx((1 / 2 + 0) / 2),
        "recall": pytest.approx((1 / 2 + 0) / 2),
        "customers": 2,
    }
    allowed[0, 0] = allowed[1, 3] = allowed[1, 2] = False
    # lists 1 2 and 1 0
    found = measure_lists(scores, relevant, allowed, 2)
    assert found == {"precision": pytest.approx(1 / 2), "recall": pytest.approx((1 / 2 + 1) / 2), "customers": 2}
    # a list longer than the allowed articles ends in misses
    found = measure_lists(scores, relevant, allowed, 10)
    assert found["precision"] == pytest.approx((2 / 10 + 1 / 10) / 2)
    assert measure_lists(scores, relevant & False, allowed, 2)["customers"] == 0


def test_rmse_and_mae_by_hand() -> None:
    rmse, mae = measure_errors(np.array([0.5, 0.0, 1.0]), np.array([True, False, False]))
    assert rmse == pytest.approx(np.sqrt((0.25 + 0 + 1) / 3))
    assert mae == pytest.approx((0.5 + 0 + 1) / 3)


def test_the_fitted_probability_recovers_the_logistic_function_of_the_data() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(2, 3, size=(500, 400)).astype(np.float32)
    chance = 1 / (1 + np.exp(-(0.8 * scores - 4.0)))
    fitted = fit_logistic(scores, random.random(scores.shape) < chance)
    assert np.abs(fitted - chance).max() < 0.02
    flat = fit_logistic(np.zeros((2, 5), dtype=np.float32), np.eye(2, 5) > 0)
    assert flat == pytest.approx(np.full((2, 5), 0.2), abs=0.03)


def test_training_pairs_are_excluded_or_included() -> None:
    train = make_subgraph([("ann", "x", 0), ("ann", "y", 0), ("bob", "z", 0)])
    owned, tested = sp.csr_matrix([[1.0, 1, 0], [0, 0, 1]]), sp.csr_matrix([[1.0, 0, 1], [0, 1, 0]])
    split = RandomSplit(train, np.array([0, 1]), owned, tested, 6, 3, 3)
    scores = np.array([[3, 2, 1], [1, 2, 3]], dtype=np.float32)
    out, kept = measure_scores(split, scores, 1, {"method": "one"})
    # ann: only z remains, which is relevant; bob: y before x
    assert (out["precision"], out["recall"], out["training pairs"]) == (1.0, 1.0, "left out")
    # ann: x, one of her two; bob: z, a miss
    assert (kept["precision"], kept["recall"], kept["training pairs"]) == (0.5, 0.25, "kept")
    raw = 1 / (1 + np.exp(-scores.astype(float)))
    error = np.array([raw[0, 2] - 1, raw[1, 0] - 0, raw[1, 1] - 1])
    assert out["rmse raw"] == pytest.approx(np.sqrt((error**2).mean()))
    own, _ = measure_scores(split, np.full((2, 3), 0.25, dtype=np.float32), 1, {}, are_probabilities=True)
    assert own["mae raw"] == pytest.approx((0.75 + 0.25 + 0.75) / 3)


def test_the_sources_figures_come_first_and_the_choices_are_described() -> None:
    split = split_rows(make_two_tastes())
    table = tabulate_random_split(split, measure_simple(split), 10)
    first = table.iloc[0]
    assert [first[name] for name in ("precision", "recall", "rmse", "mae", "seconds")] == [
        SOURCE[name] for name in ("precision", "recall", "rmse", "mae", "seconds")
    ]
    assert len(table) == 1 + 2 * 2
    assert table.attrs["k"] == 10
    for words in ("k = 10", "without and with the training pairs", "about 118 relevant articles"):
        assert words in describe_random_split(table)
