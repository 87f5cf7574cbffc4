"""Recommend to every customer at once: the ranker over the exported graph, in memory, as one by one from the graph."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..cypher import recommender as queries
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from ..cypher.recommender import Method
from .candidates.snapshot import Snapshot
from .export import Integers, Subgraph, SubgraphSpec
from .kept_export import export_kept
from .rank import CUSTOMERS_AT_ONCE, Board, Ranker, Vectors
from .rank_features import FACTS, Matrix
from .recommender import find_ranker
from .sources import EMBEDDING, choose_sources


def recommend_everybody(
    graph: Graph,
    out: Path,
    *,
    k: int = 12,
    method: Method = Method.auto,
    new_only: bool = False,
    progress: Progress = silent,
    **filters: Any,
) -> int:
    """Write Kaggle's submission file, as `hmrec.cypher.recommender.recommend_all`, and by the ranker.

    The ranker orders in memory what the saved queries' twins propose, so that nobody is asked about one by one. With
    filters, or by another method, each customer is asked about in the graph.

    Returns
    -------
    How many customers were written.
    """
    ranker = find_ranker(graph, method, filters)
    if ranker is None or any(value is not None for value in filters.values()):
        return queries.recommend_all(graph, out, k=k, method=method, new_only=new_only, progress=progress, **filters)
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    board = read_board(graph, subgraph, ranker)
    popular = list(graph.read("popular", customer_id="", k=k)["article_id"])
    total = len(subgraph.customer_ids)
    partial = out.with_name(out.name + ".partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["customer_id", "prediction"])
        for begin in range(0, total, CUSTOMERS_AT_ONCE):
            part = np.arange(begin, min(begin + CUSTOMERS_AT_ONCE, total))
            for customer, articles in zip(part.tolist(), board.rank(ranker, part, k, new_only), strict=True):
                found = [subgraph.article_ids.id(int(article)) for article in articles if article >= 0]
                found += [article for article in popular if article not in found]
                writer.writerow([subgraph.customer_ids.id(customer), " ".join(found[:k])])
            progress("Recommending to every customer", int(part[-1]) + 1, total)
    os.replace(partial, out)
    return total


def read_board(graph: Graph, subgraph: Subgraph, ranker: Ranker) -> Board:
    """What a ranker is asked with about every customer today: the facts and embeddings that are in the graph."""
    facts = np.full((len(subgraph.article_ids), len(FACTS)), np.nan, dtype=np.float32)
    embeddings: dict[int, list[float]] = {}
    for article_id, values, embedding in graph.stream("article_facts"):
        place = subgraph.article_ids.index(article_id)
        facts[place] = [np.nan if value is None else value for value in values]
        if embedding is not None:
            embeddings[place] = embedding
    sources = choose_sources(ranker.sources)
    vectors = None
    if EMBEDDING in ranker.sources and embeddings:
        articles = _stack(embeddings, len(subgraph.article_ids))
        rows = graph.stream("customer_embeddings")
        found = {subgraph.customer_ids.index(outer): embedding for outer, embedding in rows}
        vectors = Vectors(_stack(found, len(subgraph.customer_ids), articles.shape[1]), articles)
    return Board(Snapshot.of(subgraph), facts, vectors, sources)


def _stack(found: dict[int, list[float]], number: int, dim: int = 0) -> Matrix:
    """[number, dim]; not a number where there is no embedding."""
    dim = dim or len(next(iter(found.values())))
    stacked = np.full((number, dim), np.nan, dtype=np.float32)
    places: Integers = np.fromiter(found, dtype=np.int64, count=len(found))
    if len(places):
        stacked[places] = np.array(list(found.values()), dtype=np.float32)
    return stacked
