"""Read a subgraph of the purchases from Neo4j into arrays and frames."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from ...cypher.errors import UnknownCustomer
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...loader.schema import ATTRIBUTES
from .features import GRAPH_ONLY_CUSTOMER_FEATURES, Feature, make_frame
from .read_purchases import NodeFinder, read_purchases
from .subgraph import Attribute, EmptySubgraph, IdMap, Integers, Subgraph, SubgraphSpec

LABELS = {attribute.relationship: attribute.label for attribute in ATTRIBUTES}
"""By the type of a relationship from articles, the label of its attribute nodes."""


def export_subgraph(graph: Graph, spec: SubgraphSpec | None = None, progress: Progress = silent) -> Subgraph:
    """Read a part of the graph's purchases.

    Each query reads a batch of customers in storage order, with their purchases as lists. Purchases of a load that runs
    at the same time may be included or not. docs/performance.md has the speed.

    Parameters
    ----------
    graph : the graph to read.
    spec : the part to read; None for all.
    progress : receives the number of customers read.

    Raises
    ------
    EmptySubgraph : this part has no purchase.
    UnknownCustomer : a customer of `spec` is not in the graph.
    """
    spec = spec or SubgraphSpec()
    customers, customer_nodes = read_customers(graph, spec, progress)
    articles, article_nodes = read_articles(graph, spec)
    until = _find_day_of_row(graph, spec) or spec.until
    bought = read_purchases(graph, customer_nodes, article_nodes, spec.since, until, progress)
    if not len(bought):
        raise EmptySubgraph("The chosen part of the graph has no purchase.", "Choose a larger part.")
    subgraph = Subgraph(
        IdMap(customers["customer_id"]),
        IdMap(articles["article_id"]),
        bought.customer.astype(np.int64),
        bought.article.astype(np.int64),
        bought.time,
        bought.price,
        bought.quantity,
        bought.channel,
        customers,
        articles,
        read_attributes(graph, article_nodes, spec.features.edges),
        spec.features,
    )
    if spec.rows is not None:
        subgraph = _take_first_rows(subgraph, spec.rows)
    return subgraph if spec.isolated else subgraph.without_isolated()


def read_customers(graph: Graph, spec: SubgraphSpec, progress: Progress = silent) -> tuple[pl.DataFrame, Integers]:
    """Return the customers by id with their properties, and the number of each one's node.

    Parameters
    ----------
    graph : the graph to read.
    spec : which customers, and which of their properties.
    progress : receives the step.

    Returns
    -------
    A frame of customer_id and the properties, by id; and [C] int64, the number of each customer's node.

    Raises
    ------
    UnknownCustomer : one of the requested customers is not in the graph.
    """
    ids = list(spec.customers) if isinstance(spec.customers, tuple) else None
    limit = spec.customers if isinstance(spec.customers, int) else None
    progress("Reading customers", 0, None)
    frame, nodes = _read_nodes(graph, "customer", _with_graph_only(spec.features.customers), customers=ids, limit=limit)
    if ids is not None and (unknown := set(ids) - set(frame["customer_id"])):
        raise UnknownCustomer(min(unknown))
    return frame, nodes


def read_articles(graph: Graph, spec: SubgraphSpec) -> tuple[pl.DataFrame, Integers]:
    """Return the articles by id with their properties, and the number of each one's node.

    Parameters
    ----------
    graph : the graph to read.
    spec : which articles, and which of their properties.

    Returns
    -------
    A frame of article_id and the properties, by id; and [A] int64, the number of each article's node.

    Raises
    ------
    EmptySubgraph : no article is in the requested category.
    """
    frame, nodes = _read_nodes(graph, "article", spec.features.articles, category=spec.category)
    if not len(nodes) and spec.category is not None:
        raise EmptySubgraph(
            f"No article is in an IndexGroup, Department or ProductGroup named {spec.category[:80]!r}.",
            "Write the name as in the articles' file.",
        )
    return frame, nodes


def _with_graph_only(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    names = {feature.name for feature in features}
    return features + tuple(feature for feature in GRAPH_ONLY_CUSTOMER_FEATURES if feature.name not in names)


def _read_nodes(graph: Graph, kind: str, features: tuple[Feature, ...], **which: Any) -> tuple[pl.DataFrame, Integers]:
    """Return customers or articles by id with the properties of their features, and the number of each one's node."""
    properties = [feature.name for feature in features]
    nodes: list[int] = []
    ids: list[str] = []
    values: list[list[Any]] = []
    for node, outer, known in graph.stream(f"export_{kind}s", properties=properties, **which):
        nodes.append(node)
        ids.append(outer)
        values.append(known)
    frame = make_frame(f"{kind}_id", ids, values, features)
    frame = frame.with_columns(node=pl.Series(nodes, dtype=pl.Int64)).sort(f"{kind}_id")
    return frame.drop("node"), frame["node"].to_numpy()


def _find_day_of_row(graph: Graph, spec: SubgraphSpec) -> date | None:
    """Return the day after the one that reaches `spec.rows` transactions, so that no later day is read."""
    if spec.rows is None or spec.customers is not None or spec.category is not None:
        return None
    days = graph.read("export_days", since=spec.since, until=spec.until)
    reached = np.flatnonzero(days["purchases"].cumsum() >= spec.rows)
    return date.fromordinal(days["t_dat"][int(reached[0])].toordinal() + 1) if len(reached) else None


def read_attributes(graph: Graph, article_nodes: Integers, relationships: tuple[str, ...]) -> dict[str, Attribute]:
    """Return the articles' attribute nodes by label; `article_nodes` [A] are the numbers of the articles' nodes."""
    find = NodeFinder(article_nodes)
    by_relationship: dict[str, list[tuple[str | int, Integers]]] = {}
    for relationship, key, nodes in graph.stream("export_attributes", relationships=list(relationships)):
        articles = find(np.array(nodes, dtype=np.int64))
        if len(articles := np.sort(articles[articles >= 0])):
            by_relationship.setdefault(relationship, []).append((key, articles))
    attributes = {}
    for relationship, label in LABELS.items():
        nodes = sorted(by_relationship.get(relationship, []), key=lambda node: node[0])
        if nodes:
            edges = np.stack([
                np.concatenate([articles for _, articles in nodes]),
                np.repeat(np.arange(len(nodes)), [len(articles) for _, articles in nodes]),
            ])  # fmt: skip
            attributes[label] = Attribute(relationship, tuple(key for key, _ in nodes), edges)
    return attributes


def _take_first_rows(subgraph: Subgraph, rows: int) -> Subgraph:
    """Keep the first `rows` transactions by day, customer and article; identical rows count separately."""
    order = np.argsort(subgraph.time, kind="stable")
    before = np.cumsum(subgraph.quantity[order]) - subgraph.quantity[order]
    quantity = np.zeros_like(subgraph.quantity)
    quantity[order] = np.clip(rows - before, 0, subgraph.quantity[order])
    return replace(subgraph, quantity=quantity).where(quantity > 0)
