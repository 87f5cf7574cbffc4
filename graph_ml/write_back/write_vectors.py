"""Write embeddings and facts on nodes, in batches that two sessions send at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..export.subgraph import IdMap
from ..ranker.features import FACTS, Matrix

NODES_A_BATCH = 1_000  # the server collects less garbage than with 5,000: faster, and readers wait less
SESSIONS = 2

Places = npt.NDArray[np.int64]
"""[n, 2]: a node's number in the store, and the row of its embedding; by number, as stored."""


def find_places(graph: Graph, query: str, ids: IdMap, **parameters: Any) -> Places:
    """The nodes that a query finds (its columns are node and id) and that `ids` knows."""

    def read() -> list[tuple[int, int]]:
        return [(node, ids.index(outer)) for node, outer in graph.stream(query, **parameters) if outer in ids]

    places = np.array(graph.read_with_retry(read), dtype=np.int64).reshape(-1, 2)
    return places[places[:, 0].argsort()]


def write_vectors(
    graph: Graph, places: Places, vectors: Matrix, slot: str, kind: str, progress: Progress = silent
) -> int:
    """Write rows of [n, dim] vectors on nodes.

    Parameters
    ----------
    graph : where to.
    places : which row on which node.
    vectors : the rows.
    slot : the property.
    kind : what the nodes are, for `progress`.
    progress : called with the number of nodes written.

    Returns
    -------
    How many nodes there were.
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
    """Write [A, facts] on the articles; what is not known has no property."""
    articles = list(ids)
    for begin in range(0, len(articles), NODES_A_BATCH):
        rows = [
            [article, {name: None if value != value else value for name, value in zip(FACTS, values, strict=True)}]
            for article, values in zip(
                articles[begin : begin + NODES_A_BATCH], facts[begin : begin + NODES_A_BATCH].tolist(), strict=True
            )
        ]
        graph.write("write_facts", rows=rows)
        progress("Writing facts about articles", begin + len(rows), len(articles))


def _run_at_once(write: Callable[[int], int], begins: range) -> Iterator[int]:
    """What `write` returns for each, in any order; after one that fails no other begins."""
    with ThreadPoolExecutor(SESSIONS) as pool:
        under_way: set[Future[int]] = set()
        for begin in begins:
            under_way.add(pool.submit(write, begin))
            if len(under_way) > SESSIONS:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        yield from (future.result() for future in under_way)
