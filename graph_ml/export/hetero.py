"""The exported graph as PyTorch Geometric's `HeteroData`: what the network trains on, and what `hmrec export` writes.

Node types are `customer`, `article` and one for each kind of attribute node, by its label. Every node type has `ids`
(an `IdMap`), and customers and articles have features. Edge types are ('customer', 'bought', 'article'), an edge for
each purchase, and ('article', RELATIONSHIP, label).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch_geometric.data import HeteroData

from .features import FeatureEncoder
from .subgraph import Attribute, IdMap, Integers, Mask, Subgraph

BOUGHT = ("customer", "bought", "article")
"""The edge type of purchases."""
PURCHASE_COLUMNS = ("time", "price", "quantity", "channel")
"""What each purchase has, besides its nodes."""
KINDS = ("customer", "article")
"""The node types that have features."""


def to_hetero(subgraph: Subgraph, encoders: Mapping[str, FeatureEncoder] | None = None) -> HeteroData:
    """Return the subgraph for PyTorch Geometric; the arrays of the purchases are shared, not copied.

    Parameters
    ----------
    subgraph : the purchases and their nodes.
    encoders : the encoders of a training for `customer` and `article`, to encode as it did. None to fit new ones.

    Returns
    -------
    Each node type has `num_nodes` and `ids`. Customers and articles with features have `encoder`, `x` (numbers) and
    `codes` (categories), as in `EncodedFeatures`. Purchases have `edge_index` [2, num_edges] int64, and `time`,
    `price`, `quantity` and `channel`, as in `Subgraph`. Attributes have `edge_index`.
    """
    encoders = subgraph.fit_encoders() if encoders is None else encoders
    data = HeteroData()
    for name, ids, frame in (
        ("customer", subgraph.customer_ids, subgraph.customers),
        ("article", subgraph.article_ids, subgraph.articles),
    ):
        data[name].num_nodes, data[name].ids = len(ids), ids
        if frame.height and name in encoders:
            encoded = encoders[name].encode(frame)
            data[name].x, data[name].codes, data[name].encoder = encoded.numbers, encoded.codes, encoders[name]
    data[BOUGHT].edge_index = torch.from_numpy(subgraph.edge_index)
    for column in PURCHASE_COLUMNS:
        data[BOUGHT][column] = torch.from_numpy(getattr(subgraph, column))
    for label, attribute in subgraph.attributes.items():
        data[label].num_nodes, data[label].ids = len(attribute.keys), IdMap(map(str, attribute.keys))
        data["article", attribute.relationship, label].edge_index = torch.from_numpy(attribute.edge_index)
    return data


def to_subgraph(data: HeteroData) -> Subgraph:
    """Return the purchases and attributes of a graph as arrays, shared and not copied; without features.

    Parameters
    ----------
    data : as returned by `to_hetero`.
    """
    customer, article = data[BOUGHT].edge_index.numpy()
    purchases = {column: data[BOUGHT][column].numpy() for column in PURCHASE_COLUMNS}
    attributes = {
        label: Attribute(relationship, tuple(data[label].ids), data[source, relationship, label].edge_index.numpy())
        for source, relationship, label in data.edge_types
        if (source, relationship, label) != BOUGHT
    }
    return Subgraph(data["customer"].ids, data["article"].ids, customer, article, attributes=attributes, **purchases)


def take_customers(data: HeteroData, customers: Integers) -> HeteroData:
    """Return only these customers and their purchases, renumbered from 0 in this order, and all articles.

    Parameters
    ----------
    data : as returned by `to_hetero`.
    customers : [n] int64, ascending numbers, so that purchases stay in the order of their customers.
    """
    taken = data.subgraph({"customer": torch.from_numpy(customers)})
    ids: IdMap = data["customer"].ids
    taken["customer"].ids = IdMap(ids.id(number) for number in customers.tolist())
    return taken


def select_purchases(data: HeteroData, which: Mask) -> HeteroData:
    """Return the same nodes with only these purchases.

    Parameters
    ----------
    data : as returned by `to_hetero`.
    which : [num_edges] bool.
    """
    return data.edge_subgraph({BOUGHT: torch.from_numpy(which)})


def get_encoders(data: HeteroData) -> dict[str, FeatureEncoder]:
    """Return how the features of customers and articles are encoded, by node type.

    Parameters
    ----------
    data : as returned by `to_hetero`.
    """
    return {name: data[name].encoder for name in KINDS if "encoder" in data[name]}
