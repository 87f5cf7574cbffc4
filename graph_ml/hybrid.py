"""Train all that `--method hybrid` needs: the network, and a ranker whose targets the network has not seen."""

from __future__ import annotations

from ..cypher.progress import Progress, silent
from ..cypher.recommenders import Method
from .candidates.nearest import Vectors
from .candidates.snapshot import Snapshot
from .export.subgraph import Subgraph
from .holdout.split import HoldOut
from .network.checkpoint import Checkpoint
from .network.fold_in import embed_as_of
from .network.trained_model import TrainedModel, TrainSettings
from .network.training import train
from .ranker.features import describe_articles
from .ranker.fit import RankingContext, RankParts, RankSettings, first_day, train_ranker
from .ranker.ranker import Ranker
from .ranker.sources import BY_EMBEDDING, SOURCES, choose_sources


def train_hybrid(
    subgraph: Subgraph,
    settings: TrainSettings | None = None,
    rank_settings: RankSettings | None = None,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
) -> tuple[TrainedModel, RankParts | None]:
    """Return the network of all purchases, and the ranker of the last weeks with the facts that it needs today.

    The ranker's weeks use embeddings of a second network, trained for as many epochs on the purchases before the first
    of these weeks. `embed_as_of` brings it up to date for each week, without training.

    Parameters
    ----------
    subgraph : the purchases, whole: exported with `SubgraphSpec(isolated=True)`.
    settings, rank_settings : how; None for the defaults.
    sources : the sources of candidates.
    progress : called with the steps.
    checkpoint : of the network, as for `train`. After an interrupt there is no ranker.

    Returns
    -------
    The network, and the ranker; None for the ranker after an interrupt, or if no candidate was ever bought.
    """
    trained = train(subgraph, settings, progress, checkpoint)
    if trained.interrupted:
        return trained, None
    return trained, rank_parts(trained, subgraph, rank_settings, sources, progress)


def rank_parts(
    trained: TrainedModel,
    subgraph: Subgraph,
    rank_settings: RankSettings | None = None,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
) -> RankParts | None:
    """Return the ranker for a network trained on `subgraph`, and the facts that it needs today.

    Parameters
    ----------
    trained : the network.
    subgraph : the purchases that it was trained on.
    rank_settings : settings of the ranker; None for the defaults.
    sources : the sources of candidates.
    progress : called with the steps.

    Returns
    -------
    The ranker and the facts; None if no candidate of the last weeks was ever bought, as in a shop of two weeks.
    """
    ranker = train_ranker_for(trained, subgraph, rank_settings, sources, progress)
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
) -> Ranker | None:
    """Return the ranker for a network trained on `subgraph`.

    Parameters
    ----------
    trained : the network.
    subgraph : the purchases that it was trained on.
    rank_settings : settings of the ranker; None for the defaults.
    sources : the sources of candidates.
    progress : called with the steps.

    Returns
    -------
    The ranker; None if no candidate of the last weeks was ever bought, as in a shop of two weeks.
    """
    rank_settings = rank_settings or RankSettings()
    start = first_day(subgraph, rank_settings)
    earlier = subgraph.where(subgraph.time < start)
    if not earlier.num_edges:
        return train_ranker(subgraph, None, rank_settings, sources, progress)
    settings = trained.settings.model_copy(update={"validation_days": 0, "epochs": trained.epochs})
    before = train(earlier, settings, lambda _, done, total: progress("Training on the weeks before", done, total))
    return train_ranker(subgraph, lambda part, day: embed_as_of(before, part, day), rank_settings, sources, progress)


def make_ranking_context(held: HoldOut, trained: TrainedModel, ranker: Ranker) -> RankingContext:
    """Return what a ranker needs on the first day held out, with a network that was trained before it.

    Parameters
    ----------
    held : the purchases before and after the cut.
    trained : the network, trained on the purchases before the cut.
    ranker : the ranker whose candidates are described.
    """
    sources = choose_sources(ranker.sources)
    vectors = Vectors(trained.customers, trained.articles)
    return RankingContext.of(held, (lambda *_: vectors) if BY_EMBEDDING.name in ranker.sources else None, sources)
