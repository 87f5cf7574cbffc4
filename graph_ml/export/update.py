"""Bring an export up to date: read only what later loads wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from .read_purchases import Purchases
from .read_subgraph import read_articles, read_attributes, read_customers
from .subgraph import IdMap, Mask, Subgraph, SubgraphSpec, to_days

MAX_CHANGED_SHARE = 0.5  # a larger share of the purchases is read faster in storage order than by day
IDS = {"customer_id": pl.String, "article_id": pl.String}
STEP = "Bringing the cached export up to date"


@dataclass(frozen=True)
class _Changes:
    """What loads wrote: the days of changed purchases, the changed customers (None: any), whether articles changed."""

    days: tuple[date, ...]
    customers: frozenset[str] | None
    articles: bool


@dataclass(frozen=True)
class _Written:
    """What one load wrote, a row of `export_changes`; None if the load did not record it."""

    days: list[str] | None
    customers: list[str] | None
    articles: int | None


def update_subgraph(
    graph: Graph,
    cached: Subgraph,
    spec: SubgraphSpec,
    loads: Collection[str],
    progress: Progress = silent,
    *,
    events_since: int | None = None,
    sizes: tuple[int, int] | None = None,
) -> Subgraph | None:
    """Return the subgraph that `export_subgraph` would return now, from one exported before some loads.

    Only the purchases of the days that loads or events changed, and the customers that loads created or changed, are
    read. All articles are read if any changed. Sorting old and new purchases together takes twice the memory of the
    export.

    Parameters
    ----------
    graph : the graph to read.
    cached : the earlier export, of all purchases.
    spec : the part that it holds; it must not select purchases (see `can_update`).
    loads : ids of the (:Load)s since then, all finished.
    progress : receives the number of days read.
    events_since : number of the (:EventVersion) at the time of the export; None if no events came since.
    sizes : numbers of customers and of articles to expect, those without purchases included; None if those are left
        out. Events of visitors and of new articles create some, which no day of purchases shows.

    Returns
    -------
    None if the graph must be read again: a load did not record what it changed, or changed most of the purchases.
    """
    changes = _read_changes(graph, loads)
    if changes is None:
        return None
    if events_since is not None:
        days = graph.read_column("export_event_days", since=events_since)
        changes = replace(changes, days=tuple(sorted({*changes.days, *days})))
    is_unchanged = ~np.isin(cached.time, [to_days(day) for day in changes.days])
    if is_unchanged.sum() < MAX_CHANGED_SHARE * cached.num_edges:
        return None
    added = _concatenate(_read_days(graph, changes.days, progress))
    customers = _update_customers(graph, cached, spec, changes, set(added["customer_id"]))
    if sizes is not None and customers.height != sizes[0]:
        customers, _ = read_customers(graph, spec)
    articles, attributes = cached.articles, dict(cached.attributes)
    is_larger = sizes is not None and articles.height != sizes[1]
    if is_larger or changes.articles or not set(added["article_id"]) <= set(cached.article_ids):
        articles, nodes = read_articles(graph, spec)
        attributes = read_attributes(graph, nodes, spec.features.edges)
    customer_ids, article_ids = IdMap(customers["customer_id"]), IdMap(articles["article_id"])
    try:
        bought = _merge(cached, is_unchanged, added, customer_ids, article_ids)
    except KeyError:  # a customer or an article was deleted by hand
        return None
    updated = Subgraph(
        customer_ids, article_ids, bought.customer.astype(np.int64), bought.article.astype(np.int64), bought.time,
        bought.price, bought.quantity, bought.channel, customers, articles, attributes, spec.features,
    )  # fmt: skip
    return updated if spec.isolated else updated.without_isolated()


def can_update(spec: SubgraphSpec) -> bool:
    """Return whether an export of this part can be brought up to date: it must hold all purchases."""
    return all(part is None for part in (spec.since, spec.until, spec.customers, spec.category, spec.rows))


def _read_changes(graph: Graph, loads: Collection[str]) -> _Changes | None:
    written = graph.read_as(_Written, "export_changes", loads=sorted(loads))
    if len(written) != len(loads):
        return None
    days: set[date] = set()
    customers: set[str] | None = set()
    for load in written:
        if load.days is None:
            return None
        days |= {date.fromisoformat(day) for day in load.days}
        customers = None if customers is None or load.customers is None else customers | set(load.customers)
    changed = None if customers is None else frozenset(customers)
    return _Changes(tuple(sorted(days)), changed, any(load.articles != 0 for load in written))


def _read_days(graph: Graph, days: tuple[date, ...], progress: Progress) -> Iterator[pl.DataFrame]:
    """Yield the purchases of each day, with the ids of customers and articles."""
    for done, day in enumerate(days, start=1):
        customers, articles, prices, quantities, channels = next(graph.stream("export_day", fetch_size=1, day=day))
        yield pl.DataFrame(
            {
                "customer_id": pl.Series(customers, dtype=pl.String),
                "article_id": pl.Series(articles, dtype=pl.String),
                "time": pl.repeat(to_days(day), len(customers), dtype=pl.Int32, eager=True),
                "price": pl.Series(prices, dtype=pl.Float64).cast(pl.Float32),
                "quantity": pl.Series(quantities, dtype=pl.Int32),
                "channel": pl.Series(channels, dtype=pl.Int32),
            }
        )
        progress(STEP, done, len(days))


def _concatenate(days: Iterator[pl.DataFrame]) -> pl.DataFrame:
    parts = list(days)
    return pl.concat(parts) if parts else pl.DataFrame(schema=IDS)


def _update_customers(
    graph: Graph, cached: Subgraph, spec: SubgraphSpec, changes: _Changes, buyers: set[str]
) -> pl.DataFrame:
    """Return the frame of customers, with changed and new ones read from the graph."""
    if changes.customers is None:
        return read_customers(graph, spec)[0]
    wanted = changes.customers | (buyers - set(cached.customer_ids))
    if not wanted:
        return cached.customers
    fresh, _ = read_customers(graph, spec.model_copy(update={"customers": tuple(sorted(wanted))}))
    others = cached.customers.filter(~pl.col("customer_id").is_in(fresh["customer_id"].implode()))
    return pl.concat([others, fresh], how="vertical_relaxed").sort("customer_id")


def _merge(
    cached: Subgraph, is_unchanged: Mask, added: pl.DataFrame, customer_ids: IdMap, article_ids: IdMap
) -> Purchases:
    """Return the unchanged purchases and those read, with the new numbers, in the order of `Purchases.sort`."""
    columns: dict[str, Any] = {
        "customer": _renumber(cached.customer_ids, customer_ids)[cached.customer[is_unchanged]],
        "article": _renumber(cached.article_ids, article_ids)[cached.article[is_unchanged]],
    }
    columns |= {name: getattr(cached, name)[is_unchanged] for name in ("time", "price", "quantity", "channel")}
    if added.height:
        numbers = {"customer": (customer_ids, "customer_id"), "article": (article_ids, "article_id")}
        for name, old in columns.items():
            if name in numbers:
                ids, column = numbers[name]
                new = np.array([ids.index(outer) for outer in added[column]], dtype=np.int32)
            else:
                new = added[name].to_numpy()
            columns[name] = np.concatenate([old, new])
    return Purchases(**{part.name: columns[part.name] for part in fields(Purchases)}).sort()


def _renumber(old: IdMap, new: IdMap) -> npt.NDArray[np.int32]:
    """Return [len(old)]: the new number of each old number; KeyError if an id is missing."""
    return np.array([new.index(outer) for outer in old], dtype=np.int32)
