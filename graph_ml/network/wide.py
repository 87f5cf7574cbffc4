"""Train on a shop most of whose articles were never bought, in time proportional to the articles that were.

An article that nobody bought has no latent embedding, only features and attributes, and is joined to attribute nodes
alone. It is left out of the graph here, and products of constant matrices, computed once, stand for it:

- what such articles u pass to the attribute nodes K at the first layer is linear in the weights W of the features:
  A_Ku F_u W, of which A_Ku F_u is kept;
- their own embeddings are needed only when they are drawn as negatives:
  x_u = (F_u W + A_uK (z_K + h_K)) / 3, where z_K and h_K are the attribute nodes before and after the first layer.

This equals two layers of propagation over the whole graph. Attribute nodes that are joined to such articles alone have
no latent embedding. One process alone trains this way; several take the whole graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch_geometric.data import HeteroData

from ..export.hetero import BOUGHT, to_subgraph
from ..export.subgraph import Attribute, Integers, Mask, Subgraph
from .adjacency import SparseProduct, invert_powers, to_tensor
from .dated_graph import DatedGraph, GraphBuilder, weight_attributes
from .devices import CPU
from .embed import finish
from .epochs import Training
from .losses import Scores
from .model import HeteroLightGCN
from .trained_model import TrainSettings
from .weeks import UNIFORM_SHARE, TargetWeek


def is_wide(shop: HeteroData, settings: TrainSettings) -> bool:
    """Return whether most of a shop's articles were never bought, and the settings allow a graph without them."""
    fits = (
        settings.layers == 2
        and settings.loss == "softmax"
        and settings.features
        and settings.attributes > 0
        and not settings.dropout
    )
    bought = len(shop[BOUGHT].edge_index[1].unique())
    return fits and len(shop.edge_types) > 1 and "encoder" in shop["article"] and 2 * bought < shop["article"].num_nodes


@dataclass(frozen=True)
class _Times:
    """A constant sparse matrix as a factor, and its transpose for the gradient."""

    matrix: Tensor
    transposed: Tensor

    @classmethod
    def of(cls, matrix: sp.csr_matrix, device: torch.device) -> _Times:
        return cls(to_tensor(matrix.tocsr()).to(device), to_tensor(matrix.T.tocsr()).to(device))

    def __matmul__(self, x: Tensor) -> Tensor:
        product: Tensor = SparseProduct.apply(x, self.matrix, self.transposed)
        return product


class UnsoldArticles:
    """The articles that nobody ever bought, left out of the graph of the others.

    Attributes
    ----------
    bought : [A], which articles are in the graph.
    others : [articles left out], their numbers.
    degree : [all attribute nodes], the sums of the weights of all their edges.
    in_graph : [all attribute nodes], which are in the graph; `kept` has the same by label.
    to_attributes : [attribute nodes in the graph, weights], what the others pass on at the first layer.
    own, attributes : [others, weights] and [others, attribute nodes in the graph], factors of the others' embeddings.
    """

    def __init__(self, data: HeteroData, shop: Subgraph, settings: TrainSettings, device: torch.device = CPU) -> None:
        self.device = device
        self.bought: Mask = np.zeros(len(shop.article_ids), dtype=np.bool_)
        self.bought[shop.article] = True
        self.others = np.flatnonzero(~self.bought)
        joined = weight_attributes(shop, settings)
        assert joined is not None  # noqa: S101  of a wide shop
        self.degree: npt.NDArray[np.float64] = np.asarray(joined.sum(axis=0)).ravel()
        edges = joined[self.others]
        in_graph = np.diff(joined[self.bought].tocsc().indptr) > 0
        ends = np.cumsum([len(attribute.keys) for attribute in shop.attributes.values()])
        self.kept = dict(zip(shop.attributes, np.split(in_graph, ends[:-1]), strict=True))
        self.in_graph: Mask = in_graph
        scale = invert_powers(np.asarray(edges.sum(axis=1)).ravel())
        edges = (sp.diags(scale) @ edges @ sp.diags(invert_powers(self.degree))).tocsr()
        features = encode_sparsely(data, self.others)
        given = (edges.T @ features).tocsr()  # [all attribute nodes, weights]
        self.to_attributes = _Times.of(given[in_graph], device)
        self.own: sp.csr_matrix = (features + edges[:, ~in_graph] @ given[~in_graph]).tocsr()
        self.attributes: sp.csr_matrix = edges[:, in_graph].tocsr()
        self.all = to_tensor(self.own).to(device), to_tensor(self.attributes).to(device)

    def take(self, subgraph: Subgraph) -> Subgraph:
        """Return the same purchases, with the articles in the graph alone and their attribute nodes."""
        renumbered = np.cumsum(self.bought) - 1
        return replace(
            subgraph,
            article_ids=subgraph.article_ids.select(self.bought),
            article=renumbered[subgraph.article],
            attributes={
                label: _take_attribute(attribute, self.bought, renumbered, self.kept[label])
                for label, attribute in subgraph.attributes.items()
            },
        )

    def take_data(self, data: HeteroData) -> HeteroData:
        """Return the features of the customers, and of the articles in the graph."""
        return data.subgraph({"article": torch.from_numpy(self.bought)})

    def widen(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """Return a matrix [n, articles in the graph] with an empty column for each other article."""
        shape = (matrix.shape[0], len(self.bought))
        return sp.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape)

    def embed(self, weights: Tensor, passed_on: Tensor, which: Integers | None = None) -> Tensor:
        """Return [n, dim]: the embeddings of articles that are not in the graph.

        Parameters
        ----------
        weights : [weights, dim], of the articles' features.
        passed_on : [attribute nodes in the graph, dim], their sum before and after the first layer.
        which : [n], numbers among the others; None for all, without a gradient.
        """
        if which is None:
            return (self.all[0] @ weights + self.all[1] @ passed_on) / 3
        own, attributes = (_Times.of(matrix[which], self.device) for matrix in (self.own, self.attributes))
        return (own @ weights + attributes @ passed_on) / 3


def encode_sparsely(data: HeteroData, articles: Integers) -> sp.csr_matrix:
    """Return [n, 1 + numbers + codes]: multiplied by the weights of the features it gives the articles' start."""
    numbers, codes = data["article"].x.numpy()[articles], data["article"].codes.numpy()[articles]
    begins = np.concatenate([[0], np.cumsum(data["article"].encoder.sizes)]).astype(np.int64)
    codes = codes + begins[:-1]
    rows = np.repeat(np.arange(len(articles)), codes.shape[1])
    ones = sp.csr_matrix((np.ones(codes.size), (rows, codes.ravel())), (len(articles), int(begins[-1])))
    return sp.hstack([np.ones((len(articles), 1)), numbers.astype(np.float64), ones], format="csr")


def _take_attribute(attribute: Attribute, bought: Mask, renumbered: Integers, kept: Mask) -> Attribute:
    article, node = attribute.edge_index[:, bought[attribute.edge_index[0]]]
    keys = tuple(key for key, is_kept in zip(attribute.keys, kept.tolist(), strict=True) if is_kept)
    return Attribute(attribute.relationship, keys, np.stack([renumbered[article], (np.cumsum(kept) - 1)[node]]))


class WideTraining(Training):
    """A `Training` whose graph has only the articles that were ever bought; its results have all articles."""

    def __init__(
        self, data: HeteroData, settings: TrainSettings, shop: HeteroData | None = None, device: torch.device = CPU
    ) -> None:
        whole = to_subgraph(data if shop is None else shop)
        self.unsold = UnsoldArticles(data, whole, settings, device)
        degree = self.unsold.degree[self.unsold.in_graph]
        builder = GraphBuilder(settings, self.unsold.take(whole), attribute_degree=degree, device=device)
        self.prepare(self.unsold.take_data(data), self.unsold.take(to_subgraph(data)), builder)
        self.weeks = [self._widen(week) for week in self.weeks]

    def _widen(self, week: TargetWeek) -> TargetWeek:
        """Return a target week with the other articles after those in the graph, drawn as evenly as these."""
        number, others = len(self.unsold.bought), len(self.unsold.others)
        chance = np.append(
            week.chance - UNIFORM_SHARE / (number - others) + UNIFORM_SHARE / number,
            np.full(others, UNIFORM_SHARE / number),
        )
        pairs = {name: self.unsold.widen(getattr(week, name)) for name in ("targets", "new", "owned")}
        return replace(week, chance=chance / chance.sum(), **pairs)

    def build_graph(self, before: Subgraph, day: int) -> DatedGraph:
        """As `Training.build_graph`, with the articles in the graph alone."""
        return super().build_graph(self.unsold.take(before), day)

    def score_batch(self, week: TargetWeek, batch: Integers) -> Scores:
        """As `Training.score_batch`; the other articles' scores are computed when they are drawn."""
        x, passed_on = self._propagate(self.network, week.graph)
        inside, weights = self.score(x, week, batch), _stack(self.network)
        return _WideScores(inside, lambda which: normalize(self.unsold.embed(weights, passed_on, which), dim=1))

    def _propagate(self, network: HeteroLightGCN, graph: DatedGraph) -> tuple[Tensor, Tensor]:
        """Return [nodes in the graph, dim] after propagation, and `passed_on` as of `Beside.embed`."""
        matrix = graph.adjacency.edge_index
        begin, layer = network.begin(graph.known, self.features), _Times(matrix, matrix)
        attributes = slice(sum(self.split), None)
        first = layer @ begin
        first = torch.cat([first[: attributes.start], first[attributes] + self.unsold.to_attributes @ _stack(network)])
        return (begin + first + layer @ first) / 3, begin[attributes] + first[attributes]

    @torch.no_grad()
    def embed_local(self, graph: DatedGraph) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """As `Training.embed_local`, with all articles."""
        self.mean.eval()
        customers, inside = self.split
        x, passed_on = self._propagate(self.mean, graph)
        bought = torch.from_numpy(self.unsold.bought).to(self.device)
        articles = torch.empty(len(self.unsold.bought), x.shape[1], device=self.device)
        articles[bought] = x[customers : customers + inside]
        articles[~bought] = self.unsold.embed(_stack(self.mean), passed_on)
        sold = torch.zeros(len(articles), graph.sold.shape[1], device=self.device)
        sold[bought] = graph.sold
        return finish(self.mean, x[:customers], articles, replace(graph, sold=sold), self.settings)

    def weights(self, state: Mapping[str, Tensor] | None = None) -> dict[str, npt.NDArray[np.float32]]:
        """As `Training.weights`, with a row of zeros for each node that is not in the graph."""
        weights, (customers, _) = super().weights(state), self.split
        latent = weights["embedding"]
        kept = np.concatenate([np.ones(customers, dtype=np.bool_), self.unsold.bought, self.unsold.in_graph])
        weights["embedding"] = np.zeros((len(kept), latent.shape[1]), dtype=np.float32)
        weights["embedding"][kept] = latent
        return weights


def _stack(network: HeteroLightGCN) -> Tensor:
    """Return [1 + numbers + codes, dim]: the weights of the articles' features, in the order of `encode_sparsely`."""
    articles: Any = network.kinds[-1]
    return torch.cat([articles.kind[None], articles.numbers, articles.codes])


class _WideScores(Scores):
    """Scores of the articles in the graph, numbered first, and of the others."""

    def __init__(self, inside: Scores, embed_others: Callable[[Integers], Tensor]) -> None:
        super().__init__(inside.left, inside.right, inside.bias)
        self.embed_others = embed_others

    def of_all(self, article: Integers) -> Tensor:
        """As `Scores.of_all`, of articles in ascending order; the others have no buyers, and so no bias."""
        inside = article[article < len(self.right)]
        others = self.left @ self.embed_others(article[len(inside) :] - len(self.right)).T
        return torch.cat([super().of_all(inside), others], dim=1)
