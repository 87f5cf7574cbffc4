"""A refresh killed with SIGKILL between two steps is completed by the next one."""

from __future__ import annotations

from pathlib import Path

from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.recommend.related import read_version
from hmrec.graph_ml.recommend.stored import read_lists_version
from hmrec.graph_ml.refresh.refresh import refresh

from tests.faults.children import kill_when, start_script
from tests.graph.shops import load_two_tastes

CHILD = """
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.refresh.refresh import refresh
def tell(step, done, total):
    print(f"{step} {done}", flush=True)
with Graph.connect() as graph:
    refresh(graph, write=True, progress=tell)
"""


def test_a_killed_refresh_is_completed_by_the_next_one(
    graph: Graph, connection: ConnectionSettings, tmp_path: Path
) -> None:
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    kill_when(start_script(connection, CHILD), lambda line: line.startswith("Recommending to every customer 0"))
    first = read_version(graph)
    assert first is not None
    assert read_lists_version(graph) is None
    done = [step.name for step in refresh(graph, write=True) if step.done]
    assert done == ["lists"], "the relationships were whole before the kill"
    assert not any(step.done for step in refresh(graph, write=True))
