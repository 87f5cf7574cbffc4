"""Training by two real processes over gloo: what one process learns, the same for both, and never half of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.ranking import rank_by_cosine
from hmrec.graph_ml.network.checkpoint import Checkpoint, make_key
from hmrec.graph_ml.network.processes import Processes, ProcessLost
from hmrec.graph_ml.network.sharded import Shard, ShardedTraining, train_sharded
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train

from tests.unit.purchases import make_two_tastes

SMALL = TrainSettings(dim=16, epochs=5, negatives=64, batch_size=32)
ROOT = Path(__file__).parents[2]
WORKER = """
import os, sys
import torch.distributed as dist
from tests.unit.test_sharded import work
dist.init_process_group("gloo", init_method="file://" + sys.argv[1], rank=int(sys.argv[2]), world_size=2)
work(sys.argv[3], sys.argv[4])
os._exit(0)  # as torchrun's processes end: without its peer gloo cannot be taken down, and may abort
"""


def work(folder: str, job: str) -> None:
    """What each process does: one of the jobs below; its findings go to a file of its own."""
    globals()[f"do_{job}"](Path(folder), Processes.joined())


def run(folder: Path, job: str) -> None:
    """Have two processes do a job, and wait until both are done."""
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


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[Processes]:
    """This process alone, as a group."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield Processes.joined()
    dist.destroy_process_group()


def do_train(folder: Path, processes: Processes) -> None:
    np.savez(folder / f"steps-{processes.rank}.npz", **take_two_steps(processes))
    checkpoint = Checkpoint(folder / f"checkpoint-{processes.rank}.safetensors", every=0)
    trained = train_sharded(make_two_tastes(), processes, SMALL, checkpoint=checkpoint)
    np.savez(
        folder / f"trained-{processes.rank}-of-{processes.size}.npz",
        customers=trained.customers, articles=trained.articles, history=np.array(trained.history), **trained.weights,
    )  # fmt: skip


def do_lose_the_first(folder: Path, processes: Processes) -> None:
    epochs = 0

    def vanish(step: str, done: float, total: float | None) -> None:
        nonlocal epochs
        epochs += "loss" in step
        if epochs == 4:  # the fourth is over, and not kept yet
            os._exit(0)

    with pytest.raises(ProcessLost):
        train_sharded(make_two_tastes(), processes, SMALL, vanish, Checkpoint(folder / "training.safetensors", every=0))


def share_of_own_taste(customers: np.ndarray, articles: np.ndarray) -> float:
    subgraph = make_two_tastes()
    ranked = rank_by_cosine(customers, articles, 12)
    taste = np.array([int(outer[1:]) % 2 for outer in subgraph.customer_ids])
    kind = np.array([int(outer[1:]) // 15 for outer in subgraph.article_ids])
    return float((kind[ranked] == taste[:, None]).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes and one have trained on the same shop."""
    folder = tmp_path_factory.mktemp("sharded")
    run(folder, "train")
    return folder


def test_two_processes_end_with_the_same_embeddings_and_one_process_s_quality(folder: Path) -> None:
    first, second = (dict(np.load(folder / f"trained-{rank}-of-2.npz")) for rank in range(2))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    alone = train(make_two_tastes(), SMALL)
    assert alone.customers.shape == first["customers"].shape
    assert {name: value.shape for name, value in alone.weights.items()} == {n: first[n].shape for n in alone.weights}
    assert share_of_own_taste(first["customers"], first["articles"]) > 0.95
    assert share_of_own_taste(alone.customers, alone.articles) > 0.95
    theirs, ours = (max(epoch[2] for epoch in history) for history in (alone.history, first["history"]))
    assert ours == pytest.approx(theirs, abs=0.05)  # of about 0.2; another seed moves as much
    assert not list(folder.glob("checkpoint-*"))


def take_two_steps(processes: Processes) -> dict[str, np.ndarray]:
    """What is learned in two steps from the same start, in which all customers come and all articles are negatives."""
    settings = SMALL.model_copy(update={"negatives": 20_000, "batch_size": 1000, "target_weeks": 1})
    training = ShardedTraining(make_two_tastes(), settings, processes)
    whole = torch.randn(training.shard.begins[-1] + training.split[1], 14, generator=torch.Generator().manual_seed(3))
    training.network.embedding.data.copy_(training.take_own("network.embedding", whole))
    losses = [training.run_epoch([]).loss for _ in range(2)]
    customers, articles = training.embed()
    return {"losses": np.array(losses), "customers": customers, "articles": articles, **training.weights()}


def test_a_step_of_two_processes_is_a_step_of_one_but_for_rounding(folder: Path, one_process: Processes) -> None:
    shared = dict(np.load(folder / "steps-0.npz"))
    for name, value in take_two_steps(one_process).items():
        np.testing.assert_allclose(shared[name], value, rtol=1e-3, atol=1e-3, err_msg=name)


def test_without_one_process_the_other_ends_and_one_alone_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    run(tmp_path, "lose_the_first")
    file = tmp_path / "training.safetensors"
    found = Checkpoint(file).load(make_key(make_two_tastes(), SMALL.model_dump_json()))
    assert found is not None
    assert len(found[0]["history"]) == 3
    told: list[str] = []
    trained = train(make_two_tastes(), SMALL, lambda step, *_: told.append(step), Checkpoint(file, every=0))
    assert sum("finding" in step for step in told) == SMALL.epochs - 3
    assert share_of_own_taste(trained.customers, trained.articles) > 0.95


def test_customers_are_shared_by_purchases_and_everybody_has_some() -> None:
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
