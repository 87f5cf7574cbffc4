"""LightGCN over one normalised sparse adjacency, as published and with the features of nodes.

Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020,
https://arxiv.org/abs/2002.02126.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from .adjacency import Adjacency, Propagation

ROUNDS = 8  # of block iteration: after so many the leading directions are apart from the rest


class LightGCN(torch.nn.Module):
    """Latent embeddings of customers and articles, smoothed over the graph.

    Attributes
    ----------
    embedding : [num_nodes, dim], learned.
    """

    def __init__(self, num_nodes: int, dim: int, layers: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layers, self.dropout = torch.nn.ModuleList(Propagation() for _ in range(layers)), dropout
        self.embedding = torch.nn.Parameter(torch.randn(num_nodes, dim, generator=generator, device="cpu") * 0.1)

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        """Return [N, dim]: the mean of x [N, dim] and of what each layer makes of it.

        Parameters
        ----------
        x : [N, dim], the vectors before propagation: `embedding`, or as of `HeteroLightGCN.begin`.
        edge_index, edge_weight : as of `Propagation.forward`.
        """
        return self.smooth(x, Adjacency(edge_index, len(x), len(x), edge_weight=edge_weight))

    def smooth(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        """As `forward`, over a graph that several processes may share."""
        x = functional.dropout(x, self.dropout, self.training) if self.dropout else x
        x = adjacency.add_gradient(x)
        total, layer = x, x
        for propagation in self.layers:
            layer = adjacency.add_shared(propagation(layer, adjacency.edge_index, adjacency.edge_weight))
            total = total + layer
        return total / (len(self.layers) + 1)

    @torch.no_grad()
    def start_from(self, adjacency: Adjacency, block: Tensor) -> None:
        """Start from the graph's leading singular vectors, found by block iteration from `block` [num_nodes, dim].

        A graph has as many singular vectors as nodes: with fewer nodes than dimensions, the other dimensions are 0.
        Source: Halko et al., Finding structure with randomness, SIAM Review 2011, algorithm 4.4.
        """
        for _ in range(ROUNDS):
            block = make_orthonormal(adjacency @ (adjacency @ block), adjacency)
        self.embedding.zero_()
        self.embedding[:, : block.shape[1]] = block * np.sqrt(adjacency.count_nodes()) * 0.1


def make_orthonormal(block: Tensor, adjacency: Adjacency) -> Tensor:
    """Return an orthonormal basis of the columns of `block` [num_nodes, dim], whose rows all processes share.

    One process takes the QR decomposition. Several, none of which has all rows, take the Cholesky factor of the sum of
    their Gram matrices, twice. Source: Fukaya et al., CholeskyQR2, ScalA 2014.
    """
    if adjacency.processes.size == 1:
        basis: Tensor = torch.linalg.qr(block)[0]
        return basis
    for _ in range(2):
        customers, shared = block[: adjacency.customers].double(), block[adjacency.customers :].double()
        gram = adjacency.processes.add(customers.T @ customers) + shared.T @ shared  # [dim, dim]
        diagonal = gram.diagonal()
        diagonal += diagonal.mean() * 1e-12  # there may be fewer nodes than columns
        factor = torch.linalg.cholesky(gram)
        block = torch.linalg.solve_triangular(factor, block.double().T, upper=False).T.float()
    return block


@dataclass(frozen=True)
class NodeFeatures:
    """The features of the nodes of one kind: `EncodedFeatures` and the number of their first node.

    Attributes
    ----------
    first : the number of the kind's first node in the adjacency.
    numbers : [n, num_numbers] float32.
    codes : [n, num_categories] int64.
    sizes : how many codes each category has.
    """

    first: int
    numbers: Tensor
    codes: Tensor
    sizes: tuple[int, ...]

    def to(self, device: torch.device) -> NodeFeatures:
        """Return the same features on a device."""
        return replace(self, numbers=self.numbers.to(device), codes=self.codes.to(device))


class _FeatureEmbedding(torch.nn.Module):
    """The sum of a vector for the kind of node, one for each category's code, and its numbers times vectors."""

    def __init__(self, num_numbers: int, sizes: Sequence[int], dim: int) -> None:
        super().__init__()
        begins = np.concatenate([[0], np.cumsum(sizes)])[:-1] if sizes else np.zeros(0)
        self.begins: Tensor
        self.register_buffer("begins", torch.from_numpy(begins.astype(np.int64)), persistent=False)
        self.numbers = torch.nn.Parameter(torch.zeros(num_numbers, dim, device="cpu"))
        self.codes = torch.nn.Parameter(torch.zeros(int(sum(sizes)), dim, device="cpu"))
        self.kind = torch.nn.Parameter(torch.zeros(dim, device="cpu"))

    def forward(self, features: NodeFeatures) -> Tensor:
        """[n, dim]."""
        x = self.kind + features.numbers @ self.numbers
        if len(features.sizes):
            x = x + functional.embedding_bag(features.codes + self.begins, self.codes, mode="sum")
        return x


class HeteroLightGCN(LightGCN):
    """LightGCN whose nodes have features beside their latent embedding, so that new nodes get an embedding, too.

    A node starts from the sum of its features' vectors and, if it had a purchase before the day of the graph, its
    latent embedding; attribute nodes always have one. The cosine measures taste, and `trend` weighs what sells:
        score(c, a) = exp(scale) * cos(c, a) + sum over windows w of trend_w * log(1 + buyers of a in the last w days)
    Features as in Hamilton et al., Inductive Representation Learning on Large Graphs, NeurIPS 2017.
    """

    def __init__(
        self,
        num_nodes: int,
        dim: int,
        layers: int,
        dropout: float,
        generator: torch.Generator,
        features: Sequence[NodeFeatures] = (),
        windows: int = 0,
        scale: float = 10.0,
    ) -> None:
        super().__init__(num_nodes, dim, layers, dropout, generator)
        self.kinds = torch.nn.ModuleList(_FeatureEmbedding(kind.numbers.shape[1], kind.sizes, dim) for kind in features)
        self.scale = torch.nn.Parameter(torch.tensor(float(np.log(scale)), device="cpu"))
        self.trend = torch.nn.Parameter(torch.zeros(windows, device="cpu"))

    @torch.no_grad()
    def clear_cache(self, seen: Tensor) -> None:
        """Set latent embeddings to 0 where `seen` [num_nodes, 1] is 0: these nodes are in no target week's graph."""
        self.embedding.mul_(seen)

    def embed(self, adjacency: Adjacency, known: Tensor, features: Sequence[NodeFeatures]) -> Tensor:
        """Return [num_nodes, dim]: the embeddings after propagation.

        Parameters
        ----------
        adjacency : the graph as of a day.
        known : [num_nodes, 1] float32, 1 where the latent embedding is used, 0 for nodes that were not there yet.
        features : one for each kind that the network was made with.
        """
        return self.smooth(self.begin(known, features), adjacency)

    def begin(self, known: Tensor, features: Sequence[NodeFeatures]) -> Tensor:
        """Return [num_nodes, dim]: the nodes before propagation; parameters as of `embed`."""
        x = self.embedding * known
        for kind, encoder in zip(features, self.kinds, strict=True):
            encoded = encoder(kind)  # [n, dim]
            x[kind.first : kind.first + len(encoded)] += encoded  # in place: at H&M's size another x is 0.35 GiB
        return x


def to_cosine_space(
    customers: Tensor, articles: Tensor, scale: float, bias: Tensor
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Add two numbers to each embedding, so that the cosine orders articles as scale * cos + bias does.

    A customer becomes (c/|c|, 1, 0), an article (scale * a/|a|, bias, rest), where the rest makes all equally long.
    Source: Bachrach et al., Speeding up the Xbox recommender system, RecSys 2014.

    Parameters
    ----------
    customers, articles : [C, dim] and [A, dim].
    scale : the factor of the cosine.
    bias : [A].

    Returns
    -------
    [C, dim + 2] and [A, dim + 2], float32, of length 1.
    """
    bias = bias - (bias.max() + bias.min()) / 2 if len(bias) else bias  # a shift of all changes no order
    near = functional.normalize(customers, dim=1)
    left = torch.cat([near, torch.ones_like(near[:, :1]), torch.zeros_like(near[:, :1])], dim=1)
    right = scale * functional.normalize(articles, dim=1)
    length = (right**2).sum(1) + bias**2
    rest = (length.max() - length).clamp(min=0).sqrt() if len(length) else length
    right = torch.cat([right, bias[:, None], rest[:, None]], dim=1)
    return functional.normalize(left, dim=1).cpu().numpy(), functional.normalize(right, dim=1).cpu().numpy()
