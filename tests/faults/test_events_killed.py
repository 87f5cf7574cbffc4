"""Streams of events whose client, service or server is killed with SIGKILL: nothing is lost, nothing counts twice."""

from __future__ import annotations

import json
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer

from tests.conftest import empty, run_text
from tests.faults.children import (
    TOKEN,
    count_repeats,
    draw_moments,
    kill_after,
    kill_server,
    serve,
    server_environment,
    start_command,
)

EVENTS, BATCH = 5_000, 250
BOUGHT = """
    MATCH (c:Customer)-[b:BOUGHT]->(a:Article)
    RETURN c.customer_id AS c, a.article_id AS a, toString(b.t_dat) AS day, b.quantity AS units ORDER BY c, a, day
"""
IDS = "MATCH ()-[r:ORDERED|RETURNED]->() RETURN count(r) AS events, count(DISTINCT r.event_id) AS ids"


def make_events(chance: random.Random) -> list[dict[str, Any]]:
    """Return purchases and some returns, in random order."""
    found = []
    for number in range(EVENTS):
        kind = "return" if chance.random() < 0.1 else "buy"
        found.append({
            "event_id": str(number), "type": kind, "customer_id": f"c{chance.randrange(300)}",
            "article_id": f"a{chance.randrange(100)}", "time": f"2020-09-{chance.randrange(1, 29):02}", "price": 1.0,
        })  # fmt: skip
    return found


def test_a_stream_of_events_survives_every_kill(local_server: LocalServer, tmp_path: Path) -> None:
    chance = draw_moments()
    events = make_events(chance)
    file = tmp_path / "events.ndjson"
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        begun = time.monotonic()
        assert start_command("events", str(file), **server_environment(local_server)).wait() == 0
        seconds = time.monotonic() - begun
        expected = run_text(graph, BOUGHT)
        assert run_text(graph, IDS) == [{"events": EVENTS, "ids": EVENTS}]
        for round_number in range(count_repeats(1)):
            for fault in (_kill_client, _kill_service, _kill_neo4j):
                empty(graph)
                fault(local_server, file, events, chance, seconds)
                assert run_text(graph, IDS) == [{"events": EVENTS, "ids": EVENTS}], (fault, round_number)
                assert run_text(graph, BOUGHT) == expected, (fault, round_number)


def _kill_client(
    server: LocalServer, file: Path, events: list[dict[str, Any]], chance: random.Random, seconds: float
) -> None:
    command = start_command("events", str(file), **server_environment(server))
    kill_after(command, chance.uniform(seconds / 3, seconds))
    assert start_command("events", str(file), **server_environment(server)).wait() == 0


def _kill_neo4j(
    server: LocalServer, file: Path, events: list[dict[str, Any]], chance: random.Random, seconds: float
) -> None:
    command = start_command("events", str(file), "--timeout", "300", **server_environment(server))
    time.sleep(chance.uniform(seconds / 3, seconds))
    kill_server(server)
    server.start()
    assert command.wait() == 0


def _kill_service(
    server: LocalServer, file: Path, events: list[dict[str, Any]], chance: random.Random, seconds: float
) -> None:
    """Kill the service while batches are sent; a client sends each again until it is acknowledged."""
    process, address = serve(server)
    batches = [events[begin : begin + BATCH] for begin in range(0, EVENTS, BATCH)]
    fatal = chance.randrange(1, len(batches))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        for number, batch in enumerate(batches):
            if number == fatal:
                with suppress(httpx.TimeoutException):  # it is in the middle of the batch then, or about to begin
                    httpx.post(f"{address}events", json=batch, headers=headers, timeout=chance.uniform(0.01, 0.3))
                process.send_signal(signal.SIGKILL)
                process.wait()
                process, address = serve(server)
            answer = httpx.post(f"{address}events", json=batch, headers=headers, timeout=120)
            assert answer.status_code == 200, answer.text
            assert answer.json()["recorded"] + answer.json()["repeated"] == len(batch)
    finally:
        process.kill()
        process.wait()
