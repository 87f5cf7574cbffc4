"""Train what `--method hybrid` needs: the network, and a ranker whose targets the network has not seen."""

from __future__ import annotations

from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from ..cypher.recommenders import Method
from .candidates.nearest import Vectors
from .candidates.snapshot import Snapshot
from .export.read_views import add_views
from .export.subgraph import Subgraph, to_days
from .holdout.split import HoldOut
from .network.checkpoint import Checkpoint
from .network.devices import DeviceName, choose_device
from .network.fold_in import embed_as_of
from .network.own_vectors import align_vectors
from .network.trained_model import TrainedModel, TrainSettings
from .network.training import train
from .ranker.context import EmbedAsOf, RankingContext
from .ranker.features import describe_articles
from .ranker.fit import RankParts, RankSettings, first_day, train_ranker
from .ranker.ranker import Ranker
from .ranker.sources import BY_EMBEDDING, SOURCES, choose_sources


def add_training_views(graph: Graph, subgraph: Subgraph, progress: Progress = silent) -> Subgraph:
    """Return the subgraph with the views and carts of the weeks that a ranker with default settings learns from.

    Parameters
    ----------
    graph : the graph to read.
    subgraph : all purchases, exported with `SubgraphSpec(isolated=True)`.
    progress : receives the step.
    """
    return add_views(graph, subgraph, first_day(subgraph, RankSettings()), progress)


def train_hybrid(
    subgraph: Subgraph,
    settings: TrainSettings | None = None,
    rank_settings: RankSettings | None = None,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
    device: DeviceName = "auto",
) -> tuple[TrainedModel, RankParts | None]:
    """Return a network trained on all purchases, and a ranker trained on the last weeks, with current facts.

    The ranker's weeks use embeddings of a network trained on the purchases before the first of these weeks: the one
    that found the number of epochs or, where that one knows later purchases, a second one. `embed_as_of` updates its
    embeddings for each week without training.

    Parameters
    ----------
    subgraph : all purchases, exported with `SubgraphSpec(isolated=True)`, and the views for the ranker.
    settings, rank_settings : settings of the network and of the ranker; None for the defaults.
    sources : the recommenders that propose candidates.
    progress : receives the steps.
    checkpoint : checkpoint of the network's training, as for `train`.
    device : where the networks are trained, as for `train`.

    Returns
    -------
    The network, and None instead of the ranker after an interrupt or if no candidate was ever bought.
    """
    trained = train(subgraph, settings, progress, checkpoint, device=device)
    if trained.interrupted:
        return trained, None
    return trained, rank_parts(trained, subgraph, rank_settings, sources, progress, device)


def rank_parts(
    trained: TrainedModel,
    subgraph: Subgraph,
    rank_settings: RankSettings | None = None,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
    device: DeviceName = "auto",
) -> RankParts | None:
    """Return the ranker for a network trained on `subgraph`, with current facts.

    Parameters
    ----------
    trained : the network, or vectors that came without one.
    subgraph : the purchases that it was trained on.
    rank_settings : settings of the ranker; None for the defaults.
    sources : the recommenders that propose candidates.
    progress : receives the steps.
    device : where the networks are trained, as for `train`.

    Returns
    -------
    The ranker and the facts; None as for `train_ranker_for`.
    """
    ranker = train_ranker_for(trained, subgraph, rank_settings, sources, progress, device)
    if ranker is None:
        return None
    progress("Ranker: describing the articles", 0, None)
    return RankParts(ranker, describe_articles(Snapshot.of(subgraph)))


def train_ranker_for(
    trained: TrainedModel,
    subgraph: Subgraph,
    rank_settings: RankSettings | None = None,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
    device: DeviceName = "auto",
) -> Ranker | None:
    """Return the ranker for a network trained on `subgraph`, or for vectors without a network.

    Vectors without a network are as old as `trained.until`. The ranker learns from the weeks after that day.

    Parameters
    ----------
    trained : the network or the vectors.
    subgraph : the purchases that the network was trained on.
    rank_settings : settings of the ranker; None for the defaults.
    sources : the recommenders that propose candidates.
    progress : receives the steps.
    device : where the networks are trained, as for `train`.

    Returns
    -------
    The ranker; None if no candidate of the last weeks was ever bought, or if vectors without a network know the weeks
    that it learns from.
    """
    rank_settings = rank_settings or RankSettings()
    if not trained.weights and to_days(trained.until) > first_day(subgraph, rank_settings):
        return None
    embed = embed_earlier_weeks(trained, subgraph, rank_settings, progress, device)
    return train_ranker(subgraph, embed, rank_settings, sources, progress)


def embed_earlier_weeks(
    trained: TrainedModel,
    subgraph: Subgraph,
    rank_settings: RankSettings,
    progress: Progress = silent,
    device: DeviceName = "auto",
) -> EmbedAsOf | None:
    """Return the embeddings for the ranker's weeks, by a network that has not seen them; None if there is none.

    Parameters
    ----------
    trained, subgraph, progress, device : as for `train_ranker_for`.
    rank_settings : say which weeks.
    """
    start = first_day(subgraph, rank_settings)
    if not trained.weights:
        return lambda part, _: align_vectors(trained, part)
    earlier = subgraph.where(subgraph.time < start)
    if not earlier.num_edges:
        return None
    before = trained.before
    if before is None or to_days(before.until) > start:
        before = train(
            earlier,
            trained.settings.model_copy(update={"validation_days": 0, "epochs": trained.epochs}),
            lambda _, done, total: progress("Training on earlier weeks", done, total),
            device=device,
        )
    place, network = choose_device(device), before
    return lambda part, day: embed_as_of(network, part, day, place)


def make_ranking_context(held: HoldOut, trained: TrainedModel, ranker: Ranker) -> RankingContext:
    """Return the context of a ranker as of the first day held out, with a network trained on earlier purchases.

    Parameters
    ----------
    held : the purchases before and after the cut.
    trained : the network, trained on the purchases before the cut.
    ranker : the ranker whose candidates are described.
    """
    sources = choose_sources(ranker.sources, ranker.parameters)
    vectors = Vectors(trained.customers, trained.articles)
    return RankingContext.of(held, (lambda *_: vectors) if BY_EMBEDDING.name in ranker.sources else None, sources)
