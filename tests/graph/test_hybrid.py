"""The ranker: trained on earlier weeks, stored in the graph, used by queries for one customer and in memory for all."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.explain import STRONGEST
from hmrec.cli.main import app
from hmrec.cli.service.app import make_app
from hmrec.cypher.errors import NoRanker, UnknownArticle, UnknownCustomer, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.progress import silent
from hmrec.cypher.recommenders import METHODS
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.hybrid import train_hybrid
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.ranker.declare import KNOWN
from hmrec.graph_ml.ranker.features import FACTS
from hmrec.graph_ml.ranker.fit import RankSettings
from hmrec.graph_ml.ranker.sources import BY_EMBEDDING, SOURCES
from hmrec.graph_ml.recommend import Campaign, Recommendations, Recommender, Request
from hmrec.graph_ml.recommend.shared_lists import SharedLists
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder
from typer.testing import CliRunner

from tests.conftest import connection_environment, empty, run_text
from tests.graph.shops import load_two_tastes

SMALL = TrainSettings(dim=16, epochs=3, negatives=64)
LABELS = [source.label for source in (*SOURCES, BY_EMBEDDING)]


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    transactions = load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    with pytest.raises(NoRanker):
        recommend(module_graph, "c00", "hybrid")
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    trained, rank = train_hybrid(subgraph, SMALL, RankSettings(rounds=20, forests=2))
    write_embeddings(module_graph, trained, rank=rank)
    return transactions


def read_lists(out: Path) -> dict[str, list[str]]:
    """Return the file's lists by customer."""
    rows = pl.read_csv(out, schema_overrides={"customer_id": pl.String}).iter_rows()
    return {customer: articles.split(" ") for customer, articles in rows}


def recommend(graph: Graph, customer_id: str, method: str = "auto", **options: Any) -> Recommendations:
    return Recommender(graph).recommend(Request(customer_id=customer_id, method=method, **options))


def recommend_all(graph: Graph, out: Path, method: str = "hybrid", at_once: int = 4_000, **options: Any) -> int:
    progress = options.pop("progress", silent)
    return Recommender(graph).recommend_all(Request(method=method, **options), out, at_once=at_once, progress=progress)


PLAIN: dict[str, Any] = {}
OPTIONS = [
    *((method.name, PLAIN) for method in METHODS),
    ("hybrid", {"new_only": True}),
    ("hybrid", {"department": "Odd", "max_price": 0.12}),
    ("hybrid", {"in_season": 3, "new_only": True}),
    ("hybrid", {"as_of": dt.date(2020, 9, 25)}),
    ("auto", {"department": "Even", "k": 7}),
    ("auto", {"as_of": dt.date(2020, 9, 1), "in_season": 5}),
    ("gnn", {"department": "Odd", "new_only": True}),
    ("user_based_cf", {"new_only": True, "max_price": 0.1}),
    ("by_attributes", {"max_price": 0.1, "in_season": 3}),
    ("popular_in_departments", {"max_price": 0.1, "as_of": dt.date(2020, 9, 1)}),
    ("popular_in_segment", {"department": "Even"}),
    ("variants", {"max_price": 0.1, "new_only": True}),
]


@pytest.mark.parametrize(
    ("method", "options"), OPTIONS, ids=[f"{method}-{'-'.join(options)}" for method, options in OPTIONS]
)
def test_batch_lists_equal_one_by_one_lists(
    method: str, options: dict[str, Any], module_graph: Graph, shop: pl.DataFrame, tmp_path: Path
) -> None:
    out = tmp_path / "submission.csv"
    assert recommend_all(module_graph, out, method, at_once=20, **options) == 42
    lists = read_lists(out)
    passing = module_graph.read("passing_articles", **Request(**options).parameters)
    for customer in ("c00", "c19", "c39", "c40"):  # the last one has no purchases
        found = recommend(module_graph, customer, method, **options).articles["article_id"].tolist()
        assert lists[customer][: len(found)] == found
        assert len(found) == options.get("k", 12) or method != "hybrid" or len(passing) < 25
    for customer, listed in lists.items():
        assert len(set(listed)) == len(listed)
        assert set(listed) <= set(passing["article_id"])
        owned = set(shop.filter(pl.col("customer_id") == customer)["article_id"]) if options.get("new_only") else set()
        sold = set(passing["article_id"]) & set(shop["article_id"])
        assert len(listed) >= min(options.get("k", 12), len(sold - owned))  # longer if embeddings find unsold articles


CHILD = """
import sys, time
from pathlib import Path
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.recommend import Recommender, Request
def pause(*reports):
    time.sleep(0.1)
with Graph.connect() as graph:
    Recommender(graph).recommend_all(Request(method="hybrid"), Path(sys.argv[1]), at_once=5, progress=pause)
"""


@pytest.mark.parametrize("method", ["hybrid", "user_based_cf", "popular"])
def test_rows_for_a_campaign_have_the_scores_of_one_customers_list(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, method: str
) -> None:
    out = tmp_path / "rows.parquet"
    campaign = Campaign(customers=("c00", "c05", "c41"), columns=("prod_name",))
    recommender = Recommender(module_graph)
    assert recommender.recommend_all(Request(method=method, k=5), out, campaign=campaign) == 3
    rows = pl.read_parquet(out)
    for customer in campaign.customers or ():
        one = recommender.recommend(Request(customer_id=customer, method=method, k=5)).articles
        written = rows.filter(pl.col("customer_id") == customer)
        ranked = written.filter(pl.col("method") == method).head(len(one))
        assert written["rank"].to_list() == list(range(1, 6))
        assert written["article_id"].to_list()[: len(one)] == list(one["article_id"])
        assert ranked["score"].to_list() == pytest.approx(list(one["score"])[: len(ranked)], rel=1e-5)
        assert ranked["prod_name"].to_list() == list(one["prod_name"])[: len(ranked)]


def test_a_killed_run_continues_and_other_settings_start_again(
    module_graph: Graph, connection: ConnectionSettings, shop: pl.DataFrame, tmp_path: Path
) -> None:
    out, whole = tmp_path / "submission.csv", tmp_path / "whole.csv"
    recommend_all(module_graph, whole, at_once=5)
    environment = os.environ | connection_environment(connection)
    for settings, continues in (({"k": 12}, True), ({"k": 11}, False)):
        process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", CHILD, str(out)], env=environment)
        while process.poll() is None and sum(f.stat().st_size for f in tmp_path.glob("*.partial")) < 2000:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        kept = {f.name: f.stat().st_size for f in tmp_path.glob("*.partial")}
        assert not out.exists()
        reports: list[float] = []

        def note(_: str, done: float, total: float | None, reports: list[float] = reports) -> None:
            reports.append(done)

        recommend_all(module_graph, out, at_once=5, progress=note, **settings)
        assert (15 in reports and 5 not in reports) == continues, (reports, kept)
        assert (out.read_bytes() == whole.read_bytes()) == continues
        assert len(read_lists(out)) == 42
        out.unlink()


def test_the_ranker_learns_the_customers_tastes(module_graph: Graph, shop: pl.DataFrame) -> None:
    for customer in ("c04", "c05"):
        found = recommend(module_graph, customer)  # auto
        taste = [int(article) % 2 == int(customer[1:]) % 2 for article in found.articles["article_id"]]
        assert np.mean(taste) > 0.9


def test_the_reason_names_the_source(module_graph: Graph, shop: pl.DataFrame) -> None:
    for because in recommend(module_graph, "c08", "hybrid").articles["because"]:
        source, _, reason = because.partition(": ")
        assert source in LABELS
        assert reason


def test_an_explanation_names_the_sources_of_the_reason_and_their_parts(
    module_graph: Graph, shop: pl.DataFrame
) -> None:
    for row in recommend(module_graph, "c08", "hybrid").articles.head(3).to_dict("records"):
        found = Recommender(module_graph).explain_by_ranker("c08", row["article_id"])
        source, _, reason = row["because"].partition(": ")
        best = found.iloc[0]
        assert (best["source"], best["because"]) == (source, reason)
        assert found["source"].tolist()[-5:] == ["other sources", *KNOWN, "baseline"]
        assert (found["place"].iloc[:-5] >= 1).all()
        assert found["place"].iloc[-5:].isna().all()
        assert found["part"].iloc[:-5].is_monotonic_decreasing
    assert len(Recommender(module_graph).explain_by_ranker("c08", row["article_id"], as_of="2020-09-25"))
    with pytest.raises(NoRanker):
        Recommender(module_graph).explain_by_ranker("c08", row["article_id"], as_of="2020-09-01")
    with pytest.raises(UnknownArticle):
        Recommender(module_graph).explain_by_ranker("c08", "none")
    with pytest.raises(UnknownCustomer):
        Recommender(module_graph).explain_by_ranker("nobody", "0000000001")


@pytest.mark.parametrize("given", [{"new_only": True}, {"max_price": 0.02}, {"in_season": 5, "new_only": True}])
def test_an_explanation_is_that_of_the_list_with_its_filters(
    module_graph: Graph, connection: ConnectionSettings, shop: pl.DataFrame, given: dict[str, Any]
) -> None:
    recommender = Recommender(module_graph)
    explained = 0
    options = [f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in given.items()]
    for customer in ("c00", "c08", "c19"):
        request = Request(customer_id=customer, method="hybrid", **given)
        found = recommender.recommend(request)
        for row, method in zip(found.articles.to_dict("records"), found.scored_by, strict=True):
            parts = recommender.explain_ranked(request, row["article_id"])
            if method == "hybrid":
                explained += 1
                assert parts["part"].sum() == pytest.approx(row["score"], abs=1e-9)
    assert explained > 3
    words = ["explain", customer, row["article_id"], "--by", "hybrid", "--json", *options]
    printed = json.loads(CliRunner().invoke(app, words, env=connection_environment(connection)).stdout)
    assert [part["part"] for part in printed] == pytest.approx(parts["part"].tolist())
    answer = TestClient(make_app(module_graph), base_url="http://localhost").get(
        f"/explain/{customer}/{row['article_id']}", params={"by": "hybrid", **given}
    )
    assert answer.json()["parts"] == printed


def test_filters_explain_only_the_rankers_score() -> None:
    found = CliRunner().invoke(app, ["explain", "c00", "0000000001", "--department", "Odd"])
    assert found.exit_code != 0
    assert isinstance(found.exception, UserMistake)
    assert "--department" in str(found.exception)


@pytest.mark.parametrize("customer", ["c00", "c08", "c19", "c40"])
def test_the_parts_of_an_explanation_add_up_to_the_score(
    customer: str, module_graph: Graph, connection: ConnectionSettings, shop: pl.DataFrame
) -> None:
    proposed = []
    recommender = Recommender(module_graph)
    for row in recommender.recommend(Request(customer_id=customer, method="hybrid")).articles.to_dict("records"):
        found = recommender.explain_by_ranker(customer, row["article_id"])
        if found.empty:  # filled with popular articles
            continue
        proposed.append((row, found))
        assert found["part"].sum() == pytest.approx(row["score"], abs=1e-3)
        assert found[["source", "part", "because"]].notna().all(axis=None)
    assert len(proposed) > 3
    row, found = proposed[-1]
    options = ["explain", customer, row["article_id"], "--by", "hybrid"]
    environment = connection_environment(connection)
    for more in ([], ["--all"]):
        text = CliRunner().invoke(app, [*options, *more], env=environment).stdout
        head, *lines = text.splitlines()
        printed_score = re.fullmatch(rf"Score of {row['article_id']} for {customer}: (\S+) =", head)
        assert printed_score is not None
        assert float(printed_score[1]) == pytest.approx(row["score"], abs=1e-3)
        assert sum(float(line.split()[0]) for line in lines) == pytest.approx(row["score"], abs=5e-3)
        assert lines[-1].endswith(" more (--all)") is (not more)
        assert len(lines) == (STRONGEST + 1 if not more else len(found))
    parts = json.loads(CliRunner().invoke(app, [*options, "--json"], env=environment).stdout)
    assert sum(part["part"] for part in parts) == pytest.approx(row["score"], abs=1e-3)
    answer = TestClient(make_app(module_graph), base_url="http://localhost").get(
        f"/explain/{customer}/{row['article_id']}", params={"by": "hybrid"}
    )
    assert answer.json()["parts"] == parts
    assert answer.json()["score"] == pytest.approx(row["score"], abs=1e-3)


def test_shared_lists_equal_those_of_the_queries(
    module_graph: Graph, shop: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    for customer in ("c03", "c40", "c03"):
        for options in ({}, {"new_only": True, "max_price": 0.12}):
            shared = recommend(module_graph, customer, "hybrid", **options).articles
            with monkeypatch.context() as alone:
                alone.setattr(SharedLists, "take", lambda *_: None)  # each customer has their own list
                assert recommend(module_graph, customer, "hybrid", **options).articles.equals(shared)
    run_text(module_graph, "MATCH (c:Customer {customer_id: 'c01'}), (a:Article {article_id: '0000000030'}) "
             "UNWIND range(1, 200) AS n CREATE (c)-[:BOUGHT {t_dat: date('2020-09-21'), price: 0.5 + n, quantity: 1, "
             "sales_channel_id: 9, article_id: a.article_id}]->(a)")  # fmt: skip
    try:
        found = recommend(module_graph, "c40", "hybrid", k=100).articles
        assert found[found["article_id"] == "0000000030"]["because"].str.contains("bought lately|200 times").all()
        assert "0000000030" in set(found["article_id"])
    finally:
        run_text(module_graph, "MATCH ()-[b:BOUGHT {sales_channel_id: 9}]->() DELETE b")


def test_articles_are_described_once_and_again_after_a_load(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []
    read_as = Graph.read_as

    def listen(self: Graph, row: Any, query: Any, **parameters: Any) -> list[Any]:
        if query == "describe_articles":
            asked.append(set(parameters["article_ids"]))
        return read_as(self, row, query, **parameters)

    monkeypatch.setattr(Graph, "read_as", listen)
    recommender, request = Recommender(module_graph), Request(customer_id="c03", method="hybrid")
    first = recommender.recommend(request).articles
    assert recommender.recommend(request).articles.equals(first)
    assert len(asked) == 1
    (tmp_path / "articles.csv").write_text("article_id,detail_desc\n0000000031,A thing\n")
    load_folder(tmp_path, server=None, graph=module_graph, articles_only=True)
    after = recommender.recommend(request).articles
    assert asked[1] >= set(after["article_id"])
    assert after.equals(recommend(module_graph, "c03", "hybrid").articles)


def test_a_warm_recommender_has_read_the_ranker(
    module_graph: Graph, shop: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    recommender, asked, read_as = Recommender(module_graph), [], Graph.read_as
    recommender.warm_up()

    def listen(self: Graph, row: Any, query: Any, **parameters: Any) -> list[Any]:
        asked.append(query)
        return read_as(self, row, query, **parameters)

    monkeypatch.setattr(Graph, "read_as", listen)
    recommender.recommend(Request(customer_id="c03"))
    assert "user_based_cf" in asked
    assert "ranker" not in asked


def test_customers_without_purchases_get_a_note(module_graph: Graph, shop: pl.DataFrame) -> None:
    found = recommend(module_graph, "c40", "hybrid")
    assert "no purchases" in found.note
    assert found.articles["article_id"].is_unique
    with pytest.raises(UnknownCustomer):
        recommend(module_graph, "nobody", "hybrid")


def test_filters_and_new_only_are_respected(module_graph: Graph, shop: pl.DataFrame) -> None:
    owned = set(shop.filter(pl.col("customer_id") == "c06")["article_id"])
    found = recommend(module_graph, "c06", "hybrid", new_only=True)
    assert not owned & set(found.articles["article_id"])
    odd = recommend(module_graph, "c06", "hybrid", department="Odd")
    assert {int(article) % 2 for article in odd.articles["article_id"]} == {1}


def test_an_earlier_day_refuses_hybrid_and_auto_uses_cf(module_graph: Graph, shop: pl.DataFrame) -> None:
    earlier = dt.date(2020, 9, 1)
    with pytest.raises(NoRanker, match="future"):
        recommend(module_graph, "c00", "hybrid", as_of=earlier)
    assert recommend(module_graph, "c00", as_of=earlier).articles["because"].str.contains("bought").all()  # by cf


def test_facts_are_read_in_the_order_of_writing(module_graph: Graph, shop: pl.DataFrame) -> None:
    written = run_text(module_graph, "MATCH (a:Article) RETURN a.article_id AS id, properties(a) AS known")
    facts = {row["id"]: [row["known"].get(name) for name in FACTS] for row in written}
    assert dict(module_graph.stream("article_facts", facts=list(FACTS))) == facts
    described = module_graph.read("describe_articles", article_ids=list(facts), facts=list(FACTS))
    assert dict(zip(described["article_id"], described["facts"], strict=True)) == facts
    rows = run_text(
        module_graph, "MATCH (a:Article) RETURN a.article_id AS id, a.buyers_364 AS buyers, a.repeat_gap AS gap"
    )
    buyers = shop.group_by("article_id").agg(pl.col("customer_id").n_unique())
    known = dict(buyers.iter_rows())
    for row in rows:
        assert row["buyers"] == pytest.approx(np.log1p(known.get(row["id"], 0)), abs=1e-6)
        assert (row["gap"] is None) == (row["id"] not in known)


def test_a_refilled_graph_uses_its_own_ranker_of_version_1(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path
) -> None:
    recommender = Recommender(module_graph)
    before = recommender.ranker.read(read_state(module_graph))
    empty(module_graph)
    load_two_tastes(module_graph, tmp_path)
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    trained, rank = train_hybrid(subgraph, SMALL, RankSettings(rounds=5, forests=1))
    assert write_embeddings(module_graph, trained, rank=rank).version == 1
    after = recommender.ranker.read(read_state(module_graph))
    assert after.to_text() != before.to_text()


def test_a_graph_that_lost_its_purchases_says_so(module_graph: Graph, shop: pl.DataFrame) -> None:
    run_text(module_graph, "MATCH ()-[b:BOUGHT]->() DELETE b")  # the last test of the module
    with pytest.raises(UserMistake, match="The graph has no purchases"):
        recommend(module_graph, "c00", "hybrid")
