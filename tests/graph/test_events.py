"""Events: any order and any repetition give the same graph, files and events count once, and lists follow at once."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.main import app
from hmrec.cli.service.app import make_app
from hmrec.cypher.errors import LoadRunning, UserMistake
from hmrec.cypher.foreign import find_foreign
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.export.kept import export_kept
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.loader.events import record_events
from hmrec.loader.load import load_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.conftest import connection_environment, run_text

WRITE = "a-token-for-writing"
HEADER = "t_dat,customer_id,article_id,price,sales_channel_id,quantity\n"
SHOW = """
    MATCH (c:Customer)-[r:BOUGHT|TAKEN_BACK|ORDERED|RETURNED|VIEWED|ADDED_TO_CART]->(a:Article)
    RETURN c.customer_id AS customer, type(r) AS type, a.article_id AS article, properties(r) AS properties
"""
Event = dict[str, Any]


def buy(number: int, customer: str = "ann", article: str = "1", **others: Any) -> Event:
    event = {"event_id": f"e{number}", "type": "buy", "customer_id": customer, "article_id": article}
    return event | {"time": "2020-09-21T10:00:00+02:00", "price": 1.0, "channel": 2} | others


def show(graph: Graph, *types: str) -> list[str]:
    """Return the relationships of customers and articles, in one order."""
    rows = run_text(graph, SHOW)
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows if not types or row["type"] in types)


def read_bought(graph: Graph) -> dict[tuple[Any, ...], int]:
    """Return the units of each purchase."""
    rows = run_text(graph, SHOW.replace("BOUGHT|TAKEN_BACK|ORDERED|RETURNED|VIEWED|ADDED_TO_CART", "BOUGHT"))
    found = {}
    for row in rows:
        b: Any = row["properties"]
        key = (row["customer"], row["article"], b["t_dat"], b.get("price"), b["sales_channel_id"])
        assert key not in found
        found[key] = b["quantity"]
    return found


def clear(graph: Graph) -> None:
    run_text(graph, "MATCH (n) DETACH DELETE n")


def write_files(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "transactions_train.csv").write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return folder


def compute_bought(events: list[Event], loaded: dict[tuple[Any, ...], int]) -> dict[tuple[Any, ...], int]:
    """Compute the purchases by a loop over the days: the latest units are returned first."""
    ordered: dict[tuple[Any, ...], int] = defaultdict(int)
    for event in events:
        if event["type"] == "buy":
            day = dt.date.fromisoformat(event["time"][:10])
            key = (event["customer_id"], event["article_id"], day, event["price"], event["channel"])
            ordered[key] += event["quantity"]
    units = {key: max(ordered.get(key, 0), loaded.get(key, 0)) for key in {*ordered, *loaded}}
    for back in sorted((e for e in events if e["type"] == "return"), key=lambda event: event["time"]):
        left = back["quantity"]
        pair = (back["customer_id"], back["article_id"])
        stack = [key for key in units if key[:2] == pair and str(key[2]) <= back["time"][:10]]
        for key in sorted(stack, key=lambda k: (k[2], k[3] is not None, k[3] or 0, k[4]), reverse=True):
            taken = min(left, units[key])
            units[key] -= taken
            left -= taken
    return {key: count for key, count in units.items() if count}


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["buy", "buy", "return", "view", "cart"]),
            "customer_id": st.sampled_from(["ann", "bob"]),
            "article_id": st.sampled_from(["1", "2"]),
            "time": st.sampled_from(["2020-09-20T23:30:00-05:00", "2020-09-21", "2020-09-22T08:00:00Z"]),
            "quantity": st.integers(1, 4),
            "price": st.sampled_from([None, 1.0, 2.5]),
            "channel": st.sampled_from([0, 2]),
        }
    ),
    max_size=12,
).map(lambda found: [event | {"event_id": f"e{number}"} for number, event in enumerate(found)])


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(EVENTS, st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_graph(
    module_graph: Graph, events: list[Event], chance: random.Random
) -> None:
    clear(module_graph)
    record_events(module_graph, events)
    expected = show(module_graph)
    assert read_bought(module_graph) == compute_bought(events, {})
    clear(module_graph)
    again = events + chance.sample(events, len(events) // 2)
    chance.shuffle(again)
    recorded = 0
    while again:
        batch, again = again[:3], again[3:]
        receipt = record_events(module_graph, batch)
        assert not receipt.errors
        recorded += receipt.recorded
    assert recorded == len(events)
    assert show(module_graph) == expected


@settings(max_examples=5, suppress_health_check=list(HealthCheck))
@given(EVENTS, EVENTS, st.integers(0, 2))
def test_files_and_events_that_tell_of_the_same_purchases_count_once_in_any_order(
    module_graph: Graph, tmp_path_factory: pytest.TempPathFactory, events: list[Event], others: list[Event], when: int
) -> None:
    both = [event for event in [*events, *others[:3]] if event["type"] == "buy"]
    loaded: dict[tuple[Any, ...], int] = defaultdict(int)
    rows = []
    for e in [*both, buy(99, "cy", "3", quantity=1)]:
        rows.append(
            f"{e['time'][:10]},{e['customer_id']},{e['article_id']},{e['price'] or ''},{e['channel']},{e['quantity']}"
        )
        day = dt.date.fromisoformat(e["time"][:10])
        loaded[e["customer_id"], e["article_id"], day, e["price"], e["channel"]] += e["quantity"]
    folder = write_files(tmp_path_factory.mktemp("files") / "data", *rows)
    clear(module_graph)
    for step in range(3):
        if step == when:
            load_folder(folder, server=None, graph=module_graph)
        record_events(module_graph, events[step::3])
    assert read_bought(module_graph) == compute_bought(events, loaded)
    before = show(module_graph)
    assert load_folder(folder, server=None, graph=module_graph).changes == {}
    assert show(module_graph) == before


def test_a_returned_purchase_is_gone_and_its_file_does_not_bring_it_back(graph: Graph, tmp_path: Path) -> None:
    back = buy(2, type="return", time="2020-09-22")
    folder = write_files(tmp_path / "shop", "2020-09-21,ann,1,1.0,2,1", "2020-09-20,bob,1,1.0,2,1")
    record_events(graph, [back])  # waits for its purchase
    assert read_bought(graph) == {}
    load_folder(folder, server=None, graph=graph)
    assert {key[0] for key in read_bought(graph)} == {"bob"}
    assert load_folder(folder, server=None, graph=graph).changes == {}
    write_files(folder, "2020-09-21,ann,1,1.0,2,3", "2020-09-20,bob,1,1.0,2,1")
    load_folder(folder, server=None, graph=graph)  # it has grown
    assert read_bought(graph)["ann", "1", dt.date(2020, 9, 21), 1.0, 2] == 2
    record_events(graph, [back | {"event_id": "x", "quantity": 2}])
    assert {key[0] for key in read_bought(graph)} == {"bob"}


def test_a_cancelled_invoice_in_a_file_takes_the_purchase_back_as_a_return_event_does(
    graph: Graph, tmp_path: Path
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "transactions_train.csv").write_text(
        "t_dat,customer_id,article_id,price,quantity,invoice\n2020-09-20,ann,1,1.0,3,500001\n"
        "2020-09-20,ann,2,1.0,1,500001\n2020-09-21,ann,1,1.0,-2,C500002\n2020-09-21,bob,2,1.0,1,500003\n"
        "2020-09-21,bob,2,1.0,1,C500004\n"
    )
    load_folder(folder, server=None, graph=graph)
    from_file = read_bought(graph)
    clear(graph)
    day = {"time": "2020-09-20", "channel": 0}
    late = {"time": "2020-09-21", "channel": 0}
    record_events(graph, [
        buy(1, quantity=3, **day), buy(2, article="2", **day), buy(3, type="return", quantity=2, **late),
        buy(4, "bob", "2", **late), buy(5, "bob", "2", type="return", **late),
    ])  # fmt: skip
    assert read_bought(graph) == from_file
    assert len(from_file) == 2


def test_invalid_events_are_refused_one_by_one_and_the_others_recorded(graph: Graph) -> None:
    wrong: list[Any] = [
        7, buy(1) | {"type": "steal"}, buy(2, price=-1), buy(3, time="yesterday"), buy(4, time=5), buy(5, quantity=0),
        buy(6, article='"'), buy(7) | {"customer_id": None}, buy(8, color="red"), buy(9, time="2999-01-01"),
        buy(10, quantity=True), buy(11, article="1.2E+08"), buy(12, customer=" "),
        buy(13, time="0001-01-01T00:00:00+14:00"),
    ]  # fmt: skip
    receipt = record_events(graph, [*wrong, buy(20), buy(20), buy(20, quantity=5)])
    assert [error.index for error in receipt.errors] == [*range(len(wrong)), len(wrong) + 2]
    for error in receipt.errors:
        assert error.error.startswith(f"Event {error.index}: ")
        assert error.error.endswith(".")
        assert "\n" not in error.error
    assert (receipt.read, receipt.recorded, receipt.repeated) == (len(wrong) + 3, 1, 1)
    assert len(read_bought(graph)) == 1
    (error,) = record_events(graph, [buy(20, quantity=5)]).errors  # in another batch
    assert "was used before with other values" in error.error
    assert record_events(graph, [buy(20) | {"type": "view"}]).recorded == 1  # an id is one of its type


def test_unknown_customers_and_articles_are_created_or_refused(graph: Graph) -> None:
    run_text(graph, "CREATE (:Customer {customer_id: 'ann'}), (:Article {article_id: '0108775015'})")
    receipt = record_events(graph, [buy(1), buy(2, "bob", "0108775015"), buy(3, article="108775015")], create=False)
    assert [error.error for error in receipt.errors] == [
        "Event 0: the graph has no article '0000000001'.",
        "Event 1: the graph has no customer 'bob'.",
    ]
    assert [key[:2] for key in read_bought(graph)] == [("ann", "0108775015")]  # its zeros are restored
    visitor = {"event_id": "v", "type": "view", "visitor_id": "cookie", "article_id": "2", "time": "2020-09-21"}
    assert record_events(graph, [visitor]).recorded == 1
    assert read_state(graph).customers == 2


@pytest.fixture
def shop(graph: Graph, tmp_path: Path) -> Graph:
    rows = [f"2020-09-{1 + n % 20:02},c{n % 15},{1 + (n * n + n % 7) % 11},1.0,2,1" for n in range(120)]
    load_folder(write_files(tmp_path / "shop", *rows), server=None, graph=graph)
    return graph


def connect(graph: Graph) -> TestClient:
    headers = {"Authorization": f"Bearer {WRITE}"}
    return TestClient(make_app(graph, write_token=WRITE), base_url="http://localhost", headers=headers)


def test_a_purchase_over_http_counts_in_the_very_next_list(shop: Graph) -> None:
    client = connect(shop)

    def list_new() -> list[str]:
        articles = client.get("/recommend/c1?new_only=true").json()["articles"]
        return [article["article_id"] for article in articles]

    first = list_new()
    assert list_new() == first  # from the cache
    answer = client.post("/events", json=buy(1, "c1", first[0], time="2020-09-20"))
    assert answer.json() == {"read": 1, "recorded": 1, "repeated": 0, "errors": []}
    assert first[0] not in list_new()
    state = read_state(shop)
    more = buy(2, "c1", first[0], time="2020-09-20")  # another unit: the numbers of nodes and purchases stay
    assert client.post("/events", json=[more, more]).json()["repeated"] == 1
    assert read_state(shop) != state
    state = read_state(shop)
    assert client.post("/events", json=[more]).json()["repeated"] == 1
    assert read_state(shop) == state  # caches stay
    client.post("/events", json=buy(3, "c1", first[0], type="return", time="2020-09-20", quantity=2))
    assert list_new() == first


def test_http_python_and_the_command_do_the_same(
    shop: Graph, connection: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (connection_environment(connection) | {"HMREC_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(variable, value)
    events = [
        buy(1, "c1", "5"),
        buy(2, "c2", "6", type="view"),
        buy(2, "c2", "6", type="view"),
        buy(3, "c1", "5", price=-1),
    ]
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events) + "no JSON\n")
    start = show(shop)
    seen, receipts = [], []
    for door in ("http", "python", "command", "pipe"):
        if door == "http":
            receipts.append(connect(shop).post("/events", json=events).json())
            assert [error["index"] for error in receipts[0]["errors"]] == [3]
        elif door == "python":
            receipts.append(record_events(shop, events).to_dict())
        else:
            file = str(tmp_path / "events.ndjson") if door == "command" else "-"
            text = (tmp_path / "events.ndjson").read_bytes() if door == "pipe" else None
            done = CliRunner().invoke(app, ["events", file, "--json"], input=text)
            assert isinstance(done.exception, UserMistake)
            assert "2 of 5 events were refused: line 4: price is invalid" in done.exception.message
            receipts.append(json.loads(done.stdout))
            assert [error["index"] for error in receipts[-1]["errors"]] == [4, 5]
        assert (receipts[-1]["recorded"], receipts[-1]["repeated"]) == (2, 1)
        seen.append(show(shop))
        run_text(shop, "MATCH ()-[r:ORDERED|VIEWED]->() DELETE r")
        run_text(shop, "MATCH ()-[b:BOUGHT {loaded: 0}]->() DELETE b")
        run_text(shop, "MATCH ()-[b:BOUGHT]->() REMOVE b.loaded")
        assert show(shop) == start
    assert all(one == seen[0] for one in seen)
    for body, status in (([], 200), ([7], 422), (buy(9, price=-1), 422), ("text", 422), ([buy(1)] * 10_001, 413)):
        assert connect(shop).post("/events", json=body).status_code == status
    assert connect(shop).post("/events?create=false", json=buy(8, "nobody")).status_code == 422


def test_views_and_carts_change_no_list_and_no_export_and_are_hmrecs_own(shop: Graph) -> None:
    recommender = Recommender(shop)
    lists = [recommender.recommend(Request(customer_id=f"c{n}")).articles.to_dict() for n in range(5)]
    before, state = export_subgraph(shop), read_state(shop)
    views = [buy(n, f"c{n % 5}", str(1 + n % 11), type=("view", "cart")[n % 2]) for n in range(60)]
    assert record_events(shop, views).recorded == 60
    assert [recommender.recommend(Request(customer_id=f"c{n}")).articles.to_dict() for n in range(5)] == lists
    after = export_subgraph(shop)
    assert np.array_equal(before.customer, after.customer)
    assert before.num_edges == after.num_edges
    assert read_state(shop) == state
    record_events(shop, [buy(100, "c1", "1"), buy(101, "c1", "2", type="return")])
    assert find_foreign(shop).others == 0
    assert shop.read_column("foreign_relationships") == [0]
    shop.write("delete_graph")
    assert not run_text(shop, "MATCH (n) RETURN n")


def test_views_of_visitors_and_of_new_articles_do_not_cost_a_whole_export(
    shop: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SubgraphSpec(isolated=True)
    record_events(shop, [buy(0, "c0", "1", time="2020-09-03")])
    export_kept(shop, spec, folder=tmp_path / "kept")
    view = {"type": "view", "time": "2020-09-10"}
    record_events(
        shop, [view | {"event_id": f"n{n}", "visitor_id": f"visitor {n}", "article_id": f"new {n}"} for n in range(3)]
    )
    fresh = export_subgraph(shop, spec)

    def refuse(*_: object) -> None:
        raise AssertionError("the whole graph is read")

    monkeypatch.setattr("hmrec.graph_ml.export.kept.export_subgraph", refuse)
    kept = export_kept(shop, spec, folder=tmp_path / "kept")
    assert list(kept.customer_ids) == list(fresh.customer_ids)
    assert list(kept.article_ids) == list(fresh.article_ids)
    assert np.array_equal(kept.customer, fresh.customer)
    assert np.array_equal(kept.article, fresh.article)


def test_a_kept_export_is_brought_up_to_date_with_events(shop: Graph, tmp_path: Path) -> None:
    record_events(shop, [buy(0, "c0", "1", time="2020-09-03")])
    export_kept(shop, folder=tmp_path / "kept")
    steps: list[str] = []
    bought = export_subgraph(shop)
    customer = next(iter(bought.customer_ids))
    record_events(shop, [
        buy(1, customer, "1", time="2020-09-04"), buy(2, customer, "1", time="2020-09-04"),
        buy(3, "somebody new", "2", time="2020-09-04"),
    ])  # fmt: skip
    kept = export_kept(shop, progress=lambda step, *_: steps.append(step), folder=tmp_path / "kept")
    assert "Bringing the cached export up to date" in steps
    fresh = export_subgraph(shop)
    assert list(kept.customer_ids) == list(fresh.customer_ids)
    for name in ("customer", "article", "time", "quantity", "channel"):
        assert np.array_equal(getattr(kept, name), getattr(fresh, name)), name


def test_events_wait_for_a_load_and_are_refused_if_it_lasts(shop: Graph, connection: ConnectionSettings) -> None:
    with Graph.connect(connection, timeout=0.5) as other:
        with shop.claim("a load of a test"), pytest.raises(LoadRunning, match="a load of a test"):
            record_events(other, [buy(1)])
        assert not show(other, "ORDERED")
        with shop.claim("a load of a test"):
            assert connect(other).post("/events", json=buy(1)).status_code == 503
        assert record_events(other, [buy(1)]).recorded == 1
