"""The processes that train together: PyTorch's process group, with what sharded training asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from ...cypher.errors import HmrecError


class ProcessLost(HmrecError):
    """Another of the processes that train together is gone."""

    def __init__(self) -> None:
        super().__init__(
            "A process of the training is gone, so all end.",
            "Run the same command again: it goes on from the checkpoint.",
        )


@dataclass(frozen=True)
class Processes:
    """All processes of a training, and which of them this one is.

    Every method is to be called by all of them, in the same order. Each raises `ProcessLost` if one is gone.

    Attributes
    ----------
    rank : this process's number, 0 to size - 1.
    size : how many there are.
    """

    rank: int
    size: int

    @classmethod
    def joined(cls) -> Processes:
        """Those of the process group that this process has joined."""
        return cls(dist.get_rank(), dist.get_world_size())

    def add(self, x: Tensor) -> Tensor:
        """The sum of x over all processes, in place; the same bits for everybody."""
        try:
            dist.all_reduce(x)
        except RuntimeError as error:  # gloo: the connection was closed by the peer
            raise ProcessLost from error
        return x

    def copy_first(self, x: Tensor) -> None:
        """Replace x by the first process's."""
        try:
            dist.broadcast(x, 0)
        except RuntimeError as error:
            raise ProcessLost from error

    def share(self, value: object) -> object:
        """What the first process gives, for all; any object that pickles."""
        held = [value]
        try:
            dist.broadcast_object_list(held, 0)
        except RuntimeError as error:
            raise ProcessLost from error
        return held[0]

    def gather(self, x: Tensor, counts: Sequence[int]) -> Tensor:
        """Everybody's rows, one process's after the other's.

        Parameters
        ----------
        x : [counts[rank], ...].
        counts : how many rows each process gives.

        Returns
        -------
        [sum(counts), ...], the same for everybody.
        """
        padded = x.new_zeros((max(counts), *x.shape[1:]))
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        try:
            dist.all_gather(parts, padded)
        except RuntimeError as error:
            raise ProcessLost from error
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
