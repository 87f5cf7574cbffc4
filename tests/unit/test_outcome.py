"""Intervals and tables of an evaluation, compared with values by hand or computed in another way."""

from __future__ import annotations

import numpy as np
import pytest
from hmrec.graph_ml.evaluate.outcome import ALL_CUSTOMERS, Outcome, WeekOutcome, count_history, score_lists, tabulate
from hmrec.graph_ml.evaluate.variety import Kinds, measure_variety
from hmrec.graph_ml.holdout.intervals import bootstrap_interval
from hmrec.graph_ml.holdout.ranking import make_truth
from hmrec.graph_ml.holdout.split import hold_out

from tests.unit.purchases import make_subgraph


def week(customers: list[int], history: list[int], hits: list[list[int]], relevant: list[int]) -> WeekOutcome:
    return WeekOutcome(
        np.array(customers), np.array(history), np.array(hits, dtype=bool), np.array(relevant), 0.5, 2.0
    )  # fmt: skip


def test_the_interval_equals_the_normal_interval_for_many_customers() -> None:
    random = np.random.default_rng(1)
    values = random.exponential(size=4000)
    low, high = bootstrap_interval(values, np.arange(4000))
    error = 1.96 * values.std() / np.sqrt(4000)
    assert low == pytest.approx(values.mean() - error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + error, abs=0.15 * error)
    assert (low, high) == bootstrap_interval(values, np.arange(4000))


def test_weeks_of_one_customer_are_resampled_together() -> None:
    values = np.random.default_rng(2).random(500)
    apart = bootstrap_interval(values, np.arange(500))
    copied = bootstrap_interval(np.tile(values, 4), np.tile(np.arange(500), 4))
    assert copied == pytest.approx(apart)  # four equal weeks have no more information than one
    assert np.isnan(bootstrap_interval(np.array([]), np.array([], dtype=int))).all()


def test_table_values_by_hand() -> None:
    first = week([0, 1, 2], [3, 30, 0], [[1, 0], [0, 1], [0, 0]], [1, 2, 1])
    second = week([0, 1, 2], [2, 25, 0], [[0, 0], [1, 1], [0, 1]], [1, 2, 1])
    outcomes = [
        Outcome("popular", "all", 1.0, (second, first)),
        Outcome("user_based_cf", "all", 2.0, (first, second)),
    ]
    table = tabulate(outcomes).set_index(["method", "segment"])
    # AP of customers 0 and 1, who have a history: 1, 1/4 in the first week, 0, 1 in the second
    assert table["map"]["user_based_cf", ALL_CUSTOMERS] == pytest.approx((1 + 0.25 + 0 + 1) / 4)
    assert table["map"]["user_based_cf", "cold"] == pytest.approx((0 + 0.5) / 2)
    assert table["map"]["user_based_cf", "1-5"] == pytest.approx(0.5)
    assert ("user_based_cf", "6-20") not in table.index
    assert table["customers"]["user_based_cf", ALL_CUSTOMERS] == 2
    # popular has the same weeks in reverse order, so the overall difference is 0
    assert table["difference"]["user_based_cf", ALL_CUSTOMERS] == pytest.approx(0)
    assert table["against"]["user_based_cf", ALL_CUSTOMERS] == "popular"
    assert table["difference_low"]["user_based_cf", "1-5"] <= 0 <= table["difference_high"]["user_based_cf", "1-5"]
    # a position's probability is its share of hits in the week before: 1/2 and 1; hits are then 1, 0 and 0, 1
    error = np.array([1 - 0.5, 0 - 0.5, 0 - 0.5, 1 - 0.5])
    assert table["rmse"]["user_based_cf", ALL_CUSTOMERS] == pytest.approx(np.sqrt((error**2).mean()))
    assert table["mae"]["user_based_cf", ALL_CUSTOMERS] == pytest.approx(np.abs(error).mean())


def test_coverage_and_novelty_by_hand() -> None:
    rows = [("ann", "x", 0), ("bob", "x", 0), ("eve", "x", 1), ("dan", "y", 1), ("ann", "z", 9), ("new", "x", 9)]
    held = hold_out(make_subgraph(rows), 7)
    truth = make_truth(held, new_only=False, cold=True)
    ids = held.before.article_ids
    ranked = np.array([[ids.index("y"), ids.index("x")], [-1, -1]])
    found = score_lists(count_history(held), ranked, truth)
    assert [held.before.customer_ids.id(int(c)) for c in found.customers] == ["ann", "new"]
    assert found.history.tolist() == [1, 0]
    assert found.coverage == pytest.approx(2 / 2)  # x and y were sold before, z was not
    assert found.novelty == pytest.approx((-np.log2(1 / 4) - np.log2(3 / 4)) / 2)


def test_variety_by_hand() -> None:
    department = np.array([0, 0, 1, -1])
    kinds = Kinds(np.stack([department, np.array([5, 6, 5, 7])], axis=1), department)
    buyers = np.array([3, 1, 1, 2])
    found = measure_variety(kinds, buyers, np.array([[0, 1, -1], [0, 2, 3], [0, -1, -1], [-1, -1, -1]]))
    # the pairs 0-1 (a department), 0-2 (the other attribute), 0-3 and 2-3 (nothing)
    assert found.diversity == pytest.approx((1 / 2 + (1 / 2 + 1 + 1) / 3) / 2)
    assert found.departments == pytest.approx((1 + 2 + 1) / 3)
    assert found.department_coverage == 1
    exposure = [1, 1, 1, 3]  # articles 1, 2, 3 and 0
    naive = sum(abs(a - b) for a in exposure for b in exposure) / (2 * 4 * sum(exposure))
    assert found.gini == pytest.approx(naive)
    assert np.isnan(measure_variety(kinds, buyers, np.full((2, 3), -1)).gini)


def test_equal_lists_of_equal_articles_have_no_variety() -> None:
    kinds = Kinds(np.zeros((3, 2), dtype=np.int64), np.zeros(3, dtype=np.int64))
    found = measure_variety(kinds, np.array([1, 1, 0]), np.array([[0, 1], [1, 0]]))
    assert (found.diversity, found.departments, found.department_coverage, found.gini) == (0, 1, 1, 0)
