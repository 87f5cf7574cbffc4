"""Training by two real processes over gloo: both get the embeddings of a single process, or both end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.export.hetero import to_hetero
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.ranking import rank_by_cosine
from hmrec.graph_ml.network.checkpoint import Checkpoint, make_key
from hmrec.graph_ml.network.epochs import Training
from hmrec.graph_ml.network.processes import ALONE, Processes, ProcessLost
from hmrec.graph_ml.network.shard import Shard
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train

from tests.unit.purchases import make_two_tastes

SMALL = TrainSettings(dim=16, epochs=5, negatives=64, batch_size=32)
PAIRWISE = SMALL.model_copy(update={"loss": "bpr", "validation_days": 0, "start_power": 0.25})
ROOT = Path(__file__).parents[2]
WORKER = """
import os, sys
import torch.distributed as dist
from tests.unit.test_processes import work
dist.init_process_group("gloo", init_method="file://" + sys.argv[1], rank=int(sys.argv[2]), world_size=2)
work(sys.argv[3], sys.argv[4])
os._exit(0)  # as processes of torchrun exit: gloo cannot shut down without its peer, and may abort
"""


def work(folder: str, job: str) -> None:
    """Do one of the jobs below in one of the processes; each writes its own file of results."""
    globals()[f"do_{job}"](Path(folder), Processes.joined())


def run(folder: Path, job: str) -> None:
    """Run a job in two processes, and wait until both are done."""
    store = folder / f"store-{job}"
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(store), str(rank), str(folder), job],
            env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    for process in processes:
        errors = process.communicate(timeout=400)[1]
        assert process.returncode == 0, errors


def do_train(folder: Path, processes: Processes) -> None:
    np.savez(folder / f"steps-{processes.rank}.npz", **take_two_steps(processes))
    checkpoint = Checkpoint(folder / f"checkpoint-{processes.rank}.safetensors", every=0)
    trained = train(make_two_tastes(), SMALL, checkpoint=checkpoint, processes=processes)
    pairwise = train(make_two_tastes(), PAIRWISE, processes=processes)
    np.savez(
        folder / f"trained-{processes.rank}-of-{processes.size}.npz",
        customers=trained.customers, articles=trained.articles, history=np.array(trained.history),
        pairwise_customers=pairwise.customers, pairwise_articles=pairwise.articles, **trained.weights,
    )  # fmt: skip


def do_lose_the_first(folder: Path, processes: Processes) -> None:
    epochs = 0

    def vanish(step: str, done: float, total: float | None) -> None:
        nonlocal epochs
        epochs += "loss" in step
        if epochs == 4:  # the fourth has ended, but is not saved yet
            os._exit(0)

    checkpoint = Checkpoint(folder / "training.safetensors", every=0)
    with pytest.raises(ProcessLost):
        train(make_two_tastes(), SMALL, vanish, checkpoint, processes)


def share_of_own_taste(customers: np.ndarray, articles: np.ndarray) -> float:
    subgraph = make_two_tastes()
    ranked = rank_by_cosine(customers, articles, 12)
    taste = np.array([int(outer[1:]) % 2 for outer in subgraph.customer_ids])
    kind = np.array([int(outer[1:]) // 15 for outer in subgraph.article_ids])
    return float((kind[ranked] == taste[:, None]).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the results of two processes that trained on the same shop."""
    folder = tmp_path_factory.mktemp("processes")
    run(folder, "train")
    return folder


def test_two_processes_train_the_same_embeddings_as_one(folder: Path) -> None:
    first, second = (dict(np.load(folder / f"trained-{rank}-of-2.npz")) for rank in range(2))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    alone = train(make_two_tastes(), SMALL)
    assert alone.customers.shape == first["customers"].shape
    assert {name: value.shape for name, value in alone.weights.items()} == {n: first[n].shape for n in alone.weights}
    assert share_of_own_taste(first["customers"], first["articles"]) > 0.95
    # singular vectors may have other signs, which do not change cosines
    cosines = first["customers"] @ first["articles"].T
    np.testing.assert_allclose(cosines, alone.customers @ alone.articles.T, atol=0.01)
    np.testing.assert_allclose(first["history"], np.array(alone.history), atol=0.01)
    assert share_of_own_taste(first["pairwise_customers"], first["pairwise_articles"]) > 0.95
    assert not list(folder.glob("checkpoint-*"))


def take_two_steps(processes: Processes) -> dict[str, np.ndarray]:
    """Return the result of two steps from the same start, with all customers in the batch."""
    settings = SMALL.model_copy(update={"batch_size": 1000, "target_weeks": 1})
    training = Training(to_hetero(make_two_tastes()), settings, processes=processes)
    whole = torch.randn(training.shard.begins[-1] + training.split[1], 14, generator=torch.Generator().manual_seed(3))
    training.network.embedding.data.copy_(training.shard.take_rows(whole))
    losses = [training.run_epoch([]).loss for _ in range(2)]
    customers, articles = training.embed()
    return {"losses": np.array(losses), "customers": customers, "articles": articles, **training.weights()}


def test_steps_of_two_processes_equal_those_of_one_except_for_rounding(folder: Path) -> None:
    shared = dict(np.load(folder / "steps-0.npz"))
    for name, value in take_two_steps(ALONE).items():
        np.testing.assert_allclose(shared[name], value, rtol=1e-3, atol=1e-3, err_msg=name)


def test_a_lost_process_ends_the_other_and_one_process_resumes_from_the_checkpoint(tmp_path: Path) -> None:
    run(tmp_path, "lose_the_first")
    file = tmp_path / "training.safetensors"
    found = Checkpoint(file).load(make_key(make_two_tastes(), SMALL.model_dump_json()))
    assert found is not None
    assert len(found[0]["history"]) == 3
    steps: list[str] = []
    trained = train(make_two_tastes(), SMALL, lambda step, *_: steps.append(step), Checkpoint(file, every=0))
    shown = [step for step in steps if "finding" in step and "loss" in step]
    assert len(shown) == 1 + SMALL.epochs - 3  # first the last epoch of the checkpoint
    assert share_of_own_taste(trained.customers, trained.articles) > 0.95


def test_customers_are_sharded_by_purchases_and_no_shard_is_empty() -> None:
    subgraph: Subgraph = make_two_tastes()
    for size in (2, 3, 7, 60):
        shards = [Shard.cut(subgraph, Processes(rank, size)) for rank in range(size)]
        parts = [shard.take(subgraph) for shard in shards]
        assert min(len(part.customer_ids) for part in parts) >= 1
        assert [outer for part in parts for outer in part.customer_ids] == list(subgraph.customer_ids)
        assert sum(part.num_edges for part in parts) == subgraph.num_edges
        if size < 7:
            assert max(part.num_edges for part in parts) < 1.3 * subgraph.num_edges / size
    with pytest.raises(UserMistake, match="cannot be shared by 61"):
        Shard.cut(subgraph, Processes(0, 61))
