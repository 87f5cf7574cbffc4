"""Bring an export up to date: read what loads have written since, and leave the rest as it was."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
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

MAX_CHANGED_SHARE = 0.5  # a larger share of the purchases is read faster in the order of the store than by days
IDS = {"customer_id": pl.String, "article_id": pl.String}
STEP = "Bringing the kept export up to date"


@dataclass(frozen=True)
class _Changes:
    """What loads wrote: the days of changed purchases, changed customers (None: any), whether articles changed."""

    days: tuple[date, ...]
    customers: frozenset[str] | None
    articles: bool


@dataclass(frozen=True)
class _Written:
    """What one load wrote, a row of `export_changes`; None if it did not keep that."""

    days: list[str] | None
    customers: list[str] | None
    articles: int | None


def update_subgraph(
    graph: Graph, kept: Subgraph, spec: SubgraphSpec, loads: Collection[str], progress: Progress = silent
) -> Subgraph | None:
    """The subgraph that `export_subgraph` would give now, from one that was exported before some loads.

    Read are the purchases of the days that the loads wrote to, the customers that they made or changed, and all
    articles if they changed any. Sorting the old and the new purchases together takes twice the memory of the export.

    Parameters
    ----------
    graph : where from.
    kept : the export as it was, of all purchases.
    spec : what it was exported with; without a choice of purchases (see `can_update`).
    loads : ids of the (:Load)s since, all finished.
    progress : told the days read.

    Returns
    -------
    None where reading the graph anew is the way: a load did not tell what it changed, or it changed most of the days.
    """
    changes = _read_changes(graph, loads)
    if changes is None:
        return None
    stays = ~np.isin(kept.time, [to_days(day) for day in changes.days])
    if stays.sum() < MAX_CHANGED_SHARE * kept.num_edges:
        return None
    added = _concatenate(_read_days(graph, changes.days, progress))
    customers = _update_customers(graph, kept, spec, changes, set(added["customer_id"]))
    articles, attributes = kept.articles, dict(kept.attributes)
    if changes.articles or not set(added["article_id"]) <= set(kept.article_ids):
        articles, nodes = read_articles(graph, spec)
        attributes = read_attributes(graph, nodes, spec.features.edges)
    customer_ids, article_ids = IdMap(customers["customer_id"]), IdMap(articles["article_id"])
    try:
        bought = _merge(kept, stays, added, customer_ids, article_ids)
    except KeyError:  # a customer or an article is there no more: somebody deleted it by hand
        return None
    updated = Subgraph(
        customer_ids, article_ids, bought.customer.astype(np.int64), bought.article.astype(np.int64), bought.time,
        bought.price, bought.quantity, bought.channel, customers, articles, attributes, spec.features,
    )  # fmt: skip
    return updated if spec.isolated else updated.without_isolated()


def can_update(spec: SubgraphSpec) -> bool:
    """Whether an export of this kind can be brought up to date: it holds all purchases."""
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
    """The purchases of each day, with the ids of customers and articles."""
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
    graph: Graph, kept: Subgraph, spec: SubgraphSpec, changes: _Changes, buyers: set[str]
) -> pl.DataFrame:
    """The customers' frame with those anew that were changed, and those that are new to it."""
    if changes.customers is None:
        return read_customers(graph, spec)[0]
    wanted = changes.customers | (buyers - set(kept.customer_ids))
    if not wanted:
        return kept.customers
    anew, _ = read_customers(graph, spec.model_copy(update={"customers": tuple(sorted(wanted))}))
    others = kept.customers.filter(~pl.col("customer_id").is_in(anew["customer_id"].implode()))
    return pl.concat([others, anew], how="vertical_relaxed").sort("customer_id")


def _merge(kept: Subgraph, stays: Mask, added: pl.DataFrame, customer_ids: IdMap, article_ids: IdMap) -> Purchases:
    """The purchases that stay and those that were read, under the new numbers, in the order of `Purchases.sort`."""
    columns: dict[str, Any] = {
        "customer": _renumber(kept.customer_ids, customer_ids)[kept.customer[stays]],
        "article": _renumber(kept.article_ids, article_ids)[kept.article[stays]],
    }
    columns |= {name: getattr(kept, name)[stays] for name in ("time", "price", "quantity", "channel")}
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
    """[len(old)]: the new number of each old one; KeyError where it has none."""
    return np.array([new.index(outer) for outer in old], dtype=np.int32)
