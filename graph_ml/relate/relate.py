"""Write relationships between articles. Readers see one whole version, the previous or the new one.

A version has a (:Relations), which is created first. Its relationships, which have the version's number, are then
written beside those of the version in force. One number of the (:RelationsInForce), which every reader reads first,
puts it into force. After that, the previous version is deleted. If the process is killed at any point, the number
refers to a whole version, and the next run deletes what is not in force.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np

from ...cypher.catalogue import find_query
from ...cypher.claim import name_writer
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.state import ActiveModel, GraphState, read_state
from ..candidates.group_lists import GroupList
from ..candidates.neighbours import Neighbours, relate_after, relate_together
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.subgraph import Integers, Subgraph, SubgraphSpec
from ..ranker.features import Matrix
from ..recommend.batch import stack_vectors
from ..recommend.related import read_version
from ..write_back.write import let_readers_finish
from ..write_back.write_vectors import Places, find_places, list_nodes
from .departments import DepartmentLists, list_by_department
from .groups import list_by_group
from .similar import relate_similar

ARTICLES_A_BATCH = 100
"""How many articles' relationships are written in one transaction: about 9,000."""
DEPARTMENTS_A_BATCH = 10
"""How many departments' lists are written in one transaction: at most 10,000 relationships."""
GROUPS_A_BATCH = 20
"""How many groups' lists are written in one transaction: at most 10,000 relationships."""


@dataclass(frozen=True)
class RelateReceipt:
    """The result of `relate`.

    Attributes
    ----------
    version : number of the version now in force.
    until : the day after the last purchase that it knows.
    articles : number of articles of the shop.
    bought_with, bought_after, similar : number of relationships of each type between articles.
    sells, received : number of relationships of departments with articles.
    buys : number of relationships of groups of customers with articles.
    model : the model whose embeddings `SIMILAR` compares; None without one.
    seconds : duration of each step.
    """

    version: int
    until: date
    articles: int
    bought_with: int
    bought_after: int
    similar: int
    sells: int
    received: int
    buys: int
    model: int | None
    seconds: dict[str, float] = field(default_factory=dict)

    def describe(self) -> str:
        """Describe what was written in a sentence."""
        similar = f"{self.similar:,} SIMILAR by model {self.model}" if self.model else "no SIMILAR, without a model"
        return (
            f"Article relationships {self.version}: {self.bought_with:,} BOUGHT_WITH, {self.bought_after:,} "
            f"BOUGHT_AFTER and {similar}, of {self.articles:,} articles and the purchases before {self.until}. "
            f"Departments have {self.sells:,} SELLS and {self.received:,} RECEIVED, and groups of customers have "
            f"{self.buys:,} BUYS."
        )


@dataclass(frozen=True)
class Relations:
    """The relationships of all articles of a shop.

    Attributes
    ----------
    together, after, similar : the neighbours of each article, by number.
    departments : what each department sells now, and what it has not sold yet.
    groups : what groups of customers buy now.
    """

    together: Neighbours
    after: Neighbours
    similar: Neighbours
    departments: DepartmentLists
    groups: list[GroupList]


def relate(graph: Graph, progress: Progress = silent, *, fresh: bool = False) -> RelateReceipt:
    """Write each article's best relationships, which replace those in the graph.

    Each article gets up to 30 of each type: `BOUGHT_WITH`, `BOUGHT_AFTER` and, if a model is in force, `SIMILAR`. The
    query `related` has the formulas, and its header the numbers. Departments get `SELLS` and `RECEIVED`, groups of
    customers get `BUYS`; the queries that read them say how they are counted.

    Parameters
    ----------
    graph : the graph to write to.
    progress : receives the steps.
    fresh : read the purchases from the graph, even if the cached export is current.

    Raises
    ------
    UserMistake : the graph has no purchases.
    LoadRunning : a load or a write-back is running on this graph.
    """
    state = read_state(graph)
    if state.until is None:
        raise UserMistake("The graph has no purchases.", "Load some first: hmrec load DIR")
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress, fresh=fresh)
    return relate_subgraph(graph, subgraph, progress, state)


def describe_source(state: GraphState, model: ActiveModel | None) -> str:
    """Return a text that changes when article relationships are out of date.

    Parameters
    ----------
    state : the graph's state before its purchases were read.
    model : the model whose embeddings are compared; None without one.
    """
    return " ".join([state.purchase_checksum, *([f"{model.version} {model.embedded}"] if model else [])])


def relate_subgraph(
    graph: Graph, subgraph: Subgraph, progress: Progress = silent, state: GraphState | None = None
) -> RelateReceipt:
    """Write each article's best relationships from exported purchases, as `relate` does.

    Parameters
    ----------
    graph : the graph to write to.
    subgraph : all its purchases, exported with `SubgraphSpec(isolated=True)`.
    progress : receives the steps.
    state : the graph's state before the export, to find out later whether the relationships are out of date; None if it
        is not known.

    Raises
    ------
    LoadRunning : a load or a write-back is running on this graph.
    """
    with graph.claim(name_writer("article relationships are being written")):
        begun = time.monotonic()
        model = read_state(graph).model
        vectors = _read_vectors(graph, subgraph, model.dim) if model is not None else None
        relations = compute_relations(Snapshot.of(subgraph), vectors, progress)
        computing = round(time.monotonic() - begun, 3)
        source = describe_source(state, model) if state is not None else None
        receipt = _write(graph, subgraph, relations, model.version if model is not None else None, source, progress)
    return replace(receipt, seconds={"computing": computing, **receipt.seconds})


def relate_if_missing(graph: Graph, subgraph: Subgraph, progress: Progress = silent) -> RelateReceipt | None:
    """Write the relationships if the graph has none; a ranker's answers would have to compute them.

    Parameters
    ----------
    graph, subgraph, progress : as for `relate_subgraph`.

    Raises
    ------
    LoadRunning : a load or a write-back is running on this graph.
    """
    return relate_subgraph(graph, subgraph, progress) if read_version(graph) is None else None


def compute_relations(snapshot: Snapshot, vectors: Matrix | None, progress: Progress = silent) -> Relations:
    """Return the relationships of all articles that were ever bought, with the defaults of the query `related`.

    The query finds what is similar to the others when it is asked.

    Parameters
    ----------
    snapshot : all purchases.
    vectors : [A, dim], the embeddings in force, NaN for an article without one; None without a model.
    progress : receives the steps.
    """
    known = {name: one.default for name, one in find_query("related").parameters.items()}
    shared = {name: known[name] for name in ("most", "half_life", "buyers")}
    later = {name: known[name] for name in ("days", "gap_half_life", "lag")}
    together = relate_together(snapshot, **shared, damping=known["damping"], progress=progress)
    after = relate_after(snapshot, **shared, **later, damping=known["next_damping"], progress=progress)
    if vectors is None:
        vectors = np.full((snapshot.shape[1], 1), np.nan, dtype=np.float32)
    bought = np.unique(snapshot.article).astype(np.int64)
    similar = relate_similar(vectors, bought, most=known["most"], progress=progress)
    days = find_query("popular_in_departments").default("days")
    return Relations(together, after, similar, list_by_department(snapshot, days), list_by_group(snapshot))


def tidy_relations(graph: Graph, progress: Progress = silent) -> None:
    """Delete all versions that are not in force: the previous one, and what a killed run left.

    Parameters
    ----------
    graph : the graph, which this client has claimed.
    progress : called when it begins with a version.
    """
    for version in graph.read_column("stale_relations"):
        progress(f"Removing version {version} of the article relationships", 0, None)
        graph.write("delete_relations", version=version)


def _read_vectors(graph: Graph, subgraph: Subgraph, dim: int) -> Matrix:
    return graph.read_with_retry(lambda: stack_vectors(subgraph.article_ids, dim, graph.stream("article_embeddings")))


def _write(
    graph: Graph, subgraph: Subgraph, relations: Relations, model: int | None, source: str | None, progress: Progress
) -> RelateReceipt:
    """Write a new version, put it into force, and delete the others."""
    begun = time.monotonic()
    tidy_relations(graph, progress)
    articles = len(subgraph.article_ids)
    counts = {
        "bought_with": len(relations.together.article),
        "bought_after": len(relations.after.article),
        "similar": len(relations.similar.article),
        "sells": sum(len(articles) for articles, _ in relations.departments.sells),
        "received": sum(map(len, relations.departments.received)),
        "buys": sum(len(one.articles) for one in relations.groups),
    }
    until, days = subgraph.until.isoformat(), relations.departments.days
    facts = {"until": until, "model": model, "state": source, "articles": articles, "days": days, **counts}
    version = int(graph.write("prepare_relations", facts=facts).rows[0]["version"])
    done = 0
    places = find_places(graph, "article_nodes", subgraph.article_ids)
    node = list_nodes(places, subgraph.article_ids)
    for rows in _list_departments(relations.departments, node):
        graph.write("write_department_lists", version=version, rows=rows)
    for rows in _list_groups(relations.groups, node):
        graph.write("write_group_lists", version=version, rows=rows)
    for rows in _list_batches(places, node, relations):
        graph.write("write_relations", version=version, rows=rows)
        done += len(rows)
        progress("Writing article relationships", done, articles)
    graph.write("activate_relations", version=version)
    written = time.monotonic()
    let_readers_finish(graph)
    tidy_relations(graph, progress)
    seconds = {"writing": round(written - begun, 3), "removing": round(time.monotonic() - written, 3)}
    return RelateReceipt(version, subgraph.until, articles, **counts, model=model, seconds=seconds)


def _list_departments(lists: DepartmentLists, node: Integers) -> Iterator[list[list[Any]]]:
    """Yield the rows of `write_department_lists`, `DEPARTMENTS_A_BATCH` at a time."""
    for begin in range(0, len(lists.keys), DEPARTMENTS_A_BATCH):
        batch = slice(begin, begin + DEPARTMENTS_A_BATCH)
        yield [
            [
                key,
                _list_purchases(best, purchases, node),
                [number for number in node[unsold].tolist() if number >= 0],
            ]
            for key, (best, purchases), unsold in zip(
                lists.keys[batch], lists.sells[batch], lists.received[batch], strict=True
            )
        ]


def _list_groups(groups: list[GroupList], node: Integers) -> Iterator[list[list[Any]]]:
    """Yield the rows of `write_group_lists`, `GROUPS_A_BATCH` at a time."""
    for begin in range(0, len(groups), GROUPS_A_BATCH):
        yield [
            [begin + place, dict(one.facts), _list_purchases(one.articles, one.purchases, node)]
            for place, one in enumerate(groups[begin : begin + GROUPS_A_BATCH])
        ]


def _list_purchases(articles: Integers, purchases: Integers, node: Integers) -> list[list[int]]:
    """Return the node and the purchases of each article that the graph still has."""
    return [list(item) for item in zip(node[articles].tolist(), purchases.tolist(), strict=True) if item[0] >= 0]


def _list_batches(places: Places, node: Integers, relations: Relations) -> Iterator[list[list[Any]]]:
    """Yield the rows of `write_relations`, `ARTICLES_A_BATCH` articles at a time, in the order of the store."""
    for begin in range(0, len(places), ARTICLES_A_BATCH):
        yield [
            [
                number,
                _list_items(relations.together, row, node, "score", "customers"),
                _list_items(relations.after, row, node, "score", "customers", "days"),
                _list_items(relations.similar, row, node, "score"),
            ]
            for number, row in places[begin : begin + ARTICLES_A_BATCH].tolist()
        ]


def _list_items(found: Neighbours, row: int, node: Integers, *columns: str) -> list[list[Any]]:
    """Return the neighbours of an article that the graph still has: the node of each, and these columns."""
    part = slice(int(found.indptr[row]), int(found.indptr[row + 1]))
    values = (node[found.article[part]].tolist(), *(getattr(found, column)[part].tolist() for column in columns))
    return [list(item) for item in zip(*values, strict=True) if item[0] >= 0]
