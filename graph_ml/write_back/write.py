"""Write embeddings back on the nodes, so that readers have either the version before or the new one, whole.

There are two slots. At rest the version in force is in `Customer.embedding` and `Article.embedding`. A new one goes to
`embedding_staged`, which has a vector index of its own, and comes into force by one number of the (:ModelInForce) that
every reader looks at first; then it moves to `embedding` while readers take it from where it was staged, and by one
boolean of its (:Model) they take it from there. Wherever this is killed, the (:Model) in force tells a slot that is
whole, and the next write-back tidies up.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.state import read_state
from ..network.trained_model import TrainedModel
from ..ranker.fit import RankParts
from .preflight import check_before_training
from .vector_indexes import ARTICLES, CUSTOMERS, drop_customer_index, prepare_index
from .versions import KEPT_VERSIONS, keep_model, load_version
from .write_vectors import find_places, write_facts, write_vectors

IN_FORCE = "embedding"
"""The property that holds the embeddings in force, unless the model says `staged`."""
STAGED = "embedding_staged"
"""The property that holds the embeddings of a version while it is written and put in force."""
_NODES_AT_ONCE = 50_000  # moved in one transaction: a direct reader's query that begins later sees no mixture
_READERS_SECONDS = 10.0
_LIBRARIES = ("hmrec", "torch", "torch-geometric", "numpy", "scipy", "neo4j")


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

    def describe(self, trained: TrainedModel) -> str:
        """What was written of a model, in a sentence."""
        drawn = f", of {len(trained.learned_from):,} customers drawn," if trained.learned_from is not None else ""
        return (
            f"Model {self.version}: embeddings of {trained.settings.dim} dimensions, learned from "
            f"{trained.purchases:,} purchases{drawn} in {trained.epochs} epochs, are on {self.customers:,} customers "
            f"and {self.articles:,} articles."
        )


def write_embeddings(
    graph: Graph,
    trained: TrainedModel,
    metrics: dict[str, float] | None = None,
    progress: Progress = silent,
    keep: int = KEPT_VERSIONS,
    customer_index: bool = False,
    rank: RankParts | None = None,
) -> WriteBackReceipt:
    """Put a trained model's embeddings in force: on the nodes, the articles with a vector index, told by a (:Model).

    Nodes that the model does not know have no embedding afterwards. The model itself is kept in the graph beside it,
    so that `use_version` can put it in force again.

    Parameters
    ----------
    graph : where to.
    trained : the embeddings.
    metrics : what is known of their quality, kept on the (:Model).
    progress : told the nodes written.
    keep : so many versions keep their embeddings in the graph, the one in force and the newest others.
    customer_index : make a vector index of the customers, too.
    rank : the ranker that was trained with the model, and the facts about articles that it asks for.

    Raises
    ------
    LoadRunning : a load or another write-back is at work on this graph.
    UserMistake : an index or embeddings of somebody else's are in the way, as `check_before_training`.
    HmrecError : an index could not be built; the version before stays in force.
    """
    with claim_write_back(graph):
        check_before_training(graph)
        _tidy(graph, keep)
        version = int(graph.read_column("next_version")[0])
        begun = time.monotonic()
        parts = keep_model(graph, version, trained, progress)
        if rank is not None:
            write_facts(graph, trained.article_ids, rank.facts, progress)
            graph.write("keep_ranker", version=version, text=rank.ranker.to_text())
        kept_after = round(time.monotonic() - begun, 3)
        model = _describe(trained, metrics or {}) | {"parts": parts}
        receipt = _put_in_force(graph, trained, version, model, progress, customer_index)
        _tidy(graph, keep)
    return replace(receipt, seconds=receipt.seconds | {"keeping": kept_after})


def use_version(graph: Graph, version: int, progress: Progress = silent) -> WriteBackReceipt:
    """Put a version in force again that the graph has kept; nodes that exist no more are passed over.

    Parameters
    ----------
    graph : the graph of the versions.
    version : the version's number.
    progress : called with the nodes written.

    Raises
    ------
    UnknownVersion : there is none of that number, or its embeddings are kept no more.
    LoadRunning : a load or another write-back is at work on this graph.
    """
    with claim_write_back(graph):
        check_before_training(graph)
        trained = load_version(graph, version)
        return _put_in_force(graph, trained, version, {}, progress, customer_index=False)


def _put_in_force(
    graph: Graph, trained: TrainedModel, version: int, model: dict[str, Any], progress: Progress, customer_index: bool
) -> WriteBackReceipt:
    seconds: dict[str, float] = {}
    clock = time.monotonic()

    def lap(step: str) -> None:
        nonlocal clock
        seconds[step] = round(time.monotonic() - clock, 3)
        clock = time.monotonic()

    finish_move(graph, progress)
    first = read_state(graph).model is None
    slot = IN_FORCE if first else STAGED
    graph.write("clear_embeddings", slot=slot)
    for name in ARTICLES.values() if first else (ARTICLES[slot],):
        prepare_index(graph, name, trained.settings.dim, progress)
    lap("preparing")
    customers, articles = _write_all(graph, trained, slot, progress)
    lap("writing")
    graph.write("prepare_model", version=version, model=model, staged=slot == STAGED)
    graph.write("activate_model", version=version)
    finish_move(graph, progress)
    if customer_index:
        prepare_index(graph, CUSTOMERS, trained.settings.dim, progress)
    lap("putting in force")
    return WriteBackReceipt(version, customers, articles, seconds)


def finish_move(graph: Graph, progress: Progress = silent) -> None:
    """Bring the version in force to where it is at rest, if a write-back left it in its staging place."""
    state = read_state(graph)
    if state.model is None or not state.model.staged:
        return
    progress("Moving the new embeddings into place", 0, None)
    _let_readers_finish(graph)
    drop_customer_index(graph)
    prepare_index(graph, ARTICLES[IN_FORCE], state.model.dim, progress)
    small = state.customers + state.articles <= _NODES_AT_ONCE
    graph.write("move_embeddings_at_once" if small else "move_embeddings")
    graph.write("point_model", staged=False)
    _let_readers_finish(graph)
    graph.write("clear_embeddings", slot=STAGED)


def _let_readers_finish(graph: Graph) -> None:
    """Wait for the queries that run now: they may have read what is in force, or where, before that changed."""
    before = _find_running(graph)
    until = time.monotonic() + _READERS_SECONDS
    while before & _find_running(graph) and time.monotonic() < until:
        time.sleep(0.05)


def _find_running(graph: Graph) -> set[str]:
    return set(graph.read_column("running_queries", database=graph.settings.database))


def claim_write_back(graph: Graph) -> AbstractContextManager[None]:
    """Be the only one to write embeddings or to load, and tell others who it is."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return graph.claim(f"embeddings are being written back (since {since}, process {os.getpid()} on {platform.node()})")


def _tidy(graph: Graph, keep: int) -> None:
    graph.write("tidy_models")
    graph.write("tidy_parts", keep=keep)
    graph.write("tidy_rankers", keep=keep)


def _write_all(graph: Graph, trained: TrainedModel, slot: str, progress: Progress) -> tuple[int, int]:
    """How many customers and articles have an embedding now."""
    customers = find_places(graph, "customer_nodes", trained.customer_ids)
    articles = find_places(graph, "article_nodes", trained.article_ids)
    return (
        write_vectors(graph, customers, trained.customers, slot, "customers", progress),
        write_vectors(graph, articles, trained.articles, slot, "articles", progress),
    )


def _describe(trained: TrainedModel, metrics: dict[str, float]) -> dict[str, Any]:
    """The properties of the (:Model)."""
    best = trained.best
    validation = {"validation_map_all": best.map_all, "validation_map_new": best.map_new} if best else {}
    return {
        "name": "LightGCN" if trained.weights else "TorchRec tables",
        "dim": trained.settings.dim,
        "since": trained.since.isoformat(),
        "until": trained.until.isoformat(),
        "purchases": trained.purchases,
        "customers": len(trained.customer_ids),
        "articles": len(trained.article_ids),
        "learned_from": len(trained.trained_customers),
        "epochs": trained.epochs,
        "hyperparameters": trained.settings.model_dump_json(),
        "libraries": json.dumps({name: version(name) for name in _LIBRARIES}),
        **validation,
        **metrics,
    }
