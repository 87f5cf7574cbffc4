"""The choice of target weeks, and the purchases to predict in each."""

from __future__ import annotations

import numpy as np
import pytest
from hmrec.graph_ml.export.subgraph import Subgraph, to_days
from hmrec.graph_ml.network.dated_graph import GraphBuilder
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.weeks import count_target_weeks, plan_target_weeks

from tests.unit.purchases import make_subgraph, make_two_tastes


def make_regulars(weeks: int, customers: int = 3) -> Subgraph:
    """Return purchases of customers who all buy one article on the first day of each week."""
    return make_subgraph(
        [(f"c{customer}", "a", 7 * week) for week in range(weeks) for customer in range(customers)]
        + [("c0", "a", 7 * weeks - 1)]
    )


@pytest.mark.parametrize(
    ("weeks", "customers", "wanted", "expected"),
    [
        (60, 3, 1_000, 20),  # a small shop: the maximum
        (60, 3, 30, 10),  # ten weeks have 30 customers in total
        (60, 3, 31, 11),
        (60, 3, 3, 5),  # a large shop: the minimum
        (30, 3, 1_000, 15),  # half of all weeks
        (10, 3, 1_000, 5),
        (8, 3, 1_000, 5),
        (4, 3, 1_000, 3),  # one week is needed before the first
        (1, 3, 1_000, 0),
    ],
)
def test_small_shops_have_more_target_weeks(weeks: int, customers: int, wanted: int, expected: int) -> None:
    settings = TrainSettings(target_customers=wanted)
    assert count_target_weeks(make_regulars(weeks, customers), settings) == expected


def test_the_setting_limits_the_number_of_weeks() -> None:
    subgraph = make_regulars(60)
    for weeks in (0, 1, 7):
        assert count_target_weeks(subgraph, TrainSettings(target_weeks=weeks)) == weeks


def test_each_week_is_predicted_from_the_purchases_before_it() -> None:
    subgraph = make_two_tastes()
    weeks = plan_target_weeks(subgraph, 3, to_days(subgraph.until), GraphBuilder(TrainSettings()))
    assert [week.graph.day for week in weeks] == [63, 56, 49]
    for week in weeks:
        before, after = subgraph.time < week.graph.day, subgraph.time >= week.graph.day
        after &= subgraph.time < week.graph.day + 7
        pairs = np.unique(subgraph.customer[after] * 30 + subgraph.article[after])
        assert np.array_equal(np.flatnonzero(week.targets.toarray().ravel()), pairs)
        assert week.owned.nnz == len(np.unique(subgraph.customer[before] * 30 + subgraph.article[before]))
