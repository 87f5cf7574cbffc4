"""Exploration has the probabilities that it logs; estimates from it cover the truth of a simulated shop."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from hmrec.graph_ml.evaluate.off_policy import Estimate, estimate_precision
from hmrec.graph_ml.evaluate.shown import ShownList
from hmrec.graph_ml.holdout.intervals import bootstrap_interval
from hmrec.graph_ml.recommend.explore import Placed, explore

LISTED, POOL = list("abcd"), list("mnopqr")
DAY = datetime(2020, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(("fixed", "pool"), [((), POOL), ("b", POOL), ((), POOL[:2]), ("d", [])])
def test_articles_are_shown_as_often_as_their_propensity_says(fixed: tuple[str, ...], pool: list[str]) -> None:
    chance, draws = random.Random(1), 6000
    seen: Counter[str] = Counter()
    stated: dict[str, float] = {}
    for _ in range(draws):
        placed = explore(LISTED, pool, 0.3, fixed=fixed, chance=chance)
        assert len({one.article_id for one in placed}) == 4
        assert all(one.explored == (one.article_id in pool) for one in placed)
        for place, one in enumerate(placed):
            assert one.explored or one.article_id == LISTED[place]
            assert stated.setdefault(one.article_id, one.propensity) == one.propensity
            seen[one.article_id] += 1
    assert set(seen) == {*LISTED, *pool}
    for article, propensity in stated.items():
        assert seen[article] / draws == pytest.approx(propensity, abs=0.025)
    if not pool:
        assert placed == [Placed(article, 1.0, False) for article in LISTED]


def test_nothing_is_explored_with_a_share_of_zero() -> None:
    assert [one.article_id for one in explore(LISTED, POOL, 0.0)] == LISTED


def show_list(customer: str, articles: str, propensities: list[float], bought: str) -> ShownList:
    return ShownList(
        customer, DAY, "x", None, None, None, tuple(articles), tuple(propensities), frozenset(bought), frozenset()
    )


def test_estimates_by_hand() -> None:
    lists = [show_list("ann", "ab", [0.5, 0.5], "a"), show_list("bob", "ac", [0.5, 0.1], "c")]
    found = estimate_precision(lists, ["ad", "dc"])
    # ann's a counts 2 / 2 and was bought; bob's c counts 10 / 2 and was bought
    assert (found.ips, found.snips, found.support) == pytest.approx(((1 + 5) / 2, 1.0, (1 + 5) / 2))
    nothing = estimate_precision(lists, ["zz", ""])
    assert (nothing.ips, nothing.support) == (0.0, 0.0)
    assert np.isnan(nothing.snips)


def test_the_bootstrap_of_a_ratio_is_that_of_a_mean_if_all_parts_are_one() -> None:
    values = np.random.default_rng(3).random(300)
    plain = bootstrap_interval(values, np.arange(300))
    assert bootstrap_interval(values, np.arange(300), per=np.ones(300)) == pytest.approx(plain)
    halved = bootstrap_interval(values, np.arange(300), per=np.full(300, 2.0))
    assert halved == pytest.approx([bound / 2 for bound in plain])


def simulate(seed: int, customers: int = 500) -> tuple[dict[str, Estimate], dict[str, float]]:
    """Show explored lists to customers who buy by a known model; return estimates and truths of two other methods.

    There are four kinds of customers, each with its own probability to buy each of 20 articles. The shop shows an
    order that knows little of them; `good` knows the probabilities, and `bad` shows the least wanted articles.
    """
    numbers, chance = np.random.default_rng(seed), random.Random(seed)
    names = [f"a{number:02}" for number in range(20)]
    wanted = numbers.beta(1, 9, size=(4, 20))
    order = np.argsort(-(wanted + numbers.normal(0, 0.1, wanted.shape)), axis=1)
    ranks = {"good": np.argsort(-wanted, axis=1)[:, :5], "bad": np.argsort(wanted, axis=1)[:, :5]}
    kinds = numbers.integers(0, 4, customers)
    lists = []
    for customer, kind in enumerate(kinds.tolist()):
        best = [names[article] for article in order[kind]]
        placed = explore(best[:5], best[5:], 0.4, chance=chance)
        bought = [one.article_id for one in placed if chance.random() < wanted[kind, names.index(one.article_id)]]
        lists.append(ShownList(
            str(customer), DAY, "x", None, None, None, tuple(one.article_id for one in placed),
            tuple(one.propensity for one in placed), frozenset(bought), frozenset(),
        ))  # fmt: skip
    targets = {name: [[names[a] for a in best[kind]] for kind in kinds] for name, best in ranks.items()}
    truths = {name: float(np.mean([wanted[kind, best[kind]].mean() for kind in kinds])) for name, best in ranks.items()}
    return {name: estimate_precision(lists, target) for name, target in targets.items()}, truths


def test_intervals_cover_the_truth_and_the_better_method_is_found() -> None:
    runs = [simulate(seed) for seed in range(30)]
    for name in ("good", "bad"):
        for kind in ("ips", "snips"):
            covered = [
                getattr(found[name], f"{kind}_low") <= truth[name] <= getattr(found[name], f"{kind}_high")
                for found, truth in runs
            ]
            assert np.mean(covered) >= 0.83, (name, kind)  # 0.95 less three standard errors of 30 runs
            errors = [getattr(found[name], kind) - truth[name] for found, truth in runs]
            assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors)) + 0.003, (name, kind)
        assert np.mean([found[name].support for found, _ in runs]) == pytest.approx(1.0, abs=0.05)
    assert all(found["good"].snips_low > found["bad"].snips_high for found, _ in runs[:10])
    assert np.mean([found["good"].ips > found["bad"].ips for found, _ in runs]) == 1
