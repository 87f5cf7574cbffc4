"""`hmrec train` killed with SIGKILL at random moments: the next run ends with a complete model."""

from __future__ import annotations

import time
from pathlib import Path

from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.write_back.versions import list_versions

from tests.conftest import connection_environment, run_text
from tests.faults.children import count_repeats, draw_moments, kill_after, start_command
from tests.graph.shops import load_two_tastes

SECONDS = 10.0  # expected duration of the training; measured after the first
WORDS = ("train", "--epochs", "2", "--no-ranker")


def test_training_after_a_kill_ends_with_one_complete_model(
    graph: Graph, connection: ConnectionSettings, tmp_path: Path
) -> None:
    chance = draw_moments()
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    environment = connection_environment(connection) | {"HMREC_HOME": str(tmp_path / "home")}
    seconds = SECONDS
    for _ in range(count_repeats()):
        kill_after(start_command(*WORDS, "--fresh", **environment), chance.uniform(seconds / 3, seconds))
        begun = time.monotonic()
        assert start_command(*WORDS, **environment).wait() == 0
        seconds = time.monotonic() - begun
        newest = list_versions(graph)[0]
        assert newest.model["in_force"]
        assert newest.model["staged"] is False
        nodes = "MATCH (n:Customer|Article) RETURN count(n.embedding) AS embedded, count(n.embedding_staged) AS staged"
        assert run_text(graph, nodes) == [{"embedded": 74, "staged": 0}]
        assert run_text(graph, "MATCH (now:ModelInForce) RETURN count(now) AS n") == [{"n": 1}]
        assert not run_text(graph, "MATCH (p:ModelPart) WHERE NOT (:Model)-[:KEPT_IN]->(p) RETURN p.part")
        left = [file.name for file in (tmp_path / "home").rglob("*")]
        assert not [name for name in left if name.endswith(".partial") or name.startswith("writing-")]
