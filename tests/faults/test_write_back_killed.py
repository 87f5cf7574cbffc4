"""Write-backs killed with SIGKILL at random moments: readers see a complete version, and the next run repairs the
rest.
"""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.network.model_file import save_model
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.write_back.versions import list_versions
from hmrec.graph_ml.write_back.write import write_embeddings

from tests.conftest import run_text
from tests.faults.children import count_repeats, draw_moments, start_script
from tests.graph.shops import load_two_tastes
from tests.graph.test_write_back import has_embeddings_of, nearest, nearest_of

CHILD = """
import sys
from pathlib import Path
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.network.model_file import load_model
from hmrec.graph_ml.write_back.write import write_embeddings
trained = load_model(Path(sys.argv[1]).read_bytes())
with Graph.connect() as graph:
    print("begins", flush=True)
    write_embeddings(graph, trained)
"""


def start_write_back(connection: ConnectionSettings, file: Path) -> subprocess.Popen[str]:
    """Start a write-back in its own process, and wait until it has begun."""
    process = start_script(connection, CHILD, str(file))
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def test_after_a_kill_readers_have_a_complete_version_and_the_next_run_repairs(
    graph: Graph, connection: ConnectionSettings, tmp_path: Path
) -> None:
    chance = draw_moments()
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    subgraph = export_subgraph(graph)
    settings = TrainSettings(dim=16, epochs=1, negatives=64)
    old, new = (train(subgraph, settings.model_copy(update={"seed": seed})) for seed in (0, 1))
    write_embeddings(graph, old)
    begun = time.monotonic()
    write_embeddings(graph, old)
    seconds = time.monotonic() - begun
    for _ in range(count_repeats()):
        (tmp_path / "model").write_bytes(save_model(new))
        process = start_write_back(connection, tmp_path / "model")
        time.sleep(chance.uniform(0, seconds))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert nearest(graph) in (nearest_of(old), nearest_of(new))
        in_force = [one for one in list_versions(graph) if one.model["in_force"]]
        assert len(in_force) == 1
        assert in_force[0].kept
        write_embeddings(graph, new)
        assert has_embeddings_of(graph, new)
        assert nearest(graph) == nearest_of(new)
        assert not run_text(graph, "MATCH (p:ModelPart) WHERE NOT (:Model)-[:KEPT_IN]->(p) RETURN p.part")
        old, new = new, old
