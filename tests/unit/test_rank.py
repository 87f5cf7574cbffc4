"""The ranker's features by hand; training learns, is repeatable, and never sees purchases of the future."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hmrec.cypher.errors import HmrecError
from hmrec.graph_ml.candidates.lists import Candidates
from hmrec.graph_ml.candidates.nearest import Vectors
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.subgraph import Subgraph, to_date
from hmrec.graph_ml.holdout.metrics import average_precision
from hmrec.graph_ml.holdout.ranking import make_truth, mark_hits
from hmrec.graph_ml.holdout.split import hold_out
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.features import (
    FACTS,
    HISTORY_FEATURES,
    compute_features,
    describe_articles,
    name_features,
)
from hmrec.graph_ml.ranker.fit import RankSettings, first_day, train_ranker
from hmrec.graph_ml.ranker.orders import Choice
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.ranker.sources import BY_EMBEDDING, SOURCES, choose_sources, merge_lists
from scipy.stats import norm

from tests.unit.purchases import make_subgraph, make_two_tastes

QUICK = RankSettings(rounds=15, weeks=3, forests=1)


def make_lists(rows: list[list[tuple[int, float]]]) -> Candidates:
    """Return candidates from lists of (article, score), one per customer."""
    flat = [pair for row in rows for pair in row]
    sizes = np.cumsum([0, *(len(row) for row in rows)])
    return Candidates(sizes, np.array([a for a, _ in flat]), np.array([s for _, s in flat]))


def test_candidates_of_several_sources_are_joined() -> None:
    candidate_set = merge_lists(
        np.array([7, 9]), [make_lists([[(3, 0.9), (1, 0.5)], []]), make_lists([[(1, 4.0)], [(2, 3.0)]])], 5
    )
    assert candidate_set.customer.tolist() == [7, 7, 9]
    assert candidate_set.article.tolist() == [1, 3, 2]
    np.testing.assert_equal(candidate_set.score, np.array([[0.5, 4], [0.9, np.nan], [np.nan, 3]], dtype=np.float32))
    np.testing.assert_equal(candidate_set.place, np.array([[2, 1], [1, np.nan], [np.nan, 1]], dtype=np.float32))


@pytest.fixture
def diary() -> Subgraph:
    """Return the purchases before day 100: ann's milk on 80, 90 and 97 and tea on 40, bob's milk on 95 and rum on 1."""
    return make_subgraph([
        ("ann", "milk", 80), ("ann", "milk", 90), ("ann", "milk", 97), ("ann", "tea", 40), ("bob", "milk", 95),
        ("bob", "rum", 1),
    ])  # fmt: skip


def test_the_order_of_features_is_that_of_stored_rankers() -> None:
    """A ranker stored in a graph finds a feature by its position."""
    assert " ".join(HISTORY_FEATURES) == (
        "days_bought since_last since_first gap due weight_14 weight_60 weight_180 share rank days_28 days_84 "
        "visits_since visits_share visits_gap visits_due due_elsewhere pace expected_gap_1 expected_due_1 "
        "expected_gap_3 expected_due_3 repeat_chance product_share producttype_share department_share "
        "product_days product_since product_due producttype_days producttype_since producttype_due "
        "department_days department_since department_due customer_articles customer_days customer_idle "
        "customer_recent customer_repeats customer_age cosine"
    )
    assert " ".join(FACTS) == (
        "buyers_7 buyers_14 buyers_28 buyers_84 buyers_364 trend fresh_sales_3 fresh_sales_10 growth acceleration "
        "first_share repeat_share repeats repeat_gap weekly_rate log_price log_discount days_sold days_idle around_new "
        "around_buyers product_buyers producttype_buyers department_buyers"
    )
    assert name_features(("bought together",)) == [
        *HISTORY_FEATURES,
        *FACTS,
        "bought_together_score",
        "bought_together_place",
    ]


def test_facts_about_articles_by_hand(diary: Subgraph) -> None:
    facts = dict(zip(FACTS, describe_articles(Snapshot.of(diary, to_date(100))).T, strict=True))
    milk, rum, tea = range(3)
    assert facts["buyers_7"] == pytest.approx(np.log1p([2, 0, 0]))
    assert facts["buyers_84"] == pytest.approx(np.log1p([2, 0, 1]))
    assert facts["buyers_364"] == pytest.approx(np.log1p([2, 1, 1]))
    assert facts["trend"][milk] == pytest.approx(np.log(3 / 1.5))
    assert facts["fresh_sales_3"][milk] == pytest.approx(np.log1p(sum(0.5 ** (age / 3) for age in (20, 10, 5, 3))))
    assert facts["growth"][milk] == pytest.approx(np.log(3 / 2))  # two in the last week, one in the week before
    assert facts["acceleration"][milk] == pytest.approx(np.log(3 / 2) - np.log(2 / 2))
    assert facts["first_share"][milk] == 1  # both bought it first within 28 days
    assert np.isnan(facts["first_share"][tea])
    assert facts["repeat_share"].tolist() == [0.5, 0, 0]
    assert facts["repeats"].tolist() == [1.0, 0, 0]  # one of two buyers came back on two days
    assert facts["repeat_gap"][milk] == pytest.approx(17 / 2)
    assert np.isnan(facts["repeat_gap"][rum])
    assert facts["days_sold"].tolist() == [20, 99, 60]
    assert facts["days_idle"].tolist() == [3, 99, 60]
    assert facts["weekly_rate"][milk] == pytest.approx((3 + 1) / (12 * 2))
    assert facts["log_price"][milk] == 0
    assert facts["around_buyers"][rum] == pytest.approx(np.log1p(2) / 2)


def test_features_of_a_customers_purchases_by_hand(diary: Subgraph) -> None:
    snapshot = Snapshot.of(diary, to_date(100))
    milk, rum, tea = range(3)
    candidate_set = merge_lists(np.array([0]), [make_lists([[(milk, 1.0), (rum, 0.5), (tea, 0.1)]])], 3)
    cosine = np.array([0.5, 0.25, np.nan], dtype=np.float32)
    table = compute_features(snapshot, candidate_set, describe_articles(snapshot), cosine)
    assert table.shape == (3, len(name_features(("a source",))))
    found = dict(zip(HISTORY_FEATURES, table.T, strict=False))
    assert found["days_bought"].tolist() == [3, 0, 1]
    np.testing.assert_equal(found["since_last"], np.array([3, np.nan, 60], dtype=np.float32))
    np.testing.assert_equal(found["gap"], np.array([8.5, np.nan, np.nan], dtype=np.float32))
    assert found["due"][milk] == pytest.approx(3 / 8.5)
    weights = [sum(0.5 ** (age / 60) for age in ages) for ages in ((20, 10, 3), (60,))]
    assert found["weight_60"] == pytest.approx([weights[0], 0, weights[1]])
    assert found["share"] == pytest.approx([weights[0] / sum(weights), 0, weights[1] / sum(weights)])
    np.testing.assert_equal(found["rank"], np.array([1, np.nan, 2], dtype=np.float32))
    assert found["days_28"].tolist() == [3, 0, 0]
    assert found["days_84"].tolist() == [3, 0, 1]
    np.testing.assert_equal(found["visits_since"], np.array([0, np.nan, 3], dtype=np.float32))  # of four days
    np.testing.assert_equal(found["visits_share"], np.array([1, np.nan, 0.25], dtype=np.float32))
    np.testing.assert_equal(found["visits_gap"], np.array([1, np.nan, np.nan], dtype=np.float32))
    np.testing.assert_equal(found["visits_due"], np.array([0, np.nan, np.nan], dtype=np.float32))
    np.testing.assert_equal(found["due_elsewhere"], np.array([3 / 8.5, np.nan, np.nan], dtype=np.float32))
    pace = 2 * np.log(8.5 / 8.5) / (5 + 2)  # ann's two gaps of milk are as long as everybody's
    assert found["pace"] == pytest.approx([pace] * 3)
    assert found["expected_gap_1"][milk] == pytest.approx(np.log(8.5))
    assert found["expected_due_3"][milk] == pytest.approx(np.log(3 / 8.5))
    now, later = (norm.sf(np.log(days / 8.5) / 0.8) for days in (3, 10))
    assert found["repeat_chance"][milk] == pytest.approx(1 - later / now)
    assert np.isnan(found["repeat_chance"][[rum, tea]]).all()  # nobody bought tea again
    assert found["customer_repeats"].tolist() == [0.5, 0.5, 0.5]
    assert found["customer_idle"].tolist() == [3, 3, 3]
    np.testing.assert_equal(found["cosine"], cosine)


def test_a_customer_who_buys_again_sooner_than_others_is_expected_sooner() -> None:
    rows = [(who, "milk", day) for who, gap in (("ann", 7), ("bob", 28)) for day in range(1, 92, gap)]
    rows += [("ann", "tea", 90), ("bob", "tea", 90), ("eve", "tea", 60), ("eve", "tea", 88)]
    snapshot = Snapshot.of(make_subgraph(rows), to_date(100))
    facts = describe_articles(snapshot)
    candidate_set = merge_lists(np.array([0, 1]), [make_lists([[(1, 1.0)], [(1, 1.0)]])], 2)
    table = compute_features(snapshot, candidate_set, facts, np.full(2, np.nan, dtype=np.float32))
    found = dict(zip(HISTORY_FEATURES, table.T, strict=False))
    milk = float(facts[0, FACTS.index("repeat_gap")])
    assert milk == pytest.approx((84 + 84) / (12 + 3))
    pace = [gaps * np.log(gap / milk) / (5 + gaps) for gaps, gap in ((12, 7), (3, 28))]
    assert found["pace"] == pytest.approx(pace)
    assert found["expected_gap_1"] == pytest.approx(np.log(28) + np.array(pace))  # of tea, which only eve bought again
    assert found["repeat_chance"][0] > found["repeat_chance"][1]


def make_vectors(subgraph: Subgraph, day: int) -> Vectors:
    """Return embeddings from these purchases only: a customer's embedding marks the articles bought."""
    pairs = np.zeros((len(subgraph.customer_ids), len(subgraph.article_ids)), dtype=np.float32)
    pairs[subgraph.customer, subgraph.article] = 1
    length = np.linalg.norm(pairs, axis=1, keepdims=True)
    return Vectors(pairs / np.maximum(length, 1), np.eye(pairs.shape[1], dtype=np.float32))


def test_features_and_candidates_do_not_change_if_the_future_is_deleted() -> None:
    subgraph = make_two_tastes()
    held = hold_out(subgraph, 7, 2)
    start = held.before.time.max() + 1
    twisted = replace(subgraph, article=np.where(subgraph.time >= start, 29 - subgraph.article, subgraph.article))
    tables = []
    for shop in (subgraph, twisted, subgraph.where(subgraph.time < start)):
        part = replace(held, before=shop.where(shop.time < start))
        context = RankingContext.of(part, make_vectors, SOURCES)
        whole = RankingContext(Snapshot.of(shop, held.cut), context.facts, context.vectors, SOURCES)
        assert (describe_articles(whole.snapshot)[:, 0] == context.facts[:, 0]).all()
        tables += [next(one.describe(np.arange(60)))[1] for one in (context, whole)]
    for table in tables[1:]:
        np.testing.assert_equal(table, tables[0])


@cache
def learn(embedded: bool, sources: tuple[str, ...]) -> Ranker:
    chosen = tuple(source for source in SOURCES if source.name in sources)
    ranker = train_ranker(make_two_tastes(), make_vectors if embedded else None, QUICK, chosen)
    assert ranker is not None
    return ranker


ALL = tuple(source.name for source in SOURCES)


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("sources", [ALL, ("own_repurchases", "popular"), ("user_based_cf",)], ids=len)
def test_it_learns_from_any_sources(sources: tuple[str, ...], embedded: bool) -> None:
    subgraph, ranker = make_two_tastes(), learn(embedded, sources)
    chosen = choose_sources(ranker.sources)
    assert ranker.boosters[0][0].feature_name() == name_features(ranker.sources)
    held = hold_out(subgraph)
    context = RankingContext.of(held, make_vectors if embedded else None, chosen)
    truth = make_truth(held, new_only=False)
    ranked = context.rank(ranker, truth.customers, 12, new_only=False)
    taste = (ranked // 15) == (truth.customers % 2)[:, None]
    assert taste[ranked >= 0].mean() > 0.9  # 0.5 by chance, and by popularity
    assert average_precision(mark_hits(ranked, truth), truth.relevant).mean() > 0.1
    new = context.rank(ranker, truth.customers, 12, new_only=True)
    owned = make_truth(held, new_only=True).owned
    assert owned is not None
    assert not any(owned[c, a] for c, row in zip(truth.customers, new, strict=True) for a in row if a >= 0)


def test_the_same_run_twice_returns_the_same_trees() -> None:
    again = train_ranker(make_two_tastes(), make_vectors, QUICK)
    assert again is not None
    assert again.trees == learn(True, ALL).trees


def test_a_ranker_is_read_from_its_text_and_other_texts_are_refused() -> None:
    ranker = learn(True, ALL)
    assert Ranker.from_text(ranker.to_text()) == ranker
    for text in ("", "{", "[]", '{"sources": 1}', '{"sources": [], "trees": 5}'):
        with pytest.raises(HmrecError):
            Ranker.from_text(text)


def test_a_ranker_of_an_older_version_is_read_with_the_sources_new_names() -> None:
    ranker = learn(True, ALL)
    labels = {method.name: method.label for method in (*SOURCES, BY_EMBEDDING)}
    texts = []
    for forests in ranker.trees:
        written = list(forests)
        for name, label in labels.items():
            for column in ("score", "place"):
                old, new = f"{label}_{column}".replace(" ", "_"), f"{name}_{column}"
                written = [re.sub(rf"(feature_names=.*)\b{new}\b", rf"\1{old}", text) for text in written]
        texts.append(tuple(written))
    old = Ranker(tuple(labels[name] for name in ranker.sources), (texts[0], texts[1]))
    assert old.boosters[0][0].feature_name() == name_features(old.sources)  # as older versions wrote it
    found = Ranker.from_text(old.to_text())
    assert found.sources == ranker.sources
    assert found.is_current
    other = Ranker(ranker.sources[:-1], ranker.trees)
    assert not other.is_current


def test_contributions_add_up_to_the_score() -> None:
    ranker = replace(learn(True, ALL), orders=(Choice(), Choice()))  # by the trees
    context = RankingContext.of(hold_out(make_two_tastes()), make_vectors, choose_sources(ranker.sources))
    _, features = next(context.describe(np.arange(3)))
    parts = ranker.attribute(features, new_only=False)
    assert parts.shape == (len(features), len(ranker.sources) + 1)
    score = np.asarray(ranker.boosters[False][0].predict(features))
    rest = score - parts.sum(axis=1)  # the mean in training
    assert rest == pytest.approx(np.full(len(rest), rest[0]), abs=1e-6)


def test_a_shop_of_a_week_has_no_ranker() -> None:
    subgraph = make_two_tastes()
    week = subgraph.where(subgraph.time < 7)
    assert train_ranker(week, None, QUICK) is None
    assert first_day(week, QUICK) == 0
