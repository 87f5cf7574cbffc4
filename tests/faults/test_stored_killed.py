"""Stored lists killed with SIGKILL between batches: readers have a whole version, and the next run tidies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.recommend import Request
from hmrec.graph_ml.recommend.stored import read_lists_version
from hmrec.graph_ml.stored.store import store_lists

from tests.conftest import run_text
from tests.faults.children import kill_when, start_script
from tests.graph.shops import load_two_tastes

CHILD = """
import time
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.recommend import Request
from hmrec.graph_ml.stored.store import store_lists
def tell(step, done, total):
    print(f"{step} {done}", flush=True)
    if step.startswith("Removing"):
        time.sleep(5)
with Graph.connect() as graph:
    store_lists(graph, Request(k=3, method="popular"), at_once=10, progress=tell)
"""
COUNTS = "MATCH (:Customer)-[r:RECOMMENDED]->(:Article) RETURN r.version AS version, count(*) AS n"


def count(graph: Graph) -> dict[object, object]:
    """Return the number of relationships, by version."""
    return {row["version"]: row["n"] for row in run_text(graph, COUNTS)}


@pytest.mark.parametrize(("moment", "left"), [("Recommending to every customer 20", 1), ("Removing version 1", 2)])
def test_after_a_kill_readers_have_a_whole_version_and_the_next_run_tidies(
    graph: Graph, connection: ConnectionSettings, tmp_path: Path, moment: str, left: int
) -> None:
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    store_lists(graph, Request(k=3, method="popular"))
    kill_when(start_script(connection, CHILD), lambda line: line.startswith(moment))
    version = read_lists_version(graph)
    assert version is not None
    assert version.version == left
    counts = count(graph)
    assert counts[left] == 42 * 3
    assert len(counts) == 2, "the kill left a part of the other version"
    assert len(graph.read("stored", customer_id="c41")) == 3
    again = store_lists(graph, Request(k=3, method="popular"))
    assert count(graph) == {again.version: 42 * 3}
    assert [row["v"] for row in run_text(graph, "MATCH (l:Lists) RETURN l.version AS v")] == [again.version]
