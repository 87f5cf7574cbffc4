"""The stream road: clean tables into any Neo4j over Bolt, sending what the graph lacks.

Before a batch is sent, the graph is asked what it has of it, and only the rest is written, with MERGE: so the same load
may be killed and run again at any time, goes on where it stopped, and a graph that has everything is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .read import CleanTables
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TRANSACTIONS

NODES_A_BATCH = 5_000
PURCHASES_A_BATCH = 20_000

Row = dict[str, Any]


class _Changes:
    """Writes batches, and keeps count of what they changed."""

    def __init__(self, graph: Graph, begin: Callable[[], object]) -> None:
        self._graph = graph
        self._begin = begin
        self.counters: dict[str, int] = {}

    def write(self, query: str, rows: list[Row]) -> None:
        """Send a batch, if there is anything in it."""
        if not rows:
            return
        if not self.counters:
            self._begin()
        for name, count in self._graph.write(query, rows=rows).counters.items():
            self.counters[name] = self.counters.get(name, 0) + count


def load_by_stream(
    graph: Graph, tables: CleanTables, begin: Callable[[], object], progress: Progress = silent
) -> dict[str, int]:
    """Write the clean tables into the graph; what is there already is kept.

    Parameters
    ----------
    graph : any Neo4j server.
    tables : what `read_tables` made.
    begin : called once, before the first change.
    progress : told the rows compared and sent, step by step.

    Returns
    -------
    What changed in the graph, under Neo4j's names of the counters; empty if it had everything.
    """
    changes = _Changes(graph, begin)
    graph.write("constraints")
    graph.write("await_indexes")
    for batch in _walk(tables.scan(CUSTOMERS.stem).drop("customer"), "Loading customers", progress):
        changes.write("load_customers", _differing_customers(graph, batch))
    for attribute in ATTRIBUTES:
        name = pl.col(attribute.name) if attribute.name else pl.lit(None, pl.String)
        nodes = tables.scan(f"attribute-{attribute.label}")
        rows = nodes.select(label=pl.lit(attribute.label), key=pl.col(attribute.key), name=name)
        for batch in _walk(rows, f"Loading {attribute.label} nodes", progress):
            changes.write("load_attributes", _differing_attributes(graph, batch))
    articles = tables.scan(ARTICLES.stem).drop("article")
    given = tables.counts[ARTICLES.stem].loaded
    for batch in _walk(articles.head(given), "Loading articles", progress):
        changes.write("load_articles", _differing_articles(graph, batch))
    for batch in _walk(articles.slice(given).select("article_id"), "Loading articles without data", progress):
        known = {row[0] for row in graph.read_rows("known_articles", ids=[row["article_id"] for row in batch])[1]}
        changes.write("load_bare_articles", [row for row in batch if row["article_id"] not in known])
    _load_purchases(graph, tables, changes, progress)
    return changes.counters


def _walk(nodes: pl.LazyFrame, step: str, progress: Progress) -> Iterator[list[Row]]:
    """The rows in batches, missing values left out (but for an attribute's name, which the query reads)."""
    frame = nodes.collect(engine="streaming")
    for begin in range(0, frame.height, NODES_A_BATCH):
        rows = frame.slice(begin, NODES_A_BATCH).to_dicts()
        yield [{key: value for key, value in row.items() if value is not None or key == "name"} for row in rows]
        progress(step, min(begin + NODES_A_BATCH, frame.height), frame.height)


def _differing_customers(graph: Graph, batch: list[Row]) -> list[Row]:
    """The rows whose customer the graph lacks, or has with other values."""
    known = dict(graph.read_rows("known_customers", ids=[row["customer_id"] for row in batch])[1])
    return [
        row
        for row in batch
        if (node := known.get(row["customer_id"])) is None
        or any(node.get(key) != value for key, value in row.items() if key != "customer_id")
    ]


def _differing_attributes(graph: Graph, batch: list[Row]) -> list[Row]:
    """The rows whose node the graph lacks, or has under another name."""
    known = {(label, key): name for label, key, name in graph.read_rows("known_attributes", rows=batch)[1]}
    lacking = object()
    return [row for row in batch if known.get((row["label"], row["key"]), lacking) != row["name"]]


def _differing_articles(graph: Graph, batch: list[Row]) -> list[Row]:
    """The rows whose article the graph lacks, or has with other values or other attributes."""
    rows = graph.read_rows("known_articles", ids=[row["article_id"] for row in batch])[1]
    known = {key: (properties, linked, right) for key, properties, linked, right in rows}

    def is_same(row: Row) -> bool:
        if row["article_id"] not in known:
            return False
        node, linked, right = known[row["article_id"]]
        attributes = sum(attribute.key in node for attribute in ATTRIBUTES)
        return attributes == linked == right and all(node.get(key) == value for key, value in row.items())

    return [row for row in batch if not is_same(row)]


def _load_purchases(graph: Graph, tables: CleanTables, changes: _Changes, progress: Progress) -> None:
    total = tables.counts[TRANSACTIONS.stem].loaded
    empty = int(graph.read_rows("counts")[1][0][-1]) == 0
    sent = 0
    for rows, purchases in _batches_of_purchases(tables):
        changes.write("load_purchases", rows if empty else _missing_purchases(graph, rows))
        sent += purchases
        progress("Loading purchases", sent, total)


def _missing_purchases(graph: Graph, rows: list[Row]) -> list[Row]:
    """The rows without the purchases that the graph has already with at least the same quantity."""
    known: dict[str, dict[tuple[Any, ...], int]] = {
        customer: {tuple(purchase[:4]): purchase[4] for purchase in purchases}
        for customer, purchases in graph.read_rows("known_purchases", ids=[row["customer_id"] for row in rows])[1]
    }
    missing = []
    for row in rows:
        had = known.get(row["customer_id"], {})
        lacking = [
            [article, day, price, channel, quantity]
            for article, day, price, channel, quantity in row["purchases"]
            if had.get((article, day.year * 10000 + day.month * 100 + day.day, price, channel), 0) < quantity
        ]
        if lacking:
            missing.append({"customer_id": row["customer_id"], "purchases": lacking})
    return missing


def _batches_of_purchases(tables: CleanTables) -> Iterator[tuple[list[Row], int]]:
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
        yield (
            [{"customer_id": customers[number], "purchases": bought} for number, bought in by_customer.items()],
            part.height,
        )
