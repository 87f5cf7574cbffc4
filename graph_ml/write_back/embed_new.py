"""Embeddings for customers and articles that were loaded after the training, from the weights kept in the graph."""

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
from ..network.fold_in import embed_as_of
from ..ranker.features import describe_articles
from .preflight import check_before_training
from .versions import load_version
from .write import IN_FORCE, claim_write_back, finish_move
from .write_vectors import find_places, write_facts, write_vectors


class NoModel(UserMistake):
    """No model has been trained on this graph."""


@dataclass(frozen=True)
class EmbedReceipt:
    """What was added.

    Attributes
    ----------
    version : the version in force, whose weights were used.
    customers, articles : how many nodes had no embedding and have one now.
    facts : of how many articles the ranker's facts were written anew; 0 where the version has no ranker.
    seconds : all in all.
    """

    version: int
    customers: int
    articles: int
    facts: int
    seconds: float


def embed_new(graph: Graph, progress: Progress = silent) -> EmbedReceipt:
    """Give an embedding to every customer and article that has none, without training.

    They come from the weights of the version in force over the graph as it is now. Those that nodes have already stay
    as they are; `hmrec train` makes all of them anew. Features and attributes are known before the first purchase, so
    nodes without any get one, too. Where the version has a ranker, the facts about articles that it asks for become
    those of the day after the last purchase.

    Parameters
    ----------
    graph : which graph.
    progress : told the steps.

    Raises
    ------
    NoModel : nothing was trained yet.
    UnknownVersion : the graph has not kept the weights of the version in force.
    LoadRunning : a load or a write-back is at work on this graph.
    UserMistake : the version in force has no weights, or another program's index or embeddings are in the way.
    """
    begun = time.monotonic()
    with claim_write_back(graph):
        model = read_state(graph).model
        if model is None:
            raise NoModel("No model is in this graph yet.", "`hmrec train` makes one, for all customers and articles.")
        check_before_training(graph)
        finish_move(graph, progress)
        trained = load_version(graph, model.version)
        if not trained.weights:
            raise UserMistake(
                f"Version {model.version} has tables alone, which know no nodes that came later.",
                "Run `hmrec train` again.",
            )
        subgraph = export_subgraph(graph, SubgraphSpec(isolated=True), progress)
        customers = find_places(graph, "customers_without_embedding", subgraph.customer_ids, slot=IN_FORCE)
        articles = find_places(graph, "articles_without_embedding", subgraph.article_ids, slot=IN_FORCE)
        graph.write("record_later_purchases", until=subgraph.until.isoformat())
        if len(customers) or len(articles):
            progress("Computing the embeddings", 0, None)
            vectors = embed_as_of(trained, subgraph, to_days(subgraph.until))
            write_vectors(graph, customers, vectors.customers, IN_FORCE, "customers", progress)
            write_vectors(graph, articles, vectors.articles, IN_FORCE, "articles", progress)
        facts = _refresh_facts(graph, subgraph, progress) if model.has_ranker else 0
        graph.write("record_embedded")
    return EmbedReceipt(model.version, len(customers), len(articles), facts, round(time.monotonic() - begun, 3))


def _refresh_facts(graph: Graph, subgraph: Subgraph, progress: Progress) -> int:
    """Write the facts as of the day after the last purchase; return of how many articles."""
    write_facts(graph, subgraph.article_ids, describe_articles(Snapshot.of(subgraph)), progress)
    return len(subgraph.article_ids)
