"""Embed customers and articles loaded after the training, with the weights stored in the graph."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.state import read_state
from ..candidates.snapshot import Snapshot
from ..export.read_subgraph import export_subgraph
from ..export.subgraph import Subgraph, SubgraphSpec, to_days
from ..network.devices import DeviceName, choose_device
from ..network.fold_in import embed_as_of
from ..ranker.features import describe_articles
from .preflight import check_before_training
from .versions import load_version
from .write import IN_USE, claim_write_back, finish_move
from .write_vectors import find_places, write_facts, write_vectors


class NoModel(UserMistake):
    """No model has been trained on this graph."""


@dataclass(frozen=True)
class EmbedReceipt:
    """The result of `embed_new`.

    Attributes
    ----------
    version : the version in use, whose weights were used.
    customers, articles : number of nodes that got an embedding.
    facts : number of articles whose facts for the ranker were updated; 0 if the version has no ranker.
    seconds : total duration.
    """

    version: int
    customers: int
    articles: int
    facts: int
    seconds: float


def embed_new(graph: Graph, progress: Progress = silent, device: DeviceName = "auto") -> EmbedReceipt:
    """Embed every customer and article that has no embedding, without training.

    The embeddings are computed with the weights of the version in use, from the graph as it is now. Existing ones stay
    the same; only `hmrec train` replaces them. Nodes without a purchase also get one, from their features and
    attributes. If the version has a ranker, the facts about articles are updated to the day after the last purchase.

    Parameters
    ----------
    graph : the graph to update.
    progress : receives the steps.
    device : where to compute, as for `choose_device`.

    Raises
    ------
    NoModel : no model has been trained yet.
    UnknownVersion : the graph no longer stores the weights of the version in use.
    UserMistake : the version has no weights, something that hmrec did not create is in the way, or there is no such
        device.
    LoadRunning : a load or a write-back is running on this graph.
    """
    begun, place = time.monotonic(), choose_device(device)
    with claim_write_back(graph):
        model = read_state(graph).model
        if model is None:
            raise NoModel("No model is in this graph yet.", "`hmrec train` makes one, for all customers and articles.")
        check_before_training(graph)
        finish_move(graph, progress)
        trained = load_version(graph, model.version)
        if not trained.weights:
            raise UserMistake(
                f"Version {model.version} ({trained.name or 'TorchRec tables'}) has vectors alone, and no network that "
                "could embed new nodes.",
                "Write vectors of all nodes by `hmrec embed --from FILE`, or run `hmrec train`.",
            )
        subgraph = export_subgraph(graph, SubgraphSpec(isolated=True), progress)
        customers = find_places(graph, "customers_without_embedding", subgraph.customer_ids, slot=IN_USE)
        articles = find_places(graph, "articles_without_embedding", subgraph.article_ids, slot=IN_USE)
        graph.write("record_later_purchases", until=subgraph.until.isoformat())
        if len(customers) or len(articles):
            progress("Computing the embeddings", 0, None)
            vectors = embed_as_of(trained, subgraph, to_days(subgraph.until), place)
            write_vectors(graph, customers, vectors.customers, IN_USE, "customers", progress)
            write_vectors(graph, articles, vectors.articles, IN_USE, "articles", progress)
        facts = _refresh_facts(graph, subgraph, progress) if model.has_ranker else 0
        graph.write("record_embedded")
    return EmbedReceipt(model.version, len(customers), len(articles), facts, round(time.monotonic() - begun, 3))


def _refresh_facts(graph: Graph, subgraph: Subgraph, progress: Progress) -> int:
    """Write the facts as of the day after the last purchase; return the number of articles."""
    write_facts(graph, subgraph.article_ids, describe_articles(Snapshot.of(subgraph)), progress)
    return len(subgraph.article_ids)
