"""Train with several processes: `torchrun --nproc-per-node N -m hmrec.graph_ml.train`.

Each process that torchrun starts comes to `main`. On each machine the first one reads the graph and keeps the export,
and the others map the same files (export/kept.py). All of them train (network/sharded.py); the very first one trains
the ranker and writes back.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from types import FrameType
from typing import NoReturn

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ..cypher.errors import HmrecError, UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import DETAIL, Progress, silent
from ..cypher.redaction import redact
from .export.kept import export_kept
from .export.subgraph import Subgraph, SubgraphSpec
from .hybrid import rank_parts
from .network.checkpoint import find_checkpoint
from .network.processes import Processes, ProcessLost
from .network.sharded import train_sharded
from .network.trained_model import TrainedModel
from .network.training import PRESETS
from .write_back.preflight import check_before_training
from .write_back.write import write_embeddings

WAIT = timedelta(hours=2)  # for the process that reads the graph
COMMAND = "torchrun --nproc-per-node 2 -m hmrec.graph_ml.train"


class _Stopped(BaseException):
    """The user or torchrun asked this process to end."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Train as one of torchrun's processes; exit status 0, or 2 for the user's mistakes and 1 for the world's.

    When a process is killed or Ctrl-C is pressed, all end, and one of them says so in one sentence.
    """
    store, size = None, 1
    try:
        options = _parse(arguments)
        if "RANK" not in os.environ:
            raise UserMistake("This trains with several processes that torchrun starts.", f"Run: {COMMAND}")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        store, rank, size = next(iter(rendezvous("env://", timeout=WAIT)))
        dist.init_process_group("gloo", store=PrefixStore("training", store), rank=rank, world_size=size, timeout=WAIT)
        _train(options, Processes.joined())
        dist.destroy_process_group()
    except _Stopped:
        _say(store, "hmrec: The training was stopped. Run the same command again: it goes on from the checkpoint.")
        _leave(130)
    except HmrecError as error:
        _say(store, f"hmrec: {error}")
        _leave(error.exit_status)
    except (RuntimeError, dist.DistError) as error:
        if "onnection" not in str(error):  # gloo's words for a peer that is gone
            raise
        _say(store, f"hmrec: {ProcessLost()}")
        _leave(1)
    _leave(0)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _leave(status: int) -> NoReturn:
    """End at once: the peers of a process that failed may be gone, so nothing is waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _say(store: Store | None, sentence: str) -> None:
    """Print a sentence, unless another process of this training has said one already."""
    try:
        first = store is None or store.add("sentences", 1) == 1
    except (RuntimeError, dist.DistError):  # torchrun itself is gone, and its store with it
        first = int(os.environ.get("RANK", "0")) == 0
    if first:
        print(redact(sentence), file=sys.stderr)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Train on the graph's purchases with several processes.")
    parser.add_argument("--since", type=date.fromisoformat, metavar="DATE", help="only purchases from that day on")
    parser.add_argument("--until", type=date.fromisoformat, metavar="DATE", help="only purchases before that day")
    parser.add_argument("--epochs", type=int, help="at most that many rounds over the purchases")
    parser.add_argument("--seed", type=int, help="the same seed and number of processes give the same embeddings")
    parser.add_argument(
        "--most-purchases",
        type=int,
        help="learn from customers with about so many purchases together; 0: from all",
        default=PRESETS["default"][0].most_purchases,
    )
    parser.add_argument("--no-ranker", action="store_true", help="leave the ranker of hybrid out")
    parser.add_argument("--fresh", action="store_true", help="read the graph even where an export of it is kept")
    return parser.parse_args(arguments)


def _train(options: argparse.Namespace, processes: Processes) -> None:
    settings, spec = PRESETS["default"]
    spec = SubgraphSpec.model_validate(spec.model_dump() | {"since": options.since, "until": options.until})
    chosen = {name: getattr(options, name) for name in ("epochs", "seed") if getattr(options, name) is not None}
    settings = settings.model_validate(
        settings.model_dump() | chosen | {"most_purchases": options.most_purchases or None}
    )
    progress: Progress = _print if processes.rank == 0 else silent
    with Graph.connect() as graph:
        check_before_training(graph)
        subgraph = _export_by_turns(graph, spec, processes, progress, options.fresh)
        checkpoint = find_checkpoint(tell=_complain)
        trained = train_sharded(subgraph, processes, settings, progress, checkpoint)
        if processes.rank == 0:
            ranked = not (options.no_ranker or options.since)
            _write_back(graph, subgraph, trained, ranked, progress)


def _export_by_turns(
    graph: Graph, spec: SubgraphSpec, processes: Processes, progress: Progress, fresh: bool
) -> Subgraph:
    """The subgraph; read from the graph by each machine's first process, which keeps it for the machine's others."""
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    subgraph = export_kept(graph, spec, progress, fresh=fresh) if first else None
    processes.add(torch.zeros(1))  # all wait until it is kept
    subgraph = subgraph or export_kept(graph, spec)
    size = torch.tensor([subgraph.num_edges, len(subgraph.customer_ids), len(subgraph.article_ids)])
    if not torch.equal(processes.add(size.clone()), size * processes.size):
        raise HmrecError("The processes read different purchases: the graph was loaded meanwhile.", "Run it again.")
    return subgraph


def _write_back(graph: Graph, subgraph: Subgraph, trained: TrainedModel, ranked: bool, progress: Progress) -> None:
    rank = rank_parts(trained, subgraph, progress=progress) if ranked else None
    receipt = write_embeddings(graph, trained, progress=progress, rank=rank)
    print(receipt.describe(trained))


_told: dict[str, str] = {}


def _complain(sentence: str) -> None:
    print(redact(sentence), file=sys.stderr, flush=True)


def _print(step: str, done: float, total: float | None) -> None:
    """Progress as lines, a new one for each step and for each epoch: torchrun's output is no terminal."""
    name, _, detail = step.partition(DETAIL)
    if _told.get("step") != name or (detail and _told.get("detail") != detail):
        _told.update(step=name, detail=detail)
        share = f" {done:,.0f} of {total:,.0f}" if detail and total else ""
        print(f"{name}{share}{': ' if detail else ''}{detail}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
