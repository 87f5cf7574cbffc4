"""The processes that train together: PyTorch's process group, or one process alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from ...cypher.errors import HmrecError


class ProcessLost(HmrecError):
    """Another process of the training is gone."""

    def __init__(self) -> None:
        super().__init__(
            "A process of the training ended, so all end.",
            "Run the same command again to resume from the checkpoint.",
        )


@dataclass(frozen=True)
class Processes:
    """All processes of a training, and the number of this one.

    A single process needs no process group: every method returns its input. With several, all must call the same
    methods in the same order; a method raises `ProcessLost` if one of them is gone.

    Attributes
    ----------
    rank : this process's number, 0 to size - 1.
    size : number of processes.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def joined(cls) -> Processes:
        """Return the processes of the group that this process has joined."""
        return cls(dist.get_rank(), dist.get_world_size())

    def add(self, x: Tensor) -> Tensor:
        """Return the sum of x over all processes, computed in place; every process gets the same bits."""
        if self.size == 1:
            return x
        try:
            dist.all_reduce(x)
        except RuntimeError as error:  # gloo: the connection was closed by the peer
            raise ProcessLost from error
        return x

    def copy_first(self, x: Tensor) -> None:
        """Replace x by the first process's x."""
        if self.size == 1:
            return
        try:
            dist.broadcast(x, 0)
        except RuntimeError as error:
            raise ProcessLost from error

    def share(self, value: object) -> object:
        """Return the first process's value, any object that can be pickled, in all processes."""
        if self.size == 1:
            return value
        held = [value]
        try:
            dist.broadcast_object_list(held, 0)
        except RuntimeError as error:
            raise ProcessLost from error
        return held[0]

    def gather(self, x: Tensor, counts: Sequence[int]) -> Tensor:
        """Return the rows of all processes, in the order of their ranks.

        Parameters
        ----------
        x : [counts[rank], ...].
        counts : number of rows of each process.

        Returns
        -------
        [sum(counts), ...], the same for every process.
        """
        if self.size == 1:
            return x
        padded = x.new_zeros((max(counts), *x.shape[1:]))
        padded[: len(x)] = x
        parts = [torch.empty_like(padded) for _ in counts]
        try:
            dist.all_gather(parts, padded)
        except RuntimeError as error:
            raise ProcessLost from error
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    def split_random(self, random: np.random.Generator) -> np.random.Generator:
        """Return a generator for draws that differ between processes; `random` stays in the same state in all."""
        if self.size == 1:
            return random
        return np.random.default_rng((int(random.integers(2**32)), self.rank))


ALONE = Processes()
