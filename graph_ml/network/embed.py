"""From a network and a graph to embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import normalize

from .dated_graph import DatedGraph
from .model import HeteroLightGCN, NodeFeatures, to_cosine_space
from .trained_model import TrainSettings


def make_network(
    num_nodes: int, features: tuple[NodeFeatures, ...], settings: TrainSettings, generator: torch.Generator
) -> HeteroLightGCN:
    """Return the untrained network that `settings` describe."""
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
    """Return embeddings of customers [C, dim] and articles [A, dim] as of a day, of length 1, to compare by cosine."""
    x = network.embed(graph.adjacency, graph.known, features)
    return finish(network, x[: split[0]], x[split[0] : sum(split)], graph, settings)


def finish(
    network: HeteroLightGCN, customers: torch.Tensor, articles: torch.Tensor, graph: DatedGraph, settings: TrainSettings
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return embeddings to compare by cosine, from propagated customers [C, dim] and articles [A, dim]."""
    if settings.windows:
        return to_cosine_space(customers, articles, float(network.scale.exp()), graph.sold @ network.trend)
    return normalize(customers, dim=1).cpu().numpy(), normalize(articles, dim=1).cpu().numpy()
