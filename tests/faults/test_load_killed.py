"""Loads killed with SIGKILL at random moments: nothing is lost or duplicated, and the next run continues."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.loader.bulk import finish_bulk
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

from tests.conftest import empty, run_text
from tests.faults.children import count_repeats, digest, draw_moments, kill_after, server_environment, start_command

pytestmark = pytest.mark.bare

BULK_SECONDS = 15.0  # duration of a bulk load on a slow machine; one that finishes earlier must be complete


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write two data sets of the same size that differ in every purchase."""
    folders = []
    for seed in (1, 2):
        folder = tmp_path_factory.mktemp("shop") / str(seed)
        write_synthetic(folder, customers=800, articles=300, transactions=10_000, seed=seed)
        folders.append(folder)
    return folders


def names(graph: Graph) -> set[object]:
    """Return the names of the graph's constraints and indexes."""
    return {row["name"] for row in run_text(graph, "SHOW INDEXES YIELD name")}


def start_load(server: LocalServer, folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start `hmrec load` in its own process."""
    return start_command("load", str(folder), *options, **server_environment(server))


def test_a_killed_bulk_load_leaves_the_old_or_the_new_graph(shops: list[Path], local_server: LocalServer) -> None:
    chance = draw_moments()
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph, lasting=frozenset())  # without the indexes of other tests, which a bulk load drops
        load_folder(shops[0], server=local_server, graph=graph, mode="stream")
        wanted, indexes = {digest(graph): 0}, names(graph)
    held = 0
    for _ in range(count_repeats()):
        load = start_load(local_server, shops[1 - held], "--mode", "bulk", "--replace")
        kill_after(load, chance.uniform(1.5, BULK_SECONDS))
        local_server.start()
        with Graph.connect(local_server.connection()) as graph:
            found = digest(graph)
            wanted.setdefault(found, 1)  # the first graph that is not the old one must equal that of a complete load
            assert len(wanted) <= 2
            held = wanted[found]
    with Graph.connect(local_server.connection()) as graph:
        load_folder(shops[1], server=local_server, graph=graph, mode="bulk", replace=True)
    with Graph.connect(local_server.connection()) as graph:
        assert wanted.setdefault(digest(graph), 1) == 1
        assert len(wanted) == 2
        finish_bulk(graph)
        assert names(graph) == indexes
        assert not run_text(graph, "MATCH (l:Load) WHERE l.finished IS NULL RETURN l")
    assert [file.name for file in local_server.home.glob("hmrec-load-*")] == []
    assert not (local_server.home / "data-ready").exists()


@pytest.mark.parametrize("replace", [False, True])
def test_a_killed_stream_load_continues_and_ends_like_an_undisturbed_one(
    shops: list[Path], local_server: LocalServer, replace: bool
) -> None:
    chance = draw_moments()
    local_server.start()
    options = ["--mode", "stream", *(["--replace"] if replace else [])]
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        begun = time.monotonic()
        assert start_load(local_server, shops[0], *options).wait() == 0
        seconds = time.monotonic() - begun
        wanted = digest(graph)
        for _ in range(count_repeats()):
            if replace:
                load_folder(shops[1], server=local_server, graph=graph, mode="stream", replace=True)
            else:
                empty(graph)
            kill_after(start_load(local_server, shops[0], *options), chance.uniform(seconds / 3, seconds))
            load_folder(shops[0], server=local_server, graph=graph, mode="stream", replace=replace)
            assert digest(graph) == wanted
            assert not run_text(graph, "MATCH (l:Load) WHERE l.finished IS NULL OR l.replacing IS NOT NULL RETURN l")
