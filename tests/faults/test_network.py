"""A network that drops connections at random moments, or forwards nothing: work continues, or ends in one sentence."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hmrec.cypher.claim import Claim
from hmrec.cypher.errors import LoadRunning, ServerUnavailable
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.loader.load import load_folder

from tests.conftest import empty, run_text
from tests.faults.children import count_repeats, draw_moments
from tests.faults.proxy import Proxy
from tests.faults.works import PURCHASES, make_work, shop

__all__ = ["shop"]
CUTS = 2
CREATING = "SHOW TRANSACTIONS YIELD metaData WHERE metaData.hmrec = 'create_purchases' RETURN 1"
HINT = 120.0  # seconds of silence after which the driver closes a connection, as advised by Neo4j


def connect_through(proxy: Proxy, direct: Graph, timeout: float = 60.0) -> Graph:
    """Connect through the proxy."""
    settings = direct.settings.model_copy(update={"uri": f"bolt://127.0.0.1:{proxy.port}"})
    return Graph.connect(settings, timeout)


def find_port(server: LocalServer) -> int:
    """Return the Bolt port."""
    return int(server.start().uri.rpartition(":")[2])


@pytest.mark.parametrize("name", ["load", "export", "recommend_all", "write_back"])
def test_work_continues_when_connections_are_cut(
    name: str, local_server: LocalServer, shop: Path, tmp_path: Path
) -> None:
    chance = draw_moments()
    with Proxy(find_port(local_server)) as proxy, Graph.connect(local_server.connection()) as direct:
        work = make_work(name, direct, shop, tmp_path)
        with connect_through(proxy, direct) as graph, ThreadPoolExecutor(1) as beside:
            seconds = work.measure(graph)
            for _ in range(count_repeats()):
                work.prepare()
                running = beside.submit(work.do, graph)
                for _ in range(CUTS):
                    time.sleep(chance.uniform(0, seconds / CUTS))
                    proxy.cut()
                work.check(running.result(timeout=300))


def test_a_network_that_forwards_nothing_ends_in_one_sentence(local_server: LocalServer) -> None:
    with Proxy(find_port(local_server)) as proxy, Graph.connect(local_server.connection()) as direct:
        proxy.stalls.set()
        begun = time.monotonic()
        with pytest.raises(ServerUnavailable, match=str(proxy.port)):
            connect_through(proxy, direct, timeout=2)
        assert time.monotonic() - begun < 15
        proxy.stalls.clear()
        proxy.cut()
        with connect_through(proxy, direct, timeout=2) as graph:
            assert len(graph.read("counts")) == 1
            if "HMREC_TEST_SOAK" in os.environ:  # as long as the server advises the driver to wait
                proxy.stalls.set()
                begun = time.monotonic()
                with pytest.raises(ServerUnavailable):
                    graph.read("counts")
                assert time.monotonic() - begun < 2 * HINT


def test_a_commit_without_an_answer_is_checked_and_nothing_is_duplicated(
    local_server: LocalServer, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(find_port(local_server)) as proxy, Graph.connect(local_server.connection()) as direct:
        empty(direct)
        really, lost = Claim.check, []

        def check_and_lose_the_answer(claim: Claim) -> None:
            """Check the claim, then let the following commit reach the server while its answer is lost."""
            really(claim)
            if not lost and run_text(
                direct, "SHOW TRANSACTIONS YIELD metaData WHERE metaData.hmrec = 'create_purchases'"
            ):
                lost.append(True)
                proxy.mute.set()
                threading.Timer(0.5, lambda: (proxy.cut(), proxy.mute.clear())).start()

        monkeypatch.setattr(Claim, "check", check_and_lose_the_answer)
        with connect_through(proxy, direct) as graph:
            report = load_folder(shop, server=None, graph=graph, mode="stream", report=tmp_path)
        assert lost
        assert run_text(direct, "MATCH ()-[r]->() RETURN count(r) AS r") == [
            {"r": report.changes["relationships_created"]}
        ]
        bought = "MATCH ()-[b:BOUGHT]->() RETURN count(b) AS n, sum(b.quantity) AS quantity"
        assert run_text(direct, bought) == [{"n": report.counts["transactions_train"].loaded, "quantity": PURCHASES}]


def await_end_of_claims(graph: Graph) -> None:
    """Wait until the server has noticed that the claiming client's connection has ended."""
    until = time.monotonic() + 30
    while "claim" in set(graph.read("claims", database=graph.settings.database)["what"]):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_client_without_its_claim_writes_nothing_until_it_takes_it_again(local_server: LocalServer) -> None:
    part = {"version": 1, "part": 0, "bytes": b"1"}
    with (
        Proxy(find_port(local_server)) as proxy,
        Graph.connect(local_server.connection()) as second,
        connect_through(proxy, second) as first,
    ):
        run_text(second, "MATCH (p:ModelPart) DETACH DELETE p")
        with first.claim("the first"):
            first.write("keep_part", **part)
            with pytest.raises(LoadRunning, match="the first"), second.claim("the second"):
                pass
            proxy.cut()
            first.write("keep_part", **part | {"part": 1})  # no other client was faster: it has the claim again
            with pytest.raises(LoadRunning, match="the first"), second.claim("the second"):
                pass
            proxy.cut()
            await_end_of_claims(second)
            with second.claim("the second"):
                with pytest.raises(LoadRunning, match="the second"):
                    first.write("keep_part", **part | {"part": 2})
                second.write("keep_part", **part | {"part": 3})
            first.write("keep_part", **part | {"part": 4})
        rows = run_text(second, "MATCH (p:ModelPart) WITH p.part AS part ORDER BY part RETURN collect(part) AS parts")
        assert rows[0]["parts"] == [0, 1, 3, 4]
        run_text(second, "MATCH (p:ModelPart) DETACH DELETE p")
