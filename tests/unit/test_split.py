"""Holding out days: the training part contains no purchase of those days or later."""

from __future__ import annotations

import numpy as np
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.export.subgraph import to_date
from hmrec.graph_ml.holdout.split import hold_out, hold_out_weeks

from tests.unit.purchases import make_subgraph

SUBGRAPH = make_subgraph([(f"c{day % 3}", f"a{day % 5}", day) for day in range(100, 130)])


def test_the_last_seven_days_are_held_out() -> None:
    held = hold_out(SUBGRAPH)
    assert held.cut == to_date(123)
    assert sorted(held.before.time) == list(range(100, 123))
    assert sorted(held.after.time) == list(range(123, 130))


def test_an_earlier_week_excludes_later_purchases() -> None:
    held = hold_out(SUBGRAPH, days=7, periods_ago=2)
    assert sorted(held.before.time) == list(range(100, 109))
    assert sorted(held.after.time) == list(range(109, 116))


def test_both_parts_use_the_same_numbers_for_customers_and_articles() -> None:
    held = hold_out(SUBGRAPH)
    assert held.before.customer_ids is held.after.customer_ids is SUBGRAPH.customer_ids
    assert held.before.article_ids is held.after.article_ids is SUBGRAPH.article_ids


def test_consecutive_weeks_have_no_gap_or_overlap() -> None:
    days = np.concatenate([held.after.time for held in hold_out_weeks(SUBGRAPH, 3)])
    assert sorted(days) == list(range(109, 130))


def test_holding_out_more_days_than_exist_is_refused() -> None:
    with pytest.raises(
        UserMistake, match="30 days cannot be held out: the purchases only span 1970-04-11 to 1970-05-11"
    ):
        hold_out(SUBGRAPH, days=30)
    with pytest.raises(UserMistake, match="at least one day"):
        hold_out(SUBGRAPH, days=0)
