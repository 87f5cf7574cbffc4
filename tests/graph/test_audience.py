"""The audience of an article: query and batch version agree, owners are left out, new articles have siblings."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import neo4j
import numpy as np
import pytest
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.errors import UnknownArticle, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.candidates.audience import audience
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec
from hmrec.graph_ml.recommend import AudienceRequest, Recommender
from hmrec.graph_ml.recommend.audience import write_audience
from hmrec.graph_ml.recommend.values import UnknownValue
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

from tests.conftest import run_text

TIGHT: dict[str, Any] = {
    "k": 9, "half_life": 20.0, "days": 30, "damping": 0.7, "buyers": 12, "neighbours": 5, "reach": 6, "pool": 6,
    "repeat": 0.05,
}  # fmt: skip
ARTICLES = 12
OWNERS = "MATCH (c)-[:BOUGHT]->(:Article {article_id: $id}) RETURN DISTINCT c.customer_id AS id"


@pytest.fixture(scope="module")
def subgraph(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Subgraph:
    folder = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder, customers=300, articles=200, transactions=6000, seed=3)
    load_folder(folder, server=None, graph=module_graph, mode="stream")
    return export_subgraph(module_graph, SubgraphSpec(isolated=True))


@pytest.fixture
def best_seller(subgraph: Subgraph) -> str:
    return subgraph.article_ids.id(int(np.bincount(subgraph.article).argmax()))


@pytest.mark.parametrize("weeks", [0, 3])
@pytest.mark.parametrize(
    "given",
    [{}, {"include_buyers": True}, {"repeat": 0.0, "k": 7}, TIGHT, {**TIGHT, "include_buyers": True, "k": 40}],
    ids=["plain", "buyers", "repeat", "tight", "both"],
)
def test_batch_audiences_equal_the_querys(
    module_graph: Graph, subgraph: Subgraph, given: dict[str, Any], weeks: int
) -> None:
    cut = subgraph.until - dt.timedelta(days=7 * weeks)
    articles = np.random.default_rng(0).choice(len(subgraph.article_ids), ARTICLES, replace=False)
    found = audience(Snapshot.of(subgraph, cut), articles, **given)
    assert len(found) == len(articles)
    assert len(found.article) > 50
    for place, number in enumerate(articles.tolist()):
        as_of = cut if weeks else None
        rows = module_graph.read("audience", article_ids=[subgraph.article_ids.id(number)], as_of=as_of, **given)
        customers, scores = found.of(place)
        assert [subgraph.customer_ids.id(int(one)) for one in customers] == rows["customer_id"].tolist()
        assert scores == pytest.approx(rows["score"].astype(float).to_numpy(), rel=1e-9)


@pytest.mark.parametrize("name", [name for name in TIGHT if name != "repeat"])
def test_every_limit_of_the_comparison_changes_audiences(subgraph: Subgraph, name: str) -> None:
    snapshot = Snapshot.of(subgraph)
    articles = np.random.default_rng(0).choice(len(subgraph.article_ids), ARTICLES, replace=False)
    one = audience(snapshot, articles, **TIGHT)
    other = audience(snapshot, articles, **{key: value for key, value in TIGHT.items() if key != name})
    assert len(one.article) != len(other.article) or (one.score != other.score).any()


def test_buyers_are_left_out_unless_the_article_is_bought_again(module_graph: Graph, best_seller: str) -> None:
    owners = {row["id"] for row in run_text(module_graph, OWNERS, id=best_seller)}
    for given, overlaps in (({"repeat": 1.1}, False), ({"repeat": 0.0}, True), ({"include_buyers": True}, True)):
        found = module_graph.read("audience", article_ids=[best_seller], **given)
        assert len(found) > 10
        assert bool(owners & set(found["customer_id"])) == overlaps
        assert bool(found["because"].str.startswith("bought it before").any()) == overlaps
        assert found["score"].is_monotonic_decreasing


def test_a_set_of_articles_counts_as_one(module_graph: Graph, subgraph: Subgraph, best_seller: str) -> None:
    other = next(one for one in subgraph.article_ids if one != best_seller)
    found = module_graph.read("audience", article_ids=[best_seller, other], repeat=1.1)
    owners = {row["id"] for one in (best_seller, other) for row in run_text(module_graph, OWNERS, id=one)}
    assert len(found)
    assert not owners & set(found["customer_id"])
    assert found["because"].str.endswith("which buyers of these articles bought").all()


def test_an_article_that_nobody_bought_has_the_audience_of_its_siblings(module_graph: Graph, best_seller: str) -> None:
    recommender = Recommender(module_graph)
    run_text(
        module_graph,
        "MATCH (a:Article {article_id: $id})-[:VARIANT_OF]->(p) "
        "CREATE (n:Article {article_id: 'new', prod_name: 'New'})-[:VARIANT_OF]->(p), (:Article {article_id: 'odd'})",
        id=best_seller,
    )
    try:
        found = recommender.audience(AudienceRequest(article=("new",), k=5))
        assert len(found.customers) == 5
        assert found.note.startswith("Nobody bought New yet. These customers fit what is most like it: ")
        alone = recommender.audience(AudienceRequest(article=("odd",)))
        assert alone.customers.empty
        assert alone.note == "Nobody bought odd yet, nor anything like it, so its audience is unknown."
    finally:
        run_text(module_graph, "MATCH (a:Article) WHERE a.article_id IN ['new', 'odd'] DETACH DELETE a")


def test_conditions_choose_articles_and_customers(module_graph: Graph, best_seller: str) -> None:
    recommender = Recommender(module_graph)
    everyone = recommender.audience(AudienceRequest(article=(best_seller,), include_buyers=True)).customers
    young = recommender.audience(
        AudienceRequest(article=(best_seller,), include_buyers=True, customers_where="age < 30 and not age is null")
    ).customers
    ages = {
        r["id"]: r["age"] for r in run_text(module_graph, "MATCH (c:Customer) RETURN c.customer_id AS id, c.age AS age")
    }
    wanted = everyone[[(ages[one] or 99) < 30 for one in everyone["customer_id"]]]
    assert 0 < len(young) < len(everyone)
    assert young.to_numpy().tolist() == wanted.to_numpy().tolist()
    (name,) = {r["name"] for r in run_text(module_graph, "MATCH (a:Article) RETURN min(a.department_name) AS name")}
    by_name = recommender.audience(AudienceRequest(department=(str(name),), k=20)).customers
    by_condition = recommender.audience(AudienceRequest(where=f"department = '{name}'", k=20)).customers
    assert len(by_name) == 20
    assert by_name.equals(by_condition)


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({}, UserMistake, "An audience needs an article"),
        ({"article": ("nothing",)}, UnknownArticle, "no article 'nothing'"),
        ({"article": ("1",), "k": 0}, UserMistake, "-k must be"),
        ({"where": "price <"}, UserMistake, "at its end"),
        ({"department": ("Nowhere",)}, UnknownValue, "No article has department 'Nowhere'"),
        ({"where": "price < 0.0000001"}, UserMistake, "No article fulfils"),
        ({"where": "price > 0", "customers_where": "department = 'x'"}, UserMistake, "Customers have no property"),
        ({"where": "price > 0", "customers_where": "age > 'x'"}, UserMistake, "a number for age"),
        ({"where": "price > 0", "customers_where": "club_member_status = 'KING'"}, UnknownValue, "No customer has"),
        ({"where": "price > 0", "segment": ("Nobody",)}, UnknownValue, "no segment 'Nobody'"),
        ({"where": "price > 0", "colour": "Red"}, UserMistake, "no field 'colour'"),
    ],
)
def test_a_wrong_request_ends_in_one_sentence(
    module_graph: Graph, subgraph: Subgraph, given: dict[str, Any], error: type[UserMistake], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        Recommender(module_graph).audience(AudienceRequest(**given))


def test_files_have_the_audience(module_graph: Graph, best_seller: str, tmp_path: Path) -> None:
    import polars as pl

    found = Recommender(module_graph).audience(AudienceRequest(article=(best_seller,), include_buyers=True))
    for name, read in (("a.csv", lambda path: pl.read_csv(path, infer_schema=False)), ("a.parquet", pl.read_parquet)):
        write_audience(found, tmp_path / name)
        written = read(tmp_path / name)
        assert written["customer_id"].to_list() == found.customers["customer_id"].tolist()
        assert written.columns == list(find_query("audience").returns)


@pytest.mark.parametrize("as_of", [None, "2020-06-01"])
def test_the_plan_seeks_and_scans_no_purchases_and_no_customers(
    module_graph: Graph, connection: ConnectionSettings, subgraph: Subgraph, as_of: str | None
) -> None:
    query = find_query("audience")
    auth = (connection.username, connection.password.get_secret_value())
    given = query.bind({"article_ids": list(subgraph.article_ids)[:2], "as_of": as_of})
    with (
        neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver,
        driver.session(database=connection.database) as session,
    ):
        plan = session.run("EXPLAIN " + query.text, given).consume().plan
    assert plan is not None
    operators = [plan]
    for operator in operators:
        operators += operator.get("children", [])
    kinds = [operator["operatorType"].split("@")[0] for operator in operators]
    assert not [kind for kind in kinds if "AllNodesScan" in kind or "RelationshipTypeScan" in kind]
    scans = [o["args"]["Details"] for o in operators if "NodeByLabelScan" in o["operatorType"]]
    assert all("Segment" in details for details in scans), scans  # few nodes, and only with a condition on the segment
    assert sum("RelationshipIndexSeek" in kind for kind in kinds) >= 7


def test_scores_and_reasons_of_a_shop_computed_by_hand(graph: Graph) -> None:
    graph.write("constraints")
    graph.write("indexes")
    graph.write("await_indexes")
    purchases = [
        ("ann", "tea", "2020-01-01"), ("ann", "pot", "2020-01-02"),
        ("bob", "tea", "2020-01-01"), ("bob", "pot", "2020-01-02"), ("bob", "jam", "2020-01-02"),
        ("cat", "tea", "2020-01-02"),
        ("dan", "jam", "2020-01-02"),
    ]  # fmt: skip
    run_text(
        graph,
        "UNWIND $rows AS row MERGE (c:Customer {customer_id: row[0]}) MERGE (a:Article {article_id: row[1]}) "
        "SET a.prod_name = toUpper(row[1]) "
        "CREATE (c)-[:BOUGHT {t_dat: date(row[2]), article_id: row[1], quantity: 1}]->(a)",
        rows=purchases,
    )
    found = graph.read("audience", article_ids=["pot"], half_life=1.0, damping=1.0)
    # Buyers of pot are ann and bob: both bought tea (3 purchases), one of them bought jam (2 purchases).
    assert found["customer_id"].tolist() == ["cat", "dan"]
    assert found["score"].tolist() == pytest.approx([2 / 2 / 3 * 0.5, 1 / 2 / 2 * 0.5])
    assert found["because"].tolist() == [
        "bought TEA, which buyers of POT bought", "bought JAM, which buyers of POT bought",
    ]  # fmt: skip
