"""Loading into a real Neo4j: two modes, one graph; a repeated load changes nothing; bad files change nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest
from filelock import FileLock
from hmrec.cypher.errors import HmrecError, LoadRunning, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings
from hmrec.loader.load import TooManyBadRows, load_folder

from tests.conftest import empty, run_text

pytestmark = pytest.mark.bare

CUSTOMERS = """customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code
ann,1.0,1.0,ACTIVE,Regularly,24,52043
bob,,,,NONE,,
cyd,,,LEFT CLUB,NONE,61,29b2f
"""
ARTICLES = """article_id,product_code,prod_name,product_type_no,product_group_name,colour_group_code,\
colour_group_name,detail_desc
0108775015,108775,Strap top,253,Garment Upper body,9,Black,"Jersey top, narrow straps."
0108775044,108775,Strap top (1),253,Garment Upper body,10,White,
0110065001,110065,OP T-shirt,306,Underwear,9,Black,"Two
lines"
"""
TRANSACTIONS = """t_dat,customer_id,article_id,price,sales_channel_id
2018-09-20,ann,0108775015,0.0508,2
2018-09-20,ann,0108775015,0.0508,2
2018-09-20,ann,0108775015,0.0304,2
2018-09-21,ann,0108775044,0.0508,1
2018-09-21,bob,0108775015,0.0508,1
2018-09-22,dan,0110065001,0.0339,2
2018-09-22,ann,0999999999,0.0169,2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a small data set."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in (("customers", CUSTOMERS), ("articles", ARTICLES), ("transactions_train", TRANSACTIONS)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def local_graph(local_server: LocalServer) -> Iterator[Graph]:
    """Return the local server's graph, empty."""
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        yield graph


def picture(graph: Graph) -> tuple[list[str], list[str], list[str]]:
    """Return every node, relationship and constraint with its properties; of loads, only that there is one."""
    nodes = run_text(
        graph,
        "MATCH (n) RETURN labels(n) AS labels, CASE WHEN n:Load THEN null ELSE properties(n) END AS properties",
    )
    relationships = run_text(
        graph,
        "MATCH (a)-[r]->(b) RETURN labels(a)[0] + coalesce(a.customer_id, a.article_id) AS begin, type(r) AS type, "
        "properties(r) AS properties, valueType(r.price) AS price, valueType(r.quantity) AS quantity, "
        "valueType(r.t_dat) AS day, properties(b) AS end",
    )
    constraints = run_text(graph, "SHOW CONSTRAINTS YIELD name, type, labelsOrTypes, properties")

    def lines(rows: list[dict[str, object]]) -> list[str]:
        return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)

    return lines(nodes), lines(relationships), lines(constraints)


def load(folder: Path, graph: Graph, server: LocalServer | None = None, **options: Any) -> Any:
    return load_folder(folder, server=server, graph=graph, **options)


def test_the_graph_has_the_documented_structure(folder: Path, graph: Graph) -> None:
    report = load(folder, graph, mode="stream")
    rows = run_text(
        graph,
        "MATCH (c:Customer)-[b:BOUGHT]->(a:Article) RETURN c.customer_id AS c, a.article_id AS a, "
        "toString(b.t_dat) AS d, b.price AS p, b.sales_channel_id AS s, b.quantity AS q ORDER BY c, d, a, p",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("ann", "0108775015", "2018-09-20", 0.0304, 2, 1),
        ("ann", "0108775015", "2018-09-20", 0.0508, 2, 2),
        ("ann", "0108775044", "2018-09-21", 0.0508, 1, 1),
        ("ann", "0999999999", "2018-09-22", 0.0169, 2, 1),
        ("bob", "0108775015", "2018-09-21", 0.0508, 1, 1),
        ("dan", "0110065001", "2018-09-22", 0.0339, 2, 1),
    ]
    (ann, bob) = run_text(
        graph,
        "MATCH (c:Customer) WHERE c.customer_id IN ['ann', 'bob'] RETURN properties(c) AS c ORDER BY c.customer_id",
    )
    assert ann["c"] == {
        "customer_id": "ann", "FN": 1, "Active": 1, "club_member_status": "ACTIVE",
        "fashion_news_frequency": "Regularly", "age": 24, "postal_code": "52043",
    }  # fmt: skip
    assert bob["c"] == {"customer_id": "bob", "fashion_news_frequency": "NONE"}
    products = run_text(
        graph,
        "MATCH (p:Product)<-[:VARIANT_OF]-(a) RETURN p.product_code AS code, p.prod_name AS name, count(*) AS n "
        "ORDER BY code",
    )
    assert [tuple(row.values()) for row in products] == [(108775, "Strap top", 2), (110065, "OP T-shirt", 1)]
    assert run_text(graph, "MATCH (a:Article {article_id: '0999999999'}) RETURN keys(a) AS k") == [
        {"k": ["article_id"]}
    ]
    assert (report.bare_customers, report.bare_articles) == (1, 1)
    (kept,) = run_text(graph, "MATCH (l:Load) RETURN properties(l) AS l")
    assert isinstance(kept["l"], dict)
    assert kept["l"]["finished"] >= kept["l"]["started"]
    assert json.loads(kept["l"]["report"])["counts"]["transactions_train"]["merged"] == 1


def test_both_modes_make_the_same_graph(folder: Path, local_server: LocalServer, local_graph: Graph) -> None:
    bulk = load(folder, local_graph, local_server)
    assert (bulk.mode, bulk.why) == ("bulk", "the graph is empty")
    with Graph.connect(local_server.connection()) as graph:
        by_bulk = picture(graph)
        empty(graph)
        stream = load(folder, graph, local_server, mode="stream")
        by_stream = picture(graph)
    assert by_bulk == by_stream
    assert bulk.counts == stream.counts
    for name, count in bulk.changes.items():
        assert stream.changes[name] == count, name
    assert set(bulk.changes) == {"nodes_created", "relationships_created"}


def test_loading_twice_changes_nothing(folder: Path, graph: Graph) -> None:
    load(folder, graph)
    before = picture(graph)
    again = load(folder, graph)
    assert again.changes == {}
    assert "nothing changed" in again.summary()
    assert picture(graph) == before


@pytest.mark.parametrize(
    "damage",
    [
        "MATCH (c:Customer {customer_id: 'bob'}) DETACH DELETE c",
        "MATCH (:Customer {customer_id: 'ann'})-[b:BOUGHT {price: 0.0508, sales_channel_id: 2}]->() SET b.quantity = 1",
        "MATCH (c:Customer {customer_id: 'ann'}) SET c.age = 99",
        "MATCH (:Article)-[r:HAS_COLOUR]->(:Colour {colour_group_code: 9}) DELETE r",
        "MATCH (a:Article {article_id: '0108775044'})-[r:HAS_COLOUR]->() MATCH (c:Colour {colour_group_code: 9}) "
        "DELETE r CREATE (a)-[:HAS_COLOUR]->(c)",
        "MATCH (c:Colour {colour_group_code: 9}) SET c.colour_group_name = 'Noir'",
        "MATCH (a:Article {article_id: '0999999999'}) DETACH DELETE a",
    ],
)
def test_loading_again_repairs_a_changed_graph(folder: Path, graph: Graph, damage: str) -> None:
    load(folder, graph)
    nodes, relationships, constraints = picture(graph)
    run_text(graph, damage)
    assert picture(graph)[:2] != (nodes, relationships)
    assert load(folder, graph).changes != {}
    after = picture(graph)
    assert sorted({*after[0]}) == sorted({*nodes})  # one (:Load) is added
    assert after[1:] == (relationships, constraints)


def test_an_existing_purchase_keeps_the_larger_quantity(folder: Path, graph: Graph) -> None:
    load(folder, graph)
    file = folder / "transactions_train.csv"
    row = "2018-09-20,ann,0108775015,0.0508,2\n"
    ann = "MATCH (:Customer {customer_id: 'ann'})"
    quantity = ann + "-[b:BOUGHT {price: 0.0508, sales_channel_id: 2}]->() RETURN b.quantity AS q"
    for rows, wanted in ((1, 2), (2, 2), (3, 3)):
        file.write_text(TRANSACTIONS.splitlines()[0] + "\n" + row * rows, encoding="utf-8")
        load(folder, graph)
        assert run_text(graph, quantity) == [{"q": wanted}]


def test_a_day_can_be_added(folder: Path, graph: Graph, tmp_path: Path) -> None:
    load(folder, graph)
    day = tmp_path / "day"
    day.mkdir()
    header = TRANSACTIONS.splitlines()[0]
    (day / "transactions_train.csv").write_text(
        f"{header}\n2018-09-23,ann,0108775015,0.05,1\n2018-09-23,eve,0110065001,0.05,1\n"
    )
    report = load(day, graph)
    assert report.changes["relationships_created"] == 2
    assert report.changes["nodes_created"] == 1
    (ann,) = run_text(
        graph, "MATCH (c:Customer {customer_id: 'ann'}) RETURN c.age AS age, COUNT { (c)-->() } AS bought"
    )
    assert ann == {"age": 24, "bought": 5}


def test_a_day_with_ids_without_zeros_matches_the_graphs_articles(folder: Path, graph: Graph, tmp_path: Path) -> None:
    load(folder, graph)
    day = tmp_path / "day"
    day.mkdir()
    header = TRANSACTIONS.splitlines()[0]
    (day / "transactions_train.csv").write_text(f"{header}\n2018-09-23,ann,108775015,0.05,1\n")
    report = load(day, graph)
    assert report.changes["relationships_created"] == 1
    assert "nodes_created" not in report.changes
    assert "leading zeros" in report.summary()


def test_an_index_left_by_a_killed_constraint_is_replaced(folder: Path, graph: Graph) -> None:
    run_text(graph, "CREATE INDEX article_id FOR (n:Article) ON (n.article_id)")  # as SHOW INDEXES lists it
    run_text(graph, "CREATE INDEX load_id FOR (n:Load) ON (n.id)")
    run_text(graph, "CREATE INDEX mine FOR (n:Article) ON (n.price)")
    load_folder(folder, server=None, graph=graph, mode="stream")
    constraints = {row["name"] for row in run_text(graph, "SHOW CONSTRAINTS YIELD name")}
    assert {"article_id", "load_id", "customer_id"} <= constraints
    assert len(run_text(graph, "SHOW INDEXES YIELD name WHERE name = 'mine'")) == 1


def test_another_index_with_a_constraints_name_is_kept_and_named(folder: Path, graph: Graph) -> None:
    run_text(graph, "CREATE INDEX article_id FOR (n:Note) ON (n.text)")
    with pytest.raises(HmrecError, match="article_id"):
        load_folder(folder, server=None, graph=graph, mode="stream")
    assert len(run_text(graph, "SHOW INDEXES YIELD name, labelsOrTypes WHERE labelsOrTypes = ['Note']")) == 1


def test_replacing_deletes_the_old_graph(folder: Path, local_server: LocalServer, local_graph: Graph) -> None:
    run_text(
        local_graph, "CREATE (:Customer {customer_id: 'old'})-[:BOUGHT {quantity: 1}]->(:Article {article_id: 'old'})"
    )
    with pytest.raises(UserMistake, match="not empty"):
        load(folder, local_graph, local_server, mode="bulk")
    assert load(folder, local_graph, local_server, replace=True).mode == "bulk"
    with Graph.connect(local_server.connection()) as graph:
        assert run_text(graph, "MATCH (n {customer_id: 'old'}) RETURN n") == []
        assert load(folder, graph, local_server, replace=True, mode="stream").changes["relationships_created"] > 0
        assert len(run_text(graph, "MATCH (l:Load) RETURN l")) == 1


def test_too_many_bad_rows_change_nothing(folder: Path, graph: Graph) -> None:
    file = folder / "transactions_train.csv"
    file.write_text(TRANSACTIONS + "2018-09-31,ann,0108775015,0.1,2\n", encoding="utf-8")
    with pytest.raises(TooManyBadRows, match="1 of 8 rows of transactions_train are bad") as caught:
        load(folder, graph)
    assert str(folder / "rejects.csv") in caught.value.hint
    assert "t_dat" in (folder / "rejects.csv").read_text()
    assert picture(graph) == ([], [], [])
    report = load(folder, graph, max_bad=0.2)
    assert report.counts["transactions_train"].rejected == 1


@pytest.mark.parametrize("mode", ["bulk", "stream"])
def test_an_empty_load_does_not_replace_the_graph(
    folder: Path, graph: Graph, local_server: LocalServer, mode: str
) -> None:
    load(folder, graph)
    before = picture(graph)
    file = folder / "transactions_train.csv"
    for nothing in (TRANSACTIONS.splitlines()[0] + "\n", TRANSACTIONS.splitlines()[0] + "\n2018-09-31,ann,1,0.1,2\n"):
        file.write_text(nothing, encoding="utf-8")
        with pytest.raises(UserMistake, match=r"has no rows|not replaced"):
            load(folder, graph, local_server, replace=True, mode=mode, max_bad=1)
        assert picture(graph) == before


def test_rows_with_carriage_returns_replace_the_graph(folder: Path, graph: Graph, local_server: LocalServer) -> None:
    load(folder, graph)
    before = picture(graph)
    (folder / "transactions_train.csv").write_bytes(TRANSACTIONS.replace("\n", "\r").encode())
    load(folder, graph, local_server, replace=True, mode="stream")
    assert picture(graph) == before


def test_checking_changes_nothing_and_needs_no_server(folder: Path) -> None:
    report = load_folder(folder, server=None, graph=None, check_only=True)
    assert report.mode == "check"
    assert json.loads((folder / "load-report.json").read_text())["counts"]["customers"]["read"] == 3


def test_the_report_can_be_written_to_another_folder(folder: Path, tmp_path: Path) -> None:
    load_folder(folder, server=None, graph=None, check_only=True, report=tmp_path / "reports")
    assert (tmp_path / "reports" / "load-report.json").is_file()
    assert not (folder / "load-report.json").exists()


def test_a_concurrent_load_is_refused_with_the_firsts_name(
    folder: Path, local_server: LocalServer, local_graph: Graph
) -> None:
    (local_server.home / "load-running").write_text("/first (since now)")
    with (
        FileLock(local_server.home / ".load-lock"),
        pytest.raises(LoadRunning, match=r"/first \(since now\)"),
    ):
        load(folder, local_graph, local_server)
    assert load(folder, local_graph, local_server).changes != {}


def test_a_concurrent_client_is_refused_on_any_server(
    folder: Path, graph: Graph, connection: ConnectionSettings
) -> None:
    with Graph.connect(connection) as first, first.claim("/elsewhere (since now)"):
        with pytest.raises(LoadRunning, match=r"/elsewhere \(since now\)"):
            load(folder, graph)
        assert picture(graph) == ([], [], [])
    assert load(folder, graph).changes != {}


def test_a_claim_waits_for_a_killed_clients_last_write(graph: Graph, connection: ConnectionSettings) -> None:
    auth = (connection.username, connection.password.get_secret_value())
    with (
        neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver,
        driver.session(database=connection.database) as session,
    ):
        batch = session.begin_transaction(metadata={"hmrec": "create_purchases", "id": "another client"})
        batch.run("CREATE (:Thing)").consume()
        with pytest.raises(LoadRunning, match="create_purchases"), graph.claim("me", wait=0.5):
            pass
        threading.Timer(0.5, batch.commit).start()
        with graph.claim("me", wait=30):
            assert run_text(graph, "MATCH (t:Thing) RETURN count(t) AS things") == [{"things": 1}]


def test_a_graph_with_an_interrupted_replacement_is_incomplete(folder: Path, graph: Graph, tmp_path: Path) -> None:
    load(folder, graph)
    other = tmp_path / "other"
    other.mkdir()
    (other / "transactions_train.csv").write_text("\n".join(TRANSACTIONS.splitlines()[:3]) + "\n")
    cut = {
        "id": "cut",
        "started": "9999",
        "mode": "stream",
        "folder": "/first",
        "fingerprint": "x",
        "replacing": "deleting",
    }
    graph.write("record_load", load=cut)
    with pytest.raises(UserMistake, match="/first was interrupted while replacing it"):
        load(other, graph)
    load(other, graph, replace=True, mode="stream")
    assert [row["id"] for row in run_text(graph, "MATCH (l:Load) RETURN l.id AS id")] != ["cut"]
    assert run_text(graph, "MATCH ()-[b:BOUGHT]->() RETURN sum(b.quantity) AS bought") == [{"bought": 2}]
