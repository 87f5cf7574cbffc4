"""The stream road: clean tables into any Neo4j over Bolt, in batches that may be sent again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .read import CleanTables
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS

NODES_A_BATCH = 5_000
PURCHASES_A_BATCH = 20_000


def load_by_stream(graph: Graph, tables: CleanTables, progress: Progress = silent) -> None:
    """Write the clean tables into the graph; what is there already is kept, so the same load may be run again.

    Parameters
    ----------
    graph : any Neo4j server.
    tables : what `read_tables` made.
    progress : told the rows sent, step by step.
    """
    graph.write("constraints")
    graph.write("await_indexes")
    _send_nodes(graph, "load_customers", tables.scan(CUSTOMERS.stem).drop("customer"), "Loading customers", progress)
    for attribute in ATTRIBUTES:
        name = pl.col(attribute.name) if attribute.name else pl.lit(None, pl.String)
        nodes = tables.scan(f"attribute-{attribute.label}").select(
            label=pl.lit(attribute.label), key=pl.col(attribute.key), name=name
        )
        _send_nodes(graph, "load_attributes", nodes, "Loading attributes", progress)
    articles = tables.scan(ARTICLES.stem).drop("article")
    given = tables.counts[ARTICLES.stem].loaded
    _send_nodes(graph, "load_articles", articles.head(given), "Loading articles", progress)
    bare = articles.slice(given).select("article_id")
    _send_nodes(graph, "load_bare_articles", bare, "Loading articles", progress)
    total = tables.counts["transactions_train"].loaded
    sent = 0
    for rows, purchases in _batches_of_purchases(tables):
        graph.write("load_purchases", rows=rows)
        sent += purchases
        progress("Loading purchases", sent, total)


def _send_nodes(graph: Graph, query: str, nodes: pl.LazyFrame, step: str, progress: Progress) -> None:
    frame = nodes.collect(engine="streaming")
    for begin in range(0, frame.height, NODES_A_BATCH):
        rows = frame.slice(begin, NODES_A_BATCH).to_dicts()
        present = [{key: value for key, value in row.items() if value is not None or key == "name"} for row in rows]
        graph.write(query, rows=present)
        progress(step, min(begin + NODES_A_BATCH, frame.height), frame.height)


def _batches_of_purchases(tables: CleanTables) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Purchases, all of a customer's in one row where they fit; with each batch how many it holds."""
    customers = tables.scan(CUSTOMERS.stem).select("customer_id").collect()["customer_id"]
    articles = tables.scan(ARTICLES.stem).select("article_id").collect()["article_id"]
    purchases = tables.scan("purchases")
    total = int(purchases.select(pl.len()).collect().item())
    for begin in range(0, total, PURCHASES_A_BATCH):
        part = purchases.slice(begin, PURCHASES_A_BATCH).collect()
        columns = (
            articles.gather(part["article"]).to_list(),
            part["t_dat"].to_list(),
            part["price"].to_list(),
            part["sales_channel_id"].to_list(),
            part["quantity"].to_list(),
        )
        by_customer: dict[int, list[list[Any]]] = {}
        for customer, *purchase in zip(part["customer"].to_list(), *columns, strict=True):
            by_customer.setdefault(customer, []).append(purchase)
        yield [{"customer_id": customers[number], "purchases": bought} for number, bought in by_customer.items()], part.height
