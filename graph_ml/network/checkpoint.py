"""The state of a training in a safetensors file, written atomically, so that a killed training can resume."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ...cypher.errors import NoHome
from ...cypher.progress import Notify
from ...cypher.settings import ServerSettings
from ..export.subgraph import Subgraph

SECONDS = 20.0
"""Seconds between two writes: at H&M's full size, a write takes seconds."""


@dataclass
class Checkpoint:
    """The file of a training.

    Attributes
    ----------
    file : its path; nothing is written before the first epoch.
    every : minimum number of seconds between two writes.
    warn : called with a sentence when the file cannot be written for the first time; the training goes on. None: no
        warning.
    """

    file: Path
    every: float = SECONDS
    warn: Notify | None = field(default=None, repr=False)
    _written: float = field(default=float("-inf"), repr=False)
    _warned: bool = field(default=False, repr=False)

    def save(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Write the state of a training, unless the last write was less than `every` seconds ago.

        Parameters
        ----------
        facts : whatever JSON can write; `key` is what `load` looks for.
        tensors : the state, by name.
        """
        if time.monotonic() - self._written < self.every:
            return
        partial = self.file.with_name(self.file.name + ".partial")
        whole = {name: value.contiguous() for name, value in tensors.items()}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            save_file(whole, partial, {"facts": json.dumps(facts)})
            os.replace(partial, self.file)
        except (OSError, SafetensorError) as error:  # without a checkpoint, the training goes on
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            if self.warn is not None and not self._warned:
                self._warned = True
                self.warn(
                    f"{self.file} cannot be written ({error}): if this training is killed, it starts "
                    "from the beginning. Free space on that disk, or set HMREC_HOME to a folder on another."
                )
        self._written = time.monotonic()

    def load(self, key: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """Return the state written with this key; None if there is none, or the file is damaged.

        Parameters
        ----------
        key : as from `make_key`.
        """
        try:
            with safe_open(self.file, "pt") as file:
                facts = json.loads(file.metadata()["facts"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a mapping
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None
        return (facts, tensors) if isinstance(facts, dict) and facts.get("key") == key else None

    def remove(self) -> None:
        """Remove the file when the training has ended."""
        self.file.unlink(missing_ok=True)


def find_checkpoint(warn: Notify | None = None) -> Checkpoint | None:
    """Return the checkpoint in HMREC_HOME; None if the user has no home directory.

    Parameters
    ----------
    warn : called with a sentence if the checkpoint cannot be written.
    """
    try:
        return Checkpoint(ServerSettings().home / "training.safetensors", warn=warn)
    except NoHome:
        return None


def make_key(subgraph: Subgraph, settings: str) -> str:
    """Return a key that differs between any two trainings with different purchases or settings.

    Parameters
    ----------
    subgraph : the purchases.
    settings : the settings as text.
    """
    digest = hashlib.sha256(settings.encode())
    for ids in (subgraph.customer_ids, subgraph.article_ids):
        digest.update("\0".join(ids).encode())
    for column in (subgraph.customer, subgraph.article, subgraph.time, subgraph.quantity):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's moments by name."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{place}.{name}": value for place, values in state.items() for name, value in values.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore the moments that `pack_optimizer` returned."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, place, name = key.split(".")
            state.setdefault(int(place), {})[name] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
