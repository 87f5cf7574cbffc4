"""Write embeddings back on the nodes, so that readers have either the version before or the new one, whole.

There are two slots. At rest the version in force is in `Customer.embedding` and `Article.embedding`. A new one goes to
`embedding_staged`, gets its vector indexes, and comes into force by one change of the (:Model) that every reader looks
at first; then it moves to `embedding` while readers take it from where it was staged, and by a second such change they
take it from there. Wherever this is killed, the (:Model) names a slot that is whole, and the next write-back tidies
up.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cypher.errors import HmrecError
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .export import IdMap
from .train import TrainedModel

IN_FORCE, STAGED = "embedding", "embedding_staged"
NODES_A_BATCH = 5_000  # 64 numbers each: 1.3 MB; 2,000 a batch were slower and 10,000 no faster
INDEX_SECONDS = 4 * 3600.0
LIBRARIES = ("hmrec", "torch", "torch-geometric", "numpy", "scipy", "neo4j")


@dataclass(frozen=True)
class WriteBackReceipt:
    """What a write-back did.

    Attributes
    ----------
    version : the new version's number, now in force.
    customers, articles : how many nodes have an embedding.
    seconds : by step.
    """

    version: int
    customers: int
    articles: int
    seconds: dict[str, float] = field(default_factory=dict)


def write_embeddings(
    graph: Graph, trained: TrainedModel, metrics: dict[str, float] | None = None, progress: Progress = silent
) -> WriteBackReceipt:
    """Put a trained model's embeddings in force: on the nodes, with a vector index each, told by a (:Model).

    Nodes that the model does not know have no embedding afterwards. Only one write-back may run at a time.

    Parameters
    ----------
    graph : where to.
    trained : the embeddings.
    metrics : what is known of their quality, kept on the (:Model).
    progress : told the nodes written and the indexes' percent.

    Raises
    ------
    HmrecError : an index could not be built; the version before stays in force.
    """
    seconds: dict[str, float] = {}
    clock = time.monotonic()

    def lap(step: str) -> None:
        nonlocal clock
        seconds[step] = round(time.monotonic() - clock, 3)
        clock = time.monotonic()

    finish_move(graph, progress)
    slot = STAGED if len(graph.read("model_in_force")) else IN_FORCE
    _clear(graph, slot)
    lap("clearing")
    customers = _write(graph, "export_customers", trained.customer_ids, trained.customers, slot, "customers", progress)
    articles = _write(graph, "export_articles", trained.article_ids, trained.articles, slot, "articles", progress)
    lap("writing")
    _build_indexes(graph, slot, trained.settings.dim, progress)
    lap("indexing")
    receipt = graph.write("put_in_force", model=_describe(trained, metrics or {}), slot=slot)
    finish_move(graph, progress)
    lap("putting in force")
    return WriteBackReceipt(int(receipt.rows[0]["version"]), customers, articles, seconds)


def finish_move(graph: Graph, progress: Progress = silent) -> None:
    """Bring the version in force to where it is at rest, if a write-back left it in its staging place."""
    found = graph.read("model_in_force")
    if not len(found) or found["slot"][0] == IN_FORCE:
        return
    progress("Moving the new embeddings into place", 0, None)
    graph.write("drop_indexes")
    graph.write("move_embeddings")
    _build_indexes(graph, IN_FORCE, int(found["dim"][0]), progress)
    graph.write("point_model", slot=IN_FORCE)
    _clear(graph, STAGED)


def _clear(graph: Graph, slot: str) -> None:
    graph.write("drop_indexes" if slot == IN_FORCE else "drop_staged_indexes")
    graph.write("clear_embeddings", slot=slot)


def _write(
    graph: Graph, query: str, ids: IdMap, vectors: npt.NDArray[np.float32], slot: str, kind: str, progress: Progress
) -> int:
    """Write [n, dim] vectors on the nodes of `ids`; how many nodes there were."""
    nodes = [(row[0], ids.index(row[1])) for row in graph.stream(query) if row[1] in ids]
    written = 0
    for begin in range(0, len(nodes), NODES_A_BATCH):
        part = nodes[begin : begin + NODES_A_BATCH]
        embeddings = graph.to_vectors(vectors[[place for _, place in part]])
        rows = [[node, embedding] for (node, _), embedding in zip(part, embeddings, strict=True)]
        written += int(graph.write("write_embeddings", slot=slot, rows=rows).rows[0]["written"])
        progress(f"Writing the embeddings of {kind}", written, len(nodes))
    return written


def _build_indexes(graph: Graph, slot: str, dim: int, progress: Progress) -> None:
    """Make the slot's vector indexes and wait until they answer."""
    graph.write("create_indexes" if slot == IN_FORCE else "create_staged_indexes", dim=dim)
    names = {f"article_{slot}", f"customer_{slot}"}
    until = time.monotonic() + INDEX_SECONDS
    while time.monotonic() < until:
        indexes = graph.read("vector_indexes")
        indexes = indexes[indexes["name"].isin(names)]
        if (indexes["state"] == "FAILED").any():
            break
        progress("Building the vector indexes", float(indexes["percent"].mean()), 100)
        if (indexes["state"] == "ONLINE").all():
            return
        time.sleep(0.3)
    raise HmrecError("Neo4j could not build the vector indexes.", "Its log tells why; then train again.")


def _describe(trained: TrainedModel, metrics: dict[str, float]) -> dict[str, Any]:
    """The properties of the (:Model)."""
    best = max(trained.history, key=lambda epoch: epoch.score) if trained.history else None
    validation = {"validation_map_all": best.map_all, "validation_map_new": best.map_new} if best else {}
    return {
        "name": "LightGCN",
        "dim": trained.settings.dim,
        "since": trained.since.isoformat(),
        "until": trained.until.isoformat(),
        "purchases": trained.purchases,
        "customers": len(trained.customer_ids),
        "articles": len(trained.article_ids),
        "epochs": trained.epochs,
        "hyperparameters": trained.settings.model_dump_json(),
        "libraries": json.dumps({name: version(name) for name in LIBRARIES}),
        **validation,
        **metrics,
    }
