"""Collect what the ranker's sources propose to one customer, and describe it as in training.

The sources are the saved queries, several at once; PyTorch is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from ...cypher.errors import UnknownCustomer
from ...cypher.graph import Graph
from ...cypher.recommenders import Method, find_method
from ..candidates.lists import Candidates
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Attribute, to_days
from ..ranker.declare import SHARED_LABELS
from ..ranker.features import FACTS, CandidateSet, Matrix, compute_features
from ..ranker.ranker import Ranker
from ..ranker.sources import BY_EMBEDDING, merge_lists
from .request import Request
from .shared_lists import Purchases, Row, SharedLists

AT_ONCE = 4  # queries of one customer; more only wait for each other on a few cores


@dataclass(frozen=True)
class CustomerSources:
    """The saved queries, for one customer.

    Attributes
    ----------
    graph : the graph to read.
    shared : the lists that customers share.
    purchases : the state of the graph's purchases.
    known : the customer's properties, by name.
    owned : articles bought before the day as of which is recommended.
    request : what is asked for.
    """

    graph: Graph
    shared: SharedLists
    purchases: Purchases
    known: Mapping[str, Any]
    owned: frozenset[str]
    request: Request

    def propose(self, source: Method) -> list[Row]:
        """Return the articles that a source proposes to the ranker, the best first."""
        if source.is_for_cold_start and self.owned:
            return []
        return self.read(source, source.candidates, not source.proposes_bought, **source.parameters)

    def read(self, method: Method, k: int, new_only: bool, **parameters: Any) -> list[Row]:
        """Return a query's rows; from a list that customers share, if the query has one."""
        given = {**parameters, **self.request.filters}

        def read(k: int, new_only: bool = False) -> list[Row]:
            asked = {"customer_id": self.request.customer_id, "k": k, "new_only": new_only}
            keys, rows = self.graph.read_rows(method.name, **asked, **given)
            article, score, because = (keys.index(column) for column in ("article_id", "score", "because"))
            return [(row[article], float(row[score]), row[because]) for row in rows]

        if method.shared_by is not None:
            alike = tuple(self.known[name] for name in method.shared_by)
            key = (method.name, alike, *sorted((name, str(value)) for name, value in given.items()))
            found = self.shared.take(self.purchases, key, k, self.owned if new_only else (), read)
            if found is not None:
                return found
        return read(k, new_only)


@dataclass(frozen=True)
class Proposed:
    """What all sources propose to a customer.

    Attributes
    ----------
    sources : the queries.
    ids : the articles' ids, by their numbers.
    lists : by the source's name the articles it proposes, with score and reason, the best first.
    candidate_set, features : all of it, as the ranker sees it.
    """

    sources: CustomerSources
    ids: list[str]
    lists: Mapping[str, list[Row]]
    candidate_set: CandidateSet
    features: Matrix

    def read_reasons(self, source: str) -> dict[str, str]:
        """Return the reason for each article of a source; those by embedding are read only now."""
        rows = self.lists[source]
        if source == BY_EMBEDDING.name:
            rows = self.sources.read(BY_EMBEDDING, BY_EMBEDDING.candidates, new_only=True)
        return {article: because for article, _, because in rows}


def gather(graph: Graph, shared: SharedLists, ranker: Ranker, request: Request) -> Proposed:
    """Read what every source of the ranker proposes to the request's customer, and describe it.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    customer_id = str(request.customer_id)
    today, load, finished, bought_in_all = graph.read_rows("today")[1][0]
    keys, rows = graph.read_rows("customer_history", customer_id=customer_id)
    if not rows:
        raise UnknownCustomer(customer_id)
    known = dict(zip(keys, rows[0], strict=True))
    until = request.as_of or today
    bought = [
        (article, day) for article, day in zip(known["articles"], known["days"], strict=True) if day < to_days(until)
    ]
    owned = frozenset(article for article, _ in bought)
    sources = CustomerSources(graph, shared, Purchases(load, finished, bought_in_all), known, owned, request)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lists = list(pool.map(sources.propose, map(find_method, ranker.sources)))
    proposed = {article for rows in lists for article, _, _ in rows}
    described = _describe(graph, customer_id, sorted(proposed | owned))
    ids = {article_id: place for place, article_id in enumerate(described["article_id"])}
    own = [(ids[article], day) for article, day in bought]
    snapshot = _make_snapshot(known["age"], own, described, until)
    candidate_set = merge_lists(
        np.zeros(1, dtype=np.int64), [_to_candidates(rows, ids) for rows in lists], max(1, len(ids))
    )
    features = compute_features(
        snapshot, candidate_set, _stack_facts(described), _column(described, "cosine")[candidate_set.article]
    )
    return Proposed(sources, list(ids), dict(zip(ranker.sources, lists, strict=True)), candidate_set, features)


def _describe(graph: Graph, customer_id: str, article_ids: list[str]) -> dict[str, list[Any]]:
    """What the graph knows of those articles: a list for each column, in the order of ids."""
    keys, rows = graph.read_rows(
        "describe_candidates", customer_id=customer_id, article_ids=article_ids, facts=list(FACTS)
    )
    rows.sort(key=lambda row: row[0])
    return {key: [row[place] for row in rows] for place, key in enumerate(keys)}


def _make_snapshot(
    age: float | None,
    purchases: list[tuple[int, int]],
    described: dict[str, list[Any]],
    until: date,
) -> Snapshot:
    """The customer's own purchases as a shop of one customer, so that they are described as in training."""
    article, time = (np.array(column) for column in zip(*purchases, strict=True)) if purchases else np.zeros((2, 0))
    columns = dict(zip(SHARED_LABELS, ("product", "product_type", "department"), strict=True))
    return Snapshot(
        to_days(until),
        (1, len(described["article_id"])),
        np.zeros(len(article), dtype=np.int64),
        article.astype(np.int64),
        time.astype(np.int32),
        pl.DataFrame({"age": [age]}, schema={"age": pl.Float64}),
        {label: _make_attribute(label, described[column]) for label, column in columns.items()},
    )


def _make_attribute(label: str, values: list[str | None]) -> Attribute:
    keys = sorted({value for value in values if value is not None})
    places = {key: place for place, key in enumerate(keys)}
    edges = [(article, places[value]) for article, value in enumerate(values) if value is not None]
    return Attribute(label, tuple(keys), np.array(edges, dtype=np.int64).reshape(-1, 2).T)


def _to_candidates(rows: list[Row], ids: Mapping[str, int]) -> Candidates:
    kept = [(ids[article], score) for article, score, _ in rows if article in ids]
    return Candidates(
        np.array([0, len(kept)]),
        np.array([article for article, _ in kept], dtype=np.int64),
        np.array([score for _, score in kept], dtype=np.float64),
    )


def _column(described: dict[str, list[Any]], name: str) -> Matrix:
    return np.array([np.nan if value is None else value for value in described[name]], dtype=np.float32)


def _stack_facts(described: dict[str, list[Any]]) -> Matrix:
    """[articles, facts]; not a number where nothing is known."""
    rows = [[np.nan if value is None else value for value in facts] for facts in described["facts"]]
    return np.array(rows, dtype=np.float32).reshape(-1, len(FACTS))
