"""The vector indexes of the two slots. They are created once, so that a write-back does not change the schema.

After any change of the schema, the server plans every query again, and readers wait for it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...cypher.errors import HmrecError
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...loader.constraints import check_schema

INDEX_SECONDS = 4 * 3600.0
EF_CONSTRUCTION = 300
"""With Neo4j's default of 100, the index misses at least nine times as many of the nearest articles.

It is built in a third of the time.
"""
CUSTOMERS = "customer_embedding"
ARTICLES = {"embedding": "article_embedding", "embedding_staged": "article_embedding_staged"}
"""The articles' index of each slot."""
QUERIES = {
    "article_embedding": ("create_index", "drop_index"),
    "article_embedding_staged": ("create_staged_index", "drop_staged_index"),
    CUSTOMERS: ("create_customer_index", "drop_customer_index"),
}


@dataclass(frozen=True)
class VectorIndex:
    """A vector index: its state (`ONLINE` if it is complete), the percentage built, and its settings."""

    name: str
    state: str
    percent: float
    dim: int
    ef_construction: int


def list_indexes(graph: Graph) -> list[VectorIndex]:
    """Return the vector indexes with hmrec's names and places."""
    return graph.read_as(VectorIndex, "vector_indexes")


def _find_index(graph: Graph, name: str) -> VectorIndex | None:
    return next((index for index in list_indexes(graph) if index.name == name), None)


def prepare_index(graph: Graph, name: str, dim: int, progress: Progress = silent) -> None:
    """Create an index of embeddings with `dim` numbers; rebuild an existing one if it failed or its settings differ.

    Raises
    ------
    UserMistake : an index that hmrec did not create has its name or its property; it is left as it is.
    HmrecError : it could not be built.
    """
    create, drop = QUERIES[name]
    built = {"dim": dim} if name == CUSTOMERS else {"dim": dim, "ef_construction": EF_CONSTRUCTION}
    found = _find_index(graph, name)
    if found is not None and (found.state == "FAILED" or not built.items() <= vars(found).items()):
        graph.write(drop)
        found = None
    if found is None:
        graph.write(create, **built)
    _await_index(graph, name, progress)


def drop_customer_index(graph: Graph) -> None:
    """Drop the customers' index if it exists."""
    if _find_index(graph, CUSTOMERS) is not None:
        graph.write("drop_customer_index")


def _await_index(graph: Graph, name: str, progress: Progress) -> None:
    until = time.monotonic() + INDEX_SECONDS
    while time.monotonic() < until:
        index = _find_index(graph, name)
        if index is None:
            check_schema(graph)  # raises an error that names the index in the way
            break
        if index.state == "FAILED":
            break
        if index.state == "ONLINE":
            return
        progress("Building the vector index", float(index.percent), 100)
        time.sleep(0.1)
    raise HmrecError("Neo4j could not build the vector indexes.", "See its log for the cause, then train again.")
