"""What goes with the customer's articles: from stored relationships, equal for one customer and for all, and fresh."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.errors import HmrecError
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import METHODS
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.candidates import group_lists, taste
from hmrec.graph_ml.candidates.batch_recommender import find_batch_recommender
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec
from hmrec.graph_ml.recommend import Campaign, Recommender, Request, batch_related
from hmrec.graph_ml.recommend.batch_related import read_group_lists, read_related
from hmrec.graph_ml.recommend.campaign import ListForm
from hmrec.graph_ml.recommend.related import read_version
from hmrec.graph_ml.relate import departments, groups
from hmrec.graph_ml.relate.relate import relate
from hmrec.loader.events import record_events
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

from tests.conftest import run_text
from tests.graph.test_plans import profile, walk

NAMES = [method.name for method in METHODS if method.relationship is not None]
BETWEEN_ARTICLES = ("related_together", "related_next")
K = 30
PURCHASES = re.compile(r"\w:BOUGHT\b|\ba:Article\(article_id\) WHERE")
"""Operators that read purchases, or articles one after the other."""


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    folder: Path = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder, customers=200, articles=150, transactions=4000, seed=5)
    load_folder(folder, server=None, graph=module_graph, mode="stream")
    return module_graph


def read_lists(graph: Graph, name: str, customers: list[str]) -> dict[str, list[tuple[str, float]]]:
    """Return each customer's articles and scores, by the query."""
    found = {}
    for customer in customers:
        rows = graph.read(name, customer_id=customer, k=K)
        found[customer] = list(zip(rows["article_id"], rows["score"].astype(float), strict=True))
    return found


def recommend_all(graph: Graph, name: str, folder: Path) -> dict[str, list[tuple[str, float]]]:
    """Return every customer's articles and scores, computed for all of them at once."""
    import polars as pl

    out = folder / f"{name}.csv"
    campaign = Campaign(form=ListForm.csv, columns=("because",))
    Recommender(graph).recommend_all(Request(method=name, k=K), out, campaign=campaign)
    asked = (pl.col("method") == name) & (pl.col("because") != "best sellers of all time")  # these complete a list
    rows = pl.read_csv(out, infer_schema=False).filter(asked)
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows.sort("customer_id", pl.col("rank").cast(pl.Int64)).iter_rows(named=True):
        found.setdefault(row["customer_id"], []).append((row["article_id"], float(row["score"])))
    return found


def read_all(graph: Graph, subgraph: Subgraph, request: Request) -> set[str]:
    """Return the recommenders whose relationships lists for all customers read."""
    state = read_state(graph)
    groups = read_group_lists(graph, subgraph, METHODS, request, state)
    assert all(lists.lists for lists in groups.values())
    return set(read_related(graph, subgraph, METHODS, request, state)) | set(groups)


def assert_same(one: dict[str, list[tuple[str, float]]], other: dict[str, list[tuple[str, float]]]) -> None:
    for customer, rows in one.items():
        assert [article for article, _ in rows] == [article for article, _ in other.get(customer, [])], customer
        assert [score for _, score in rows] == pytest.approx([score for _, score in other.get(customer, [])], rel=1e-5)


@pytest.fixture(scope="module")
def customers(shop: Graph) -> list[str]:
    return [str(row["id"]) for row in run_text(shop, "MATCH (c:Customer) RETURN c.customer_id AS id ORDER BY id")][::7]


def test_the_numbers_of_the_relationships_are_those_of_related() -> None:
    known = find_query("related").parameters
    for name in BETWEEN_ARTICLES:
        mine = find_query(name).parameters
        assert mine["related_half_life"].default == known["half_life"].default
        shared = {"most", "buyers", "days", "gap_half_life", "lag", "damping", "next_damping"} & set(mine)
        assert {one: mine[one].default for one in shared} == {one: known[one].default for one in shared}


@pytest.mark.parametrize("name", ["popular", "popular_in_segment", "popular_in_departments"])
@pytest.mark.parametrize(
    "given", [{}, {"new_only": True}, {"max_price": 0.03}, {"exclude": "best"}, {"where": "article_id > '0000000070'"}]
)
def test_lists_of_which_too_little_is_left_are_counted(
    shop: Graph, customers: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, given: dict[str, Any]
) -> None:
    longest = 12
    if "exclude" in given:
        given = {"exclude": tuple(shop.read("popular", k=5)["article_id"])}
    with monkeypatch.context() as short:
        for module in (departments, groups, taste, group_lists):
            short.setattr(module, "LISTED", longest)
        relate(shop)
        for k in (3, 10, 20):
            request = Request(method=name, k=k, **given)
            asked = {**request.parameters, "k": k, "new_only": request.new_only}
            out = tmp_path / f"{k}.csv"
            Recommender(shop).recommend_all(request, out)
            everyone = dict(pl.read_csv(out, infer_schema=False).rows())
            for customer_id in customers[::3]:
                _, found = shop.read_rows(name, customer_id=customer_id, listed=longest, **asked)
                assert found == shop.read_rows(name, customer_id=customer_id, fresh=-1, **asked)[1]
                assert (everyone[customer_id] or "").split()[: len(found)] == [row[0] for row in found]
    relate(shop)


@pytest.mark.parametrize("name", NAMES)
def test_stored_relationships_give_the_computed_lists(
    shop: Graph, customers: list[str], tmp_path: Path, name: str
) -> None:
    run_text(shop, "MATCH (n:RelationsInForce) DETACH DELETE n")
    computed = read_lists(shop, name, customers)
    assert sum(map(len, computed.values())) > 2 * len(customers)
    assert_same(computed, recommend_all(shop, name, tmp_path))
    relate(shop)
    assert_same(computed, read_lists(shop, name, customers))
    assert_same(computed, recommend_all(shop, name, tmp_path))


COUNTED = """
    MATCH (g:CustomerGroup {method: 'popular_in_segment'})-[r:BUYS]->(a:Article)
    OPTIONAL MATCH (n:Customer)-[b:BOUGHT]->(a)
    WHERE b.t_dat >= date($since) AND (g.age IS NULL OR abs(n.age - g.age) <= g.age_span)
      AND (g.club_member_status IS NULL OR n.club_member_status = g.club_member_status)
    WITH g, r, a, count(b) AS counted
    RETURN count(*) AS listed, count(DISTINCT g) AS groups,
           collect(CASE WHEN r.purchases <> counted THEN [g.name, a.article_id, r.purchases, counted] END)[..9] AS wrong
"""


def test_groups_of_customers_buy_what_is_counted_by_hand(shop: Graph) -> None:
    """Before the tests that record purchases: their days push the shop's own out of the last week."""
    receipt = relate(shop)
    (found,) = run_text(shop, COUNTED, since=(receipt.until - dt.timedelta(days=7)).isoformat())
    assert found["wrong"] == []
    assert found["groups"] > 20
    (everyone,) = run_text(shop, "MATCH (g:CustomerGroup {name: 'everyone'})-[r:BUYS]->() RETURN count(r) AS n")
    assert receipt.buys == found["listed"] + everyone["n"]


@pytest.mark.parametrize("name", NAMES)
def test_a_purchase_counts_at_once_and_for_all_customers_alike(
    shop: Graph, customers: list[str], tmp_path: Path, name: str
) -> None:
    relate(shop)
    before = read_lists(shop, name, customers)
    one = customers[0]
    bought = {row["id"] for row in run_text(
        shop, "MATCH (:Customer {customer_id: $id})-[:BOUGHT]->(a) RETURN a.article_id AS id", id=one)}  # fmt: skip
    article = next(str(row["id"]) for row in run_text(
        shop, "MATCH (a:Article)-[r:BOUGHT_WITH]->() WITH a, count(r) AS n ORDER BY n DESC RETURN a.article_id AS id"
    ) if row["id"] not in bought)  # fmt: skip
    day = (read_state(shop).until or pytest.fail("no purchases")).isoformat()
    event = {"event_id": f"e-{name}", "type": "buy", "customer_id": one, "article_id": article, "time": day}
    assert record_events(shop, [event]).recorded == 1
    after = read_lists(shop, name, customers)
    if name in BETWEEN_ARTICLES:
        assert [article for article, _ in after[one]] != [article for article, _ in before[one]]
    # The others' lists change by nothing but the age of their purchases.
    for customer in customers[1:]:
        assert [article for article, _ in after[customer]] == [article for article, _ in before[customer]]
    subgraph = export_subgraph(shop, SubgraphSpec(isolated=True))
    assert read_all(shop, subgraph, Request()) == set(NAMES)
    assert_same(after, recommend_all(shop, name, tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_day_does_without_the_relationships(shop: Graph, name: str) -> None:
    relate(shop)
    subgraph = export_subgraph(shop, SubgraphSpec(isolated=True))
    cut = subgraph.until.replace(day=1)
    assert read_all(shop, subgraph, Request(as_of=cut)) == set()
    snapshot = Snapshot.of(subgraph, cut)
    some = np.flatnonzero(snapshot.purchases_by_customer)[:8]
    found = find_batch_recommender(name)(snapshot, some, k=K, new_only=False)
    for place, number in enumerate(some.tolist()):
        rows = shop.read(name, customer_id=subgraph.customer_ids.id(number), as_of=cut, k=K)
        assert [subgraph.article_ids.id(int(a)) for a in found.of(place)[0]] == list(rows["article_id"])


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_reads_the_relationships_of_the_customer_s_articles_only(
    shop: Graph, connection: ConnectionSettings, customers: list[str], name: str
) -> None:
    relate(shop)
    plan = profile(connection, name, customer_id=customers[0])
    found = [(one["args"].get("Details", ""), one["rows"]) for one in walk(plan)]
    read = [text for text, rows in found if PURCHASES.search(text) and rows > 1]
    assert all(text.startswith("(c)-") for text in read), read  # the customer's own


def make_stale(graph: Graph, customer: str, number: int) -> Subgraph:
    """Write the relationships, then record a purchase; return the purchases."""
    relate(graph)
    article = str(run_text(graph, "MATCH (a:Article) RETURN max(a.article_id) AS id")[0]["id"])
    day = (read_state(graph).until or pytest.fail("no purchases")).isoformat()
    event = {"event_id": f"s-{number}", "type": "buy", "customer_id": customer, "article_id": article, "time": day}
    assert record_events(graph, [event]).recorded == 1
    return export_subgraph(graph, SubgraphSpec(isolated=True))


def test_a_version_that_is_replaced_while_it_is_read_is_refused(
    shop: Graph, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    subgraph = make_stale(shop, customers[0], 1)
    known = read_version(shop) or pytest.fail("no relationships")
    versions = iter([known, known._replace(version=known.version + 1)])
    monkeypatch.setattr(batch_related, "read_version", lambda _: next(versions))
    with pytest.raises(HmrecError, match="replaced while they were read"):
        read_related(shop, subgraph, METHODS, Request(), read_state(shop))


@pytest.mark.parametrize("name", BETWEEN_ARTICLES)
def test_an_article_that_was_deleted_since_is_left_out(
    shop: Graph, customers: list[str], tmp_path: Path, name: str
) -> None:
    make_stale(shop, customers[0], 2 + NAMES.index(name))
    run_text(shop, "MATCH (a:Article)<-[:BOUGHT_WITH]-() WITH a ORDER BY a.article_id LIMIT 1 DETACH DELETE a")
    assert_same(read_lists(shop, name, customers), recommend_all(shop, name, tmp_path))


@pytest.mark.parametrize("name", ["popular", "popular_in_segment"])
@pytest.mark.parametrize(("given", "days"), [({}, 2), ({"days": 6}, 1)])
def test_a_list_of_a_group_is_counted_if_it_is_old_or_not_what_was_asked(
    shop: Graph, customers: list[str], name: str, given: dict[str, Any], days: int
) -> None:
    until = relate(shop).until
    asked = {"customer_id": customers[0], "k": K} | given
    age = run_text(shop, "MATCH (c:Customer {customer_id: $id}) RETURN c.age AS age", id=customers[0])[0]["age"]
    text = "MATCH (g:CustomerGroup)-[r:BUYS]->() WHERE g.age = $age OR g.name = 'everyone' SET r.purchases = 999"
    run_text(shop, text, age=age)
    for filters in ({}, {"exclude": ["0000000001"], "where": [[["article_id", "not in", ["0000000002"]]]]}):
        assert 999 in set(shop.read(name, customer_id=customers[0], k=K, **filters)["score"])
    article = str(run_text(shop, "MATCH (a:Article) RETURN max(a.article_id) AS id")[0]["id"])
    for day in range(days):
        time = (until + dt.timedelta(days=day)).isoformat()
        event = {"event_id": f"g-{name}-{time}-{given}", "type": "buy", "time": time}
        record_events(shop, [event | {"customer_id": customers[0], "article_id": article}])
    assert 999 not in set(shop.read(name, **asked)["score"])


def test_groups_of_the_version_before_are_deleted_even_those_that_buy_nothing(shop: Graph) -> None:
    run_text(shop, "CREATE (:Customer {customer_id: 'alone', age: 120})")
    try:
        relate(shop)
        receipt = relate(shop)
        groups = run_text(
            shop, "MATCH (g:CustomerGroup) RETURN g.version AS version, g.age AS age, COUNT { (g)-[:BUYS]->() } AS n"
        )
    finally:
        run_text(shop, "MATCH (c:Customer {customer_id: 'alone'}) DELETE c")
    assert {group["version"] for group in groups} == {receipt.version}
    assert [group["n"] for group in groups if group["age"] == 120] == [0]


def test_a_group_without_a_list_is_counted_for_all_customers_too(
    shop: Graph, customers: list[str], tmp_path: Path
) -> None:
    make_stale(shop, customers[0], 100)
    run_text(shop, "MATCH (g:CustomerGroup {method: 'popular_in_segment'}) WHERE g.age > 30 DETACH DELETE g")
    name = "popular_in_segment"
    assert_same(read_lists(shop, name, customers), recommend_all(shop, name, tmp_path))
