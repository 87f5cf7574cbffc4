"""The report about the graph, compared with figures counted from the transactions."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.evaluate.graph_report import read_report, sum_up, write_graph_report

from tests.graph.shops import load_two_tastes


def test_an_empty_graph_has_no_report(module_graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="no purchases"):
        write_graph_report(module_graph, tmp_path / "graph.html")


@pytest.fixture(scope="module")
def transactions(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=4)


def test_the_figures_equal_those_of_the_transactions(module_graph: Graph, transactions: pl.DataFrame) -> None:
    facts = sum_up(read_report(module_graph))
    days = transactions.select("customer_id", "article_id", "t_dat").unique()
    pairs = days.select("customer_id", "article_id").unique()
    assert facts["purchases"] == len(transactions)
    assert (facts["customers"], facts["customers_without_purchases"]) == (42, 2)
    assert (facts["articles"], facts["articles_never_sold"]) == (32, 32 - transactions["article_id"].n_unique())
    assert facts["share_of_repeats"] == pytest.approx((len(days) - len(pairs)) / len(days))
    gaps = days.sort("t_dat").select(
        (pl.col("t_dat") - pl.col("t_dat").shift().over("customer_id", "article_id")).dt.total_days()
    )
    assert facts["median_days_between_repeats"] == gaps["t_dat"].drop_nulls().quantile(0.5, "lower")
    assert facts["baskets"] == len(days.select("customer_id", "t_dat").unique())


def test_weeks_count_articles_never_sold_before(module_graph: Graph, transactions: pl.DataFrame) -> None:
    weeks = read_report(module_graph)["weeks"]
    weekly = transactions.with_columns(pl.col("t_dat").dt.truncate("1w").alias("week"))
    first = weekly.group_by("article_id").agg(pl.col("week").min().alias("first"))
    new = weekly.join(first, on="article_id").filter(pl.col("week") == pl.col("first"))
    assert weeks["purchases"].tolist() == weekly.group_by("week").len().sort("week")["len"].to_list()
    assert weeks["new_articles"].sum() == transactions["article_id"].n_unique()
    assert weeks["new_purchases"].sum() == len(new)


def test_the_page_is_self_contained(module_graph: Graph, transactions: pl.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "there" / "graph.html"
    write_graph_report(module_graph, file)
    page = file.read_text(encoding="utf-8")
    assert page.count("<svg") == 6
    assert "<script" not in page
    assert "src=" not in page
    assert 'href="http' not in page
    assert [path.name for path in file.parent.iterdir()] == ["graph.html"]
