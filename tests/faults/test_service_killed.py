"""A service that logs its lists and records events is killed with SIGKILL: what it wrote is whole, and nothing is there
twice."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer

from tests.conftest import empty, run_text
from tests.faults.children import TOKEN, count_repeats, draw_moments, serve
from tests.graph.shops import load_two_tastes

BATCH, K = 40, 4
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
UNITS = "MATCH ()-[b:BOUGHT]->() RETURN sum(b.quantity) AS units"
ORDERS = "MATCH ()-[o:ORDERED]->() RETURN o.event_id AS id"
LISTS = """
    MATCH (i:Impression)
    RETURN i.impression_id AS id, i.shown_at IS NOT NULL AS dated, COUNT { (i)-[:OF]->(:Customer) } AS owners,
        COLLECT { MATCH (i)-[s:SHOWED]->(a) RETURN a.article_id ORDER BY s.rank } AS articles
"""


@dataclass
class Traffic:
    """Requests to a service until it is gone.

    Attributes
    ----------
    address : of the service.
    batches : the event ids of each batch that was sent, by its first id.
    acknowledged : the first ids of the batches with status 200.
    lists : the articles of each answer that has an impression id.
    """

    address: str
    batches: dict[str, list[str]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    lists: dict[str, list[str]] = field(default_factory=dict)

    def send_events(self, client: httpx.Client, number: int) -> None:
        """Send a batch of purchases, each of a pair that no other has."""
        ids = [uuid4().hex for _ in range(BATCH)]
        events = [
            {"event_id": name, "type": "buy", "customer_id": f"c{place % 40:02}", "article_id": f"new-{name}",
             "time": "2020-10-01", "price": 7.0}
            for place, name in enumerate(ids)
        ]  # fmt: skip
        self.batches[ids[0]] = ids
        answer = client.post("events", json=events, headers=HEADERS)
        assert answer.json() == {"read": BATCH, "recorded": BATCH, "repeated": 0, "errors": []}
        self.acknowledged.append(ids[0])

    def show_list(self, client: httpx.Client, number: int) -> None:
        """Request a list, which the service logs."""
        given = {"method": "popular", "k": K}
        answer = client.get(f"recommend/c{number % 40:02}", params=given).raise_for_status().json()
        assert answer["impression_id"] not in self.lists
        self.lists[answer["impression_id"]] = [article["article_id"] for article in answer["articles"]]

    def repeat(self, request: Callable[[httpx.Client, int], None]) -> None:
        """Send requests one after the other, until the connection breaks."""
        with httpx.Client(base_url=self.address, timeout=120, trust_env=False) as client:
            number = 0
            try:
                while True:
                    request(client, number)
                    number += 1
            except httpx.TransportError:
                return


def test_a_killed_service_leaves_whole_lists_and_each_acknowledged_event_once(
    local_server: LocalServer, tmp_path: Path
) -> None:
    chance = draw_moments()
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        load_two_tastes(graph, tmp_path / "shop", weeks=4)
        before = int(run_text(graph, UNITS)[0]["units"])  # type: ignore[call-overload]
        process, address = serve(local_server, HMREC_LOG_SHARE="1")
        whole: list[Traffic] = []
        try:
            for _ in range(count_repeats(3)):
                traffic = Traffic(address)
                whole.append(traffic)
                clients = [
                    threading.Thread(target=traffic.repeat, args=(request,))
                    for request in (traffic.send_events, traffic.show_list, traffic.send_events, traffic.show_list)
                ]
                for client in clients:
                    client.start()
                until = time.monotonic() + 120
                while not (traffic.acknowledged and traffic.lists) and time.monotonic() < until:
                    time.sleep(0.01)
                time.sleep(chance.uniform(0.3, 3))
                process.send_signal(signal.SIGKILL)
                process.wait()
                for client in clients:
                    client.join(150)
                assert traffic.acknowledged
                assert traffic.lists
                process, address = serve(local_server, HMREC_LOG_SHARE="1")
                check(graph, whole, before)
                assert httpx.get(f"{address}health", timeout=120).json()["status"] == "ok"
                answer = httpx.get(f"{address}recommend/c01", params={"k": K, "log": "false"}, timeout=120)
                assert len(answer.json()["articles"]) == K
        finally:
            process.kill()
            process.wait()
        answered = {name for traffic in whole for name in traffic.lists}
        assert answered.intersection(str(row["id"]) for row in run_text(graph, LISTS)), "no list was written"


def check(graph: Graph, whole: list[Traffic], before: int) -> None:
    """Assert that batches and lists are there whole or not at all, and that nothing acknowledged is lost or double."""
    orders = [str(row["id"]) for row in run_text(graph, ORDERS)]
    found = set(orders)
    assert len(orders) == len(found)
    for traffic in whole:
        for first, ids in traffic.batches.items():
            written = len(found.intersection(ids))
            assert written in ((BATCH,) if first in traffic.acknowledged else (0, BATCH))
    assert run_text(graph, UNITS) == [{"units": before + len(orders)}]
    rows = run_text(graph, LISTS)
    lists = {str(row["id"]): row["articles"] for row in rows}
    assert len(lists) == len(rows)
    assert all(row["dated"] and row["owners"] == 1 and len(row["articles"]) == K for row in rows)  # type: ignore[arg-type]
    answered = {name: articles for traffic in whole for name, articles in traffic.lists.items()}
    assert all(lists[name] == articles for name, articles in answered.items() if name in lists)
