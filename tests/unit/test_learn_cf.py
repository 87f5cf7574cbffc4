"""Training learns the parameters of user_based_cf on earlier weeks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.learned_cf import CfParameters
from hmrec.graph_ml.candidates import learn_cf as module
from hmrec.graph_ml.candidates.learn_cf import ENOUGH, VALUES, learn_cf
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.candidates.user_based_cf import user_based_cf
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.metrics import FEWEST
from hmrec.graph_ml.holdout.ranking import make_truth
from hmrec.graph_ml.holdout.split import hold_out
from hmrec.graph_ml.ranker.sources import SOURCES, apply_cf

from tests.unit.purchases import make_subgraph, make_two_tastes
from tests.unit.test_small_shops import SHOPS

HEADER = {name: parameter.default for name, parameter in find_query("user_based_cf").parameters.items()}


def make_habits(customers: int = 60, weeks: int = 16) -> Subgraph:
    """Return customers who each buy the same two articles every week, and one article of nobody else's."""
    rows = [
        (f"c{customer:02}", article, 7 * week + customer % 7)
        for customer in range(customers)
        for week in range(weeks)
        for article in (f"h{customer:02}", f"i{customer:02}", f"only{customer:02}-{week:02}", f"all{week % 5}")
    ]
    return make_subgraph(rows)


def collect_weeks(shop: Subgraph) -> list[Any]:
    return list(module._collect_weeks(shop, np.random.default_rng(0)))


def test_a_large_shop_is_searched_on_a_sample_of_its_customers(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = make_two_tastes()
    monkeypatch.setattr(module, "MOST_PURCHASES", 900)
    sample = module._draw_customers(shop, np.random.default_rng(0))
    assert 0.9 * 900 < sample.num_edges <= 900
    bought = np.bincount(shop.customer)
    for place, customer in enumerate(sample.customer_ids):  # whole customers, with all their purchases
        assert (sample.customer == place).sum() == bought[shop.customer_ids.index(customer)]
    assert learn_cf(shop).all.why.startswith(("MAP@12 of ", "The defaults: "))


@pytest.mark.parametrize("name", SHOPS)
def test_the_smallest_shops_keep_the_defaults_and_say_why(name: str) -> None:
    learned = learn_cf(make_subgraph(SHOPS[name]))
    for found in (learned.all, learned.new):
        assert found.why.endswith(f"lists to compare on are fewer than {FEWEST}") or name.startswith("one article")
        if found.why.startswith("The defaults: "):
            assert {key: HEADER[key] for key in found.parameters()} == found.parameters()


def test_a_shop_of_300_rows_says_what_was_measured() -> None:
    whole = make_two_tastes()
    shop = whole.where(np.sort(np.random.default_rng(0).permutation(whole.num_edges)[:300]))
    learned = learn_cf(shop)
    for found in (learned.all, learned.new):
        assert found.why.startswith(("MAP@12 of ", "The defaults: "))
        assert found.describe().endswith(f". {found.why}.")


@pytest.mark.parametrize("make", [make_two_tastes, make_habits])
def test_the_learned_parameters_are_among_the_values_and_no_worse_than_the_defaults_on_these_weeks(make: Any) -> None:
    shop = make()
    learned = learn_cf(shop)
    weeks = collect_weeks(shop)
    for new_only, found in enumerate((learned.all, learned.new)):
        for name in VALUES:
            assert getattr(found, name) in (*VALUES[name], HEADER[name], None)
        chosen = [week[new_only] for week in weeks]
        if sum(len(week.truth.customers) for week in chosen) < FEWEST:
            continue
        names = [name for name in VALUES if not (new_only and name == "own_weight")]
        best = module._measure(chosen, {name: getattr(found, name) for name in names}, bool(new_only))
        default = module._measure(chosen, {name: HEADER[name] for name in names}, bool(new_only))
        assert best.mean() >= default.mean()
        assert f"{best.mean():.4f}" in found.why
        assert f"defaults {default.mean():.4f}" in found.why


def test_training_learns_the_same_again_and_needs_no_more_customers_than_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = make_two_tastes()
    assert learn_cf(shop) == learn_cf(shop)
    monkeypatch.setattr(module, "ENOUGH", (70, 130))
    weeks = collect_weeks(shop)
    assert [len(everything.truth.customers) for everything, _ in weeks][:2] == [60, 10]
    assert sum(len(everything.truth.customers) for everything, _ in weeks) == 70
    assert sum(len(new.truth.customers) for _, new in weeks) <= 130
    assert min(ENOUGH) > FEWEST


def test_each_week_is_predicted_from_the_purchases_before_it() -> None:
    shop = make_two_tastes()
    ends = [shop.until.toordinal() - 719163 - 7 * ago for ago in range(20)]
    weeks = collect_weeks(shop)
    assert len(weeks) == 9
    for (everything, new), end in zip(weeks, ends, strict=False):
        assert everything.snapshot is new.snapshot
        assert everything.snapshot.cut == end - 7
        assert everything.snapshot.time.max() < end - 7
    for (later, _), (earlier, _) in pairwise(weeks):
        assert earlier.snapshot.cut < later.snapshot.cut


def test_the_measured_lists_are_the_recommenders() -> None:
    shop = make_two_tastes()
    held = hold_out(shop)
    snapshot, truth = Snapshot.of(held.before, held.cut), make_truth(held, new_only=False)
    found = user_based_cf(snapshot, truth.customers, k=12, new_only=False)
    table = module._to_table(found)
    for place in range(len(found)):
        articles = found.of(place)[0].tolist()
        assert table[place].tolist() == articles + [-1] * (12 - len(articles))


@pytest.mark.parametrize(
    ("days", "numbers"),
    [(40, {}), (170, {"neighbours": 49, "candidates": 58}), (625, {"neighbours": 13, "candidates": 15}),
     (5000, {"neighbours": 10, "candidates": 12})],
)  # fmt: skip
def test_the_rankers_source_has_learned_half_lives_no_own_history_and_fewer_neighbours_who_buy_a_lot(
    days: int, numbers: dict[str, int]
) -> None:
    learned = module.LearnedCf(CfParameters(90.0, 42.0, 30, 0.5), CfParameters(None, 120.0, 100))
    shop = make_subgraph([(f"c{customer}", f"a{day % 50:02}", day) for customer in range(5) for day in range(days)])
    changed = {source.name: source.parameters for source in apply_cf(learned, shop)}
    for source in SOURCES:
        if source.name == "user_based_cf":
            wanted = {"own_weight": 0.0, "half_life": None, "similarity_half_life": 120.0, **numbers}
            assert changed[source.name] == wanted
        else:
            assert changed[source.name] == source.parameters
