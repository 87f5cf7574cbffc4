"""Article relationships killed with SIGKILL between batches: readers have a whole version, and the next run tidies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.recommend.related import read_version
from hmrec.graph_ml.relate.relate import relate

from tests.conftest import run_text
from tests.faults.children import kill_when, start_script
from tests.graph.shops import load_two_tastes

CHILD = """
import time
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.relate import relate
relate.ARTICLES_A_BATCH = 4
def tell(step, done, total):
    print(f"{step} {done}", flush=True)
    if step.startswith("Removing"):
        time.sleep(5)
with Graph.connect() as graph:
    relate.relate(graph, tell)
"""
COUNTS = """
    MATCH ()-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR|SELLS|RECEIVED|BUYS]->(:Article)
    RETURN coalesce(r.version, startNode(r).version) AS version, type(r) AS type, count(*) AS n
"""


def count(graph: Graph) -> dict[object, dict[object, object]]:
    """Return the number of relationships of each type, by version."""
    found: dict[object, dict[object, object]] = {}
    for row in run_text(graph, COUNTS):
        found.setdefault(row["version"], {})[row["type"]] = row["n"]
    return found


@pytest.mark.parametrize(
    ("moment", "left"), [("Writing article relationships 16", 1), ("Removing version 1 of the article", 2)]
)
def test_after_a_kill_readers_have_a_whole_version_and_the_next_run_tidies(
    graph: Graph, connection: ConnectionSettings, tmp_path: Path, moment: str, left: int
) -> None:
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    first = relate(graph)
    written = {
        "BOUGHT_WITH": first.bought_with,
        "BOUGHT_AFTER": first.bought_after,
        "SELLS": first.sells,
        "RECEIVED": first.received,
        "BUYS": first.buys,
    }
    whole = {name: number for name, number in written.items() if number}
    answer = graph.read("related", article_id="0000000003", kind="together")
    kill_when(start_script(connection, CHILD), lambda line: line.startswith(moment))
    version = read_version(graph)
    assert version is not None
    assert version.version == left
    counts = count(graph)
    assert counts[left] == whole
    assert len(counts) == 2, "the kill left a part of the other version"
    assert graph.read("related", article_id="0000000003", kind="together").equals(answer)
    again = relate(graph)
    assert count(graph) == {again.version: whole}
    assert [row["v"] for row in run_text(graph, "MATCH (r:Relations) RETURN r.version AS v")] == [again.version]
