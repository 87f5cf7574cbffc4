"""Run work in the processes that torchrun starts. They form a group; if one fails, all end with a single message."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import NoReturn

import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from ...cypher.errors import HmrecError, UserMistake
from ...cypher.redaction import redact
from .processes import Processes, ProcessLost

TIMEOUT = timedelta(hours=2)  # the other processes wait while the first one reads the graph


class _Stopped(BaseException):
    """The user or torchrun asked this process to end."""


def run_together(work: Callable[[Processes], None], command: str) -> NoReturn:
    """Join torchrun's other processes, do the work and exit: 0, 2 after a mistake of the user, or 1 after other errors.

    If a process is killed or Ctrl-C is pressed, all end, and one of them prints a message.

    Parameters
    ----------
    work : called with all processes.
    command : printed as a hint if torchrun did not start this process.
    """
    store = None
    try:
        if "RANK" not in os.environ:
            raise UserMistake("This command must be started by torchrun.", f"Run: {command}")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        store, rank, size = next(iter(rendezvous("env://", timeout=TIMEOUT)))
        dist.init_process_group(
            "gloo", store=PrefixStore("training", store), rank=rank, world_size=size, timeout=TIMEOUT
        )
        work(Processes.joined())
        dist.destroy_process_group()
    except _Stopped:
        _warn(store, "hmrec: The training was stopped. Run the same command again to resume from the checkpoint.")
        _leave(130)
    except HmrecError as error:
        _warn(store, f"hmrec: {error}")
        _leave(error.exit_status)
    except (RuntimeError, dist.DistError) as error:
        if "onnection" not in str(error):  # in gloo's message about a lost peer
            raise
        _warn(store, f"hmrec: {ProcessLost()}")
        _leave(1)
    _leave(0)


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _leave(status: int) -> NoReturn:
    """Exit at once, without waiting for peers, which may be gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _warn(store: Store | None, sentence: str) -> None:
    """Print a sentence, unless another process of this training has printed one."""
    try:
        first = store is None or store.add("sentences", 1) == 1
    except (RuntimeError, dist.DistError):  # torchrun is gone, and its store, too
        first = int(os.environ.get("RANK", "0")) == 0
    if first:
        print(redact(sentence), file=sys.stderr)
