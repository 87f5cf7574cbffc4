"""Embed as of any day with a network trained before: the same weights over the graph as it is by then.

So new customers, new articles and new purchases get embeddings without another training.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch_geometric.data import HeteroData

from ..candidates.nearest import Vectors
from ..export.hetero import take_customers, to_hetero, to_subgraph
from ..export.subgraph import IdMap, Integers, Subgraph, to_days
from .adjacency import add_up, invert_powers
from .dated_graph import GraphBuilder, collect_features, count_nodes, decay_weights, measure_degrees
from .devices import CPU
from .embed import embed_nodes, finish, make_network
from .model import HeteroLightGCN, NodeFeatures
from .trained_model import TrainedModel, TrainSettings

LATENT = "embedding"
CUSTOMERS_AT_ONCE = 100_000


def embed_as_of(trained: TrainedModel, data: HeteroData | Subgraph, today: int, device: torch.device = CPU) -> Vectors:
    """Return embeddings of all nodes of a subgraph, from the weights of a network and the subgraph's purchases.

    Parameters
    ----------
    trained : the network; nodes unknown to it start from their features and attributes alone.
    data : the graph, all purchases before `today`; encoded by the network's encoders, or a subgraph to encode.
    today : the day as of which recency counts, as days since 1970-01-01.
    device : where to compute.
    """
    settings = trained.settings
    data = to_hetero(data, trained.encoders) if isinstance(data, Subgraph) else data
    base, subgraph = data, to_subgraph(data)
    if trained.learned_from is not None:
        places = _find(trained.learned_from, subgraph.customer_ids)[1]
        base = take_customers(data, places)
    own = subgraph if base is data else to_subgraph(base)
    features = tuple(kind.to(device) for kind in collect_features(base, settings))
    network = make_network(count_nodes(own, settings), features, settings, torch.Generator("cpu").manual_seed(0))
    weights = {name: torch.from_numpy(np.array(value)) for name, value in trained.weights.items()}
    weights[LATENT] = torch.from_numpy(_move_rows(trained, own, trained.weights[LATENT]))
    network.load_state_dict(weights)
    network = network.to(device).eval()
    if base is not data:
        shop_features = tuple(kind.to(device) for kind in collect_features(data, settings))
        return _embed_neighbourhood(network, own, features, subgraph, shop_features, places, today, settings)
    split, builder = (len(own.customer_ids), len(own.article_ids)), GraphBuilder(settings, device=device)
    return Vectors(*embed_nodes(network, builder.build(own, today), features, split, settings))


def embed_shop(trained: TrainedModel, shop: HeteroData, device: torch.device = CPU) -> TrainedModel:
    """Return a model that learned from some customers of a shop, with embeddings of all its customers."""
    trained = replace(trained, learned_from=trained.customer_ids, customer_ids=shop["customer"].ids)
    vectors = embed_as_of(trained, shop, to_days(to_subgraph(shop).until), device)
    return replace(trained, customers=vectors.customers, articles=vectors.articles)


@torch.no_grad()
def _embed_neighbourhood(
    network: HeteroLightGCN,
    base: Subgraph,
    features: tuple[NodeFeatures, ...],
    shop: Subgraph,
    shop_features: tuple[NodeFeatures, ...],
    places: Integers,
    today: int,
    settings: TrainSettings,
) -> Vectors:
    """Return embeddings of all customers of a shop, from the graph of the customers that the network learned from.

    In the graph of all customers the articles would have many times the degree that they had in training. So each
    customer is joined to the articles of the smaller graph without changing it: the customer's layer l comes over the
    customer's own edges from the articles' layer l - 1, with the articles' degrees in that graph. For the customers in
    the graph, who have these `places` in the shop, this equals propagation.
    """
    number = len(base.customer_ids)
    articles = slice(number, number + len(base.article_ids))
    device = network.embedding.device
    graph = GraphBuilder(settings, shop, device=device).build(base, today)
    layer = network.begin(graph.known, features)  # [N, dim]
    begins = torch.zeros(len(shop.customer_ids), layer.shape[1], device=device)
    for kind, encoder in zip(shop_features, network.kinds, strict=True):
        if kind.first == 0:
            begins += encoder(kind)
    begins[torch.from_numpy(places).to(device)] = layer[:number]
    total, passed_on = layer.clone(), torch.zeros_like(layer[articles])
    for _ in range(settings.layers):
        passed_on += layer[articles]
        layer = graph.adjacency @ layer
        total += layer
    degrees = measure_degrees(base, today, settings)
    begins += _propagate_once(shop, today, settings, degrees, passed_on.cpu().numpy()).to(device)
    total, begins = total / (settings.layers + 1), begins / (settings.layers + 1)
    return Vectors(*finish(network, begins, total[articles], graph, settings))


def _propagate_once(
    shop: Subgraph, today: int, settings: TrainSettings, degree: npt.NDArray[np.float64], x: npt.NDArray[np.float32]
) -> torch.Tensor:
    """Return [C, dim]: x [A, dim] propagated to each customer over their own edges, a batch of customers at a time."""
    reached = torch.zeros(len(shop.customer_ids), x.shape[1], device="cpu")
    x = invert_powers(degree).astype(np.float32)[:, None] * x
    for begin in range(0, len(reached), CUSTOMERS_AT_ONCE):
        end = min(begin + CUSTOMERS_AT_ONCE, len(reached))
        part = shop.where(slice(*np.searchsorted(shop.customer, [begin, end])))
        weight, shape = decay_weights(part, today, settings.half_life), (end - begin, len(x))
        pairs = add_up(part.customer - begin, part.article, weight, shape, settings.most).astype(np.float32)
        left = sp.diags(invert_powers(np.asarray(pairs.sum(1)).ravel())).astype(np.float32)
        reached[begin:end] = torch.from_numpy(left @ (pairs @ x))
    return reached


def _find(some: IdMap, among: IdMap) -> tuple[Integers, Integers]:
    """Return the places in `some` and in `among` of each id that both have, in the order of `among`."""
    places = [(some.index(outer), place) for place, outer in enumerate(among) if outer in some]
    of, to = np.array(places, dtype=np.int64).reshape(-1, 2).T
    return of, to


def _move_rows(trained: TrainedModel, subgraph: Subgraph, latent: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return [nodes of the subgraph, dim]: each node's latent embedding, zeros for nodes unknown to the network."""
    olds: list[IdMap] = [trained.trained_customers, trained.article_ids]
    news: list[IdMap] = [subgraph.customer_ids, subgraph.article_ids]
    if trained.settings.attributes:
        olds += [IdMap(map(str, keys)) for keys in trained.attribute_keys.values()]
        found = {label: IdMap(map(str, attribute.keys)) for label, attribute in subgraph.attributes.items()}
        olds_by_label = dict(zip(trained.attribute_keys, olds[2:], strict=True))
        olds = olds[:2] + [olds_by_label.get(label, IdMap(())) for label in found]
        news += list(found.values())
        begins = _label_offsets(trained)
    else:
        found, begins = {}, {}
    moved = np.zeros((sum(map(len, news)), latent.shape[1]), dtype=np.float32)
    sources = [0, len(olds[0]), *(begins.get(label, 0) for label in found)]
    begin = 0
    for old, new, source in zip(olds, news, sources, strict=True):
        of, to = _find(old, new)
        moved[begin + to] = latent[source + of]
        begin += len(new)
    return moved


def _label_offsets(trained: TrainedModel) -> dict[str, int]:
    """Return the number of each kind's first attribute node in the trained network."""
    begin = len(trained.trained_customers) + len(trained.article_ids)
    begins = {}
    for label, keys in trained.attribute_keys.items():
        begins[label] = begin
        begin += len(keys)
    return begins
