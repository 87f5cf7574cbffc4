"""Evaluation: the figures are those of a naive computation, and no method sees the days held out."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.evaluate import METHODS, QUERIES, evaluate
from hmrec.graph_ml.train import TrainSettings

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes
from tests.unit.test_metrics import kaggle_average_precision

SMALL = TrainSettings(dim=16, epochs=2, negatives=64)
CUT = dt.date(2020, 9, 15)


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=10)


def scores(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    return {(row.method, row.purchases): row.map for row in table.itertuples()}


def test_each_method_is_measured_for_all_and_for_new_purchases(module_graph: Graph, shop: pl.DataFrame) -> None:
    table = evaluate(module_graph, SMALL)
    assert list(zip(table["method"], table["purchases"], strict=True)) == [
        (method, kind) for method in METHODS for kind in ("all", "new")
    ]
    assert {"map", "precision", "recall", "ndcg", "hit_rate", "customers"} <= set(table.columns)
    assert table[["map", "precision", "recall", "ndcg", "hit_rate"]].to_numpy().min() >= 0
    assert table[["map", "precision", "recall", "ndcg", "hit_rate"]].to_numpy().max() <= 1


@pytest.mark.parametrize("method", list(QUERIES))
def test_map_equals_asking_each_customer_on_the_day(module_graph: Graph, shop: pl.DataFrame, method: str) -> None:
    cut = shop["t_dat"].max() - dt.timedelta(days=6)
    before, after = shop.filter(pl.col("t_dat") < cut), shop.filter(pl.col("t_dat") >= cut)
    found = scores(evaluate(module_graph, methods=(method,)))
    for kind, new_only in (("all", False), ("new", True)):
        values = []
        for customer in sorted(set(before["customer_id"]) & set(after["customer_id"])):
            owned = set(before.filter(pl.col("customer_id") == customer)["article_id"])
            bought = set(after.filter(pl.col("customer_id") == customer)["article_id"]) - (owned if new_only else set())
            listed: list[str] = []
            for query in QUERIES[method]:
                answer = module_graph.read(query, customer_id=customer, k=12, new_only=new_only, as_of=cut)
                listed += [article for article in answer["article_id"] if article not in listed]
            if bought:
                values.append(kaggle_average_precision(bought, listed, 12))
        assert found[method, kind] == pytest.approx(sum(values) / len(values) if values else 0.0)


def test_embeddings_in_the_graph_are_neither_used_nor_changed(module_graph: Graph, shop: pl.DataFrame) -> None:
    evaluate(module_graph, SMALL, methods=("gnn",))
    assert run_text(module_graph, "MATCH (n) WHERE n.embedding IS NOT NULL OR n:Model RETURN count(*) AS n") == [
        {"n": 0}
    ]


def test_some_customers_are_drawn_the_same_each_time(module_graph: Graph, shop: pl.DataFrame) -> None:
    few = [evaluate(module_graph, methods=("cf",), customers=7).drop(columns="seconds") for _ in range(2)]
    pd.testing.assert_frame_equal(few[0], few[1])
    assert few[0]["customers"].tolist()[0] == 7


def test_mistakes_are_said_before_anything_is_run(module_graph: Graph, shop: pl.DataFrame) -> None:
    with pytest.raises(UserMistake, match="no method 'magic'"):
        evaluate(module_graph, methods=("magic",))
    with pytest.raises(UserMistake, match="cannot be held out"):
        evaluate(module_graph, days=400)


def test_no_list_changes_when_the_days_held_out_change(graph: Graph, tmp_path: Path) -> None:
    """The future is deleted but for a purchase a customer; each method's hits on those purchases stay the same."""
    transactions = load_two_tastes(graph, tmp_path / "shop", weeks=5)
    cut = transactions["t_dat"].max() - dt.timedelta(days=6)
    # what a list holds shows in the precision when the same one article is all that is bought afterwards
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
