"""Loads killed with SIGKILL at random moments: nothing lost, nothing double, the next run goes on.

HMREC_KILLS says how often a load is killed on each road (default: few, for a test suite; by hand: 10 and more).
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.server import LocalServer
from hmrec.loader.bulk import finish_bulk
from hmrec.loader.samples import write_synthetic

from tests.conftest import empty, run_text

KILLS = int(os.environ.get("HMREC_KILLS", "0"))
CONTENT = (
    "MATCH (n) WHERE NOT n:Load RETURN labels(n) AS labels, properties(n) AS properties",
    "MATCH (c)-[b:BOUGHT]->(a) RETURN c.customer_id AS c, a.article_id AS a, properties(b) AS properties",
    "MATCH (a:Article)-[r]->(n) RETURN a.article_id AS a, type(r) AS type, properties(n) AS properties",
)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two data sets of one size that differ in every purchase."""
    folders = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp("shop") / str(seed)
        write_synthetic(folder, customers=1500, articles=400, transactions=20_000, seed=seed)
        folders.append(folder)
    return folders


def digest(graph: Graph) -> str:
    """A digest over everything in the graph but its (:Load) nodes, in no order."""
    lines = sorted(str(sorted(row.items())) for text in CONTENT for row in run_text(graph, text))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def names(graph: Graph) -> set[object]:
    """The names of its constraints and indexes."""
    return {row["name"] for row in run_text(graph, "SHOW INDEXES YIELD name")}


def begin_load(server: LocalServer, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """`hmrec load` in a process of its own."""
    return begin_command(server, "load", str(folder), *options)


def begin_command(server: LocalServer, *words: str) -> subprocess.Popen[bytes]:
    """A command on the tests' local server, in a process of its own."""
    environment = os.environ | {
        "HMREC_HOME": str(server.home),
        "HMREC_PROGRAMS": str(server.libraries.parent),
        "HMREC_HEAP": server.settings.heap,
        "HMREC_PAGE_CACHE": server.settings.page_cache,
        "HMREC_BOLT_PORT": str(server.settings.bolt_port),
        "HMREC_HTTP_PORT": str(server.settings.http_port),
    }
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", *words]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kill the process after so many seconds; False if it was done before."""
    try:
        assert process.wait(timeout=seconds) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def test_bulk_killed_at_any_moment_leaves_the_old_graph_or_the_new_one(
    shops: list[Path], local_server: LocalServer
) -> None:
    chance = random.Random(4)
    local_server.start()
    wanted, seconds = [], 0.0
    for folder in shops:
        begun = time.monotonic()
        assert begin_load(local_server, folder, "--road", "bulk", "--replace").wait() == 0
        seconds = time.monotonic() - begun
        with Graph.connect(local_server.connection()) as graph:
            wanted.append(digest(graph))
            indexes = names(graph)
    assert wanted[0] != wanted[1]
    held = 1
    for _ in range(KILLS or 1):
        begin = begin_load(local_server, shops[1 - held], "--road", "bulk", "--replace")
        kill_after(begin, chance.uniform(1.5, seconds))
        local_server.start()
        with Graph.connect(local_server.connection()) as graph:
            held = wanted.index(digest(graph))  # one of the two, whole
    assert begin_load(local_server, shops[1 - held], "--road", "bulk", "--replace").wait() == 0
    with Graph.connect(local_server.connection()) as graph:
        assert digest(graph) == wanted[1 - held]
        finish_bulk(graph)
        assert names(graph) == indexes
        assert len(run_text(graph, "MATCH (l:Load) WHERE l.finished IS NULL RETURN l")) == 0
    assert [file.name for file in local_server.home.glob("hmrec-load-*")] == []
    assert not (local_server.home / "data-ready").exists()


@pytest.mark.parametrize("replace", [False, True])
def test_stream_killed_at_any_moment_goes_on_and_ends_as_a_clean_run(
    shops: list[Path], local_server: LocalServer, replace: bool
) -> None:
    chance = random.Random(5)
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        begun = time.monotonic()
        assert begin_load(local_server, shops[0], "--road", "stream").wait() == 0
        seconds = time.monotonic() - begun
        wanted = digest(graph)
        if replace:
            empty(graph)
            assert begin_load(local_server, shops[1], "--road", "stream").wait() == 0
        else:
            empty(graph)
        options = ["--road", "stream", *(["--replace"] if replace else [])]
        kills = 0
        while kills < (KILLS or 2):
            if kill_after(begin_load(local_server, shops[0], *options), chance.uniform(0.8, seconds * 0.8)):
                kills += 1
            else:
                assert digest(graph) == wanted
                empty(graph)
        assert begin_load(local_server, shops[0], *options).wait() == 0
        assert digest(graph) == wanted
        assert len(run_text(graph, "MATCH (l:Load) WHERE l.finished IS NULL OR l.replacing IS NOT NULL RETURN l")) == 0
