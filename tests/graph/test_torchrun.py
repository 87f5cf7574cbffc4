"""`torchrun -m hmrec.graph_ml.train`: two processes train on a real graph, one writes back, and all end together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings

from tests.conftest import name_connection, run_text
from tests.graph.shops import load_two_tastes


def start(connection: ConnectionSettings, home: Path, *options: str) -> subprocess.Popen[str]:
    """Start two processes that train on the graph."""
    ours = {"HMREC_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment = os.environ | name_connection(connection) | ours
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "hmrec.graph_ml.train"]
    return subprocess.Popen(
        [sys.executable, *command, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> None:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=4)


def test_two_processes_train_and_one_writes_back(
    shop: None, module_graph: Graph, connection: ConnectionSettings, tmp_path: Path
) -> None:
    run = start(connection, tmp_path, "--epochs", "2", "--no-ranker")
    printed, errors = run.communicate(timeout=400)
    assert run.returncode == 0, errors
    assert printed.count("Model 1: embeddings of 64 dimensions") == 1
    assert "Training on all purchases" in errors
    (model,) = module_graph.read("models")["model"]
    assert (model["in_force"], model["customers"], model["articles"]) == (True, 42, 32)
    assert run_text(module_graph, "MATCH (n) WHERE n.embedding IS NOT NULL RETURN count(n) AS n") == [{"n": 74}]
    assert not (tmp_path / "training.safetensors").exists()


@pytest.mark.parametrize("what", ["a process is killed", "Ctrl-C"])
def test_all_end_with_one_message(shop: None, connection: ConnectionSettings, tmp_path: Path, what: str) -> None:
    run = start(connection, tmp_path)
    assert run.stderr is not None
    first = run.stderr.readline()
    while "Reading" not in first:  # torchrun may print something itself
        assert first, "it ended without any output"
        first = run.stderr.readline()
    children = psutil.Process(run.pid).children(recursive=True)
    workers = sorted((child for child in children if "hmrec.graph_ml.train" in child.cmdline()), key=lambda c: c.pid)
    assert len(workers) == 2
    if what == "Ctrl-C":
        run.send_signal(signal.SIGINT)
    else:
        workers[1].kill()
    _, errors = run.communicate(timeout=400)
    assert run.returncode != 0
    assert errors.count("hmrec: ") == 1, errors
    assert "Run the same command again" in errors
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)


def test_without_torchrun_the_error_has_the_command() -> None:
    run = subprocess.run([sys.executable, "-m", "hmrec.graph_ml.train"], capture_output=True, text=True, timeout=400)
    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "torchrun --nproc-per-node" in run.stderr
