"""The benchmark that leaves out parts of the ranker: without none it ranks as the ranker does."""

from __future__ import annotations

import numpy as np
from hmrec.graph_ml.holdout.ranking import make_truth
from hmrec.graph_ml.holdout.split import HoldOut, hold_out_weeks
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.declare import KNOWN
from hmrec.graph_ml.ranker.features import FACTS, HISTORY_FEATURES
from hmrec.graph_ml.ranker.fit import RankSettings, collect_weeks, grow_trees
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.ranker.sources import choose_sources

from benchmarks.ablation import EVERYTHING, Ablation, find_columns, mask
from tests.unit.test_orders import make_best_sellers

QUICK = RankSettings(rounds=10, forests=1, weeks=2)
SOURCES = choose_sources(("own_repurchases", "popular"))
NAMES = ("own_repurchases", "popular")


def hold_out_one() -> HoldOut:
    return next(iter(hold_out_weeks(make_best_sellers(40, 60), 1)))


def test_with_everything_the_lists_are_the_ranker_s() -> None:
    held = hold_out_one()
    truths = {kind: make_truth(held, new_only=kind == "new", cold=True) for kind in ("all", "new")}
    peers = Ablation(QUICK, embedded=False, methods=SOURCES).list_peers()
    assert list(peers) == [EVERYTHING, *(f"without {part}" for part in (*NAMES, *KNOWN))]
    lists = peers[EVERYTHING](held, truths, 12, {})
    ranker = Ranker(NAMES, grow_trees(collect_weeks(held.before, None, QUICK, SOURCES), NAMES, QUICK))
    context = RankingContext.of(held, None, SOURCES)
    for kind, truth in truths.items():
        np.testing.assert_array_equal(lists[kind], context.rank(ranker, truth.customers, 12, kind == "new"))


def test_without_a_source_only_what_the_others_propose_is_left() -> None:
    held = hold_out_one()
    truths = {kind: make_truth(held, new_only=kind == "new", cold=True) for kind in ("all", "new")}
    lists = Ablation(QUICK, embedded=False, methods=SOURCES).list_peers()["without popular"](held, truths, 12, {})
    assert (lists["new"] < 0).all()  # own repurchases propose nothing new
    assert (lists["all"] >= 0).any()
    own = [set(held.before.article[held.before.customer == customer]) for customer in truths["all"].customers]
    assert any(own)
    for bought, row in zip(own, lists["all"], strict=True):
        assert set(row[row >= 0]) == bought or len(bought) > 12


def test_each_column_belongs_to_one_part_but_for_the_days_bought_and_the_cosine() -> None:
    names = (*NAMES, "gnn")
    found = np.concatenate([find_columns(part, names) for part in (*names, *KNOWN)])
    everything = set(range(len(HISTORY_FEATURES) + len(FACTS) + 2 * len(names)))
    assert everything - set(found) == {HISTORY_FEATURES.index("days_bought")}
    assert len(found) - len(set(found)) == 1  # the cosine is of the embeddings, too
    assert find_columns(EVERYTHING, names).size == 0
    features = np.arange(12, dtype=np.float32).reshape(2, 6)
    features[0, 4] = np.nan
    masked, kept = mask(features, np.array([5]), 2)
    assert kept.tolist() == [False, True]
    assert np.isnan(masked[:, 5]).all()
    assert not np.isnan(features[:, 5]).any()


def test_without_the_features_of_the_pair_there_are_new_articles_still() -> None:
    held = hold_out_one()
    truths = {kind: make_truth(held, new_only=kind == "new", cold=True) for kind in ("all", "new")}
    peers = Ablation(QUICK, embedded=False, methods=SOURCES).list_peers()
    for part in KNOWN:
        assert (peers[f"without {part}"](held, truths, 12, {})["new"][:, 0] >= 0).all()
