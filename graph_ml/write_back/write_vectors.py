"""Write embeddings and facts to nodes, in batches by two sessions at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..export.subgraph import IdMap, Integers
from ..ranker.features import FACTS, Matrix

NODES_A_BATCH = 1_000  # less garbage collection than with 5,000: faster, and readers wait less
SESSIONS = 2

Places = npt.NDArray[np.int64]
"""[n, 2]: the number of a node, and the row of its embedding; sorted by number, as in the store."""


def find_places(graph: Graph, query: str, ids: IdMap, **parameters: Any) -> Places:
    """Return the nodes that a query with the columns node and id finds, and whose ids are in `ids`."""

    def read() -> list[tuple[int, int]]:
        return [(node, ids.index(outer)) for node, outer in graph.stream(query, **parameters) if outer in ids]

    places = np.array(graph.read_with_retry(read), dtype=np.int64).reshape(-1, 2)
    return places[places[:, 0].argsort()]


def list_nodes(places: Places, ids: IdMap) -> Integers:
    """Return [n]: the number of each id's node; -1 for an id that `places` lacks."""
    nodes = np.full(len(ids), -1, dtype=np.int64)
    nodes[places[:, 1]] = places[:, 0]
    return nodes


def write_vectors(
    graph: Graph, places: Places, vectors: Matrix, slot: str, kind: str, progress: Progress = silent
) -> int:
    """Write rows of vectors [n, dim] to nodes.

    Parameters
    ----------
    graph : the graph to write to.
    places : the nodes, and the row of each.
    vectors : the embeddings.
    slot : the property to write.
    kind : name of the nodes, for `progress`.
    progress : receives the number of nodes written.

    Returns
    -------
    The number of nodes written.
    """

    def write(begin: int) -> int:
        part = places[begin : begin + NODES_A_BATCH]
        rows = graph.to_vectors(vectors[part[:, 1]])
        receipt = graph.write("write_embeddings", slot=slot, nodes=part[:, 0].tolist(), vectors=rows)
        return int(receipt.rows[0]["written"])

    written = 0
    for count in _run_at_once(write, range(0, len(places), NODES_A_BATCH)):
        written += count
        progress(f"Writing the embeddings of {kind}", written, len(places))
    return written


def write_facts(graph: Graph, ids: IdMap, facts: Matrix, progress: Progress = silent) -> None:
    """Write facts [A, facts] to the articles; unknown facts get no property."""
    articles = list(ids)

    def write(begin: int) -> int:
        chosen = slice(begin, begin + NODES_A_BATCH)
        rows = [
            [article, {name: None if value != value else value for name, value in zip(FACTS, values, strict=True)}]
            for article, values in zip(articles[chosen], facts[chosen].tolist(), strict=True)
        ]
        graph.write("write_facts", rows=rows)
        return len(rows)

    written = 0
    for count in _run_at_once(write, range(0, len(articles), NODES_A_BATCH)):
        written += count
        progress("Writing facts about articles", written, len(articles))


def _run_at_once(write: Callable[[int], int], begins: range) -> Iterator[int]:
    """Yield the result of `write` for each, in any order; after a failure no other begins."""
    with ThreadPoolExecutor(SESSIONS) as pool:
        pending: set[Future[int]] = set()
        for begin in begins:
            pending.add(pool.submit(write, begin))
            if len(pending) > SESSIONS:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in pending)
