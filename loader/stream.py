"""The streaming load: write clean tables into any Neo4j over Bolt, sending only what the graph does not have.

Before a batch is sent, the graph is queried for its content, and only the rest is written. So a load may be killed and
repeated at any time, continues where it stopped, and only reads a complete graph. No other load runs at the same time
(`Graph.claim`), so missing items are created without checking again.
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
from .constraints import create_constraints
from .lanes import Batch, run_disjoint, split_into_lanes
from .reading.tables import CleanTables
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS

NODES_A_BATCH = 5_000
SESSIONS = 2  # concurrent transactions; on two cores, more are not faster
LANES = 3
PURCHASES_A_PART = LANES * LANES * 20_000
KNOWN = {
    "customer_id": pl.String,
    "article_id": pl.String,
    "day": pl.Int64,
    "price": pl.Float64,
    "sales_channel_id": pl.Int64,
    "stored": pl.Int64,
}

MAX_CUSTOMERS_LISTED = 10_000  # 0.7 MB of H&M's ids in one node; above that, exports read all customers again

Row = dict[str, Any]


@dataclass(frozen=True)
class Written:
    """What a streaming load changed in the graph.

    Attributes
    ----------
    counters : under Neo4j's counter names; empty if the graph was complete.
    days : of the created or changed purchases, in order.
    customers : ids of the created or changed ones; None if there are more than MAX_CUSTOMERS_LISTED.
    articles : number of created or changed articles.
    """

    counters: dict[str, int]
    days: tuple[date, ...]
    customers: tuple[str, ...] | None
    articles: int


@dataclass(frozen=True)
class _KnownCustomer:
    """A customer in the graph."""

    id: str
    properties: Row


@dataclass(frozen=True)
class _KnownAttribute:
    """An attribute node in the graph."""

    label: str
    key: str | int
    name: str | None


@dataclass(frozen=True)
class _KnownArticle:
    """An article in the graph.

    Attributes
    ----------
    id, properties : its id and properties.
    linked : number of attribute nodes that it is linked to.
    right : how many of these match its properties.
    """

    id: str
    properties: Row
    linked: int
    right: int


@dataclass(frozen=True)
class _KnownPurchases:
    """A customer's purchases in the graph, each with the columns of KNOWN after the first."""

    customer_id: str
    purchases: list[list[Any]]


class _Changes:
    """Writes batches and counts their changes; thread-safe."""

    def __init__(self, graph: Graph, begin: Callable[[], object]) -> None:
        self._graph = graph
        self._begin = begin
        self._begun = False
        self._lock = Lock()
        self.counters: dict[str, int] = {}
        self.days: set[date] = set()
        self.customers: list[str] = []
        self.articles = 0

    def written(self) -> Written:
        """Return all changes."""
        customers = tuple(self.customers) if len(self.customers) <= MAX_CUSTOMERS_LISTED else None
        return Written(self.counters, tuple(sorted(self.days)), customers, self.articles)

    def write(self, query: str, rows: list[Row]) -> None:
        """Send a batch, unless it is empty."""
        if rows:
            self._send(query, rows=rows)

    def create_purchases(self, batch: pl.DataFrame) -> None:
        """Create purchases that are missing from the graph, sorted by customer."""
        try:
            self._create_purchases(batch)
        except WriteUnknown:  # all of them were created, or none
            missing, _ = _compare_purchases(self._graph, batch)
            if missing.height:
                self._create_purchases(batch)
            else:
                self._count({"relationships_created": batch.height})

    def settle(self, pairs: list[list[str]]) -> None:
        """Derive again the purchases that also have events or returns."""
        days = self._graph.write("settle_purchases", pairs=pairs).rows
        self.days.update(row["day"] for row in days)

    def _create_purchases(self, batch: pl.DataFrame) -> None:
        runs = batch["customer_id"].rle().struct.unnest()
        ends = runs["len"].cum_sum()
        dates = batch["t_dat"].unique().sort()
        with self._lock:
            self.days.update(dates)
        created = self._send(
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
        if created != batch.height:
            raise HmrecError(
                f"{batch.height - created:,} purchases could not be created: their customers or articles were deleted "
                "from the graph during the load.",
                "Load again when nothing else changes the graph.",
            )

    def _send(self, query: str, **parameters: Any) -> dict[str, int]:
        with self._lock:
            if not self._begun:
                self._begin()
                self._begun = True
        counters = self._graph.write(query, **parameters).counters
        self._count(counters)
        return counters

    def _count(self, counters: dict[str, int]) -> None:
        with self._lock:
            for name, count in counters.items():
                self.counters[name] = self.counters.get(name, 0) + count


def load_by_stream(
    graph: Graph, tables: CleanTables, begin: Callable[[], object], progress: Progress = silent
) -> Written:
    """Write the clean tables into the graph; existing data is kept.

    Parameters
    ----------
    graph : any Neo4j server, claimed for this load.
    tables : the result of `read_tables`.
    begin : called once, before the first change.
    progress : called with the number of rows compared and sent, step by step.

    Returns
    -------
    What changed in the graph.
    """
    changes = _Changes(graph, begin)
    create_constraints(graph)
    for batch in _batches(tables.scan(CUSTOMERS.stem).drop("customer"), "Loading customers", progress):
        differing = _differing_customers(graph, batch)
        changes.customers += [row["customer_id"] for row in differing]
        changes.write("load_customers", differing)
    for attribute in ATTRIBUTES:
        name = pl.col(attribute.name) if attribute.name else pl.lit(None, pl.String)
        nodes = tables.scan(f"attribute-{attribute.label}")
        rows = nodes.select(label=pl.lit(attribute.label), key=pl.col(attribute.key), name=name)
        for batch in _batches(rows, f"Loading {attribute.label} nodes", progress):
            changes.write("load_attributes", _differing_attributes(graph, batch))
    articles = tables.scan(ARTICLES.stem).drop("article")
    described = tables.counts[ARTICLES.stem].loaded
    for batch in _batches(articles.head(described), "Loading articles", progress):
        differing = _differing_articles(graph, batch)
        changes.articles += len(differing)
        changes.write("load_articles", differing)
    for batch in _batches(articles.slice(described).select("article_id"), "Loading articles without data", progress):
        known = _read_articles(graph, batch)
        missing = [row for row in batch if row["article_id"] not in known]
        changes.articles += len(missing)
        changes.write("load_bare_articles", missing)
    _load_purchases(graph, tables, changes, progress)
    if tables.has_returns:
        _load_returns(graph, tables, changes, progress)
    if graph.read_column("count_orders")[0] and graph.read_column("unfinished_loads"):  # otherwise nothing was written
        _settle(graph, tables, changes, progress)
    progress("Creating indexes", 0, None)
    graph.write("indexes")
    graph.write("await_indexes")
    return changes.written()


def _batches(nodes: pl.LazyFrame, step: str, progress: Progress) -> Iterator[list[Row]]:
    """Yield the rows in batches without missing values, except an attribute's name, which the query reads."""
    frame = nodes.collect(engine="streaming")
    for begin in range(0, frame.height, NODES_A_BATCH):
        rows = frame.slice(begin, NODES_A_BATCH).to_dicts()
        yield [{key: value for key, value in row.items() if value is not None or key == "name"} for row in rows]
        progress(step, min(begin + NODES_A_BATCH, frame.height), frame.height)


def _differing_customers(graph: Graph, batch: list[Row]) -> list[Row]:
    """Return the rows whose customer is missing from the graph or has different values."""
    customers = graph.read_as(_KnownCustomer, "known_customers", ids=[row["customer_id"] for row in batch])
    known = {customer.id: customer.properties for customer in customers}
    return [
        row
        for row in batch
        if (node := known.get(row["customer_id"])) is None
        or any(node.get(key) != value for key, value in row.items() if key != "customer_id")
    ]


def _differing_attributes(graph: Graph, batch: list[Row]) -> list[Row]:
    """Return the rows whose node is missing from the graph or has a different name."""
    nodes = graph.read_as(_KnownAttribute, "known_attributes", rows=batch)
    known = {(node.label, node.key): node.name for node in nodes}
    missing = object()
    return [row for row in batch if known.get((row["label"], row["key"]), missing) != row["name"]]


def _differing_articles(graph: Graph, batch: list[Row]) -> list[Row]:
    """Return the rows whose article is missing from the graph or has different values or attributes."""
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
    """Return these articles from the graph, by id."""
    found = graph.read_as(_KnownArticle, "known_articles", ids=[row["article_id"] for row in batch])
    return {article.id: article for article in found}


def _load_purchases(graph: Graph, tables: CleanTables, changes: _Changes, progress: Progress) -> None:
    """Create the purchases that are missing from the graph, several batches at once."""
    customers = tables.scan(CUSTOMERS.stem).select("customer_id").collect()["customer_id"]
    bought = _scan_bought(tables)
    total = bought.select(pl.len()).collect().item()
    empty = read_counts(graph).bought == 0
    sent = 0

    def find_missing() -> Iterator[Batch]:
        nonlocal sent
        for begin in range(0, total, PURCHASES_A_PART):
            part = bought.slice(begin, PURCHASES_A_PART).collect().sort(":START_ID(Customer)", maintain_order=True)
            part = part.with_columns(customer_id=customers.gather(part[":START_ID(Customer)"]))
            missing, lower = (part, part.head(0)) if empty else _compare_purchases(graph, part)
            changes.days.update(lower["t_dat"])
            changes.write("load_purchases", _to_rows(lower))
            sent += part.height - missing.height
            yield from split_into_lanes(missing, LANES)
            progress("Loading purchases", sent, total)

    def send(batch: Batch) -> None:
        nonlocal sent
        changes.create_purchases(batch.purchases)
        sent += batch.purchases.height
        progress("Loading purchases", sent, total)

    run_disjoint(find_missing(), send, SESSIONS)


def _scan_bought(tables: CleanTables) -> pl.LazyFrame:
    """Scan the purchases with their units before returns, which `settle_purchases` subtracts in the graph."""
    bought = tables.scan("purchases")
    if not tables.has_returns:
        return bought
    bought = bought.with_columns(quantity=pl.coalesce("loaded", "quantity")).drop("loaded")
    vanished = tables.scan("taken-back").rename({"loaded": "quantity"}).select(bought.collect_schema().names())
    return pl.concat([bought, vanished])


def _load_returns(graph: Graph, tables: CleanTables, changes: _Changes, progress: Progress) -> None:
    """Write the returns that are missing from the graph, or have fewer units there."""
    returns = tables.scan("returns").collect()
    for table, end in ((CUSTOMERS, ":START_ID(Customer)"), (ARTICLES, ":END_ID(Article)")):
        ids = tables.scan(table.stem).select(str(table.key)).collect().to_series()
        returns = returns.with_columns(ids.gather(returns[end]))
    rows = returns.select("customer_id", "article_id", "t_dat", "quantity").to_dicts()
    for begin in range(0, len(rows), NODES_A_BATCH):
        batch = rows[begin : begin + NODES_A_BATCH]
        known = dict(graph.read_rows("known_returns", rows=batch)[1])
        changes.write("load_returns", [row for i, row in enumerate(batch) if known.get(i, 0) < row["quantity"]])
        progress("Loading returns", begin + len(batch), len(rows))


def _settle(graph: Graph, tables: CleanTables, changes: _Changes, progress: Progress) -> None:
    """Subtract returned units from the purchases of this load's customers."""
    names = ("purchases", "returns") if tables.has_returns else ("purchases",)
    numbers = pl.concat([tables.scan(name).select(":START_ID(Customer)") for name in names])
    frame = numbers.unique().sort(":START_ID(Customer)").collect()
    customers = tables.scan(CUSTOMERS.stem).select("customer_id").collect()["customer_id"]
    ids = customers.gather(frame.to_series()).to_list()
    for begin in range(0, len(ids), NODES_A_BATCH):
        _, pairs = graph.read_rows("pairs_with_events", ids=ids[begin : begin + NODES_A_BATCH])
        if pairs:
            changes.settle(pairs)
        progress("Applying returns", min(begin + NODES_A_BATCH, len(ids)), len(ids))


def _compare_purchases(graph: Graph, part: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the purchases missing from the graph, and those with a lower quantity in the graph."""
    ids = part["customer_id"].unique(maintain_order=True).to_list()
    window = {"since": str(part["t_dat"].min()), "until": str(part["t_dat"].max())}
    stored = graph.read_as(_KnownPurchases, "known_purchases", ids=ids, **window)
    rows = [(customer.customer_id, *bought) for customer in stored for bought in customer.purchases]
    known = pl.DataFrame(rows, schema=KNOWN, orient="row").group_by(list(KNOWN)[:-1]).agg(pl.col("stored").max())
    day = pl.col("t_dat").dt.year() * 10000 + pl.col("t_dat").dt.month().cast(pl.Int32) * 100 + pl.col("t_dat").dt.day()
    compared = part.with_columns(day=day.cast(pl.Int64)).join(
        known, on=list(KNOWN)[:-1], how="left", nulls_equal=True, maintain_order="left"
    )
    return compared.filter(pl.col("stored").is_null()), compared.filter(pl.col("stored") < pl.col("quantity"))


def _to_rows(purchases: pl.DataFrame) -> list[Row]:
    """Return purchases in the form of load_purchases, one row per customer."""
    columns = ("article_id", "t_dat", "price", "sales_channel_id", "quantity")
    rows: dict[str, Row] = {}
    for customer, *bought in purchases.select("customer_id", *columns).iter_rows():
        rows.setdefault(customer, {"customer_id": customer, "purchases": []})["purchases"].append(bought)
    return list(rows.values())
