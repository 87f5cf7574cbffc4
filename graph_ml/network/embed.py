"""From a network and a graph to embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import normalize

from .model import HeteroLightGCN, NodeFeatures, to_cosine_space
from .trained_model import TrainSettings
from .weeks import DatedGraph


def make_network(
    num_nodes: int, features: tuple[NodeFeatures, ...], settings: TrainSettings, generator: torch.Generator
) -> HeteroLightGCN:
    """The network that `settings` describe, untrained."""
    windows = len(settings.windows)
    return HeteroLightGCN(
        num_nodes, settings.dim - 2 if windows else settings.dim, settings.layers, settings.dropout, generator,
        features, windows, 1 / settings.temperature,
    )  # fmt: skip


@torch.no_grad()
def embed_nodes(
    network: HeteroLightGCN,
    graph: DatedGraph,
    features: tuple[NodeFeatures, ...],
    split: tuple[int, int],
    settings: TrainSettings,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Embeddings of customers [C, dim] and articles [A, dim] as of a day, of length 1, to be compared by cosine."""
    x = network.embed(graph.adjacency, graph.known, features)
    return finish(network, x[: split[0]], x[split[0] : sum(split)], graph, settings)


def finish(
    network: HeteroLightGCN, customers: torch.Tensor, articles: torch.Tensor, graph: DatedGraph, settings: TrainSettings
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What propagation gave, [C, dim] and [A, dim], as embeddings to be compared by cosine."""
    if settings.windows:
        return to_cosine_space(customers, articles, float(network.scale.exp()), graph.sold @ network.trend)
    return normalize(customers, dim=1).numpy(), normalize(articles, dim=1).numpy()
