"""The streaming load: clean tables into any Neo4j over Bolt, sending what the graph lacks.

Before a batch is sent, the graph is asked what it has of it, and only the rest is written: so the same load may be
killed and run again at any time, goes on where it stopped, and a graph that has everything is only read. Nobody else
loads meanwhile (`Graph.claim`), so what the graph lacks can be created without looking for it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

import polars as pl

from ..cypher.errors import HmrecError, WriteUnknown
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from ..cypher.state import read_counts
from .constraints import make_constraints
from .lanes import Batch, cut_into_lanes, run_apart
from .reading.tables import CleanTables
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TRANSACTIONS

NODES_A_BATCH = 5_000
SESSIONS = 2  # transactions open at once; on two cores more of them gain nothing
LANES = 3
PURCHASES_A_PART = LANES * LANES * 20_000
KNOWN = {
    "customer_id": pl.String,
    "article_id": pl.String,
    "day": pl.Int64,
    "price": pl.Float64,
    "sales_channel_id": pl.Int64,
    "had": pl.Int64,
}

MAX_CUSTOMERS_LISTED = 10_000  # 0.7 MB of H&M's ids in one node; beyond that whoever asks reads all customers anew

Row = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """What a load by stream changed in the graph.

    Attributes
    ----------
    counters : under Neo4j's names of the counters; empty if the graph had everything.
    days : of the purchases that were made or changed, in order.
    customers : ids of those that were made or changed; None where they are too many to tell.
    articles : how many articles were made or changed.
    """

    counters: dict[str, int]
    days: tuple[date, ...]
    customers: tuple[str, ...] | None
    articles: int


@dataclass(frozen=True)
class _KnownCustomer:
    """A customer as the graph has it."""

    id: str
    properties: Row


@dataclass(frozen=True)
class _KnownAttribute:
    """An attribute node as the graph has it."""

    label: str
    key: str | int
    name: str | None


@dataclass(frozen=True)
class _KnownArticle:
    """An article as the graph has it.

    Attributes
    ----------
    id, properties : its id and properties.
    linked : how many attribute nodes it hangs on.
    right : how many of these are the ones that its properties name.
    """

    id: str
    properties: Row
    linked: int
    right: int


@dataclass(frozen=True)
class _KnownPurchases:
    """A customer's purchases as the graph has them, each as the columns of KNOWN after the first."""

    customer_id: str
    purchases: list[list[Any]]


class _Changes:
    """Writes batches, and keeps count of what they changed; several threads may write at once."""

    def __init__(self, graph: Graph, begin: Callable[[], object]) -> None:
        self._graph = graph
        self._begin = begin
        self._begun = False
        self._alone = Lock()
        self.counters: dict[str, int] = {}
        self.days: set[date] = set()
        self.customers: list[str] = []
        self.articles = 0

    def written(self) -> Written:
        """All that was changed."""
        customers = tuple(self.customers) if len(self.customers) <= MAX_CUSTOMERS_LISTED else None
        return Written(self.counters, tuple(sorted(self.days)), customers, self.articles)

    def write(self, query: str, rows: list[Row]) -> None:
        """Send a batch, if there is anything in it."""
        if rows:
            self._send(query, rows=rows)

    def create_purchases(self, batch: pl.DataFrame) -> None:
        """Send purchases that the graph lacks, sorted by customer."""
        try:
            self._create_purchases(batch)
        except WriteUnknown:  # all of them were made, or none
            lacking, _ = _compare_purchases(self._graph, batch)
            if lacking.height:
                self._create_purchases(batch)
            else:
                self._count({"relationships_created": batch.height})

    def _create_purchases(self, batch: pl.DataFrame) -> None:
        runs = batch["customer_id"].rle().struct.unnest()
        ends = runs["len"].cum_sum()
        dates = batch["t_dat"].unique().sort()
        with self._alone:
            self.days.update(dates)
        made = self._send(
            "create_purchases",
            customers=list(
                zip(runs["value"].to_list(), (ends - runs["len"]).to_list(), (ends - 1).to_list(), strict=True)
            ),
            articles=batch["article_id"].to_list(),
            dates=dates.to_list(),
            days=dates.search_sorted(batch["t_dat"]).to_list(),
            prices=batch["price"].to_list(),
            channels=batch["sales_channel_id"].to_list(),
            quantities=batch["quantity"].to_list(),
        ).get("relationships_created", 0)
        if made != batch.height:
            raise HmrecError(
                f"{batch.height - made:,} purchases found their customer or article no more: "
                "somebody deletes from this graph while it is loaded.",
                "Load again when that is done.",
            )

    def _send(self, query: str, **parameters: Any) -> dict[str, int]:
        with self._alone:
            if not self._begun:
                self._begin()
                self._begun = True
        counters = self._graph.write(query, **parameters).counters
        self._count(counters)
        return counters

    def _count(self, counters: dict[str, int]) -> None:
        with self._alone:
            for name, count in counters.items():
                self.counters[name] = self.counters.get(name, 0) + count


def load_by_stream(
    graph: Graph, tables: CleanTables, begin: Callable[[], object], progress: Progress = silent
) -> Written:
    """Write the clean tables into the graph; what is there already is kept.

    Parameters
    ----------
    graph : any Neo4j server, claimed for this load.
    tables : what `read_tables` made.
    begin : called once, before the first change.
    progress : told the rows compared and sent, step by step.

    Returns
    -------
    What changed in the graph.
    """
    changes = _Changes(graph, begin)
    make_constraints(graph)
    for batch in _walk(tables.scan(CUSTOMERS.stem).drop("customer"), "Loading customers", progress):
        differing = _differing_customers(graph, batch)
        changes.customers += [row["customer_id"] for row in differing]
        changes.write("load_customers", differing)
    for attribute in ATTRIBUTES:
        name = pl.col(attribute.name) if attribute.name else pl.lit(None, pl.String)
        nodes = tables.scan(f"attribute-{attribute.label}")
        rows = nodes.select(label=pl.lit(attribute.label), key=pl.col(attribute.key), name=name)
        for batch in _walk(rows, f"Loading {attribute.label} nodes", progress):
            changes.write("load_attributes", _differing_attributes(graph, batch))
    articles = tables.scan(ARTICLES.stem).drop("article")
    given = tables.counts[ARTICLES.stem].loaded
    for batch in _walk(articles.head(given), "Loading articles", progress):
        differing = _differing_articles(graph, batch)
        changes.articles += len(differing)
        changes.write("load_articles", differing)
    for batch in _walk(articles.slice(given).select("article_id"), "Loading articles without data", progress):
        known = _read_articles(graph, batch)
        lacking = [row for row in batch if row["article_id"] not in known]
        changes.articles += len(lacking)
        changes.write("load_bare_articles", lacking)
    _load_purchases(graph, tables, changes, progress)
    progress("Creating indexes", 0, None)
    graph.write("indexes")
    graph.write("await_indexes")
    return changes.written()


def _walk(nodes: pl.LazyFrame, step: str, progress: Progress) -> Iterator[list[Row]]:
    """The rows in batches, missing values left out (but for an attribute's name, which the query reads)."""
    frame = nodes.collect(engine="streaming")
    for begin in range(0, frame.height, NODES_A_BATCH):
        rows = frame.slice(begin, NODES_A_BATCH).to_dicts()
        yield [{key: value for key, value in row.items() if value is not None or key == "name"} for row in rows]
        progress(step, min(begin + NODES_A_BATCH, frame.height), frame.height)


def _differing_customers(graph: Graph, batch: list[Row]) -> list[Row]:
    """The rows whose customer the graph lacks, or has with other values."""
    customers = graph.read_as(_KnownCustomer, "known_customers", ids=[row["customer_id"] for row in batch])
    known = {customer.id: customer.properties for customer in customers}
    return [
        row
        for row in batch
        if (node := known.get(row["customer_id"])) is None
        or any(node.get(key) != value for key, value in row.items() if key != "customer_id")
    ]


def _differing_attributes(graph: Graph, batch: list[Row]) -> list[Row]:
    """The rows whose node the graph lacks, or has under another name."""
    nodes = graph.read_as(_KnownAttribute, "known_attributes", rows=batch)
    known = {(node.label, node.key): node.name for node in nodes}
    lacking = object()
    return [row for row in batch if known.get((row["label"], row["key"]), lacking) != row["name"]]


def _differing_articles(graph: Graph, batch: list[Row]) -> list[Row]:
    """The rows whose article the graph lacks, or has with other values or other attributes."""
    known = _read_articles(graph, batch)

    def is_same(row: Row) -> bool:
        article = known.get(row["article_id"])
        if article is None:
            return False
        node = article.properties
        attributes = sum(attribute.key in node for attribute in ATTRIBUTES)
        return attributes == article.linked == article.right and all(node.get(key) == row[key] for key in row)

    return [row for row in batch if not is_same(row)]


def _read_articles(graph: Graph, batch: list[Row]) -> dict[str, _KnownArticle]:
    """Return what the graph has of these articles, by id."""
    found = graph.read_as(_KnownArticle, "known_articles", ids=[row["article_id"] for row in batch])
    return {article.id: article for article in found}


def _load_purchases(graph: Graph, tables: CleanTables, changes: _Changes, progress: Progress) -> None:
    """Send the purchases that the graph lacks, several batches at once."""
    customers = tables.scan(CUSTOMERS.stem).select("customer_id").collect()["customer_id"]
    total = tables.counts[TRANSACTIONS.stem].loaded
    empty = read_counts(graph).bought == 0
    sent = 0

    def find_lacking() -> Iterator[Batch]:
        nonlocal sent
        for begin in range(0, total, PURCHASES_A_PART):
            part = tables.scan("purchases").slice(begin, PURCHASES_A_PART).collect()
            part = part.with_columns(customer_id=customers.gather(part[":START_ID(Customer)"]))
            lacking, lower = (part, part.head(0)) if empty else _compare_purchases(graph, part)
            changes.days.update(lower["t_dat"])
            changes.write("load_purchases", _to_rows(lower))
            sent += part.height - lacking.height
            yield from cut_into_lanes(lacking, LANES)
            progress("Loading purchases", sent, total)

    def send(batch: Batch) -> None:
        nonlocal sent
        changes.create_purchases(batch.purchases)
        sent += batch.purchases.height
        progress("Loading purchases", sent, total)

    run_apart(find_lacking(), send, SESSIONS)


def _compare_purchases(graph: Graph, part: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The purchases that the graph lacks, and those that it has with a lower quantity."""
    ids = part["customer_id"].unique(maintain_order=True).to_list()
    window = {"since": str(part["t_dat"].min()), "until": str(part["t_dat"].max())}
    had = graph.read_as(_KnownPurchases, "known_purchases", ids=ids, **window)
    rows = [(customer.customer_id, *bought) for customer in had for bought in customer.purchases]
    known = pl.DataFrame(rows, schema=KNOWN, orient="row").group_by(list(KNOWN)[:-1]).agg(pl.col("had").max())
    day = pl.col("t_dat").dt.year() * 10000 + pl.col("t_dat").dt.month().cast(pl.Int32) * 100 + pl.col("t_dat").dt.day()
    compared = part.with_columns(day=day.cast(pl.Int64)).join(
        known, on=list(KNOWN)[:-1], how="left", nulls_equal=True, maintain_order="left"
    )
    return compared.filter(pl.col("had").is_null()), compared.filter(pl.col("had") < pl.col("quantity"))


def _to_rows(purchases: pl.DataFrame) -> list[Row]:
    """Purchases as load_purchases takes them, all of a customer's in one row."""
    columns = ("article_id", "t_dat", "price", "sales_channel_id", "quantity")
    rows: dict[str, Row] = {}
    for customer, *bought in purchases.select("customer_id", *columns).iter_rows():
        rows.setdefault(customer, {"customer_id": customer, "purchases": []})["purchases"].append(bought)
    return list(rows.values())
