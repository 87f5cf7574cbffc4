"""The normalised adjacency of customers, articles and attribute nodes, and propagation over it.

Nodes are the customers, 0..C-1, the articles, C..C+A-1, and after them the attribute nodes, if they are used. With
several processes each has the rows of its own customers and its part of the rows of the shared nodes (articles and
attribute nodes). A layer of propagation then adds up [shared nodes, dim] numbers over all processes, whatever the
number of purchases. The gradient goes back the same way.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from .processes import ALONE, Processes

warnings.filterwarnings("ignore", message="Sparse (CSR tensor support|invariant checks)")


@dataclass(frozen=True)
class Adjacency:
    """This process's part of a normalised adjacency; the parts of all processes add up to the whole.

    Attributes
    ----------
    matrix : [own customers + shared, own customers + shared] sparse CSR, float32, symmetric.
    customers : how many own customers.
    processes : those that share the graph.
    """

    matrix: Tensor
    customers: int
    processes: Processes = ALONE

    def __matmul__(self, x: Tensor) -> Tensor:
        """Return one layer of propagation of x [own customers + shared, dim]; shared rows are equal everywhere."""
        return self.add_shared(self.matrix @ x)

    def __len__(self) -> int:
        return len(self.matrix)

    def add_shared(self, x: Tensor) -> Tensor:
        """Return x [own customers + shared, dim] with its shared rows added up over all processes."""
        if self.processes.size == 1:
            return x
        return torch.cat([x[: self.customers], self.processes.add(x[self.customers :].clone())])

    def count_nodes(self) -> int:
        """Return the number of nodes in the graph of all processes."""
        others = len(self) - self.customers
        return int(self.processes.add(torch.tensor(self.customers))) + others


def build_adjacency(
    customer: npt.NDArray[np.int64],
    article: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    shape: tuple[int, int],
    attributes: sp.csr_matrix | None = None,
    most: float | None = None,
    power: float = 0.5,
    attribute_degree: npt.NDArray[np.float64] | None = None,
    processes: Processes = ALONE,
) -> Adjacency:
    """Return the graph as D^-1/2 W D^-1/2, where W holds the weights of both directions and D their sums.

    It is symmetric, so that the same matrix serves forward and backward. PyG's `LightGCN` gathers and scatters a row
    for each edge instead, which takes about ten times as long on two cores.

    Parameters
    ----------
    customer, article : [num_edges], the own purchases; a pair may come more than once: its weights add up.
    weight : [num_edges], above 0.
    shape : how many own customers, and how many articles.
    attributes : [A, T], the weight of each edge from an article to an attribute node; None: without attribute nodes.
    most : upper limit of the weight of a pair; None: no limit.
    power : use D^-power W D^-power instead; less than 1/2 favours nodes with many edges.
    attribute_degree : [T], the sums of D for the attribute nodes, if edges count there that are not in W.
    processes : those that share the graph; the first one's part has the edges to attribute nodes.
    """
    pairs = add_up(customer, article, weight, shape, most)
    rows: list[list[sp.csr_matrix | None]] = [[None, pairs], [pairs.T, None]]
    if attributes is not None:
        own = attributes if processes.rank == 0 else sp.csr_matrix(attributes.shape)
        rows = [[None, pairs, None], [pairs.T, None, own], [None, own.T, None]]
    whole = sp.bmat(rows, format="csr")
    del pairs, rows
    degree = np.asarray(whole.sum(1)).ravel()
    degree[shape[0] :] = processes.add(torch.from_numpy(degree[shape[0] :].copy())).numpy()
    if attribute_degree is not None:
        degree[sum(shape) :] = attribute_degree
    scale = invert_powers(degree, power)
    whole.data *= np.repeat(scale, np.diff(whole.indptr))  # in place: a product with diagonals copies gigabytes
    whole.data *= scale[whole.indices]
    return Adjacency(to_tensor(whole), shape[0], processes)


def add_up(
    customer: npt.NDArray[np.int64],
    article: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    shape: tuple[int, int],
    most: float | None,
) -> sp.csr_matrix:
    """Return [C, A]: the sum of each pair's weights, at most `most`; parameters as of `build_adjacency`."""
    pairs = sp.csr_matrix((weight, (customer, article)), shape)
    pairs.sum_duplicates()
    if most is not None:
        np.minimum(pairs.data, most, out=pairs.data)
    return pairs


def invert_powers(degree: npt.NDArray[np.float64], power: float = 0.5) -> npt.NDArray[np.float64]:
    """Return 1 / degree ^ power, 0 for nodes without edges."""
    return np.divide(1.0, degree**power, out=np.zeros(len(degree)), where=degree > 0)


def to_tensor(matrix: sp.csr_matrix) -> Tensor:
    """Return a SciPy matrix as a sparse CSR tensor of 32-bit floats."""
    matrix.sort_indices()
    # 32-bit places would be converted at every product
    begins, places = (torch.from_numpy(part.astype(np.int64)) for part in (matrix.indptr, matrix.indices))
    values = torch.from_numpy(matrix.data.astype(np.float32))
    return torch.sparse_csr_tensor(begins, places, values, matrix.shape, check_invariants=False)


def propagate(x: Tensor, adjacency: Adjacency, layers: int) -> Tensor:
    """Return the mean of x [N, dim], A x, ..., A^layers x, with its gradient."""
    propagated: Tensor = _Propagate.apply(x, adjacency, layers)
    return propagated


class _Propagate(torch.autograd.Function):
    """As A is symmetric, the gradient is the same mean of the gradient.

    Of the shared nodes' gradient each process has a part; the parts are added up first.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Adjacency, layers: int) -> Tensor:
        ctx.adjacency, ctx.layers = adjacency, layers
        return _average_layers(x, adjacency, layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        gradient = ctx.adjacency.add_shared(gradients[0].contiguous())
        return _average_layers(gradient, ctx.adjacency, ctx.layers), None, None


def _average_layers(x: Tensor, adjacency: Adjacency, layers: int) -> Tensor:
    total, layer = x.clone(), x
    for _ in range(layers):
        layer = adjacency @ layer
        total += layer
    return total / (layers + 1)
