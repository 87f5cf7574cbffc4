"""One of the processes of `engine.py`: it trains its shards of TorchRec's embedding tables with the others.

Torchrun starts it with a folder. It reads customer.npy and article.npy [pairs] (the purchases), weight.npy [pairs] and
settings.json from there. It writes its rows of each table to TABLE-RANK.npz, with `first` and `rows`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy, normalize
from torchrec import EmbeddingCollection, EmbeddingConfig, KeyedJaggedTensor
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.model_parallel import DistributedModelParallel
from torchrec.distributed.planner import EmbeddingShardingPlanner, ParameterConstraints, Topology
from torchrec.distributed.types import ShardingType
from torchrec.optim import RowWiseAdagrad
from torchrec.optim.apply_optimizer_in_backward import apply_optimizer_in_backward

TABLES = ("customer", "article")


class TwoTables(torch.nn.Module):
    """Embeddings of customers and of articles, looked up by number."""

    def __init__(self, sizes: dict[str, int], dim: int) -> None:
        super().__init__()
        configs = [
            EmbeddingConfig(
                name=f"{name}_table", embedding_dim=dim, num_embeddings=sizes[name], feature_names=[name],
                weight_init_min=-0.1, weight_init_max=0.1,
            )
            for name in TABLES
        ]  # fmt: skip
        self.tables = EmbeddingCollection(tables=configs, device=torch.device("meta"))

    def forward(self, pairs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the embeddings of the customers and of the articles of a batch, [batch, dim] each, of length 1."""
        found = self.tables(pairs)
        customers, articles = (normalize(found[name].values(), dim=1) for name in TABLES)
        return customers, articles


def train_tables(folder: Path) -> None:
    """Train with the other processes, and write this process's rows to the folder."""
    settings = json.loads((folder / "settings.json").read_text())
    customer, article, weight = (
        np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("customer", "article", "weight")
    )
    rank, size = dist.get_rank(), dist.get_world_size()
    model = make_model(settings, size)
    chance = np.bincount(article, weight, settings["sizes"]["article"]) / weight.sum()
    log_chance = torch.from_numpy(np.log(np.maximum(chance, 1e-12))).float()
    random = np.random.default_rng((settings["seed"], rank))
    share = weight / weight.sum()
    batch = settings["batch_size"]
    steps = max(1, settings["epochs"] * len(customer) // (batch * size))
    for step in range(steps):
        drawn = random.choice(len(customer), batch, p=share)
        pairs = KeyedJaggedTensor(
            keys=list(TABLES),
            values=torch.from_numpy(np.concatenate([customer[drawn], article[drawn]]).astype(np.int64)),
            lengths=torch.ones(2 * batch, dtype=torch.int64),
        )
        customers, articles = model(pairs)
        # softmax over the articles of the batch, corrected by the probability that each was drawn
        places = torch.from_numpy(article[drawn].astype(np.int64))
        scores = customers @ articles.T / settings["temperature"] - log_chance[places]
        again = (places[:, None] == places[None, :]) & ~torch.eye(batch, dtype=torch.bool)
        loss = cross_entropy(scores.masked_fill(again, -1e9), torch.arange(batch))
        torch.autograd.backward(loss)  # the tables' optimizer updates them in this call
        if rank == 0 and step % 100 == 0:
            print(json.dumps({"step": step, "steps": steps, "loss": loss.item()}), flush=True)
    write_rows(model, folder, rank)


def make_model(settings: dict[str, Any], size: int) -> DistributedModelParallel:
    """Return the two tables, sharded by rows over the processes."""
    device = torch.device("cpu")
    model = TwoTables(settings["sizes"], settings["dim"])
    apply_optimizer_in_backward(RowWiseAdagrad, model.tables.parameters(), {"lr": settings["learning_rate"]})
    sharders: list[Any] = [EmbeddingCollectionSharder()]
    by_rows = ParameterConstraints(sharding_types=[ShardingType.ROW_WISE.value])
    planner = EmbeddingShardingPlanner(
        topology=Topology(world_size=size, local_world_size=size, compute_device="cpu"),
        constraints={f"{name}_table": by_rows for name in TABLES},
    )
    plan = planner.collective_plan(model, sharders, dist.GroupMember.WORLD)
    torch.manual_seed(settings["seed"] + dist.get_rank())
    return DistributedModelParallel(model, device=device, plan=plan, sharders=sharders)


def write_rows(model: DistributedModelParallel, folder: Path, rank: int) -> None:
    """Write this process's rows of each table."""
    for name, value in model.state_dict().items():
        table = next(table for table in TABLES if f"{table}_table" in name)
        (shard,) = value.local_shards()
        rows = shard.tensor.detach().numpy()
        np.savez(folder / f"{table}-{rank}.npz", first=shard.metadata.shard_offsets[0], rows=rows)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    train_tables(Path(sys.argv[1]))
    dist.destroy_process_group()
