"""The graph as it stood on a day: its adjacency, which nodes were known, and what sold in the days before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from ..export.hetero import get_encoders
from ..export.subgraph import Integers, Subgraph
from .adjacency import Adjacency, add_up, build_adjacency
from .devices import CPU
from .model import NodeFeatures
from .processes import ALONE, Processes
from .trained_model import TrainSettings


@dataclass(frozen=True)
class DatedGraph:
    """The graph of all purchases before a day; with several processes the own customers' part of it.

    Attributes
    ----------
    day : the first day whose purchases are not in it, as days since 1970-01-01.
    adjacency : of customers, articles and attribute nodes, N together.
    known : [N, 1] float32, 1 for nodes with a purchase before that day and for attribute nodes.
    sold : [A, windows] float32, log(1 + buyers of an article in the last days).
    """

    day: int
    adjacency: Adjacency
    known: Tensor
    sold: Tensor

    def to(self, device: torch.device) -> DatedGraph:
        """Return the same graph on a device."""
        return DatedGraph(self.day, self.adjacency.to(device), self.known.to(device), self.sold.to(device))


@dataclass(frozen=True)
class GraphBuilder:
    """Builds the graphs of one training, each from purchases that all happened before its day.

    Attributes
    ----------
    settings : how purchases are weighed.
    shop : the purchases of all customers, also later ones, among which an article's buyers are counted; None: each
        graph's own purchases are all there are.
    processes : those that share the graph.
    attribute_degree : [attribute nodes], the sums of the weights of all their edges, if some are not in the graph.
    device : where the graphs go.
    """

    settings: TrainSettings
    shop: Subgraph | None = None
    processes: Processes = ALONE
    attribute_degree: npt.NDArray[np.float64] | None = None
    device: torch.device = CPU

    def build(self, own: Subgraph, day: int) -> DatedGraph:
        """Return the graph of the own customers' purchases, all before `day` (days since 1970-01-01)."""
        num_customers, num_articles = len(own.customer_ids), len(own.article_ids)
        adjacency = self.join_nodes(own, day)
        known = torch.zeros(len(adjacency), 1, device="cpu")
        known[torch.from_numpy(np.unique(own.customer))] = 1
        bought = self.processes.add(torch.from_numpy(np.bincount(own.article, minlength=num_articles))) > 0
        known[num_customers : num_customers + num_articles, 0] = bought.float()
        known[num_customers + num_articles :] = 1
        if not self.settings.features:
            known[:] = 1
        buyers = count_buyers(self.shop or own, day, self.settings.windows)
        graph = DatedGraph(day, adjacency, known, torch.from_numpy(buyers).log1p())
        return graph.to(self.device)

    def join_nodes(self, own: Subgraph, day: int, power: float = 0.5) -> Adjacency:
        """Return the adjacency of that graph alone; `power` as of `build_adjacency`."""
        return build_adjacency(
            own.customer,
            own.article,
            decay_weights(own, day, self.settings.half_life),
            (len(own.customer_ids), len(own.article_ids)),
            weight_attributes(own, self.settings),
            self.settings.most,
            power,
            self.attribute_degree,
            self.processes,
        )


def measure_degrees(subgraph: Subgraph, day: int, settings: TrainSettings) -> npt.NDArray[np.float64]:
    """Return [A]: the sum of the weights of each article's edges in the graph of a day."""
    weight, shape = (
        decay_weights(subgraph, day, settings.half_life),
        (len(subgraph.customer_ids), len(subgraph.article_ids)),
    )
    degree = np.asarray(add_up(subgraph.customer, subgraph.article, weight, shape, settings.most).sum(0)).ravel()
    attributes = weight_attributes(subgraph, settings)
    return degree if attributes is None else degree + np.asarray(attributes.sum(1)).ravel()


def count_buyers(subgraph: Subgraph, day: int, windows: Sequence[int]) -> npt.NDArray[np.float32]:
    """Return [A, windows]: how many different customers bought each article in the last `windows` days before `day`."""
    counts = np.zeros((len(subgraph.article_ids), len(windows)), dtype=np.float32)
    if not windows:
        return counts
    last = np.flatnonzero((subgraph.time < day) & (subgraph.bought_again >= day))  # of each pair before that day
    article, time = subgraph.article[last], subgraph.time[last]
    for column, days in enumerate(windows):
        counts[:, column] = np.bincount(article[time >= day - days], minlength=len(counts))
    return counts


def collect_features(data: HeteroData, settings: TrainSettings) -> tuple[NodeFeatures, ...]:
    """Return the encoded features of customers and articles, of the node types that have any."""
    first = {"customer": 0, "article": data["customer"].num_nodes}
    return tuple(
        NodeFeatures(first[kind], data[kind].x, data[kind].codes, encoder.sizes)
        for kind, encoder in (get_encoders(data) if settings.features else {}).items()
    )


def count_nodes(subgraph: Subgraph, settings: TrainSettings) -> int:
    """Return the number of nodes of the adjacency."""
    attributes = sum(len(attribute.keys) for attribute in subgraph.attributes.values()) if settings.attributes else 0
    return len(subgraph.customer_ids) + len(subgraph.article_ids) + attributes


def decay_weights(subgraph: Subgraph, day: int, half_life: float | None) -> npt.NDArray[np.float64]:
    """Return [num_edges]: quantity * 0.5 ^ (age on `day` / half_life); the quantity alone without a half-life."""
    quantity = subgraph.quantity.astype(np.float64)
    if half_life is None:
        return quantity
    weight: npt.NDArray[np.float64] = quantity * 0.5 ** ((day - subgraph.time) / half_life)
    return weight


def weight_articles(own: Subgraph, day: int, settings: TrainSettings) -> npt.NDArray[np.float64]:
    """Return [A]: the sum of the weights of each article's purchases."""
    weight = decay_weights(own, day, settings.half_life)
    sold: npt.NDArray[np.float64] = np.bincount(own.article, weight, len(own.article_ids)).astype(np.float64)
    return sold


def weight_attributes(subgraph: Subgraph, settings: TrainSettings) -> sp.csr_matrix | None:
    """Return [A, T]: the same weight for each edge from an article to an attribute node; None without such nodes."""
    if not settings.attributes or not subgraph.attributes:
        return None
    return sp.hstack(
        [
            _weight_edges(attribute.edge_index, settings.attributes, (len(subgraph.article_ids), len(attribute.keys)))
            for attribute in subgraph.attributes.values()
        ],
        format="csr",
    )


def _weight_edges(edge_index: Integers, weight: float, shape: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((np.full(edge_index.shape[1], weight), edge_index), shape)
