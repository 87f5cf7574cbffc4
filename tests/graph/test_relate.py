"""Article relationships: what is stored equals what the query computes live, and what its formulas say."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl
import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.relate.relate import relate
from hmrec.loader.load import load_folder

from tests.conftest import run_text
from tests.graph.shops import write_small_journey
from tests.graph.test_plans import find_forbidden, profile, walk

SELLING = """
    MATCH (a:Article)
    WITH a, COUNT { (a)<-[:BOUGHT]-() } AS sales
    WHERE sales > 3
    RETURN a.article_id AS id, sales ORDER BY sales DESC, id
"""
KINDS = ("complement", "next", "together", "substitute")


@pytest.fixture(scope="module")
def purchases(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Load 60 households of Complete Journey, and return their purchases."""
    folder = tmp_path_factory.mktemp("journey")
    write_small_journey(folder, articles=1_000)
    load_folder(folder, server=None, graph=module_graph)
    texts = pl.read_csv(folder / "transactions_train.csv", infer_schema=False)
    return texts.select("customer_id", "article_id", pl.col("t_dat").str.to_date())


def read_all(graph: Graph, articles: list[str]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows of each article and kind."""
    return {
        (article, kind): graph.read("related", article_id=article, kind=kind, k=30).to_dict("records")
        for article in articles
        for kind in KINDS
    }


def test_stored_relationships_equal_the_live_query(module_graph: Graph, purchases: pl.DataFrame) -> None:
    some = [str(row["id"]) for row in run_text(module_graph, SELLING)][::150]
    live = read_all(module_graph, some)
    receipt = relate(module_graph)
    assert (receipt.version, receipt.similar, receipt.model) == (1, 0, None)
    assert receipt.bought_with > 1000
    assert receipt.bought_after > 1000
    stored = read_all(module_graph, some)
    assert sum(len(rows) for rows in live.values()) > 200
    for key, rows in live.items():
        known = stored[key]
        assert [(row["article_id"], row["because"]) for row in rows] == [
            (row["article_id"], row["because"]) for row in known
        ], key
        assert [row["score"] for row in rows] == pytest.approx([row["score"] for row in known], rel=1e-9)


def test_an_earlier_day_is_answered_from_earlier_purchases(module_graph: Graph, purchases: pl.DataFrame) -> None:
    day = "2017-06-01"
    article = str(run_text(module_graph, SELLING)[0]["id"])
    before = module_graph.read("related", article_id=article, kind="together", k=30, as_of=day)
    run_text(
        module_graph,
        "MATCH (c:Customer)-[b:BOUGHT]->(a:Article {article_id: $id}) WHERE b.t_dat = date('2017-06-01') OR true "
        "WITH c LIMIT 1 MATCH (x:Article {article_id: '0001005186'}) "
        "CREATE (c)-[:BOUGHT {t_dat: date('2017-06-01'), article_id: '0001005186', price: 0.5, later: true}]->(x) "
        "RETURN 1 AS one",
        id=article,
    )
    after = module_graph.read("related", article_id=article, kind="together", k=30, as_of=day)
    run_text(module_graph, "MATCH ()-[b:BOUGHT {later: true}]->() DELETE b RETURN 1 AS one")
    assert len(before)
    assert before.equals(after)


def test_the_scores_are_those_of_the_formulas(module_graph: Graph, purchases: pl.DataFrame) -> None:
    article = str(run_text(module_graph, SELLING)[40]["id"])
    visits = purchases.filter(pl.col("article_id") == article).select("customer_id", "t_dat").unique()
    assert len(visits) < 300, "all of its purchases count"
    merged = purchases.join(
        pl.DataFrame(run_text(module_graph, SELLING)), left_on="article_id", right_on="id", how="inner"
    )
    baskets: dict[str, list[tuple[Any, str]]] = defaultdict(list)
    for customer, other, day in purchases.unique().iter_rows():
        baskets[customer].append((day, other))
    last = purchases["t_dat"].max()
    latest = visits["t_dat"].max()
    early = [(customer, day) for customer, day in visits.iter_rows() if (last - day).days + 1 > 7]  # type: ignore[operator]
    newest = max(day for _, day in early)
    together: dict[str, float] = defaultdict(float)
    after: dict[str, float] = defaultdict(float)
    for customer, day in visits.iter_rows():
        for other_day, other in baskets[customer]:
            if other_day == day:
                together[other] += 0.5 ** ((latest - day).days / 42)  # type: ignore[operator]
    for customer, day in early:
        for other_day, other in baskets[customer]:
            if 0 < (other_day - day).days <= 56:
                after[other] += 0.5 ** ((newest - day).days / 42) * 0.5 ** ((other_day - day).days / 28)
    total = sum(0.5 ** ((newest - day).days / 42) for _, day in early)
    sales = dict(zip(merged["article_id"], merged["sales"], strict=True))
    for kind, sums, divisor, damping in (("together", together, together[article], 0.15), ("next", after, total, 0.1)):
        rows = module_graph.read("related", article_id=article, kind=kind, k=30)
        assert len(rows) == 30
        for row in rows.itertuples():
            if row.article_id in sales:
                expected = sums[str(row.article_id)] / (divisor * sales[row.article_id] ** damping)
                assert row.score == pytest.approx(expected, rel=1e-9), (kind, row.article_id)


@pytest.mark.parametrize("as_of", [None, "2017-06-01"])
def test_the_plan_reads_one_article_and_scans_no_purchases(
    module_graph: Graph, connection: ConnectionSettings, purchases: pl.DataFrame, as_of: str | None
) -> None:
    article = str(run_text(module_graph, SELLING)[40]["id"])
    for kind in KINDS:
        operators = list(walk(profile(connection, "related", article_id=article, kind=kind, as_of=as_of)))
        assert not find_forbidden(operators)
