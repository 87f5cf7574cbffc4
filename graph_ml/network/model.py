"""LightGCN over one normalised sparse adjacency, as published and with what the nodes tell about themselves.

Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020,
https://arxiv.org/abs/2002.02126. Nodes are the customers, 0..C-1, the articles, C..C+A-1, and where they are used the
articles' attributes after them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

warnings.filterwarnings("ignore", message="Sparse (CSR tensor support|invariant checks)")

ROUNDS = 8  # of block iteration: after so many the leading directions are apart from the rest


def build_adjacency(
    customer: npt.NDArray[np.int64],
    article: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    shape: tuple[int, int],
    attributes: sp.csr_matrix | None = None,
    most: float | None = None,
    power: float = 0.5,
    attribute_degree: npt.NDArray[np.float64] | None = None,
) -> Tensor:
    """The graph as D^-1/2 W D^-1/2, where W holds the weights of both directions and D their sums.

    It is symmetric, so that the same matrix serves forward and backward. PyG's `LightGCN` gathers and scatters a row
    for each edge instead, which takes about ten times as long on two cores.

    Parameters
    ----------
    customer, article : [num_edges], a pair may come more than once: its weights add up.
    weight : [num_edges], above 0.
    shape : how many customers and articles.
    attributes : [A, T], the weight of each edge from an article to an attribute node; None: without attribute nodes.
    most : what the weights of a pair add up to at most; None: whatever they do.
    power : D^-power W D^-power instead; less than 1/2 leaves more to those who have many edges.
    attribute_degree : [T], the sums of D for the attribute nodes, if edges count there that are not in W.

    Returns
    -------
    [C + A + T, C + A + T] sparse CSR, float32.
    """
    pairs = add_up(customer, article, weight, shape, most)
    rows: list[list[sp.csr_matrix | None]] = [[None, pairs], [pairs.T, None]]
    if attributes is not None:
        rows = [[None, pairs, None], [pairs.T, None, attributes], [None, attributes.T, None]]
    whole = sp.bmat(rows, format="csr")
    del pairs, rows
    degree = np.asarray(whole.sum(1)).ravel()
    if attribute_degree is not None:
        degree[sum(shape) :] = attribute_degree
    scale = invert_powers(degree, power)
    whole.data *= np.repeat(scale, np.diff(whole.indptr))  # in place: a product with diagonals copies gigabytes
    whole.data *= scale[whole.indices]
    return to_tensor(whole)


def add_up(
    customer: npt.NDArray[np.int64],
    article: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    shape: tuple[int, int],
    most: float | None,
) -> sp.csr_matrix:
    """[C, A]: the weights of each pair added up, to `most` at most; parameters as of `build_adjacency`."""
    pairs = sp.csr_matrix((weight, (customer, article)), shape)
    pairs.sum_duplicates()
    if most is not None:
        np.minimum(pairs.data, most, out=pairs.data)
    return pairs


def invert_powers(degree: npt.NDArray[np.float64], power: float = 0.5) -> npt.NDArray[np.float64]:
    """1 / degree ^ power, 0 where nothing is."""
    return np.divide(1.0, degree**power, out=np.zeros(len(degree)), where=degree > 0)


def to_tensor(matrix: sp.csr_matrix) -> Tensor:
    """A SciPy matrix as a sparse CSR tensor of 32-bit floats."""
    matrix.sort_indices()
    # 32-bit places would be converted at every product
    begins, places = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    values = torch.from_numpy(matrix.data.astype(np.float32))
    return torch.sparse_csr_tensor(begins, places, values, matrix.shape, check_invariants=False)


class _Propagate(torch.autograd.Function):
    """mean of x, A x, ..., A^L x; as A is symmetric, the gradient is the same mean of the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor, layers: int) -> Tensor:
        ctx.adjacency, ctx.layers = adjacency, layers
        return mean_of_layers(x, adjacency, layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return mean_of_layers(gradients[0].contiguous(), ctx.adjacency, ctx.layers), None, None


def mean_of_layers(x: Tensor, adjacency: Any, layers: int) -> Tensor:
    """The mean of x, A x, ..., A^L x, for anything whose `@` is a layer of propagation."""
    total, layer = x.clone(), x
    for _ in range(layers):
        layer = adjacency @ layer
        total += layer
    return total / (layers + 1)


class LightGCN(torch.nn.Module):
    """Latent embeddings of customers and articles, smoothed over the graph.

    Attributes
    ----------
    embedding : [num_nodes, dim], what is learned.
    """

    def __init__(self, num_nodes: int, dim: int, layers: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layers, self.dropout = layers, dropout
        self.embedding = torch.nn.Parameter(torch.randn(num_nodes, dim, generator=generator) * 0.1)

    def forward(self, adjacency: Tensor) -> Tensor:
        """[num_nodes, dim]: the embeddings after propagation over `adjacency`, not normalised."""
        return self.propagate(self.embedding, adjacency)

    def propagate(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The mean of x [num_nodes, dim] and of what reaches each node over 1 to `layers` edges."""
        x = functional.dropout(x, self.dropout, self.training) if self.dropout else x
        propagated: Tensor = _Propagate.apply(x, adjacency, self.layers)
        return propagated

    @torch.no_grad()
    def start_from(self, adjacency: Tensor, generator: torch.Generator) -> None:
        """Start from the graph's leading singular vectors instead of random numbers, by block iteration.

        A graph has as many singular vectors as nodes: with fewer nodes than dimensions, the other dimensions are 0.
        Source: Halko et al., Finding structure with randomness, SIAM Review 2011, algorithm 4.4.
        """
        block = torch.randn(self.embedding.shape, generator=generator)
        for _ in range(ROUNDS):
            block, _ = torch.linalg.qr(adjacency @ (adjacency @ block))
        self.embedding.zero_()
        self.embedding[:, : block.shape[1]] = block * np.sqrt(len(block)) * 0.1


@dataclass(frozen=True)
class NodeFeatures:
    """What the nodes of one kind tell: `EncodedFeatures` beside the number of their first node.

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


class _FeatureEmbedding(torch.nn.Module):
    """The sum of a vector for the kind of node, one for each category's code, and its numbers times vectors."""

    def __init__(self, num_numbers: int, sizes: Sequence[int], dim: int) -> None:
        super().__init__()
        begins = np.concatenate([[0], np.cumsum(sizes)])[:-1] if sizes else np.zeros(0)
        self.begins = torch.from_numpy(begins.astype(np.int64))
        self.numbers = torch.nn.Parameter(torch.zeros(num_numbers, dim))
        self.codes = torch.nn.Parameter(torch.zeros(int(sum(sizes)), dim))
        self.kind = torch.nn.Parameter(torch.zeros(dim))

    def forward(self, features: NodeFeatures) -> Tensor:
        """[n, dim]."""
        x = self.kind + features.numbers @ self.numbers
        if len(features.sizes):
            x = x + functional.embedding_bag(features.codes + self.begins, self.codes, mode="sum")
        return x


class HeteroLightGCN(LightGCN):
    """LightGCN whose nodes have features beside their latent embedding, so that new nodes get an embedding, too.

    A node starts from the sum of its features' vectors and, if it had a purchase before the day of the graph, its
    latent embedding; attribute nodes always have one. What is near is told by cosine, and what sells by `trend`:
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
        self.scale = torch.nn.Parameter(torch.tensor(float(np.log(scale))))
        self.trend = torch.nn.Parameter(torch.zeros(windows))

    @torch.no_grad()
    def forget(self, seen: Tensor) -> None:
        """Leave no latent embedding on nodes that no week to learn from has: `seen` [num_nodes, 1] is 0 there."""
        self.embedding.mul_(seen)

    def embed(self, adjacency: Tensor, known: Tensor, features: Sequence[NodeFeatures]) -> Tensor:
        """[num_nodes, dim]: the embeddings after propagation.

        Parameters
        ----------
        adjacency : the graph as of a day.
        known : [num_nodes, 1] float32, 1 where the latent embedding is used, 0 for nodes that were not there yet.
        features : one for each kind that the network was made with.
        """
        return self.propagate(self.begin(known, features), adjacency)

    def begin(self, known: Tensor, features: Sequence[NodeFeatures]) -> Tensor:
        """[num_nodes, dim]: what nodes are before propagation; parameters as of `embed`."""
        x = self.embedding * known
        for kind, encoder in zip(features, self.kinds, strict=True):
            told = encoder(kind)  # [n, dim]
            x[kind.first : kind.first + len(told)] += told  # in place: at H&M's size another x is 0.35 GiB
        return x


def to_cosine_space(
    customers: Tensor, articles: Tensor, scale: float, bias: Tensor
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Two more numbers an embedding, so that the cosine orders articles as scale * cos + bias does.

    A customer becomes (c/|c|, 1, 0), an article (scale * a/|a|, bias, what brings it to the length that all have).
    Source: Bachrach et al., Speeding up the Xbox recommender system, RecSys 2014.

    Parameters
    ----------
    customers, articles : [C, dim] and [A, dim].
    scale, bias : what a cosine of 1 is worth, and [A].

    Returns
    -------
    [C, dim + 2] and [A, dim + 2], float32, of length 1.
    """
    bias = bias - (bias.max() + bias.min()) / 2 if len(bias) else bias  # the same for all changes no order
    near = functional.normalize(customers, dim=1)
    left = torch.cat([near, torch.ones(len(near), 1), torch.zeros(len(near), 1)], dim=1)
    right = scale * functional.normalize(articles, dim=1)
    length = (right**2).sum(1) + bias**2
    rest = (length.max() - length).clamp(min=0).sqrt() if len(length) else length
    right = torch.cat([right, bias[:, None], rest[:, None]], dim=1)
    return functional.normalize(left, dim=1).numpy(), functional.normalize(right, dim=1).numpy()
