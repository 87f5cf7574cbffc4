"""The normalised adjacency of customers, articles and attribute nodes, and propagation over it.

Nodes are the customers, 0..C-1, the articles, C..C+A-1, and after them the attribute nodes, if they are used. With
several processes each has the rows of its own customers and its part of the rows of the shared nodes (articles and
attribute nodes). A layer of propagation then adds up [shared nodes, dim] numbers over all processes, whatever the
number of purchases. The gradient goes back the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch_geometric.nn import MessagePassing
from torch_geometric.typing import OptTensor
from torch_geometric.utils import to_edge_index

from .processes import ALONE, Processes


@dataclass(frozen=True)
class Adjacency:
    """This process's part of a normalised adjacency; the parts of all processes add up to the whole.

    Attributes
    ----------
    edge_index : [own customers + shared, own customers + shared] sparse CSR, float32, symmetric. On devices without
        products of sparse matrices [2, edges] int64 instead.
    customers : how many own customers.
    processes : those that share the graph.
    edge_weight : [edges] float32, for an `edge_index` that is not sparse.
    nodes : number of nodes, own customers and shared nodes.
    """

    edge_index: Tensor
    customers: int
    nodes: int
    processes: Processes = ALONE
    edge_weight: Tensor | None = None

    def __matmul__(self, x: Tensor) -> Tensor:
        """Return one layer of propagation of x [own customers + shared, dim]; shared rows are equal everywhere."""
        return self.add_shared(multiply(self.edge_index, x, self.edge_weight))

    def __len__(self) -> int:
        return self.nodes

    def to(self, device: torch.device) -> Adjacency:
        """Return the same adjacency on a device, in the layout that the device multiplies."""
        if device.type == "mps" and self.edge_weight is None:  # no sparse tensors there
            edge_index, edge_weight = to_edge_index(self.edge_index)
            return replace(self, edge_index=edge_index.flip(0).to(device), edge_weight=edge_weight.to(device))
        weight = None if self.edge_weight is None else self.edge_weight.to(device)
        return replace(self, edge_index=self.edge_index.to(device), edge_weight=weight)

    def add_shared(self, x: Tensor) -> Tensor:
        """Return x [own customers + shared, dim] with its shared rows added up over all processes, as its gradient."""
        if self.processes.size == 1:
            return x
        added: Tensor = _AddShared.apply(x, self, True)
        return added

    def add_gradient(self, x: Tensor) -> Tensor:
        """Return x [own customers + shared, dim], and add up the shared rows of its gradient over all processes."""
        if self.processes.size == 1:
            return x
        same: Tensor = _AddShared.apply(x, self, False)
        return same

    def count_nodes(self) -> int:
        """Return the number of nodes in the graph of all processes."""
        others = len(self) - self.customers
        return int(self.processes.add(torch.tensor(self.customers, device="cpu"))) + others


class _AddShared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Adjacency, forward: bool) -> Tensor:
        ctx.adjacency = adjacency
        return _add_shared(x, adjacency) if forward else x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _add_shared(gradients[0], ctx.adjacency), None, None


def _add_shared(x: Tensor, adjacency: Adjacency) -> Tensor:
    return torch.cat([x[: adjacency.customers], adjacency.processes.add(x[adjacency.customers :].clone())])


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

    It is symmetric, so that the same matrix serves forward and backward.

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
    return Adjacency(to_tensor(whole), shape[0], whole.shape[0], processes)


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
    return torch.sparse_csr_tensor(begins, places, values, matrix.shape, check_invariants=False, device="cpu")


class Propagation(MessagePassing):  # type: ignore[misc]  # PyG has no types
    """One layer of LightGCN: each node gets the weighted sum of its neighbours' vectors.

    Over a sparse matrix the sum is one fused product. Over edges [2, edges] it is PyG's own gather and scatter, which
    takes ten times as long on a CPU; PyG's explainers use it, as they need a message for each edge.
    """

    def __init__(self) -> None:
        super().__init__(aggr="add")

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: OptTensor = None) -> Tensor:
        """Return [N, dim].

        Parameters
        ----------
        x : [N, dim].
        edge_index : [N, N] sparse CSR and symmetric, or [2, edges] int64 (source, target).
        edge_weight : [edges], for an `edge_index` that is not sparse.
        """
        propagated: Tensor = self.propagate(edge_index, x=x, edge_weight=edge_weight)
        return propagated

    def message(self, x_j: Tensor, edge_weight: OptTensor) -> Tensor:
        """Return [edges, dim]: what each edge passes on."""
        return x_j if edge_weight is None else x_j * edge_weight[:, None]

    def message_and_aggregate(self, edge_index: Tensor, x: Tensor) -> Tensor:
        """Return [N, dim]: the sums of all messages."""
        return multiply(edge_index, x)


def multiply(edge_index: Tensor, x: Tensor, edge_weight: Tensor | None = None) -> Tensor:
    """Return A x [N, dim] of a symmetric A, with its gradient A g; parameters as of `Propagation.forward`."""
    if edge_weight is not None:
        messages = edge_weight[:, None] * x[edge_index[0]]
        return torch.zeros_like(x).index_add(0, edge_index[1], messages)
    product: Tensor = SparseProduct.apply(x, edge_index, edge_index)
    return product


class SparseProduct(torch.autograd.Function):
    """The product of a constant sparse matrix and x, whose gradient is the transposed matrix times the gradient.

    PyTorch's own gradient transposes the matrix at every step.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        """Return matrix @ x."""
        ctx.transposed = transposed
        return matrix @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of x alone."""
        return ctx.transposed @ gradients[0].contiguous(), None, None
