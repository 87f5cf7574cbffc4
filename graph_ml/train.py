"""Train with several processes: `torchrun --nproc-per-node N -m hmrec.graph_ml.train`.

On each machine, the first process reads the graph and caches the export, and the others map it into memory. All train
the network. The process of rank 0 trains the ranker and writes back.
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
from .candidates.learn_cf import learn_cf
from .export.kept import export_kept
from .export.subgraph import Subgraph, SubgraphSpec
from .hybrid import add_training_views, rank_parts
from .network.checkpoint import find_checkpoint
from .network.distributed import run_together
from .network.processes import Processes
from .network.training import PRESETS, train
from .ranker.sources import apply_cf
from .relate.relate import relate_if_missing
from .write_back.preflight import check_before_training
from .write_back.write import write_embeddings

COMMAND = "torchrun --nproc-per-node 2 -m hmrec.graph_ml.train"
"""The command that starts two processes on one machine."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Train as one of torchrun's processes, and exit.

    Parameters
    ----------
    arguments : the words after the module's name; None for those of the command line.
    """
    options = _parse(arguments)
    run_together(lambda processes: _train(options, processes), COMMAND)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Train on the graph's purchases with several processes.")
    parser.add_argument("--since", type=date.fromisoformat, metavar="DATE", help="only purchases from this day on")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="only purchases before this day")
    parser.add_argument("--epochs", type=int, help="maximum number of epochs")
    parser.add_argument("--seed", type=int, help="the same seed and number of processes give the same embeddings")
    parser.add_argument(
        "--most-purchases",
        type=int,
        help="train on a sample of customers with about N purchases in total; 0: on all",
        metavar="N",
        default=PRESETS["default"][0].most_purchases,
    )
    parser.add_argument("--no-ranker", action="store_true", help="do not train the ranker of hybrid")
    parser.add_argument("--fresh", action="store_true", help="read the graph even if its export is cached")
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
        check_before_training(graph)
        subgraph = _export_in_turn(graph, spec, processes, progress, options.fresh)
        trained = train(subgraph, settings, progress, find_checkpoint(warn=_warn), processes)
        if processes.rank == 0:
            ranked = not (options.no_ranker or options.since)
            cf = None if options.since else learn_cf(subgraph, progress)
            rank = None
            if ranked and cf:
                known = add_training_views(graph, subgraph, progress)
                rank = rank_parts(trained, known, sources=apply_cf(cf, known), progress=progress)
            print(write_embeddings(graph, trained, progress=progress, rank=rank, cf=cf).describe(trained))
            if rank is not None:
                relate_if_missing(graph, subgraph, progress)


def _export_in_turn(
    graph: Graph, spec: SubgraphSpec, processes: Processes, progress: Progress, fresh: bool
) -> Subgraph:
    """Return the subgraph; each machine's first process reads it from the graph and caches it for the others."""
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    subgraph = export_kept(graph, spec, progress, fresh=fresh) if first else None
    processes.add(torch.zeros(1))  # waits until it is cached
    subgraph = subgraph or export_kept(graph, spec)
    size = torch.tensor([subgraph.num_edges, len(subgraph.customer_ids), len(subgraph.article_ids)])
    if not torch.equal(processes.add(size.clone()), size * processes.size):
        raise HmrecError(
            "The processes read different purchases, because a load ran at the same time.", "Run it again."
        )
    return subgraph


def _warn(sentence: str) -> None:
    print(redact(sentence), file=sys.stderr, flush=True)


class _ProgressLines:
    """Prints a line for each step and each epoch, because the output of torchrun is not a terminal."""

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
