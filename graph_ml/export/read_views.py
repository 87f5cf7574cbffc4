"""Read views and additions to carts from Neo4j; they change by the minute, so no copy of them is kept."""

from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np

from ...cypher.catalogue import find_query
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from .subgraph import Subgraph, Views, to_date


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
    customer, article, time, is_cart = array("q"), array("q"), array("i"), array("b")  # a tenth of lists of integers
    for customer_id, article_ids, days, carts in graph.stream("export_views", since=since):
        if customer_id not in subgraph.customer_ids:
            continue
        number = subgraph.customer_ids.index(customer_id)
        for article_id, day, was_cart in zip(article_ids, days, carts, strict=True):
            if article_id in subgraph.article_ids:
                customer.append(number)
                article.append(subgraph.article_ids.index(article_id))
                time.append(day)
                is_cart.append(was_cart)
    return Views.of(
        np.array(customer, dtype=np.int64),
        np.array(article, dtype=np.int64),
        np.array(time, dtype=np.int32),
        np.array(is_cart, dtype=np.bool_),
    )
