"""Train on a shop with a large catalogue of which little was ever bought, in time that goes by what was bought.

An article that nobody bought has no latent embedding, only features and attributes, and is joined to attribute nodes
alone. It is beside the graph here instead of in it, by products of constant matrices that are made once:

- what such articles u give to the attribute nodes K at the first layer is linear in the weights W of the features:
  A_Ku F_u W, of which A_Ku F_u is kept;
- what they themselves become is needed for those alone that are drawn as not bought:
  x_u = (F_u W + A_uK (z_K + h_K)) / 3, where z_K and h_K are the attribute nodes before and after the first layer.

That is what two layers of propagation over the whole graph give. Attribute nodes that only such articles hang on have
no latent embedding: nothing tells of them but features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..export.features import FeatureEncoder
from ..export.subgraph import Attribute, Integers, Mask, Subgraph, to_days
from .embed import finish
from .model import HeteroLightGCN, invert_powers, to_tensor
from .trained_model import TrainSettings
from .training import Scores, Training
from .weeks import EVEN, DatedGraph, Task, collect_features, plan_tasks, take_graph, weigh_attributes


def is_wide(shop: Subgraph, settings: TrainSettings) -> bool:
    """Return whether most of a shop's articles were never bought, and a network can do without them in its graph."""
    fits = (
        settings.layers == 2
        and settings.loss == "softmax"
        and settings.features
        and settings.attributes > 0
        and not settings.dropout
    )
    bought = len(np.unique(shop.article))
    return bool(fits and shop.attributes and shop.articles.height) and 2 * bought < len(shop.article_ids)


@dataclass(frozen=True)
class _Times:
    """A constant sparse matrix to multiply by, and its transpose for the gradient."""

    matrix: Tensor
    transposed: Tensor

    @classmethod
    def of(cls, matrix: sp.csr_matrix) -> _Times:
        return cls(to_tensor(matrix.tocsr()), to_tensor(matrix.T.tocsr()))

    def __matmul__(self, x: Tensor) -> Tensor:
        product: Tensor = _Multiply.apply(x, self)
        return product


class _Multiply(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, times: _Times) -> Tensor:
        ctx.times = times
        return times.matrix @ x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.times.transposed @ gradients[0].contiguous(), None


class Beside:
    """The articles that nobody ever bought, beside the graph of the others.

    Attributes
    ----------
    bought : [A], which articles are in the graph.
    to_attributes : [attribute nodes, weights], what the others give at the first layer.
    own, attributes : [others, weights] and [others, attribute nodes], what the others become.
    kept : by label, which attribute nodes are in the graph.
    """

    def __init__(self, shop: Subgraph, encoder: FeatureEncoder, settings: TrainSettings) -> None:
        self.bought: Mask = np.zeros(len(shop.article_ids), dtype=np.bool_)
        self.bought[shop.article] = True
        self.others = np.flatnonzero(~self.bought)
        joined = weigh_attributes(shop, settings)
        assert joined is not None  # noqa: S101  of a wide shop
        self.degree: npt.NDArray[np.float64] = np.asarray(joined.sum(axis=0)).ravel()  # of all attribute nodes
        edges, hung = joined[self.others], joined[self.bought]
        in_graph = np.diff(hung.tocsc().indptr) > 0
        ends = np.cumsum([len(attribute.keys) for attribute in shop.attributes.values()])
        self.kept = dict(zip(shop.attributes, np.split(in_graph, ends[:-1]), strict=True))
        self.in_graph: Mask = in_graph
        scale = invert_powers(np.asarray(edges.sum(axis=1)).ravel())
        edges = (sp.diags(scale) @ edges @ sp.diags(invert_powers(self.degree))).tocsr()
        features = encode_sparsely(shop, encoder, self.others)
        given = (edges.T @ features).tocsr()  # [all attribute nodes, weights]
        self.to_attributes = _Times.of(given[in_graph])
        self.own: sp.csr_matrix = (features + edges[:, ~in_graph] @ given[~in_graph]).tocsr()
        self.attributes: sp.csr_matrix = edges[:, in_graph].tocsr()
        self.all = to_tensor(self.own), to_tensor(self.attributes)

    def take(self, subgraph: Subgraph) -> Subgraph:
        """The same purchases, with the articles in the graph alone and the attribute nodes that they hang on."""
        renumbered = np.cumsum(self.bought) - 1
        return replace(
            subgraph,
            article_ids=subgraph.article_ids.select(self.bought),
            article=renumbered[subgraph.article],
            articles=subgraph.articles[np.flatnonzero(self.bought)],
            attributes={
                label: _take_attribute(attribute, self.bought, renumbered, self.kept[label])
                for label, attribute in subgraph.attributes.items()
            },
        )

    def widen(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        """A matrix [n, articles in the graph] with a column for each other article, without entries."""
        shape = (matrix.shape[0], len(self.bought))
        return sp.csr_matrix((matrix.data, matrix.indices, matrix.indptr), shape)

    def embed(self, weights: Tensor, passed_on: Tensor, which: Integers | None = None) -> Tensor:
        """[n, dim]: what other articles become.

        Parameters
        ----------
        weights : [weights, dim], of the articles' features.
        passed_on : [attribute nodes in the graph, dim], those before and after the first layer added up.
        which : [n], numbers among the others; None for all, to which no gradient goes back.
        """
        if which is None:
            own, attributes = self.all
            return (own @ weights + attributes @ passed_on) / 3
        return (_Times.of(self.own[which]) @ weights + _Times.of(self.attributes[which]) @ passed_on) / 3


def encode_sparsely(shop: Subgraph, encoder: FeatureEncoder, articles: Integers) -> sp.csr_matrix:
    """[n, 1 + numbers + codes]: times the weights of the articles' features it is what the articles start from."""
    encoded = encoder.encode(shop.articles[articles])
    begins = np.concatenate([[0], np.cumsum(encoded.sizes)])
    codes = encoded.codes.numpy() + begins[:-1] if len(encoded.sizes) else encoded.codes.numpy()
    rows = np.repeat(np.arange(len(articles)), codes.shape[1])
    told = sp.csr_matrix((np.ones(codes.size), (rows, codes.ravel())), (len(articles), int(begins[-1])))
    return sp.hstack([np.ones((len(articles), 1)), encoded.numbers.numpy().astype(np.float64), told], format="csr")


def _take_attribute(attribute: Attribute, bought: Mask, renumbered: Integers, kept: Mask) -> Attribute:
    article, node = attribute.edge_index[:, bought[attribute.edge_index[0]]]
    keys = tuple(key for key, is_kept in zip(attribute.keys, kept.tolist(), strict=True) if is_kept)
    return Attribute(attribute.relationship, keys, np.stack([renumbered[article], (np.cumsum(kept) - 1)[node]]))


class WideTraining(Training):
    """A `Training` whose graph has the articles alone that were ever bought; what it returns has all of them."""

    def __init__(self, subgraph: Subgraph, settings: TrainSettings, shop: Subgraph | None = None) -> None:
        self.settings, shop = settings, shop or subgraph
        self.encoders = subgraph.fit_encoders()
        self.beside = Beside(shop, self.encoders["article"], settings)
        self.degree = self.beside.degree[self.beside.in_graph]
        self.shop, core = self.beside.take(shop), self.beside.take(subgraph)
        self.split = len(core.customer_ids), len(core.article_ids)
        self.features = collect_features(core, self.encoders)
        self.tasks = [self._widen(task) for task in plan_tasks(core, settings, self.shop, self.degree)]
        self.whole = take_graph(core, to_days(subgraph.until), settings, self.shop, self.degree)
        self.get_ready(core)

    def _widen(self, task: Task) -> Task:
        """A task whose articles are those in the graph, then the others, which are drawn as evenly as they are."""
        number, others = len(self.beside.bought), len(self.beside.others)
        chance = np.append(task.chance - EVEN / (number - others) + EVEN / number, np.full(others, EVEN / number))
        pairs = {name: self.beside.widen(getattr(task, name)) for name in ("targets", "new", "owned")}
        return replace(task, chance=chance / chance.sum(), **pairs)

    def make_graph(self, before: Subgraph, day: int) -> DatedGraph:
        """As `Training.make_graph`, with the articles in the graph alone."""
        return super().make_graph(self.beside.take(before), day)

    def look_at(self, task: Task, batch: Integers) -> Scores:
        """As `Training.look_at`; the other articles' scores are made when they are asked for."""
        x, passed_on = self._propagate(self.network, task.graph)
        inside, weights = self.score(x, task, batch), _stack(self.network)
        return _WideScores(inside, lambda which: normalize(self.beside.embed(weights, passed_on, which), dim=1))

    def _propagate(self, network: HeteroLightGCN, graph: DatedGraph) -> tuple[Tensor, Tensor]:
        """[nodes in the graph, dim] after propagation, and what its attribute nodes pass on to the other articles."""
        begin, layer = network.begin(graph.known, self.features), _Times(graph.adjacency, graph.adjacency)
        attributes = slice(sum(self.split), None)
        first = layer @ begin
        first = torch.cat([first[: attributes.start], first[attributes] + self.beside.to_attributes @ _stack(network)])
        return (begin + first + layer @ first) / 3, begin[attributes] + first[attributes]

    @torch.no_grad()
    def embed(self, graph: DatedGraph | None = None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """[C, dim] and [A, dim] of all customers and articles, as `Training.embed`."""
        self.mean.eval()
        graph, (customers, inside) = graph or self.whole, self.split
        x, passed_on = self._propagate(self.mean, graph)
        articles = torch.empty(len(self.beside.bought), x.shape[1])
        articles[torch.from_numpy(self.beside.bought)] = x[customers : customers + inside]
        articles[torch.from_numpy(self.beside.others)] = self.beside.embed(_stack(self.mean), passed_on)
        sold = torch.zeros(len(articles), graph.sold.shape[1])
        sold[torch.from_numpy(self.beside.bought)] = graph.sold
        return finish(self.mean, x[:customers], articles, replace(graph, sold=sold), self.settings)

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The network's parameters by name, with a row of zeros for each node that is not in the graph."""
        weights, (customers, _) = super().weights(), self.split
        latent = weights["embedding"]
        kept = np.concatenate([np.ones(customers, dtype=np.bool_), self.beside.bought, self.beside.in_graph])
        weights["embedding"] = np.zeros((len(kept), latent.shape[1]), dtype=np.float32)
        weights["embedding"][kept] = latent
        return weights


def _stack(network: HeteroLightGCN) -> Tensor:
    """[1 + numbers + codes, dim]: the weights of the articles' features, as `encode_sparsely` has its columns."""
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
