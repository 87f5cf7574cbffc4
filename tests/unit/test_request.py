"""A request is valid or ends in one sentence that names the field; and the meaning of each method."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.errors import NoRanker, UserMistake
from hmrec.cypher.learned_cf import CfParameters, LearnedCf
from hmrec.cypher.recommenders import METHODS
from hmrec.cypher.state import ActiveModel, GraphState
from hmrec.graph_ml.recommend.plan import BEST_SELLERS, plan_steps
from hmrec.graph_ml.recommend.request import Request, write_note
from pydantic import ValidationError

CREATED = "2020-09-22T10:00:00Z"
MODEL = ActiveModel(1, CREATED, CREATED, until=dt.date(2020, 9, 22), dim=16, staged=False, has_ranker=True)
RANKED = GraphState("a", 2, 3, 5, loads=(), until=dt.date(2020, 9, 22), model=MODEL)
UNRANKED = replace(RANKED, model=replace(MODEL, has_ranker=False))
UNTRAINED = replace(RANKED, model=None)
MISTAKES = [
    ({"k": 0}, "-k must be a whole number from 1 to 1000, not 0."),
    ({"k": 1001}, "-k must be a whole number from 1 to 1000, not 1001."),
    ({"k": "many"}, "-k must be a whole number from 1 to 1000, not 'many'."),
    ({"method": "magic"}, "The method is one of auto, "),
    ({"new_only": "perhaps"}, "new_only must be true or false, not 'perhaps'."),
    ({"max_price": -1}, "max_price must be a number of at least 0, not -1."),
    ({"max_price": float("nan")}, "max_price must be a number of at least 0, not nan."),
    ({"in_season": 0}, "in_season must be a whole number of days from 1 to 36525, not 0."),
    ({"as_of": "yesterday"}, "as_of must be a day such as 2020-09-15, not 'yesterday'."),
    ({"as_of": "1600128000"}, "as_of must be a day such as 2020-09-15, not '1600128000'."),  # its first second
    ({"as_of": "2020-09-15T00:00:00"}, "as_of must be a day such as 2020-09-15, not '2020-09-15T00:00:00'."),
    ({"department": "x" * 1001}, "A department must be a name of 1 to 1000 characters, not 'xxx"),
    ({"department": [""]}, "A department must be a name of 1 to 1000 characters, not ''."),
    ({"only": 5}, "only must be article ids of 1 to 1000 characters, not 5."),
    ({"include_unavailable": "maybe"}, "include_unavailable must be true or false, not 'maybe'."),
    ({"where": "price < "}, "The condition must have a number for price at its end. An example: "),
    ({"where": "prise < 5"}, "Articles have no property 'prise'. Did you mean price"),
    ({"where": 5}, "where must be text of at most 100000 characters, not 5."),
    ({"size": 4}, "A request has no field 'size'; it has "),
]


@pytest.mark.parametrize(("given", "sentence"), MISTAKES, ids=[f"{given}"[:30] for given, _ in MISTAKES])
def test_an_invalid_field_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserMistake) as caught:
        Request(customer_id="1", **given)
    assert str(caught.value).startswith(sentence)
    assert caught.value.message.endswith(".") or given == {"method": "magic"}


def test_equal_requests_are_equal_and_cannot_be_changed() -> None:
    one, other = (Request(customer_id="1", as_of=day) for day in ("2020-09-15", dt.date(2020, 9, 15)))  # type: ignore[arg-type]
    assert one == other
    assert len({one, other, Request(customer_id="2")}) == 2
    with pytest.raises(ValidationError):
        one.k = 3  # type: ignore[misc]


def test_filters_are_parameters_of_every_query() -> None:
    from hmrec.cypher.catalogue import find_query

    for method in METHODS:
        if method.has_query:
            assert set(Request().parameters) <= set(find_query(method.name).parameters)


def test_an_old_method_name_is_in_the_note() -> None:
    assert Request(method="cf").chosen.name == "user_based_cf"
    assert write_note(Request(method="cf"), "Hello.") == "`cf` is now called `user_based_cf`. Hello."
    assert write_note(Request(method="user_based_cf"), "") == ""


def list_steps(method: str, history: bool, embedding: bool, state: GraphState, **given: Any) -> list[str]:
    plan = plan_steps(Request(method=method, **given), lambda: state)
    return [step.method for step in plan.steps if step.suits(history, embedding)]


def test_auto_is_the_ranker_if_trained_except_for_an_earlier_day() -> None:
    for history in (True, False):
        assert list_steps("auto", history, True, RANKED) == ["hybrid", "popular", "popular", "unsold"]
    for state in (UNRANKED, UNTRAINED):
        assert list_steps("auto", True, True, state) == ["user_based_cf", "gnn", "popular", "popular", "unsold"]
        assert list_steps("auto", True, False, state) == ["user_based_cf", "popular", "popular", "unsold"]
        assert list_steps("auto", False, True, state) == ["by_attributes", "popular", "popular", "unsold"]
    earlier = list_steps("auto", True, True, RANKED, as_of="2020-09-01")
    assert earlier == ["user_based_cf", "gnn", "popular", "popular", "unsold"]


def test_other_methods_are_themselves_and_two_have_fallbacks() -> None:
    assert list_steps("user_based_cf", True, True, RANKED) == ["user_based_cf"]
    assert list_steps("user_based_cf", False, True, RANKED) == ["by_attributes", "popular"]
    assert list_steps("gnn", False, True, RANKED) == ["gnn"]
    assert list_steps("gnn", True, False, RANKED) == ["user_based_cf", "popular"]
    assert list_steps("variants", False, False, RANKED) == ["variants"]


def test_the_ranker_is_refused_for_days_that_it_knows() -> None:
    assert list_steps("hybrid", True, True, RANKED, as_of="2020-09-22") == ["hybrid", "popular", "popular", "unsold"]
    with pytest.raises(NoRanker, match="leak the future"):
        list_steps("hybrid", True, True, RANKED, as_of="2020-09-21")
    for state in (UNRANKED, UNTRAINED):
        with pytest.raises(NoRanker, match="no ranker yet"):
            list_steps("hybrid", True, True, state)


LEARNED = LearnedCf(CfParameters(90.0, 42.0, 30, 0.5), CfParameters(None, 120.0, 100))


@pytest.mark.parametrize("new_only", [False, True])
@pytest.mark.parametrize("method", ["auto", "user_based_cf", "gnn"])
def test_collaborative_filtering_has_the_learned_parameters_except_for_days_that_the_training_knows(
    method: str, new_only: bool
) -> None:
    state = replace(UNRANKED, model=replace(MODEL, has_ranker=False, cf=LEARNED))
    for as_of, wanted in (
        (None, LEARNED.parameters(new_only)),
        ("2020-09-22", LEARNED.parameters(new_only)),
        ("2020-09-21", {}),
    ):
        plan = plan_steps(Request(method=method, new_only=new_only, as_of=as_of), lambda: state)
        for step in plan.steps:
            assert step == BEST_SELLERS or step.parameters == (wanted if step.method == "user_based_cf" else {})


def test_own_repurchases_have_loyalty_if_a_training_wrote_what_it_reads() -> None:
    for state, as_of, loyal in (
        (RANKED, None, True),
        (RANKED, "2020-09-22", True),
        (RANKED, "2020-09-21", False),
        (UNRANKED, None, False),
        (UNTRAINED, None, False),
    ):
        (step,) = plan_steps(Request(method="own_repurchases", as_of=as_of), lambda state=state: state).steps
        assert step.parameters == ({"loyalty": 0.35} if loyal else {})


def test_only_what_may_use_what_a_training_wrote_reads_the_state() -> None:
    def fail() -> GraphState:
        raise AssertionError("a query that the answer does not need")

    for method in METHODS:
        for request in (Request(method=method.name), Request(method=method.name, as_of=dt.date(2020, 9, 23))):
            if method.name in ("own_repurchases", "user_based_cf", "gnn") or (method.name == "auto" and request.as_of):
                assert plan_steps(request, lambda: RANKED).state is None
            elif method.name not in ("hybrid", "auto"):
                assert plan_steps(request, fail).state is None
            else:
                assert plan_steps(request, lambda: RANKED).state is RANKED


def test_a_step_suits_a_batch_as_it_suits_each_customer() -> None:
    history, embedding = np.array([True, True, False, False]), np.array([True, False, True, False])
    for method in METHODS:
        for step in plan_steps(Request(method=method.name), lambda: RANKED).steps:
            many = np.ones(4, dtype=bool) & step.suits(history, embedding)
            assert many.tolist() == [
                step.suits(one, other) for one, other in zip(history.tolist(), embedding.tolist(), strict=True)
            ]


def test_a_table_says_which_methods_auto_took() -> None:
    import pandas as pd
    from hmrec.cli.recommend import name_methods
    from hmrec.graph_ml.recommend import Recommendations

    def answer(*scored_by: str) -> Recommendations:
        return Recommendations("1", "auto", pd.DataFrame(), "", scored_by)

    assert name_methods(answer("hybrid", "hybrid", "popular", "")) == "By hybrid, then popular"
    assert name_methods(answer("user_based_cf")) == "By user_based_cf"
    assert name_methods(answer()) == ""
