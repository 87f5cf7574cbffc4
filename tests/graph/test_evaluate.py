"""Evaluation: the figures equal a naive computation, and no method uses the held-out days."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import find_method
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.evaluate.evaluation import DEFAULT_METHODS, METHODS, evaluate, list_queries
from hmrec.graph_ml.evaluate.outcome import ALL_CUSTOMERS
from hmrec.graph_ml.evaluate.report import write_report
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from typer.testing import CliRunner

from tests.conftest import connection_environment, run_text
from tests.graph.shops import load_two_tastes
from tests.unit.test_metrics import kaggle_average_precision

SMALL = TrainSettings(dim=16, epochs=2, negatives=64)
CUT = dt.date(2020, 9, 15)


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=10)


def scores(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    rows = table[table["segment"] == ALL_CUSTOMERS]
    return {(row.method, row.purchases): row.map for row in rows.itertuples()}


def test_each_method_is_measured_for_all_and_for_new_purchases(module_graph: Graph, shop: pl.DataFrame) -> None:
    table = evaluate(module_graph, SMALL)
    assert list(scores(table)) == [(method, kind) for method in DEFAULT_METHODS for kind in ("all", "new")]
    assert {"map", "precision", "recall", "ndcg", "hit_rate", "customers"} <= set(table.columns)
    assert table[["map", "precision", "recall", "ndcg", "hit_rate"]].to_numpy().min() >= 0
    assert table[["map", "precision", "recall", "ndcg", "hit_rate"]].to_numpy().max() <= 1


@pytest.mark.parametrize("method", [name for name in METHODS if find_method(name).has_query and name != "gnn"])
def test_map_equals_querying_each_customer_as_of_the_day(module_graph: Graph, shop: pl.DataFrame, method: str) -> None:
    cut = shop["t_dat"].max() - dt.timedelta(days=6)
    before, after = shop.filter(pl.col("t_dat") < cut), shop.filter(pl.col("t_dat") >= cut)
    found = scores(evaluate(module_graph, methods=(method,)))
    with known_repeats(module_graph, cut):
        for kind, new_only in (("all", False), ("new", True)):
            values = []
            for customer in sorted(set(before["customer_id"]) & set(after["customer_id"])):
                owned = set(before.filter(pl.col("customer_id") == customer)["article_id"])
                bought = set(after.filter(pl.col("customer_id") == customer)["article_id"]) - (
                    owned if new_only else set()
                )
                asked = {"customer_id": customer, "k": 12, "new_only": new_only, "as_of": cut}
                listed: list[str] = []
                for query in list_queries(method):
                    trained = find_method(query).parameters if query == "own_repurchases" else {}
                    answer = module_graph.read(query, **asked, **trained)
                    listed += [article for article in answer["article_id"] if article not in listed]
                if bought:
                    values.append(kaggle_average_precision(bought, listed, 12))
            assert found[method, kind] == pytest.approx(sum(values) / len(values) if values else 0.0)


@contextmanager
def known_repeats(graph: Graph, cut: dt.date) -> Iterator[None]:
    """Keep on the articles what a training on the purchases before a day writes about buyers who come back."""
    subgraph = export_subgraph(graph, SubgraphSpec(isolated=True))
    repeats = zip(subgraph.article_ids, Snapshot.of(subgraph, cut).measure_repeats().tolist(), strict=True)
    rows = [[article, {"repeats": None if math.isnan(value) else value}] for article, value in repeats]
    graph.write("write_facts", rows=rows)
    try:
        yield
    finally:
        graph.write("write_facts", rows=[[article, {"repeats": None}] for article, _ in rows])


def test_embeddings_in_the_graph_are_neither_used_nor_changed(module_graph: Graph, shop: pl.DataFrame) -> None:
    evaluate(module_graph, SMALL, methods=("gnn",))
    assert run_text(module_graph, "MATCH (n) WHERE n.embedding IS NOT NULL OR n:Model RETURN count(*) AS n") == [
        {"n": 0}
    ]


def test_the_same_customers_are_sampled_each_time(module_graph: Graph, shop: pl.DataFrame) -> None:
    few = [evaluate(module_graph, methods=("user_based_cf",), customers=7).drop(columns="seconds") for _ in range(2)]
    pd.testing.assert_frame_equal(few[0], few[1])
    assert few[0]["customers"].tolist()[0] == 7


def test_each_week_is_predicted_from_earlier_purchases_only(module_graph: Graph, shop: pl.DataFrame) -> None:
    last = shop["t_dat"].max() + dt.timedelta(days=1)  # type: ignore[operator]
    both = evaluate(module_graph, methods=("popular", "user_based_cf"), weeks=2)
    apart = [
        evaluate(module_graph, methods=("popular", "user_based_cf"), until=last - dt.timedelta(days=7 * ago))
        for ago in (0, 1)
    ]
    for place, (found, one, other) in enumerate(
        zip(scores(both).items(), scores(apart[0]).values(), scores(apart[1]).values(), strict=True)
    ):
        counts = [table[table["segment"] == ALL_CUSTOMERS]["customers"].tolist()[place] for table in apart]
        weighted = (one * counts[0] + other * counts[1]) / max(1, sum(counts))
        assert found[1] == pytest.approx(weighted)
    errors = both[(both["segment"] == ALL_CUSTOMERS) & (both["purchases"] == "all")]
    assert (errors["rmse"] >= errors["mae"]).all()
    assert (errors["mae"] > 0).all()
    assert apart[0][["rmse", "mae"]].isna().all(axis=None)
    assert (both.attrs["cut"], both.attrs["weeks"]) == (apart[0].attrs["cut"], 2)


def test_customers_without_history_are_measured_separately(module_graph: Graph, shop: pl.DataFrame) -> None:
    last = shop["t_dat"].max()
    newcomer = (
        "MATCH (c:Customer {customer_id: 'c40'}), (a:Article {article_id: '0000000000'}) "
        "CREATE (c)-[:BOUGHT {t_dat: date($day), price: 1.0, sales_channel_id: 7, quantity: 1, "
        "article_id: a.article_id}]->(a)"
    )
    before = evaluate(module_graph, methods=("popular", "user_based_cf"))
    run_text(module_graph, newcomer, day=str(last))
    try:
        table = evaluate(module_graph, methods=("popular", "user_based_cf", "by_attributes"))
    finally:
        run_text(module_graph, "MATCH ()-[b:BOUGHT {sales_channel_id: 7}]->() DELETE b")
    assert "cold" not in set(before["segment"])
    cold = table[(table["segment"] == "cold") & (table["purchases"] == "all")].set_index("method")
    assert cold["customers"].tolist() == [1, 1, 1]
    assert cold["map"]["user_based_cf"] == 0
    assert cold["hit_rate"]["by_attributes"] in (0, 1)
    whole = table[table["method"] != "by_attributes"].reset_index(drop=True)
    assert scores(whole) == scores(before)


def test_the_page_has_every_figure_and_no_external_resources(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path
) -> None:
    table = evaluate(module_graph, methods=("popular", "own_repurchases", "user_based_cf"), weeks=2)
    for name in ("one.html", "two.html"):
        write_report(table, tmp_path / "reports" / name)
    page = (tmp_path / "reports" / "one.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "reports" / "two.html").read_text(encoding="utf-8")
    assert [file.name for file in (tmp_path / "reports").iterdir() if "partial" in file.name] == []
    assert page.count("<svg") == page.count("</svg>") == 4
    for row in table[table["segment"] == ALL_CUSTOMERS].itertuples():
        assert f"<td>{row.map:.4f}</td><td>{row.map_low:.4f} to {row.map_high:.4f}</td>" in page
    outside = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!#)[^\"')>\s]+", page)
    assert not outside


def test_the_sources_protocol_through_the_command(
    module_graph: Graph,
    shop: pl.DataFrame,
    connection: ConnectionSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    command = ["evaluate", "--protocol", "random-split", "--format", "json", "--report", "split.html"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    found = json.loads(result.stdout)
    facts, rows = found["facts"], found["rows"]
    assert facts["rows"] == len(shop)  # fewer than 20,000: all
    assert facts["train_rows"] == round(0.7 * len(shop))
    assert (facts["k"], facts["customers"], facts["articles"]) == (10, 40, 30)
    assert [(row["method"], row["epochs"]) for row in rows if row["training pairs"] != "kept"] == [
        ("the source, on H&M's rows", 5), ("hmrec's LightGCN", 5), ("hmrec's LightGCN", 50),
        ("hmrec's network", 5), ("popularity", None), ("chance", None),
    ]  # fmt: skip
    precision = {(row["method"], row["epochs"], row["training pairs"]): row["precision"] for row in rows}
    assert precision["hmrec's LightGCN", 50, "kept"] > precision["chance", None, "kept"]
    assert all(0 < row["mae"] <= row["rmse"] < 1 for row in rows)
    page = (tmp_path / "split.html").read_text(encoding="utf-8")
    assert "<td>0.2451</td>" in page
    assert page.count("<svg") == 1
    mistake = CliRunner().invoke(app, [*command, "--weeks", "2"])
    assert isinstance(mistake.exception, UserMistake)


def test_an_old_name_is_measured_as_the_new_one_with_a_warning(module_graph: Graph, shop: pl.DataFrame) -> None:
    with pytest.warns(FutureWarning, match="`segment` is now called `popular_in_segment`"):
        table = evaluate(module_graph, methods=("popular", "segment"), customers=3)
    assert set(table["method"]) == {"popular", "popular_in_segment"}


def test_mistakes_are_reported_before_anything_runs(module_graph: Graph, shop: pl.DataFrame) -> None:
    with pytest.raises(UserMistake, match="no method 'magic'"):
        evaluate(module_graph, methods=("magic",))
    with pytest.raises(UserMistake, match="cannot be held out"):
        evaluate(module_graph, days=400)


def test_lists_do_not_depend_on_the_held_out_days(graph: Graph, tmp_path: Path) -> None:
    """Delete the future except one purchase per customer; each method's hits on those purchases stay the same."""
    transactions = load_two_tastes(graph, tmp_path / "shop", weeks=5)
    cut = transactions["t_dat"].max() - dt.timedelta(days=6)
    # with a single article bought afterwards, the precision shows whether it is in the list
    first = run_text(
        graph,
        "MATCH (c:Customer)-[b:BOUGHT]->() WHERE b.t_dat >= date($cut) DELETE b WITH DISTINCT c "
        "MATCH (a:Article {article_id: '0000000000'}) "
        "CREATE (c)-[:BOUGHT {t_dat: date($cut) + duration({days: 6}), price: 1.0, sales_channel_id: 1, quantity: 1}]"
        "->(a) "
        "RETURN count(*) AS customers",
        cut=cut.isoformat(),
    )
    assert first[0]["customers"] == 40
    one = evaluate(graph, SMALL).drop(columns="seconds")
    run_text(
        graph,
        "MATCH (c:Customer)-[b:BOUGHT]->(:Article {article_id: '0000000000'}) "
        "WHERE b.t_dat = date($cut) + duration({days: 6}) "
        "SET b.quantity = 500, b.price = 9.0",
        cut=cut.isoformat(),
    )
    pd.testing.assert_frame_equal(one, evaluate(graph, SMALL).drop(columns="seconds"))
