"""Arms, the sequential interval and the table of an experiment, without a graph."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.state import GraphState, write_rule
from hmrec.graph_ml.evaluate.experiment import compare_arms
from hmrec.graph_ml.evaluate.shown import ShownList
from hmrec.graph_ml.holdout.intervals import FEWEST_EACH, difference_interval
from hmrec.graph_ml.recommend import Request
from hmrec.graph_ml.recommend.experiment import Experiment, assign, find_default

NOW = datetime(2020, 12, 1, tzinfo=UTC)
CUSTOMERS = [f"c{number}" for number in range(6000)]


def test_a_customers_arm_is_the_hashs_and_the_shares_are_as_asked() -> None:
    experiment = Experiment(name="x", arms=("hybrid", "cf", "popular"), share=60, salt="s")
    assert experiment.arms == ("hybrid", "user_based_cf", "popular")
    arms = Counter(experiment.choose_arm(customer) for customer in CUSTOMERS)
    assert arms[None] == pytest.approx(2400, abs=200)
    assert all(arms[arm] == pytest.approx(1200, abs=150) for arm in experiment.arms)
    place = int(hashlib.sha256(b"s\0c1").hexdigest()[:16], 16) / 2**64 * 100
    assert experiment.choose_arm("c1") == (experiment.arms[int(place / 20)] if place < 60 else None)
    other = Experiment(name="y", arms=experiment.arms, share=60)
    both = [(experiment.choose_arm(one), other.choose_arm(one)) for one in CUSTOMERS]
    again = Counter(second for first, second in both if first == "hybrid" and second)
    assert min(again.values()) > 0.7 * max(again.values())  # another salt splits an arm's customers evenly


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"arms": ("hybrid",)}, "2 to 10 different methods"),
        ({"arms": ("cf", "user_based_cf")}, "different methods"),
        ({"arms": ("cf", "nothing")}, "must be one of"),
        ({"share": 0}, "percentage"),
        ({"window": 0}, "days"),
        ({"name": ""}, "name"),
        ({"colour": "red"}, "no field 'colour'"),
    ],
)
def test_an_invalid_experiment_is_refused_in_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserMistake, match=sentence):
        Experiment.model_validate({"name": "x", "arms": ("hybrid", "cf")} | given)


def make_state(*experiments: Experiment) -> GraphState:
    texts = tuple(write_rule(one.model_dump(exclude_none=True)) for one in experiments)
    return GraphState("d", 1, 1, 1, (), None, None, experiments=texts)


def test_only_requests_for_the_default_method_of_today_take_part() -> None:
    running = Experiment(name="now", arms=("popular", "cf"))
    first = Experiment(name="a", arms=("gnn", "cf"), stopped=NOW, kept="gnn", kept_at=NOW)
    second = Experiment(name="b", arms=("hybrid", "cf"), stopped=NOW, kept="hybrid", kept_at=NOW + timedelta(days=1))
    state = make_state(first, running, second)
    request = Request(customer_id="c1", new_only=True)
    found = assign(state, request)
    assert (found.experiment, found.arm) == ("now", running.choose_arm("c1"))
    assert found.request == request.model_copy(update={"method": found.arm})
    for given in ({"method": "gnn"}, {"as_of": NOW.date()}, {"stored": True}):
        other = Request.model_validate({"customer_id": "c1"} | given)
        assert assign(state, other) == assign(make_state(first, second), other) == (other, None, None)
    assert find_default(state) == "hybrid"
    assert assign(make_state(first, second), request).request.method == "hybrid"
    assert find_default(make_state(second.model_copy(update={"kept": "auto"}), first)) == "auto"


def test_lists_need_not_be_made_again_for_an_experiment() -> None:
    running = make_state(Experiment(name="now", arms=("popular", "cf")))
    assert running != make_state()
    assert running.checksum == make_state().checksum != replace(running, stock=1).checksum


def test_looking_at_any_time_rarely_finds_what_is_not_there_and_finds_what_is() -> None:
    random = np.random.default_rng(0)
    looks = range(FEWEST_EACH, 5001, 100)

    def decide(one: float, other: float, experiments: int) -> tuple[float, float]:
        """Return in which share of the experiments some look finds a difference, by this test and by a plain one."""
        found = plain = 0
        for _ in range(experiments):
            first, second = (random.random(5000) < one).astype(float), (random.random(5000) < other).astype(float)
            bounds = [difference_interval(first[:n], second[:n]) for n in looks]
            found += any(low > 0 or high < 0 for low, high in bounds)
            plain += any(
                abs(first[:n].mean() - second[:n].mean()) > 1.96 * np.sqrt((first[:n].var() + second[:n].var()) / n)
                for n in looks
            )
        return found / experiments, plain / experiments

    false_alarms, of_plain_test = decide(0.1, 0.1, 300)
    assert false_alarms <= 0.05 + 0.025  # two standard errors of 300 experiments
    assert of_plain_test > 0.2
    assert decide(0.14, 0.1, 50)[0] > 0.9


def test_the_sequential_interval_by_hand_and_for_few_customers() -> None:
    one, other = np.tile([0.0, 1.0], 500), np.tile([0.0, 0.0, 0.0, 1.0], 250)
    low, high = difference_interval(one, other, tightest=2000)
    variance = 0.25 / 999 + 0.1875 / 999
    mixed = 2 * np.log(20) + np.log(2 * np.log(20) + 1)
    width = np.sqrt(variance * 2 * (mixed + 1) / mixed * np.log(np.sqrt(mixed + 1) * 20))
    assert (low, high) == pytest.approx((0.25 - width, 0.25 + width))
    assert np.isnan(difference_interval(one[: FEWEST_EACH - 1], other)).all()
    assert np.isnan(difference_interval(one * 0, other * 0)).all()


def show_list(customer: str, arm: str, days_ago: float, bought: str = "") -> ShownList:
    at = NOW - timedelta(days=days_ago)
    return ShownList(customer, at, arm, None, "x", arm, ("a", "b"), (None, None), frozenset(bought), frozenset())


def test_each_customer_counts_once_by_the_first_list_when_its_window_is_over() -> None:
    experiment = Experiment(name="x", arms=("popular", "cf"))
    lists = [
        show_list("ann", "popular", 9, "b"),
        show_list("ann", "popular", 8),
        show_list("bob", "user_based_cf", 8, "z"),
        show_list("eve", "user_based_cf", 6, "a"),
        show_list("old", "gnn", 9, "a"),  # no arm of the experiment
    ]
    result = compare_arms(experiment, lists, NOW)
    arms = result.arms.set_index("arm")
    assert arms["customers"].to_dict() == {"popular": 1, "user_based_cf": 2}
    assert arms["counted"].to_dict() == {"popular": 1, "user_based_cf": 1}
    assert arms["hit_rate"].to_dict() == {"popular": 1.0, "user_based_cf": 0.0}
    assert arms["map"]["popular"] == 0.5
    assert arms["verdict"].to_dict() == {"popular": "baseline", "user_based_cf": "too early"}
    assert result.note == ""
    later = compare_arms(experiment, lists, NOW + timedelta(days=9)).arms.set_index("arm")
    assert later["hit_rate"]["user_based_cf"] == 0.5


def test_the_better_arm_is_found_and_an_unfair_split_is_reported() -> None:
    random = np.random.default_rng(1)
    rates = {"popular": 0.1, "user_based_cf": 0.2}
    experiment = Experiment(name="x", arms=("popular", "cf"))
    lists = [
        show_list(customer, arm, 9, "a" if random.random() < rates[arm] else "")
        for customer in CUSTOMERS[:2400]
        if (arm := experiment.choose_arm(customer))
    ]
    result = compare_arms(experiment, lists, NOW)
    found = result.arms.set_index("arm").loc["user_based_cf"]
    assert found["verdict"] == "better"
    assert found["difference_low"] < 0.1 < found["difference_high"]
    assert result.note == ""
    lost = [one for number, one in enumerate(lists) if one.arm == "popular" or number % 4]
    assert "Do not trust" in compare_arms(experiment, lost, NOW).note
