"""The parameters of user_based_cf that training learned are used wherever none is given, and explained."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hmrec.cli.service.app import make_app
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.learned_cf import CfParameters, LearnedCf
from hmrec.cypher.state import read_state
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.evaluate import evaluation
from hmrec.graph_ml.evaluate.candidates import UNION, evaluate_candidates
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.holdout.split import HoldOut
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.ranker.features import describe_articles
from hmrec.graph_ml.ranker.fit import RankParts, RankSettings, train_ranker
from hmrec.graph_ml.ranker.sources import apply_cf
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.relate.relate import relate_subgraph
from hmrec.graph_ml.write_back.versions import find_version
from hmrec.graph_ml.write_back.write import use_version, write_embeddings
from hmrec.loader.load import load_folder

from tests.conftest import run_text
from tests.graph.shops import write_small_journey
from tests.graph.test_hybrid import read_lists

LEARNED = LearnedCf(
    CfParameters(half_life=90.0, similarity_half_life=None, neighbours=7, own_weight=0.7, why="measured"),
    CfParameters(half_life=None, similarity_half_life=20.0, neighbours=11, why="measured, too"),
)
QUICK = TrainSettings(dim=16, epochs=2, negatives=64)
KINDS = pytest.mark.parametrize("new_only", [False, True], ids=["all", "new"])


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    folder = tmp_path_factory.mktemp("journey")
    write_small_journey(folder)
    load_folder(folder, server=None, graph=module_graph, mode="stream")
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    trained = train(subgraph, QUICK)
    ranker = train_ranker(subgraph, None, RankSettings(weeks=1, rounds=5, forests=1), apply_cf(LEARNED, subgraph))
    assert ranker is not None
    rank = RankParts(ranker, describe_articles(Snapshot.of(subgraph)))
    write_embeddings(module_graph, trained, rank=rank, cf=LEARNED)
    relate_subgraph(module_graph, subgraph)
    return module_graph


@pytest.fixture(scope="module")
def customers(shop: Graph) -> list[str]:
    return sorted(shop.read("customers_by_purchases", k=3)["customer_id"])


def read_list(graph: Graph, customer_id: str, **given: Any) -> list[tuple[str, float]]:
    rows = graph.read("user_based_cf", customer_id=customer_id, **given)
    return list(zip(rows["article_id"], rows["score"], strict=True))


def test_the_model_keeps_them_and_the_state_has_them(shop: Graph) -> None:
    model = find_version(shop, 1).model
    assert (model["cf_all_half_life"], model["cf_all_neighbours"], model["cf_all_own_weight"]) == (90.0, 7, 0.7)
    assert (model.get("cf_new_half_life"), model["cf_new_similarity_half_life"], model["cf_new_why"]) == (
        None,
        20.0,
        "measured, too",
    )
    found = read_state(shop).model
    assert found is not None
    assert found.cf is not None
    for new_only in (False, True):
        assert found.cf.parameters(new_only) == LEARNED.parameters(new_only)


@KINDS
@pytest.mark.parametrize("method", ["user_based_cf", "auto"])
def test_a_list_has_the_learned_parameters(shop: Graph, customers: list[str], new_only: bool, method: str) -> None:
    recommender = Recommender(shop)
    as_of = read_state(shop).until if method == "auto" else None  # so that auto does not take the ranker
    for customer_id in customers:
        request = Request(customer_id=customer_id, method=method, new_only=new_only, as_of=as_of)
        articles = recommender.recommend(request).articles
        wanted = read_list(shop, customer_id, new_only=new_only, **LEARNED.parameters(new_only))
        found = list(zip(articles["article_id"], articles["score"], strict=True))
        assert [article for article, _ in found] == [article for article, _ in wanted]
        assert [score for _, score in found] == pytest.approx([score for _, score in wanted], rel=1e-9)
        assert wanted != read_list(shop, customer_id, new_only=new_only)  # the header's defaults


@KINDS
def test_the_lists_of_all_customers_have_them(
    shop: Graph, customers: list[str], new_only: bool, tmp_path: Path
) -> None:
    out = tmp_path / "submission.csv"
    Recommender(shop).recommend_all(Request(method="user_based_cf", new_only=new_only), out)
    lists = read_lists(out)
    for customer_id in customers:
        wanted = read_list(shop, customer_id, new_only=new_only, **LEARNED.parameters(new_only))
        assert lists[customer_id] == [article for article, _ in wanted]


def test_the_rankers_source_has_the_half_lives_for_new_articles(shop: Graph, customers: list[str]) -> None:
    recommender = Recommender(shop)
    given = {"k": 120, "own_weight": 0.0, **LEARNED.new.half_lives()}
    compared = 0
    for customer_id in customers:
        wanted = [article for article, _ in read_list(shop, customer_id, **given)]
        articles = recommender.recommend(Request(customer_id=customer_id, k=3)).articles["article_id"]
        for article_id in articles:
            parts = recommender.explain_by_ranker(customer_id, article_id)
            place = parts.loc[parts["source"] == "customers like you", "place"]
            if len(place):
                compared += 1
                assert wanted[int(place.iloc[0]) - 1] == article_id
    assert compared


@KINDS
def test_explanations_add_up_to_the_scores_of_the_list(shop: Graph, customers: list[str], new_only: bool) -> None:
    recommender = Recommender(shop)
    for customer_id in customers:
        request = Request(customer_id=customer_id, method="user_based_cf", new_only=new_only, k=4)
        for row in recommender.recommend(request).articles.itertuples():
            parts = recommender.explain(customer_id, str(row.article_id), new_only=new_only)
            assert math.isclose(parts["part"].sum(), float(row.score), rel_tol=1e-9)


@KINDS
def test_the_http_service_has_them(shop: Graph, customers: list[str], new_only: bool) -> None:
    client = TestClient(make_app(shop), base_url="http://localhost")
    customer_id, given = customers[0], {"new_only": new_only}
    answer = client.get(f"/recommend/{customer_id}", params={**given, "method": "user_based_cf", "k": 3}).json()
    wanted = read_list(shop, customer_id, k=3, new_only=new_only, **LEARNED.parameters(new_only))
    assert [row["article_id"] for row in answer["articles"]] == [article for article, _ in wanted]
    for article, score in wanted:
        explained = client.get(f"/explain/{customer_id}/{article}", params=given).json()
        assert math.isclose(explained["score"], score, rel_tol=1e-9)
        assert math.isclose(sum(part["part"] for part in explained["parts"]), score, rel_tol=1e-9)
    ranked = client.get(f"/recommend/{customer_id}", params={**given, "method": "hybrid", "k": 3}).json()
    assert ranked["scored_by"] == ["hybrid"] * 3
    for row in ranked["articles"]:
        explained = client.get(f"/explain/{customer_id}/{row['article_id']}", params={**given, "by": "hybrid"}).json()
        assert math.isclose(sum(part["part"] for part in explained["parts"]), row["score"], rel_tol=1e-6)


def test_the_query_to_draw_has_them(shop: Graph, customers: list[str]) -> None:
    article_id = read_list(shop, customers[0], new_only=True, **LEARNED.parameters(True))[0][0]
    text = Recommender(shop).write_drawing(customers[0], article_id, new_only=True)
    given = {"customer_id": customers[0], "article_id": article_id, **LEARNED.parameters(True)}
    assert text == find_query("explain_user_based_cf_graph").write_out(given)
    assert len(run_text(shop, text))


def test_an_earlier_day_has_the_defaults_because_they_would_leak_the_future(shop: Graph, customers: list[str]) -> None:
    day = dt.date(2017, 12, 1)
    recommender = Recommender(shop)
    for customer_id in customers:
        request = Request(customer_id=customer_id, method="user_based_cf", as_of=day)
        found = list(recommender.recommend(request).articles["article_id"])
        assert found == [article for article, _ in read_list(shop, customer_id, as_of=day)]
        parts = recommender.explain(customer_id, found[0], as_of=day)
        assert math.isclose(parts["part"].sum(), read_list(shop, customer_id, as_of=day)[0][1], rel_tol=1e-9)


def test_evaluation_learns_them_before_each_cut(shop: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, used = [], []

    def learn(subgraph: Any, *_: Any) -> LearnedCf:
        seen.append(subgraph.until)
        return LEARNED

    def rank(method: str, held: HoldOut, truths: Any, k: int, given: Any, *others: Any) -> Any:
        used.append((held.cut, given))
        return rank_in_batch(method, held, truths, k, given, *others)

    rank_in_batch = evaluation._rank_in_batch
    monkeypatch.setattr(evaluation, "learn_cf", learn)
    monkeypatch.setattr(evaluation, "_rank_in_batch", rank)
    table = evaluation.evaluate(shop, methods=("user_based_cf",), weeks=2)
    assert set(table["method"]) == {"user_based_cf"}
    assert len(seen) == len(used) == 2
    for until, (cut, given) in zip(seen, used, strict=True):
        assert until <= cut
        assert given == {"all": LEARNED.all.parameters(), "new": LEARNED.new.parameters()}


def test_another_version_brings_its_own(shop: Graph, customers: list[str]) -> None:
    subgraph = export_subgraph(shop, SubgraphSpec(isolated=True))
    write_embeddings(shop, train(subgraph, QUICK))
    try:
        model = read_state(shop).model
        assert model is not None
        assert model.cf is None
        request = Request(customer_id=customers[0], method="user_based_cf")
        found = Recommender(shop).recommend(request).articles["article_id"]
        assert list(found) == [article for article, _ in read_list(shop, customers[0])]
    finally:
        use_version(shop, 1)
    model = read_state(shop).model
    assert model is not None
    assert model.cf is not None


@pytest.fixture(scope="module")
def recalls(shop: Graph) -> Iterator[Any]:
    sources = ("own_repurchases", "user_based_cf", "popular")
    return evaluate_candidates(shop, weeks=2, sources=sources, depths=(5, 120))


def test_recall_of_candidates_grows_with_their_number_and_the_union_has_all(recalls: Any) -> None:
    assert list(dict.fromkeys(recalls["source"])) == ["own_repurchases", "user_based_cf", "popular", UNION]
    for kind in ("all", "new"):
        rows = recalls[recalls["purchases"] == kind].set_index("source")
        assert (rows["recall_at_5"] <= rows["recall_at_120"]).all()
        assert (rows["recall_low"] <= rows["recall"]).all()
        assert (rows["recall"] <= rows["recall_high"]).all()
        for column in ("recall", "recall_at_5", "recall_at_120"):
            assert rows.loc[UNION, column] >= rows[column].max() - 1e-12
            assert rows.loc[UNION, column] <= rows[column].drop(UNION).sum() + 1e-12
        assert rows.loc["user_based_cf", "recall"] == rows.loc["user_based_cf", "recall_at_120"]  # it proposes 120
    assert recalls.loc[recalls["purchases"] == "new", "recall"].iloc[0] == 0  # own repurchases are not new
