"""Embeddings as of any day from a network trained before: the same weights over the graph as it is by then.

So new customers, new articles and new purchases get embeddings without training again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from .candidates.nearest import Vectors
from .export import IdMap, Subgraph
from .tasks import collect_features, count_nodes, take_graph
from .train import TrainedModel, embed_nodes, make_network

LATENT = "embedding"


def embed_as_of(trained: TrainedModel, subgraph: Subgraph, today: int) -> Vectors:
    """Embeddings of all nodes of a subgraph, from the weights of a network and the purchases of the subgraph.

    Parameters
    ----------
    trained : the network; nodes that it does not know start from their features and attributes alone.
    subgraph : the purchases, all before `today`.
    today : the day as of which recency counts, as days since 1970-01-01.
    """
    settings = trained.settings
    features = collect_features(subgraph, trained.encoders)
    network = make_network(count_nodes(subgraph, settings), features, settings, torch.Generator().manual_seed(0))
    weights = {name: torch.from_numpy(np.array(value)) for name, value in trained.weights.items()}
    weights[LATENT] = torch.from_numpy(_move_rows(trained, subgraph, trained.weights[LATENT]))
    network.load_state_dict(weights)
    network.eval()
    split = len(subgraph.customer_ids), len(subgraph.article_ids)
    return Vectors(*embed_nodes(network, take_graph(subgraph, today, settings), features, split, settings))


def _move_rows(trained: TrainedModel, subgraph: Subgraph, latent: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """[nodes of the subgraph, dim]: each node's latent embedding, zeros for nodes that the network does not know."""
    olds: list[IdMap] = [trained.customer_ids, trained.article_ids]
    news: list[IdMap] = [subgraph.customer_ids, subgraph.article_ids]
    if trained.settings.attributes:
        olds += [IdMap(map(str, keys)) for keys in trained.attribute_keys.values()]
        found = {label: IdMap(map(str, attribute.keys)) for label, attribute in subgraph.attributes.items()}
        olds_by_label = dict(zip(trained.attribute_keys, olds[2:], strict=True))
        olds = olds[:2] + [olds_by_label.get(label, IdMap(())) for label in found]
        news += list(found.values())
        begins = _begin_of_labels(trained)
    else:
        found, begins = {}, {}
    moved = np.zeros((sum(map(len, news)), latent.shape[1]), dtype=np.float32)
    sources = [0, len(trained.customer_ids), *(begins.get(label, 0) for label in found)]
    begin = 0
    for old, new, source in zip(olds, news, sources, strict=True):
        places = [(place, old.index(outer)) for place, outer in enumerate(new) if outer in old]
        if places:
            to, of = np.array(places).T
            moved[begin + to] = latent[source + of]
        begin += len(new)
    return moved


def _begin_of_labels(trained: TrainedModel) -> dict[str, int]:
    """The number of each kind's first attribute node in the trained network."""
    begin = len(trained.customer_ids) + len(trained.article_ids)
    begins = {}
    for label, keys in trained.attribute_keys.items():
        begins[label] = begin
        begin += len(keys)
    return begins
