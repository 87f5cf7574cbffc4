"""Train on the graph and write everything back: what `hmrec train` does, and `hmrec refresh` when it retrains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..cypher.graph import Graph
from ..cypher.learned_cf import LearnedCf
from ..cypher.plans import renew_plans
from ..cypher.progress import Notify, Progress, silent
from ..cypher.state import read_state
from .candidates.learn_cf import learn_cf
from .export.kept import export_kept
from .export.subgraph import Subgraph, SubgraphSpec
from .hybrid import add_training_views, train_hybrid
from .network.checkpoint import find_checkpoint
from .network.devices import DeviceName
from .network.trained_model import TrainedModel, TrainSettings
from .network.training import train
from .ranker.fit import RankParts
from .ranker.sources import apply_cf
from .relate.relate import RelateReceipt, relate_subgraph
from .write_back.preflight import check_before_training
from .write_back.write import WriteBackReceipt, write_embeddings


@dataclass(frozen=True)
class Training:
    """The result of `train_shop`.

    Attributes
    ----------
    trained : the network.
    receipt : what was written to the graph.
    rank : the ranker; None if none was trained.
    cf : the parameters of `user_based_cf` that were learned; None if the graph was read in part.
    relations : the article relationships; None if the training does not know all purchases.
    """

    trained: TrainedModel
    receipt: WriteBackReceipt
    rank: RankParts | None
    cf: LearnedCf | None
    relations: RelateReceipt | None

    def describe(self) -> list[str]:
        """Return what was done, in sentences."""
        lines = [self.receipt.describe(self.trained)]
        if self.relations is not None:
            lines.append(self.relations.describe())
        if self.cf is not None:
            lines.append(f"user_based_cf, all articles: {self.cf.all.describe()}")
            lines.append(f"user_based_cf, new articles: {self.cf.new.describe()}")
        if self.rank is not None:
            for kind, choice in zip(("all", "new"), self.rank.ranker.orders, strict=True):
                lines.append(f"Ranker, {kind} articles: by {choice.order}{f'. {choice.why}' if choice.why else ''}.")
        if (best := self.trained.best) is not None:
            lines.append(
                f"On the last weeks, held out {self.trained.settings.validation_days} days at a time: MAP@12 "
                f"{best.map_all:.4f} on all, {best.map_new:.4f} on new purchases."
            )
        return lines


def train_shop(
    graph: Graph,
    settings: TrainSettings,
    spec: SubgraphSpec,
    *,
    is_whole: bool = True,
    ranker: bool = True,
    train_network: Callable[[Subgraph], TrainedModel] | None = None,
    fresh: bool = False,
    customer_index: bool = False,
    device: DeviceName = "auto",
    progress: Progress = silent,
    warn: Notify | None = None,
) -> Training:
    """Train the network and the ranker, and write embeddings and article relationships.

    A training that was killed continues from its last checkpoint when it is called again.

    Parameters
    ----------
    graph : the graph.
    settings : settings of the network.
    spec : the part of the graph to train on.
    is_whole : whether it is the whole graph, so that `user_based_cf`, the ranker and the article relationships are
        learned, too.
    ranker : whether to train the ranker, if it is the whole graph.
    train_network : trains another network in place of hmrec's; None for hmrec's.
    fresh : read the graph, even if the cached export is current.
    customer_index : whether to create a vector index of the customers, too.
    device : where to train, as for `choose_device`.
    progress : receives the steps.
    warn : called with a sentence if the checkpoint cannot be written, or if the server keeps old plans of queries.

    Raises
    ------
    LoadRunning : a load or a write-back is running on this graph.
    UserMistake : something that hmrec did not create is in the way.
    """
    check_before_training(graph)
    state = read_state(graph)
    subgraph = export_kept(graph, spec, progress, fresh=fresh)
    cf = learn_cf(subgraph, progress) if is_whole else None
    checkpoint = find_checkpoint(warn=warn)
    rank = None
    if train_network is not None:
        trained = train_network(subgraph)
    elif cf is not None and ranker:
        known = add_training_views(graph, subgraph, progress)
        trained, rank = train_hybrid(
            known, settings, sources=apply_cf(cf, known), progress=progress, checkpoint=checkpoint, device=device
        )
    else:
        trained = train(subgraph, settings, progress, checkpoint, device=device)
    receipt = write_embeddings(graph, trained, progress=progress, customer_index=customer_index, rank=rank, cf=cf)
    knows_all = is_whole and spec.until is None and not trained.interrupted
    relations = relate_subgraph(graph, subgraph, progress, state) if knows_all else None
    if state.model is None:  # the graph may have grown from nothing by events
        refusal = renew_plans(graph)
        if refusal and warn:
            warn(refusal)
    return Training(trained, receipt, rank, cf, relations)
