"""The ranker's order: trees where they are better, otherwise a source or a blend; never clearly worse than a source."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hmrec.cypher.errors import HmrecError
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.intervals import bootstrap_interval
from hmrec.graph_ml.holdout.metrics import FEWEST, average_precision
from hmrec.graph_ml.holdout.ranking import make_truth, mark_hits
from hmrec.graph_ml.holdout.split import hold_out_weeks
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.fit import RankSettings, train_ranker
from hmrec.graph_ml.ranker.orders import BLEND, TREES, Choice, Trial, choose_order, order_by_places
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.ranker.sources import choose_sources

from tests.unit.purchases import make_subgraph

NAN = np.nan
NAMES = ("popular", "user_based_cf")
SOURCES = choose_sources(("own_repurchases", "user_based_cf", "popular", "popular_in_segment"))


def test_scores_by_places_by_hand() -> None:
    places = np.array([[1, 3], [2, NAN], [NAN, 1]], dtype=np.float32)
    parts, rest = order_by_places(places, BLEND, NAMES)
    np.testing.assert_allclose(parts, [[1 / 61, 1 / 63], [1 / 62, 0], [0, 1 / 61]])
    assert not rest.any()
    parts, rest = order_by_places(places, "popular", NAMES)
    np.testing.assert_allclose(parts, [[1 / 61, 0], [1 / 62, 0], [0, 1 / 61]])
    np.testing.assert_allclose(rest, [0, 0, -1])
    score = parts.sum(axis=1) + rest
    assert np.argsort(-score).tolist() == [0, 1, 2]  # what popular does not propose comes last


def make_trial(best: str, customers: int, seed: int = 0) -> Trial:
    """Return a week in which the first article of one order is bought; the others order at random."""
    random = np.random.default_rng(seed)
    places = np.stack([random.permuted(np.tile(np.arange(1, 31), (customers, 1)), axis=1) for _ in range(2)], axis=2)
    trees = random.normal(size=(customers, 30))
    shown = {"popular": -places[:, :, 0], "user_based_cf": -places[:, :, 1], TREES: trees}
    first = shown[best].argmax(axis=1) if best in shown else random.integers(0, 30, customers)
    bought = np.arange(30) == first[:, None]
    row = np.repeat(np.arange(customers), 30)
    relevant = np.ones(customers, dtype=np.int64)
    return Trial(row, places.reshape(-1, 2).astype(np.float32), bought.ravel(), relevant, trees.ravel())


@pytest.mark.parametrize("best", ["popular", "user_based_cf", TREES])
@pytest.mark.parametrize("default", [TREES, BLEND])
def test_the_best_order_is_chosen_with_its_figures(best: str, default: str) -> None:
    choice = choose_order([make_trial(best, 100), make_trial(best, 100, 1)], NAMES, default)
    assert choice.order == best
    assert f"200 customers: {best} 1.0000" in choice.why


@pytest.mark.parametrize("default", [TREES, BLEND])
def test_few_customers_keep_the_default(default: str) -> None:
    for best in ("popular", "user_based_cf", TREES):
        assert choose_order([make_trial(best, FEWEST - 1)], NAMES, default).order == default
    assert choose_order([], NAMES, default) == Choice(default)


def make_best_sellers(customers: int, articles: int, seed: int = 0) -> Subgraph:
    """Return twelve weeks of purchases by chance of what is popular this month: there is nothing else to learn."""
    random = np.random.default_rng(seed)
    rows = []
    for week in range(12):
        chance = 1 / (1 + (np.arange(articles) + 7 * (week // 4)) % articles) ** 1.5
        for customer in range(customers):
            if random.random() < 0.4:
                for article in random.choice(articles, 2, p=chance / chance.sum()):
                    rows.append((f"c{customer:03}", f"a{article:03}", 7 * week + int(random.integers(7))))
    return make_subgraph(rows)


def make_repeats(customers: int, articles: int, seed: int = 0) -> Subgraph:
    """Return twelve weeks of customers who buy their own three articles again and again, and seldom another one."""
    random = np.random.default_rng(seed)
    own = random.integers(articles, size=(customers, 3))
    rows = []
    for week in range(12):
        for customer in np.flatnonzero(random.random(customers) < 0.6).tolist():
            article = random.choice(own[customer]) if random.random() < 0.8 else random.integers(articles)
            rows.append((f"c{customer:03}", f"a{article:03}", 7 * week + int(random.integers(7))))
    return make_subgraph(rows)


def make_fashion(customers: int, articles: int, seed: int = 0) -> Subgraph:
    """Return twelve weeks of few purchases from a large catalogue, nobody's twice, mostly of what came a week ago."""
    random = np.random.default_rng(seed)
    rows = set()
    for week in range(12):
        for customer in np.flatnonzero(random.random(customers) < 0.25).tolist():
            age = int(random.exponential(2))
            launched = max(0, week - age) * articles // 2 + int(articles / 2 * random.random() ** 3)
            rows.add((f"c{customer:03}", f"a{launched:05}", 7 * week + int(random.integers(7))))
    return make_subgraph(sorted(rows))


@pytest.mark.parametrize(
    ("make_shop", "customers", "articles", "shops"),
    [
        (make_best_sellers, 12, 60, 8),
        (make_best_sellers, 40, 60, 3),
        (make_best_sellers, 150, 60, 1),
        (make_repeats, 40, 60, 3),
        (make_repeats, 400, 200, 1),
        (make_fashion, 60, 200, 3),
        (make_fashion, 600, 1_000, 1),
    ],
)
def test_no_source_is_clearly_better_than_the_ranker(
    make_shop: Callable[[int, int, int], Subgraph], customers: int, articles: int, shops: int
) -> None:
    settings = RankSettings(rounds=60, forests=1)
    found: dict[tuple[bool, str], list[np.ndarray]] = {}
    whose: dict[bool, list[np.ndarray]] = {False: [], True: []}
    weeks = [(seed, held) for seed in range(shops) for held in hold_out_weeks(make_shop(customers, articles, seed), 3)]
    for seed, held in weeks:
        ranker = train_ranker(held.before, None, settings, SOURCES)
        assert ranker is not None
        context = RankingContext.of(held, None, SOURCES)
        for new_only in (False, True):
            truth = make_truth(held, new_only)
            whose[new_only].append(truth.customers + 1000 * seed)
            for order in ("", *ranker.sources):
                by = replace(ranker, orders=(Choice(order), Choice(order))) if order else ranker
                hits = mark_hits(context.rank(by, truth.customers, 12, new_only), truth)
                found.setdefault((new_only, order), []).append(average_precision(hits, truth.relevant))
    for (new_only, order), parts in found.items():
        difference = np.concatenate(found[new_only, ""]) - np.concatenate(parts)
        # eight comparisons: one in a hundred each
        _, high = bootstrap_interval(difference, np.concatenate(whose[new_only]), confidence=0.99)
        assert high >= 0, (new_only, order, difference.mean())


def test_a_ranker_keeps_its_orders_and_explains_them() -> None:
    held = next(iter(hold_out_weeks(make_best_sellers(40, 60), 1)))
    trained = train_ranker(held.before, None, RankSettings(rounds=10, forests=1), SOURCES)
    assert trained is not None
    ranker = replace(trained, orders=(Choice("popular", "MAP@12 of popular"), Choice(BLEND)))
    again = Ranker.from_text(ranker.to_text())
    assert again == ranker
    (candidate_set, features), *_ = RankingContext.of(held, None, SOURCES).describe(np.arange(10))
    explained = again.explain(features)
    total = explained.sources.sum(axis=1) + sum(explained.known.values()) + explained.baseline
    np.testing.assert_allclose(total, again.score(features, candidate_set.row, new_only=False))
    parts = again.attribute(features, new_only=True)
    np.testing.assert_allclose(parts.sum(axis=1), again.score(features, candidate_set.row, new_only=True))


def test_older_rankers_order_by_trees_and_unknown_orders_are_refused() -> None:
    from hashlib import sha256

    held = next(iter(hold_out_weeks(make_best_sellers(12, 60), 1)))
    ranker = train_ranker(held.before, None, RankSettings(rounds=5, forests=1), SOURCES)
    assert ranker is not None
    parts = json.loads(json.loads(ranker.to_text())["ranker"])

    def pack(changed: dict[str, object]) -> str:
        text = json.dumps(changed)
        return json.dumps({"ranker": text, "sha256": sha256(text.encode()).hexdigest()})

    older = {name: value for name, value in parts.items() if name != "orders"}
    assert [choice.order for choice in Ranker.from_text(pack(older)).orders] == [TREES, TREES]
    for orders in ([["popular", ""]], [["nothing", ""], ["trees", ""]], 5):
        with pytest.raises(HmrecError, match="cannot be read"):
            Ranker.from_text(pack(parts | {"orders": orders}))
