"""Read views and additions to carts from Neo4j; they change by the minute, so no copy of them is kept."""

from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np

from ...cypher.catalogue import find_query
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from .read_purchases import NodeFinder
from .subgraph import IdMap, Integers, Subgraph, Views, to_date


def add_views(graph: Graph, subgraph: Subgraph, first: int, progress: Progress = silent) -> Subgraph:
    """Return the subgraph with the views and carts that count in lists of a day and later.

    Customers and articles that the subgraph lacks, such as visitors of the last minute, are left out.

    Parameters
    ----------
    graph : the graph to read.
    subgraph : all purchases, exported with `SubgraphSpec(isolated=True)`.
    first : the day of the earliest list, as days since 1970-01-01.
    progress : receives the step.
    """
    since = to_date(first - int(find_query("recently_viewed").default("days")))
    progress("Reading views and carts", 0, None)
    return replace(subgraph, views=graph.read_with_retry(lambda: _read_views(graph, subgraph, since.isoformat())))


def _read_views(graph: Graph, subgraph: Subgraph, since: str) -> Views:
    customers, sizes = list[int](), list[int]()
    nodes, time, is_cart = array("q"), array("i"), array("b")  # lists would take up to 40 bytes a number
    for customer_id, *lists in graph.stream("export_views", since=since):
        if customer_id in subgraph.customer_ids:
            customers.append(subgraph.customer_ids.index(customer_id))
            sizes.append(len(lists[0]))
            for column, values in zip((nodes, time, is_cart), lists, strict=True):
                column.extend(values)
    if not customers:
        return Views.empty()
    article = _find_articles(graph, subgraph.article_ids, np.array(nodes, dtype=np.int64))
    views = Views.of(
        np.repeat(np.array(customers, dtype=np.int64), sizes),
        article,
        np.array(time, dtype=np.int32),
        np.array(is_cart, dtype=np.bool_),
    )
    return views.where(views.article >= 0)


def _find_articles(graph: Graph, article_ids: IdMap, nodes: Integers) -> Integers:
    """Return the numbers of articles by those of their nodes; -1 if the map lacks one."""
    found = [(node, article_id) for node, article_id, _ in graph.stream("export_articles", properties=[])]
    known = [(node, article_ids.index(article_id)) for node, article_id in found if article_id in article_ids]
    places, numbers = np.array(known, dtype=np.int64).reshape(-1, 2).T
    return np.append(numbers, -1)[NodeFinder(places)(nodes)]
