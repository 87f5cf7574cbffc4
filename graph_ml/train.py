"""Train all that `--method hybrid` needs: the network, and a ranker whose targets the network has not seen.

Run by `torchrun --nproc-per-node N -m hmrec.graph_ml.train`, several processes train together. On each machine the
first process reads the graph and keeps the export, which the others map into memory. All train the network; the first
process of all trains the ranker and writes back.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from typing import NoReturn

import torch

from ..cypher.errors import HmrecError
from ..cypher.graph import Graph
from ..cypher.progress import DETAIL, Progress, silent
from ..cypher.redaction import redact
from .candidates.nearest import Vectors
from .candidates.snapshot import Snapshot
from .export.kept import export_kept
from .export.subgraph import Subgraph, SubgraphSpec
from .holdout.split import HoldOut
from .network.checkpoint import Checkpoint, find_checkpoint
from .network.distributed import run_together
from .network.fold_in import embed_as_of
from .network.processes import Processes
from .network.trained_model import TrainedModel, TrainSettings
from .network.training import PRESETS, train
from .ranker.features import describe_articles
from .ranker.fit import Board, Ranker, RankParts, RankSettings, first_day, train_ranker
from .ranker.sources import EMBEDDING, SOURCES, Source, choose_sources
from .write_back.write import write_embeddings

COMMAND = "torchrun --nproc-per-node 2 -m hmrec.graph_ml.train"


def train_hybrid(
    subgraph: Subgraph,
    settings: TrainSettings | None = None,
    rank_settings: RankSettings | None = None,
    sources: tuple[Source, ...] = SOURCES,
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
    """
    trained = train(subgraph, settings, progress, checkpoint)
    if trained.interrupted:
        return trained, None
    return trained, rank_parts(trained, subgraph, rank_settings, sources, progress)


def rank_parts(
    trained: TrainedModel,
    subgraph: Subgraph,
    rank_settings: RankSettings | None = None,
    sources: tuple[Source, ...] = SOURCES,
    progress: Progress = silent,
) -> RankParts | None:
    """Return the ranker for a network trained on `subgraph`, and the facts that it needs today."""
    ranker = rank_with(trained, subgraph, rank_settings, sources, progress)
    if ranker is None:
        return None
    progress("Ranker: describing the articles", 0, None)
    return RankParts(ranker, describe_articles(Snapshot.of(subgraph)))


def rank_with(
    trained: TrainedModel,
    subgraph: Subgraph,
    rank_settings: RankSettings | None = None,
    sources: tuple[Source, ...] = SOURCES,
    progress: Progress = silent,
) -> Ranker | None:
    """Return the ranker for a network trained on `subgraph`."""
    rank_settings = rank_settings or RankSettings()
    start = first_day(subgraph, rank_settings)
    earlier = subgraph.where(subgraph.time < start)
    if not earlier.num_edges:
        return train_ranker(subgraph, None, rank_settings, sources, progress)
    settings = trained.settings.model_copy(update={"validation_days": 0, "epochs": trained.epochs})
    before = train(earlier, settings, lambda _, done, total: progress("Training on the weeks before", done, total))
    return train_ranker(subgraph, lambda part, day: embed_as_of(before, part, day), rank_settings, sources, progress)


def make_board(held: HoldOut, trained: TrainedModel, ranker: Ranker) -> Board:
    """Return what a ranker needs on the first day held out, with a network that was trained before it."""
    sources = choose_sources(ranker.sources)
    vectors = Vectors(trained.customers, trained.articles)
    return Board.of(held, (lambda *_: vectors) if EMBEDDING in ranker.sources else None, sources)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Train as one of torchrun's processes, and exit."""
    options = _parse(arguments)
    run_together(lambda processes: _train(options, processes), COMMAND)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Train on the graph's purchases with several processes.")
    parser.add_argument("--since", type=date.fromisoformat, metavar="DATE", help="only purchases from that day on")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="only purchases before that day")
    parser.add_argument("--epochs", type=int, help="at most that many rounds over the purchases")
    parser.add_argument("--seed", type=int, help="the same seed and number of processes give the same embeddings")
    parser.add_argument(
        "--most-purchases",
        type=int,
        help="train on a sample of customers with about N purchases in total; 0: on all",
        metavar="N",
        default=PRESETS["default"][0].most_purchases,
    )
    parser.add_argument("--no-ranker", action="store_true", help="do not train the ranker of hybrid")
    parser.add_argument("--fresh", action="store_true", help="read the graph even if an export of it is kept")
    return parser.parse_args(arguments)


def _train(options: argparse.Namespace, processes: Processes) -> None:
    settings, spec = PRESETS["default"]
    spec = SubgraphSpec.model_validate(spec.model_dump() | {"since": options.since, "until": options.until})
    chosen = {name: getattr(options, name) for name in ("epochs", "seed") if getattr(options, name) is not None}
    settings = settings.model_validate(
        settings.model_dump() | chosen | {"most_purchases": options.most_purchases or None}
    )
    progress: Progress = _ProgressLines() if processes.rank == 0 else silent
    with Graph.connect() as graph:
        subgraph = _export_in_turn(graph, spec, processes, progress, options.fresh)
        trained = train(subgraph, settings, progress, find_checkpoint(warn=_warn), processes)
        if processes.rank == 0:
            ranked = not (options.no_ranker or options.since)
            rank = rank_parts(trained, subgraph, progress=progress) if ranked else None
            print(write_embeddings(graph, trained, progress=progress, rank=rank).describe(trained))


def _export_in_turn(
    graph: Graph, spec: SubgraphSpec, processes: Processes, progress: Progress, fresh: bool
) -> Subgraph:
    """Return the subgraph; each machine's first process reads it from the graph and keeps it for the others."""
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    subgraph = export_kept(graph, spec, progress, fresh=fresh) if first else None
    processes.add(torch.zeros(1))  # all wait until it is kept
    subgraph = subgraph or export_kept(graph, spec)
    size = torch.tensor([subgraph.num_edges, len(subgraph.customer_ids), len(subgraph.article_ids)])
    if not torch.equal(processes.add(size.clone()), size * processes.size):
        raise HmrecError(
            "The processes read different purchases: the graph was loaded in the meantime.", "Run it again."
        )
    return subgraph


def _warn(sentence: str) -> None:
    print(redact(sentence), file=sys.stderr, flush=True)


class _ProgressLines:
    """Prints progress as lines, one for each step and for each epoch, because torchrun's output is no terminal."""

    def __init__(self) -> None:
        self.last = ("", "")

    def __call__(self, step: str, done: float, total: float | None) -> None:
        name, _, detail = step.partition(DETAIL)
        if self.last[0] == name and (not detail or self.last[1] == detail):
            return
        self.last = name, detail or self.last[1]
        share = f" {done:,.0f} of {total:,.0f}" if detail and total else ""
        print(f"{name}{share}{': ' if detail else ''}{detail}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
