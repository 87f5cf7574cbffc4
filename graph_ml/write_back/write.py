"""Write embeddings back to the nodes. Readers always see one complete version, the previous or the new one.

There are two slots. At rest, the version in use is in the property `embedding` of customers and articles. A new version
is written to `embedding_staged`, which has a vector index of its own. One number of the (:ModelInForce), which every
reader reads first, then puts it into use. After that, it moves to `embedding`. Readers use the staged slot until a flag
of its (:Model) says that the move is done. If the process is killed at any point, the (:Model) in use refers to a
complete slot, and the next write-back cleans up.
"""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import Any

from ...cypher.claim import name_writer
from ...cypher.graph import Graph
from ...cypher.learned_cf import LearnedCf
from ...cypher.progress import Progress, silent
from ...cypher.state import read_state
from ..network.trained_model import TrainedModel
from ..ranker.fit import RankParts
from .preflight import check_before_training
from .vector_indexes import ARTICLES, CUSTOMERS, drop_customer_index, prepare_index
from .versions import KEPT_VERSIONS, NETWORK, load_version, store_model
from .write_vectors import find_places, write_facts, write_vectors

IN_USE = "embedding"
"""The property that holds the embeddings in use, unless the model says `staged`."""
STAGED = "embedding_staged"
"""The property that holds the embeddings of a version while it is written and put into use."""
_NODES_AT_ONCE = 50_000  # moved in one transaction, so that later queries that read `embedding` see one version
_READERS_SECONDS = 10.0  # maximum wait for running queries
_LIBRARIES = ("hmrec", "torch", "torch-geometric", "numpy", "scipy", "neo4j")


@dataclass(frozen=True)
class WriteBackReceipt:
    """The result of a write-back.

    Attributes
    ----------
    version : number of the version now in use.
    customers, articles : number of nodes with an embedding.
    seconds : duration of each step.
    """

    version: int
    customers: int
    articles: int
    seconds: dict[str, float] = field(default_factory=dict)

    def describe(self, trained: TrainedModel) -> str:
        """Describe what was written in a sentence."""
        if trained.name:
            return (
                f"Model {self.version}: vectors of {trained.name} with {trained.settings.dim} dimensions "
                f"on {self.customers:,} customers and {self.articles:,} articles."
            )
        sampled = f" of {len(trained.learned_from):,} sampled customers" if trained.learned_from is not None else ""
        return (
            f"Model {self.version}: embeddings of {trained.settings.dim} dimensions on {self.customers:,} customers "
            f"and {self.articles:,} articles, learned from {trained.purchases:,} purchases{sampled} "
            f"in {trained.epochs} epochs."
        )


def write_embeddings(
    graph: Graph,
    trained: TrainedModel,
    metrics: dict[str, float] | None = None,
    progress: Progress = silent,
    keep: int = KEPT_VERSIONS,
    customer_index: bool = False,
    rank: RankParts | None = None,
    cf: LearnedCf | None = None,
) -> WriteBackReceipt:
    """Write a trained model to the graph and put it into use: embeddings on the nodes, vector indexes, and a (:Model).

    Nodes that the model does not know have no embedding afterwards. The model itself is also stored in the graph, so
    that `use_version` can use it again.

    Parameters
    ----------
    graph : the graph to write to.
    trained : the model.
    metrics : measures of its quality, stored on the (:Model).
    progress : receives the number of nodes written.
    keep : number of versions whose model stays stored: the one in use, and the newest others.
    customer_index : whether to create a vector index of the customers, too.
    rank : the ranker trained with the model, and the facts about articles that it needs. None: no ranker.
    cf : the parameters of `user_based_cf` that the model's training learned. None: the defaults of the query's header.

    Raises
    ------
    LoadRunning : a load or another write-back is running on this graph.
    UserMistake : indexes or embeddings that hmrec did not create are in the way, see `check_before_training`.
    HmrecError : an index could not be built; the previous version stays in use.
    """
    with claim_write_back(graph):
        check_before_training(graph)
        _tidy(graph, keep)
        version = int(graph.read_column("next_version")[0])
        begun = time.monotonic()
        parts = store_model(graph, version, trained, progress)
        if rank is not None:
            write_facts(graph, trained.article_ids, rank.facts, progress)
            graph.write("keep_ranker", version=version, text=rank.ranker.to_text())
        storing = round(time.monotonic() - begun, 3)
        model = _describe(trained, metrics or {}) | {"parts": parts} | _describe_ranker(rank) | _describe_cf(cf)
        receipt = _activate(graph, trained, version, model, progress, customer_index)
        _tidy(graph, keep)
    return replace(receipt, seconds=receipt.seconds | {"storing": storing})


def use_version(graph: Graph, version: int, progress: Progress = silent) -> WriteBackReceipt:
    """Use a stored version again; nodes that no longer exist are skipped.

    Parameters
    ----------
    graph : the graph of the versions.
    version : the version's number.
    progress : called with the nodes written.

    Raises
    ------
    UnknownVersion : there is no such version, or its embeddings are no longer stored.
    LoadRunning : a load or another write-back is running on this graph.
    """
    with claim_write_back(graph):
        check_before_training(graph)
        trained = load_version(graph, version)
        return _activate(graph, trained, version, {}, progress, customer_index=False)


def _activate(
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
    slot = IN_USE if first else STAGED
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
    lap("activating")
    return WriteBackReceipt(version, customers, articles, seconds)


def finish_move(graph: Graph, progress: Progress = silent) -> None:
    """Move the version in use to `embedding` if a write-back left it in the staged slot."""
    state = read_state(graph)
    if state.model is None or not state.model.staged:
        return
    progress("Moving the new embeddings into place", 0, None)
    let_readers_finish(graph)
    drop_customer_index(graph)
    prepare_index(graph, ARTICLES[IN_USE], state.model.dim, progress)
    small = state.customers + state.articles <= _NODES_AT_ONCE
    graph.write("move_embeddings_at_once" if small else "move_embeddings")
    graph.write("point_model", staged=False)
    let_readers_finish(graph)
    graph.write("clear_embeddings", slot=STAGED)


def let_readers_finish(graph: Graph) -> None:
    """Wait for running queries: they may have read the version or its slot before these changed."""
    before = _find_running(graph)
    until = time.monotonic() + _READERS_SECONDS
    while before & _find_running(graph) and time.monotonic() < until:
        time.sleep(0.05)


def _find_running(graph: Graph) -> set[str]:
    return set(graph.read_column("running_queries", database=graph.settings.database))


def claim_write_back(graph: Graph) -> AbstractContextManager[None]:
    """Return the claim to be the only client that loads or writes embeddings; it names this process to others."""
    return graph.claim(name_writer("embeddings are being written back"))


def _tidy(graph: Graph, keep: int) -> None:
    graph.write("tidy_models")
    graph.write("tidy_parts", keep=keep)
    graph.write("tidy_rankers", keep=keep)


def _write_all(graph: Graph, trained: TrainedModel, slot: str, progress: Progress) -> tuple[int, int]:
    """Write all embeddings to a slot; return the numbers of customers and articles written."""
    customers = find_places(graph, "customer_nodes", trained.customer_ids)
    articles = find_places(graph, "article_nodes", trained.article_ids)
    return (
        write_vectors(graph, customers, trained.customers, slot, "customers", progress),
        write_vectors(graph, articles, trained.articles, slot, "articles", progress),
    )


def _describe(trained: TrainedModel, metrics: dict[str, float]) -> dict[str, Any]:
    """Return the properties of the (:Model)."""
    best = trained.best
    validation = {"validation_map_all": best.map_all, "validation_map_new": best.map_new} if best else {}
    return {
        "name": trained.name or (NETWORK if trained.weights else "TorchRec tables"),
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


def _describe_cf(cf: LearnedCf | None) -> dict[str, Any]:
    """Return the parameters of `user_based_cf` that a version learned, and why; empty without them."""
    if cf is None:
        return {}
    found = {"cf_all": cf.all, "cf_new": cf.new}
    return {f"{kind}_{name}": value for kind, one in found.items() for name, value in asdict(one).items()}


def _describe_ranker(rank: RankParts | None) -> dict[str, str | float | None]:
    """Return how a version's ranker orders all articles and new ones, how well, and why; empty without one."""
    if rank is None:
        return {}
    everything, new = rank.ranker.orders
    return {
        "ranker_all": everything.order,
        "ranker_new": new.order,
        "ranker_all_why": everything.why,
        "ranker_new_why": new.why,
        "ranker_all_map": everything.value,
        "ranker_new_map": new.value,
    }
