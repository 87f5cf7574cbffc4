"""Promises of every recommender, on a small shop with known results and on real purchases."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import METHODS
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_journey

from tests.conftest import run_text

OTHERS = {method.name for method in METHODS if method.needs_embeddings or method.needs_views}  # have their own tests
RECOMMENDERS = sorted(q.name for q in load_catalogue().values() if q.folder == "recommend" and q.name not in OTHERS)
SELLING = [name for name in RECOMMENDERS if name not in ("new_arrivals", "unsold")]  # all of this shop is sold
WITHOUT_HISTORY = ("popular", "popular_in_segment", "by_attributes")
CUT = dt.date(2017, 11, 6)


@dataclass(frozen=True)
class Shop:
    """A loaded part of Complete Journey: its purchases, its articles, and one customer."""

    purchases: pl.DataFrame
    articles: pl.DataFrame
    customer_id: str
    article_id: str

    def owned(self, before: dt.date = dt.date.max) -> set[str]:
        """Return the articles that the customer bought before a day."""
        mine = (pl.col("customer_id") == self.customer_id) & (pl.col("t_dat") < before)
        return set(self.purchases.filter(mine)["article_id"])


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("journey")
    write_journey(folder, households=60)
    load_folder(folder, server=None, graph=module_graph)
    run_text(module_graph, "CREATE (:Customer {customer_id: 'new here', age: 40})")
    texts = {"customer_id": pl.String, "article_id": pl.String, "department_name": pl.String}
    purchases = pl.read_csv(folder / "transactions_train.csv", schema_overrides=texts, try_parse_dates=True)
    articles = pl.read_csv(folder / "articles.csv", schema_overrides=texts, infer_schema=False)
    customer_id = module_graph.read("customers_by_purchases", skip=10, k=1)["customer_id"][0]
    article_id = purchases.filter(pl.col("customer_id") == customer_id).sort("t_dat", "article_id")["article_id"][-1]
    return Shop(purchases, articles, customer_id, article_id)


def recommend_by(graph: Graph, name: str, shop: Shop, **given: Any) -> Any:
    """Run a recommender for the shop's customer, or another one."""
    parameters = load_catalogue()[name].parameters
    wanted = {"customer_id": shop.customer_id, "article_id": shop.article_id, **given}
    return graph.read(name, **{key: value for key, value in wanted.items() if key in parameters})


@pytest.mark.parametrize("name", SELLING)
def test_lists_have_twelve_distinct_articles_in_order_with_reasons(module_graph: Graph, shop: Shop, name: str) -> None:
    found = recommend_by(module_graph, name, shop)
    assert len(found) == 12
    assert found["article_id"].is_unique
    assert found["score"].is_monotonic_decreasing
    assert (found["score"] > 0).all()
    assert all(len(because) > 10 for because in found["because"])
    assert set(found["article_id"]) <= set(shop.articles["article_id"])
    assert list(recommend_by(module_graph, name, shop, k=5)["article_id"]) == list(found["article_id"])[:5]


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_new_only_excludes_owned_articles_and_keeps_the_order(module_graph: Graph, shop: Shop, name: str) -> None:
    given: dict[str, Any] = {"pool": 500, "as_of": CUT}
    everything = list(recommend_by(module_graph, name, shop, k=100_000, **given)["article_id"])
    new = list(recommend_by(module_graph, name, shop, k=20, new_only=True, **given)["article_id"])
    assert new == [a for a in everything if a not in shop.owned(CUT)][:20]
    assert new or name == "own_repurchases"


@pytest.mark.parametrize("name", SELLING)
def test_filtered_lists_contain_only_matching_articles(module_graph: Graph, shop: Shop, name: str) -> None:
    until = shop.purchases["t_dat"].max() + dt.timedelta(days=1)  # type: ignore[operator]
    everything = recommend_by(module_graph, name, shop, k=100_000, pool=100_000)
    departments = dict(shop.articles.select("article_id", "department_name").rows())
    department = departments[everything["article_id"][0]]
    where = [[["department_name", "in", [department]]]]
    kept = list(recommend_by(module_graph, name, shop, k=100_000, pool=100_000, where=where)["article_id"])
    assert kept == [a for a in everything["article_id"] if departments[a] == department]
    sold = shop.purchases.filter((pl.col("t_dat") >= until - dt.timedelta(days=10)) & (pl.col("price") <= 2.0))
    cheap = set(sold["article_id"])
    kept = list(
        recommend_by(module_graph, name, shop, k=100_000, pool=100_000, in_season=10, max_price=2.0)["article_id"]
    )
    assert kept == [a for a in everything["article_id"] if a in cheap]
    assert kept
    assert recommend_by(module_graph, name, shop, where=[[["colour_group_name", "in", ["no such colour"]]]]).empty


@pytest.mark.parametrize("new_only", [False, True])
def test_large_departments_are_counted_by_another_plan_with_the_same_result(
    module_graph: Graph, shop: Shop, new_only: bool
) -> None:
    few, many = (
        recommend_by(module_graph, "popular_in_departments", shop, k=100, new_only=new_only, seeks=seeks)
        for seeks in (1_000_000, 0)
    )
    assert len(few)
    assert few.equals(many)


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_a_customer_without_purchases_is_no_error(module_graph: Graph, shop: Shop, name: str) -> None:
    found = recommend_by(module_graph, name, shop, customer_id="new here")
    assert len(found) == (12 if name in (*WITHOUT_HISTORY, "similar_by_attributes") else 0)
    assert len(recommend_by(module_graph, name, shop, customer_id="new here", new_only=True)) == len(found)


def test_later_purchases_change_nothing_as_of_a_day(module_graph: Graph, shop: Shop) -> None:
    before = {name: recommend_by(module_graph, name, shop, as_of=CUT) for name in RECOMMENDERS}
    run_text(
        module_graph,
        "MATCH (c:Customer) WITH c ORDER BY c.customer_id LIMIT 40 MATCH (a:Article)<-[:BOUGHT]-() "
        "WITH DISTINCT c, a ORDER BY a.article_id LIMIT 4000 CREATE (c)-[:BOUGHT {t_dat: date($day), price: 0.5, "
        "sales_channel_id: 9, quantity: 3, article_id: a.article_id}]->(a)",
        day=CUT.isoformat(),
    )
    try:
        after = {name: recommend_by(module_graph, name, shop, as_of=CUT) for name in RECOMMENDERS}
        now = {name: recommend_by(module_graph, name, shop, as_of=CUT + dt.timedelta(days=1)) for name in RECOMMENDERS}
    finally:
        run_text(module_graph, "MATCH ()-[b:BOUGHT {sales_channel_id: 9}]->() DELETE b")
    for name in RECOMMENDERS:
        assert len(before[name]) == 12
        assert after[name].to_dict() == before[name].to_dict(), name
        assert now[name].to_dict() != before[name].to_dict() or name in ("similar_by_attributes", "unsold"), (
            name
        )  # one day later they count; those bought are not the newest


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_as_of_a_day_equals_a_graph_without_later_purchases(module_graph: Graph, shop: Shop, name: str) -> None:
    cut = shop.purchases["t_dat"].max() - dt.timedelta(days=2)  # type: ignore[operator]
    found_as_of = recommend_by(module_graph, name, shop, as_of=cut, k=30)
    later = "MATCH (c)-[b:BOUGHT]->(a) WHERE b.t_dat >= date($cut) "
    kept = run_text(
        module_graph,
        later + "WITH c.customer_id AS c, a.article_id AS a, properties(b) AS b, b AS old DELETE old RETURN c, a, b",
        cut=cut.isoformat(),
    )
    try:
        truth = recommend_by(module_graph, name, shop, as_of=cut, k=30)
        until_its_end = recommend_by(module_graph, name, shop, k=30)
    finally:
        run_text(
            module_graph,
            "UNWIND $kept AS row MATCH (c:Customer {customer_id: row.c}), (a:Article {article_id: row.a}) "
            "CREATE (c)-[b:BOUGHT]->(a) SET b = row.b, b.t_dat = date(row.b.t_dat)",
            kept=[{**row, "b": {**row["b"], "t_dat": str(row["b"]["t_dat"])}} for row in kept],  # type: ignore[dict-item]
        )
    assert kept
    for found in (truth, until_its_end):
        assert list(found_as_of["article_id"]) == list(found["article_id"])
        assert list(found_as_of["score"]) == pytest.approx(list(found["score"]), rel=1e-9)
