"""The ranker learns habits that popularity cannot show, and LightGBM never gets a damaged text."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hmrec.cypher.errors import HmrecError
from hmrec.graph_ml.candidates.popular import popular
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.metrics import average_precision
from hmrec.graph_ml.holdout.ranking import make_truth, mark_hits
from hmrec.graph_ml.holdout.split import hold_out
from hmrec.graph_ml.ranker import ranker as rank
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.fit import CHOOSING, COLLECTING, GROWING, RankSettings, train_ranker
from hmrec.graph_ml.ranker.orders import Choice
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.ranker.sources import SOURCES

from tests.unit.purchases import make_subgraph

QUICK = RankSettings(rounds=15, weeks=3, forests=1)
SOME = tuple(source for source in SOURCES if source.name in ("own_repurchases", "popular"))


def make_habits() -> Subgraph:
    """Return nine weeks of 50 customers: each buys the same three articles weekly, and two of twelve best sellers."""
    random = np.random.default_rng(0)
    rows = set()
    for week in range(9):
        for customer in range(50):
            habits = [f"b{(7 * customer + 13 * n) % 60:02}" for n in range(3)]
            whims = [f"a{n:02}" for n in random.permutation(12)[:2].tolist()]
            rows |= {(f"c{customer:02}", article, 7 * week + int(random.integers(7))) for article in habits + whims}
    return make_subgraph([*rows, ("c00", "a00", 62)])


@cache
def learn() -> Ranker:
    ranker = train_ranker(hold_out(make_habits()).before, None, QUICK, SOME)
    assert ranker is not None
    return replace(ranker, orders=(Choice(), Choice()))  # these tests are about the trees


def test_articles_bought_every_week_come_before_best_sellers() -> None:
    held = hold_out(make_habits())
    truth = make_truth(held, new_only=False)
    context = RankingContext.of(held, None, SOME)
    ranked = context.rank(learn(), truth.customers, 12, new_only=False)
    best_sellers = popular(context.snapshot, truth.customers, k=12).article.reshape(-1, 12)
    by_ranker, by_popularity = (average_precision(mark_hits(r, truth), truth.relevant) for r in (ranked, best_sellers))
    assert by_ranker.mean() > 2 * by_popularity.mean()
    bought = mark_hits(ranked[:, :3], truth)
    assert bought.mean() > 0.95  # the three habits rank first


def test_a_score_is_the_mean_of_the_forests_and_its_parts_are_those_of_the_first() -> None:
    held = hold_out(make_habits())
    many = train_ranker(held.before, None, QUICK.model_copy(update={"forests": 2}), SOME)
    assert many is not None
    many = replace(many, orders=(Choice(), Choice()))
    assert many.trees[0][0] == learn().trees[0][0]
    assert many.trees[0][0] != many.trees[0][1]
    (candidate_set, features), *_ = RankingContext.of(held, None, SOME).describe(np.arange(5))
    for new_only in (False, True):
        each = [Ranker(many.sources, ((one,), (other,))) for one, other in zip(*many.trees, strict=True)]
        row = candidate_set.row
        first, second = (one.score(features, row, new_only) for one in each)
        assert many.score(features, row, new_only) == pytest.approx((first + second) / 2)
        assert many.attribute(features, new_only) == pytest.approx(each[0].attribute(features, new_only))


def test_stages_keep_the_scores_and_a_single_customer_gets_the_same_list_as_in_a_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, ranker = RankingContext.of(hold_out(make_habits()), None, SOME), Ranker.from_text(learn().to_text())
    (candidate_set, features), *_ = context.describe(np.arange(20))
    whole = learn().score(features, candidate_set.row, new_only=False, k=1_000)
    assert np.isfinite(whole).all()  # each has fewer candidates
    monkeypatch.setattr(rank, "STAGES", ((5, 8), (9, 6)))
    score = ranker.score(features, candidate_set.row, new_only=False, k=3)
    final = np.isfinite(score)
    assert score[final] == pytest.approx(whole[final])
    assert (np.bincount(candidate_set.row, final) == np.minimum(np.bincount(candidate_set.row), 6)).all()
    assert (
        np.bincount(candidate_set.row, np.isfinite(ranker.score(features, candidate_set.row, new_only=False, k=9))) > 6
    ).any()
    ranked = context.rank(ranker, np.arange(20), 3, new_only=False)
    for customer in range(20):
        assert (context.rank(ranker, np.array([customer]), 3, new_only=False) == ranked[customer]).all()


def test_threads_can_share_the_same_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    context, ranker = RankingContext.of(hold_out(make_habits()), None, SOME), Ranker.from_text(learn().to_text())
    monkeypatch.setattr(rank, "STAGES", ((5, 8), (9, 6)))
    (candidate_set, features), *_ = context.describe(np.arange(50))
    alone = Ranker.from_text(learn().to_text()).score(features, candidate_set.row, new_only=False, k=3)
    parts = learn().attribute(features[:12], new_only=False)
    with ThreadPoolExecutor(8) as pool:  # parts first, of unused trees: without the lock this can crash the process
        explained = [pool.submit(ranker.attribute, features[:12], new_only=False) for _ in range(200)]
        scored = [pool.submit(ranker.score, features, candidate_set.row, new_only=False, k=3) for _ in range(200)]
    assert all((one.result() == parts).all() for one in explained)
    assert all((one.result() == alone).all() for one in scored)


@pytest.mark.parametrize("new_only", [False, True])
def test_many_candidates_are_scored_as_few_bit_for_bit(monkeypatch: pytest.MonkeyPatch, new_only: bool) -> None:
    ranker = learn()
    (candidate_set, features), *_ = RankingContext.of(hold_out(make_habits()), None, SOME).describe(np.arange(20))
    few = ranker.score(features, candidate_set.row, new_only, k=3)
    monkeypatch.setattr(rank, "COMPILE_FROM", 1)
    assert (ranker.score(features, candidate_set.row, new_only, k=3) == few).all()
    assert np.isfinite(few).any()
    assert not new_only or (few[np.isfinite(few)] <= 1).all()  # a probability


def test_a_damaged_text_raises_one_error_and_never_reaches_lightgbm() -> None:
    whole = learn().to_text()
    assert Ranker.from_text(whole) == learn()
    changed = json.loads(whole)
    changed["ranker"] = changed["ranker"][: len(changed["ranker"]) // 2]
    texts = ["", "5", "null", "[]", "{}", '{"ranker": 5, "sha256": 5}', '{"sources": ["popular"], "trees": ["", ""]}']
    texts += [whole[:-1], whole[: len(whole) // 2], whole[1:], whole.replace("leaf", "reef", 1), json.dumps(changed)]
    for text in texts:
        with pytest.raises(HmrecError, match="cannot be read"):
            Ranker.from_text(text)


def test_progress_reports_each_round_of_each_forest() -> None:
    shown: dict[str, list[tuple[float, float | None]]] = {}
    many = QUICK.model_copy(update={"forests": 2})
    held = hold_out(make_habits())
    ranker = train_ranker(held.before, None, many, SOME, lambda *step: shown.setdefault(step[0], []).append(step[1:]))
    assert ranker is not None
    assert list(shown) == [COLLECTING, CHOOSING, GROWING]
    for step, total in ((COLLECTING, 3), (CHOOSING, 2), (GROWING, 2)):
        done = [done for done, _ in shown[step]]
        assert done == sorted(done)
        assert {of for _, of in shown[step]} == {total}
        assert (done[0], done[-1]) == (0, total)
    rounds = [booster.num_trees() for kind in ranker.boosters for booster in kind]
    assert len(shown[GROWING]) == 2 + sum(rounds)  # the start of each kind, and each round of its two forests
