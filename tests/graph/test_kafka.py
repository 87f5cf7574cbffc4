"""The configuration of Neo4j's Kafka connector in docs/events.md writes what `record_events` writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hmrec.cypher.catalogue import find_query
from hmrec.cypher.graph import Graph
from hmrec.loader.events import prepare_for_events, record_events
from hmrec.loader.load import load_folder

from tests.conftest import empty, run_text

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
TOPIC = "shop-events"
STATEMENT = f"neo4j.cypher.topic.{TOPIC}"
ROW = (
    "WITH event, datetime(event.time) AS moment "
    "WITH {index: 0, type: event.type, event_id: event.event_id, article_id: event.article_id, "
    "customer_id: coalesce(event.customer_id, event.visitor_id), t_dat: date(moment), "
    "time: datetime({datetime: moment, timezone: 'Z'}), quantity: coalesce(event.quantity, 1), "
    "price: toFloat(event.price), channel: coalesce(event.channel, 0), impression_id: event.impression_id} AS row"
)
SHOW = (
    "MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties",
    "MATCH (c)-[r]->(a) RETURN c.customer_id AS c, type(r) AS type, a.article_id AS a, properties(r) AS properties",
)
PURCHASE = {"customer_id": "ann", "article_id": "1", "time": "2020-09-21T23:30:00-02:00", "price": 2, "quantity": 3}
EVENTS: list[dict[str, Any]] = [
    {"event_id": "r", "type": "return", "customer_id": "ann", "article_id": "1", "time": "2020-09-22"},
    {"event_id": "1", "type": "buy", "channel": 2, "impression_id": "shown"} | PURCHASE,
    {"event_id": "1", "type": "buy", "channel": 2, "impression_id": "shown"} | PURCHASE,  # again
    {"event_id": "1", "type": "buy", "channel": 2, "impression_id": "shown"} | PURCHASE | {"quantity": 9},  # a conflict
    {"event_id": "1", "type": "view"} | PURCHASE,
    {"event_id": "2", "type": "cart", "visitor_id": "cookie", "article_id": "7",
     "time": "2020-09-21T10:00:00.25+02:00"},
    {"event_id": "3", "type": "buy", "customer_id": "bob", "article_id": "1", "time": "2020-09-20T10:00:00Z"},
    {"event_id": "4", "type": "return", "customer_id": "bob", "article_id": "1", "time": "2020-09-20", "quantity": 2},
    {"event_id": "5", "type": "buy", "customer_id": "cyd", "article_id": "1", "time": "2020-09-20T10:00:00",
     "price": 1.0},
]  # fmt: skip


def compose() -> str:
    """Return the connector's statement: hmrec's own queries for one event, in one line."""

    def body(name: str, **replaced: str) -> str:
        lines = [line for line in find_query(name).text.splitlines() if not line.startswith("//")]
        text = " ".join(" ".join(lines).split())
        for old, new in replaced.items():
            text = text.replace(f"${old}", new)
        return text

    add = body("add_events", events="[row]", create="true").replace("CALL () {", "CALL (row) {")
    settle = body("settle_purchases", pairs="[[row.customer_id, row.article_id]]")
    return (
        f"{ROW} CALL (row) {{ {add} }} "
        "WITH row, outcome WHERE outcome IN ['recorded', 'repeated'] AND row.type IN ['buy', 'return'] "
        f"CALL (row) {{ {settle} }} WITH collect(day) AS days WHERE size(days) > 0 "
        f"CALL (days) {{ {body('count_events', days='days')} }}"
    )


def read_configuration() -> dict[str, Any]:
    """Return the configuration on the page."""
    (block,) = re.findall(r"```json\n(\{\n  \"name\".*?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


def send(graph: Graph, *events: dict[str, Any]) -> None:
    """Run the statement as the connector does: one transaction for a batch, each message's value bound to `event`."""
    statement = read_configuration()["config"][STATEMENT]
    bound = "message.value AS event, message.timestamp AS __timestamp, message.header AS __header, message.key AS __key"
    text = f"UNWIND $events AS message WITH {bound}, message.value AS __value CALL {{WITH * {statement}}}"
    run_text(graph, text, events=[{"value": event, "timestamp": None, "header": {}, "key": None} for event in events])


def show(graph: Graph) -> list[str]:
    rows = [row for text in SHOW for row in run_text(graph, text) if row.get("labels") != ["Load"]]
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def load(graph: Graph, folder: Path) -> None:
    """Load a purchase that an event repeats, so that it must not count twice."""
    empty(graph)
    folder.mkdir(exist_ok=True)
    header = "t_dat,customer_id,article_id,price,sales_channel_id,quantity\n"
    rows = "2020-09-21,ann,1,2.0,2,2\n2020-09-19,cyd,7,1.0,2,1\n"
    (folder / "transactions_train.csv").write_text(header + rows)
    load_folder(folder, server=None, graph=graph)
    prepare_for_events(graph)


def test_the_page_has_hmrecs_own_queries_and_the_connectors_names() -> None:
    configuration = read_configuration()
    assert set(configuration) == {"name", "config"}
    config = configuration["config"]
    assert config["connector.class"] == "org.neo4j.connectors.kafka.sink.Neo4jConnector"
    assert config["topics"] == TOPIC
    assert config[STATEMENT] == compose()
    assert all(isinstance(value, str) for value in config.values())


def test_each_event_gives_the_graph_that_record_events_gives(graph: Graph, tmp_path: Path) -> None:
    load(graph, tmp_path / "shop")
    by_hmrec = []
    for event in EVENTS:
        record_events(graph, [event])
        by_hmrec.append(show(graph))
    load(graph, tmp_path / "shop")
    for event, expected in zip(EVENTS, by_hmrec, strict=True):
        send(graph, event)
        assert show(graph) == expected, event


def test_a_batch_in_any_order_and_again_gives_the_same_purchases(graph: Graph, tmp_path: Path) -> None:
    kinds = "BOUGHT|TAKEN_BACK|ORDERED|RETURNED"
    bought = f"MATCH (c)-[r:{kinds}]->() RETURN c.customer_id AS c, type(r) AS t, properties(r) AS p"
    events = [event for event in EVENTS if event.get("quantity") != 9]
    pictures = []
    for batch in (events, events[::-1]):
        load(graph, tmp_path / "shop")
        send(graph, *batch)
        pictures.append(sorted(map(str, run_text(graph, bought))))
        version = run_text(graph, "MATCH (v:EventVersion) RETURN v.version AS v")
        send(graph, *batch)
        assert sorted(map(str, run_text(graph, bought))) == pictures[-1]
        assert run_text(graph, "MATCH (v:EventVersion) RETURN v.version AS v") == version
    assert pictures[0] == pictures[1]
