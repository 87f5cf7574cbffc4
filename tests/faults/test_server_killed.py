"""The server killed with SIGKILL in the middle of work and started again: the work waits, goes on and ends right."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer

from tests.faults.children import begin_command, count_repeats, draw_moments, kill_server
from tests.faults.works import make_work, shop

__all__ = ["shop"]
TIMEOUT = 120.0
WORKS = ("load", "export", "everybody", "write_back") if "HMREC_TEST_SOAK" in os.environ else ("load",)
"""In the suite the others are disturbed by a network that drops (test_network.py), which takes less time."""


@pytest.mark.parametrize("name", WORKS)
def test_work_goes_on_when_the_server_is_killed_and_starts_again(
    name: str, local_server: LocalServer, shop: Path, tmp_path: Path
) -> None:
    chance = draw_moments()
    local_server.start()
    with Graph.connect(local_server.connection(), TIMEOUT) as graph, ThreadPoolExecutor(1) as beside:
        work = make_work(name, graph, shop, tmp_path)
        seconds = work.measure(graph)
        for _ in range(count_repeats()):
            work.prepare()
            running = beside.submit(work.do, graph)
            time.sleep(chance.uniform(0, seconds))
            kill_server(local_server)
            local_server.start()
            work.check(running.result(timeout=2 * TIMEOUT))


def test_when_the_time_is_over_a_command_ends_in_a_sentence() -> None:
    nowhere = {"NEO4J_URI": "bolt://localhost:1", "NEO4J_PASSWORD": "x"}
    begun = time.monotonic()
    command = begin_command("query", "popular", "--timeout=1.5", errors=subprocess.PIPE, **nowhere)
    quiet = begin_command("--quiet", "query", "popular", "--timeout", "1", errors=subprocess.PIPE, **nowhere)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 1
    assert time.monotonic() - begun > 1
    waiting, last = said.strip().splitlines()
    assert waiting == "Neo4j at bolt://localhost:1 does not answer; waiting for at most 1.5 seconds (--timeout)."
    assert last.startswith("hmrec: No Neo4j server answers at bolt://localhost:1")
    assert quiet.communicate(timeout=60)[1].strip() == last
