"""Time of a training step: PyG's own LightGCN class and hmrec's, with the same pairs and batches, in one run.

    python -m benchmarks.propagation --data "Complete Journey" --steps 5 --write

A step is forward, BPR loss, backward and the optimiser's step, with 64 dimensions, 3 layers and 32,768 pairs. It uses the graph at
NEO4J_URI, or the local one. `--write` puts the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.holdout.ranking import collect_pairs
from hmrec.graph_ml.network.adjacency import build_adjacency
from hmrec.graph_ml.network.losses import bpr_loss
from hmrec.graph_ml.network.model import LightGCN
from torch import Tensor
from torch_geometric import __version__ as pyg_version
from torch_geometric.nn import LightGCN as PygLightGCN

from .report import describe_machine, write_section

DIM, LAYERS, BATCH = 64, 3, 32_768
PARTS = ("forward", "loss", "backward", "optimiser")
Step = Callable[[Tensor], Iterator[None]]


def make_pyg_step(pairs: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]) -> Step:
    """Return a step of PyG's class, which yields after each of `PARTS`."""
    nodes = torch.from_numpy(np.stack([pairs[0], pairs[1] + shape[0]]).astype(np.int64))
    edges = torch.cat([nodes, nodes.flip(0)], dim=1)
    torch.manual_seed(0)
    model = PygLightGCN(sum(shape), DIM, LAYERS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003, fused=True)

    def step(batch: Tensor) -> Iterator[None]:
        customer, article, other = batch[0], batch[1] + shape[0], batch[2] + shape[0]
        optimizer.zero_grad()
        positive, negative = model(edges, torch.stack([customer.repeat(2), torch.cat([article, other])])).chunk(2)
        yield
        loss = model.recommendation_loss(positive, negative, lambda_reg=0)
        yield
        loss.backward()
        yield
        optimizer.step()
        yield

    return step


def make_our_step(pairs: tuple[np.ndarray, np.ndarray], shape: tuple[int, int]) -> Step:
    """Return a step of hmrec's network, which yields after each of `PARTS`."""
    adjacency = build_adjacency(*pairs, np.ones(len(pairs[0])), shape)
    model = LightGCN(sum(shape), DIM, LAYERS, 0.0, torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003, fused=True)

    def step(batch: Tensor) -> Iterator[None]:
        optimizer.zero_grad()
        x = model(model.embedding, adjacency.edge_index)
        yield
        left = x[batch[0]]
        loss = bpr_loss((left * x[batch[1] + shape[0]]).sum(1), (left * x[batch[2] + shape[0]]).sum(1))
        yield
        torch.autograd.backward(loss)
        yield
        optimizer.step()
        yield

    return step


def time_step(step: Step, batch: Tensor) -> list[float]:
    """Return the seconds of each of `PARTS`."""
    seconds, begun = [], time.perf_counter()
    for _ in step(batch):
        now = time.perf_counter()
        seconds.append(now - begun)
        begun = now
    return seconds


def main() -> None:
    """Measure, print, and write to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--steps", type=int, default=5, help="number of steps of each class, in alternation; medians are reported"
    )
    parser.add_argument(
        "--data", default="the graph's purchases", help="description of the graph's data, for the report"
    )
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    with Graph.connect() as graph:
        matrix = collect_pairs(export_subgraph(graph))
    pairs, shape = matrix.nonzero(), matrix.shape
    pairs = (pairs[0].astype(np.int64), pairs[1].astype(np.int64))
    steps = {"PyG's LightGCN": make_pyg_step(pairs, shape), "hmrec's LightGCN": make_our_step(pairs, shape)}
    random = np.random.default_rng(0)
    found: dict[str, list[list[float]]] = {name: [] for name in steps}
    for number in range(options.steps + 1):
        drawn = random.integers(0, len(pairs[0]), BATCH)
        batch = torch.from_numpy(np.stack([pairs[0][drawn], pairs[1][drawn], random.integers(0, shape[1], BATCH)]))
        for name, step in steps.items():  # in alternation, so that other load on the machine affects both
            seconds = time_step(step, batch)
            if number:  # the first step is a warm-up
                found[name].append(seconds)
    medians = {name: np.median([sum(parts) for parts in rows]) for name, rows in found.items()}
    theirs, ours = medians.values()
    lines = [
        f"Measured by `python -m benchmarks.propagation` on {describe_machine()}, torch {torch.__version__} with {torch.get_num_threads()} threads, torch-geometric {pyg_version}; "
        f"{options.data}: {shape[0]:,} customers, {shape[1]:,} articles, {len(pairs[0]):,} pairs; {DIM} dimensions, {LAYERS} layers, {BATCH:,} pairs per step; medians of {options.steps} steps each, taken in turn.",
        "",
        "| class | a step, s | " + " | ".join(f"{part}, s" for part in PARTS) + " |",
        "| --- | --- | " + " | ".join("---" for _ in PARTS) + " |",
    ]
    for name, rows in found.items():
        parts = [f"{value:.3f}" for value in np.median(rows, axis=0)]
        lines.append(f"| {name} | {medians[name]:.3f} | " + " | ".join(parts) + " |")
    lines += ["", f"A step of hmrec's is **{theirs / ours:.1f} times as fast**."]
    print("\n".join(lines))
    if options.write:
        write_section("propagation", lines)


if __name__ == "__main__":
    main()
