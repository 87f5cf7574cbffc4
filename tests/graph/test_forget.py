"""A forgotten customer: the graph is as if loaded without them, nothing names them, and a kill changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.main import app
from hmrec.cli.service.app import make_app
from hmrec.cypher.errors import UnknownCustomer, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.export.kept import export_kept
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.forget import forget_customer
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.segments.write import write_segments
from hmrec.graph_ml.stored.store import store_lists
from hmrec.graph_ml.write_back.embed_new import embed_new
from hmrec.graph_ml.write_back.versions import load_version
from hmrec.graph_ml.write_back.write import use_version, write_embeddings
from hmrec.loader.events import record_events
from hmrec.loader.load import load_folder
from typer.testing import CliRunner

from tests.conftest import connection_environment, empty, run_text

WHO = "forget-mé-7"
TOKEN = "a-token-for-writing"
NODES = """
    MATCH (n)
    WHERE NOT n:Load|Model|ModelPart|ModelInForce|EventVersion|EventDay
    RETURN labels(n) AS labels, n {.*, embedding: null, embedding_staged: null} AS properties
"""
RELATIONSHIPS = (
    "MATCH (c:Customer)-[r]->(a) RETURN c.customer_id AS c, type(r) AS type, a.article_id AS a, properties(r) AS p"
)


def write_files(folder: Path, leave_out: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    customers = [WHO if n == 7 else f"c{n}" for n in range(20)]
    rows = [(1 + n % 28, customers[n % 20], 1 + (n * n + n % 7) % 11) for n in range(200)]
    (folder / "transactions_train.csv").write_text("t_dat,customer_id,article_id,price,sales_channel_id\n" + "".join(
        f"2020-09-{day:02},{who},{article},1.0,2\n" for day, who, article in rows if who != leave_out))  # fmt: skip
    (folder / "customers.csv").write_text("customer_id,age\n" + "".join(
        f"{who},{30 + n}\n" for n, who in enumerate(customers) if who != leave_out))  # fmt: skip
    (folder / "articles.csv").write_text("article_id,prod_name\n" + "".join(f"{n},Article {n}\n" for n in range(1, 12)))
    return folder


def make_events(leave_out: str = "") -> list[dict[str, Any]]:
    found = [
        {"event_id": f"e{n}", "type": ("buy", "view", "return", "cart")[n % 4], "customer_id": WHO if n % 3 else "c3",
         "article_id": str(1 + n % 11), "time": "2020-09-28", "price": 1.0, "channel": 2}
        for n in range(24)
    ]  # fmt: skip
    return [event for event in found if event["customer_id"] != leave_out]


def show(graph: Graph) -> list[str]:
    rows = [*run_text(graph, NODES), *run_text(graph, RELATIONSHIPS)]
    return sorted(
        repr({k: v if not isinstance(v, dict) else sorted(v.items()) for k, v in row.items()}) for row in rows
    )


def list_all(graph: Graph) -> list[Any]:
    recommender = Recommender(graph)
    requests = [
        Request(customer_id=f"c{n}", method=m)
        for n in (1, 3, 9)
        for m in ("user_based_cf", "popular", "bought_together")
    ]
    found = [recommender.recommend(request).articles.round({"score": 9}) for request in requests]  # order of addition
    return [articles.to_dict("records") for articles in found]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HMREC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def shop(graph: Graph, home: Path, tmp_path: Path) -> Graph:
    """A trained shop with events, a kept export and a checkpoint."""
    load_folder(write_files(tmp_path / "shop"), server=None, graph=graph)
    record_events(graph, make_events())
    subgraph = export_kept(graph, SubgraphSpec(isolated=True))
    for _ in range(2):
        write_embeddings(graph, train(subgraph, TrainSettings(dim=8, epochs=1, negatives=16)))
    (home / "training.safetensors").write_bytes(b"the state of a killed training")
    return graph


def find_name(graph: Graph, home: Path) -> list[str]:
    """Return where the name still is: in nodes, in relationships, in models, in files."""
    text = (
        "MATCH (n) UNWIND keys(n) AS k WITH n, k WHERE n[k] IS :: STRING AND n[k] CONTAINS $id RETURN labels(n)[0] AS l"
    )
    lists = "MATCH (l:Load) WHERE $id IN l.customers_written RETURN 'list' AS l"
    found = [str(row["l"]) for one in (text, lists) for row in run_text(graph, one, id=WHO)]
    parts = b"".join(bytes(row["b"]) for row in run_text(graph, "MATCH (p:ModelPart) RETURN p.bytes AS b"))  # type: ignore[arg-type,call-overload]
    found += ["model"] * (WHO.encode() in parts)
    return found + [str(file) for file in home.rglob("*") if file.is_file() and WHO.encode() in file.read_bytes()]


def test_the_graph_is_as_if_loaded_without_the_customer(shop: Graph, home: Path, tmp_path: Path) -> None:
    before = {version: load_version(shop, version) for version in (1, 2)}
    assert set(find_name(shop, home)) >= {"Customer", "list", "model"}
    receipt = forget_customer(shop, WHO)
    places = {removed.place: removed.count for removed in receipt.removed}
    assert places["vectors in stored models"] == 4  # of two versions, in the result and in the weights
    assert places["events"] == 16
    assert places["kept exports on this machine, whole"] == 1
    assert places["checkpoint of a training on this machine, whole"] == 1
    assert not receipt.node_stays
    assert any("backup" in place for place in receipt.not_reached)
    assert find_name(shop, home) == []
    assert not (home / "training.safetensors").exists()
    after, lists = show(shop), list_all(shop)
    for version, model in before.items():
        now = load_version(shop, version)
        row = model.customer_ids.index(WHO)
        others = np.arange(len(model.customer_ids)) != row
        assert not now.customers[row].any()
        assert not now.weights["embedding"][row].any()
        assert np.array_equal(now.customers[others], model.customers[others])
        assert np.array_equal(now.weights["embedding"][len(others) :], model.weights["embedding"][len(others) :])
    use_version(shop, 1)
    assert embed_new(shop).customers == 0
    with pytest.raises(UnknownCustomer):
        forget_customer(shop, WHO)
    empty(shop)
    load_folder(write_files(tmp_path / "without", WHO), server=None, graph=shop)
    record_events(shop, make_events(WHO))
    assert show(shop) == after
    assert list_all(shop) == lists


def test_a_forgotten_customer_can_be_killed_at_any_write_and_run_again(shop: Graph, home: Path) -> None:
    written = shop.write
    for fatal in range(1, 20):
        calls = 0

        def write(query: Any, **parameters: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fatal:  # noqa: B023
                raise KeyboardInterrupt
            return written(query, **parameters)

        shop.write = write  # type: ignore[method-assign]
        try:
            forget_customer(shop, WHO)
            break
        except KeyboardInterrupt:
            load_version(shop, 1), load_version(shop, 2)  # both are whole
        finally:
            shop.write = written  # type: ignore[method-assign]
    assert fatal > 3
    assert find_name(shop, home) == []
    assert not load_version(shop, 1).customers.all(axis=1).all()
    assert export_subgraph(shop).num_edges


def test_a_customer_in_a_segment_is_forgotten_whole_and_no_longer_counted(shop: Graph, home: Path) -> None:
    write_segments(shop, 2)
    counted = "MATCH (s:Segment) RETURN sum(s.size) AS size, sum(COUNT { (s)<-[:IN_SEGMENT]-() }) AS members"
    assert run_text(shop, counted) == [{"size": 20, "members": 20}]
    receipt = forget_customer(shop, WHO)
    assert not receipt.node_stays
    assert find_name(shop, home) == []
    assert run_text(shop, counted) == [{"size": 19, "members": 19}]


def test_a_node_with_relationships_of_others_keeps_its_id_alone(shop: Graph) -> None:
    run_text(shop, "MATCH (c:Customer {customer_id: $id}) CREATE (c)-[:ASKED]->(:Ticket)", id=WHO)
    assert forget_customer(shop, WHO).node_stays
    (row,) = run_text(
        shop, "MATCH (c:Customer {customer_id: $id})-[r]->() RETURN properties(c) AS p, type(r) AS t", id=WHO
    )
    assert row == {"p": {"customer_id": WHO}, "t": "ASKED"}


def test_the_command_asks_and_http_needs_the_write_token(
    shop: Graph, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in connection_environment(connection).items():
        monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(app, ["forget", "c1"])
    assert isinstance(done.exception, UserMistake)
    assert "c1" in {row["id"] for row in run_text(shop, "MATCH (c:Customer) RETURN c.customer_id AS id")}
    printed = CliRunner().invoke(app, ["forget", "c1", "--yes"])
    assert "vectors in stored models" in printed.stdout
    assert "Not reached:" in printed.stdout
    client = TestClient(make_app(shop, write_token=TOKEN), base_url="http://localhost")
    assert client.delete("/customers/c2").status_code == 401
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/recommend/c2").status_code == 200
    answer = client.delete("/customers/c2", headers=headers)
    assert answer.status_code == 200, answer.text
    assert client.get("/recommend/c2").status_code == 404
    assert client.delete("/customers/c2", headers=headers).status_code == 404


def test_the_receipt_counts_the_stored_lists(shop: Graph, home: Path) -> None:
    store_lists(shop, Request(k=3, method="popular"))
    stored = "MATCH (c:Customer)-[r:RECOMMENDED]->() RETURN count(r) AS n, sum(toInteger(c.customer_id = $id)) AS own"
    (before,) = run_text(shop, stored, id=WHO)
    assert before["own"] == 3
    receipt = forget_customer(shop, WHO)
    assert {removed.place: removed.count for removed in receipt.removed}["articles in stored lists"] == 3
    assert "3 articles in stored lists" in receipt.summary()
    assert run_text(shop, stored, id=WHO) == [{"n": before["n"] - 3, "own": 0}]  # type: ignore[operator]
