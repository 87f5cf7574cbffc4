"""LightGCN over one normalised sparse adjacency, with the losses it is trained by.

Source: He et al., LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation, SIGIR 2020,
https://arxiv.org/abs/2002.02126. Nodes are the customers, 0..C-1, followed by the articles, C..C+A-1.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

warnings.filterwarnings("ignore", message="Sparse (CSR tensor support|invariant checks)")


def build_adjacency(
    customer: npt.NDArray[np.int64],
    article: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
    shape: tuple[int, int],
) -> Tensor:
    """The graph as D^-1/2 W D^-1/2, where W holds the weights of both directions and D their sums.

    It is symmetric, so that the same matrix serves forward and backward. PyG's `LightGCN` gathers and scatters a row
    for each edge instead, which takes about ten times as long on two cores.

    Parameters
    ----------
    customer, article : [num_edges], a pair may come more than once: its weights add up.
    weight : [num_edges], above 0.
    shape : how many customers and articles.

    Returns
    -------
    [C + A, C + A] sparse CSR, float32.
    """
    pairs = sp.csr_matrix((weight, (customer, article)), shape)
    pairs.sum_duplicates()
    degrees = [np.asarray(pairs.sum(axis)).ravel() for axis in (1, 0)]
    left, right = (np.divide(1.0, np.sqrt(d), out=np.zeros(len(d)), where=d > 0) for d in degrees)
    scaled = sp.diags(left) @ pairs @ sp.diags(right)
    whole = sp.bmat([[None, scaled], [scaled.T, None]], format="csr", dtype=np.float32)
    whole.sort_indices()
    # 32-bit places would be converted at every product
    begins, places = (torch.from_numpy(part.astype(np.int64)) for part in (whole.indptr, whole.indices))
    return torch.sparse_csr_tensor(begins, places, torch.from_numpy(whole.data), whole.shape, check_invariants=False)


class _Propagate(torch.autograd.Function):
    """mean of x, A x, ..., A^L x; as A is symmetric, the gradient is the same mean of the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: Tensor, layers: int) -> Tensor:
        ctx.adjacency, ctx.layers = adjacency, layers
        return _mean_of_layers(x, adjacency, layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _mean_of_layers(gradients[0].contiguous(), ctx.adjacency, ctx.layers), None, None


def _mean_of_layers(x: Tensor, adjacency: Tensor, layers: int) -> Tensor:
    total, layer = x.clone(), x
    for _ in range(layers):
        layer = adjacency @ layer
        total += layer
    return total / (layers + 1)


class LightGCN(torch.nn.Module):
    """Latent embeddings of customers and articles, smoothed over the graph.

    Attributes
    ----------
    embedding : [C + A, dim], what is learned.
    """

    def __init__(self, num_nodes: int, dim: int, layers: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.layers, self.dropout = layers, dropout
        self.embedding = torch.nn.Parameter(torch.randn(num_nodes, dim, generator=generator) * 0.1)

    def forward(self, adjacency: Tensor) -> Tensor:
        """[C + A, dim]: the embeddings after propagation over `adjacency`, not normalised."""
        x = functional.dropout(self.embedding, self.dropout, self.training) if self.dropout else self.embedding
        propagated: Tensor = _Propagate.apply(x, adjacency, self.layers)
        return propagated


def bpr_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Bayesian personalised ranking: mean of -log sigmoid(positive - negative).

    Source: Rendle et al., BPR, UAI 2009, https://arxiv.org/abs/1205.2618.

    Parameters
    ----------
    positive, negative : [n], scores of an article that was bought and of one that was not.
    """
    return functional.softplus(negative - positive).mean()


def softplus_loss(positive: Tensor, negative: Tensor, beta: float) -> Tensor:
    """BPR's with its bend sharpened: mean of log(1 + exp(beta * (negative - positive))) / beta.

    Parameters
    ----------
    positive, negative : [n], scores of an article that was bought and of one that was not.
    beta : above 0; 1 gives `bpr_loss`.
    """
    return functional.softplus(negative - positive, beta=beta).mean()


def sampled_softmax_loss(positive: Tensor, row: Tensor, negatives: Tensor, inclusion: Tensor, weight: Tensor) -> Tensor:
    """Minus the weighted mean log-probability of what was bought, among all articles, estimated from a sample of them.

    -log(exp(p) / (exp(p) + sum over j of exp(n_j) / inclusion_j)). Source: Bengio and Senécal, Adaptive importance
    sampling, IEEE Transactions on Neural Networks 2008; with the inclusion's logarithm as in
    Yi et al., Sampling-bias-corrected neural modeling, RecSys 2019.

    Parameters
    ----------
    positive : [n], scores of purchases.
    row : [n] int64, the customer's row of each.
    negatives : [customers, m], scores of the sampled articles, the same ones for every customer.
    inclusion : [m], the probability with which each came into the sample.
    weight : [n], adds up to 1.
    """
    rest = torch.logsumexp(negatives - inclusion.log(), dim=1)[row]
    return (weight * (torch.logaddexp(positive, rest) - positive)).sum()
