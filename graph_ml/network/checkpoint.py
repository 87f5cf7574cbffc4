"""How far a training is, in a file: safetensors, written whole or not at all, so that a killed training goes on."""

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

SECONDS = 20.0  # between two writes: at H&M's full size one takes seconds


@dataclass
class Checkpoint:
    """A training's file.

    Attributes
    ----------
    file : where; nothing is written before the first epoch.
    every : seconds that pass between two writes at least.
    tell : gets a sentence when the file cannot be written for the first time; the training goes on. None: nothing is
        said.
    """

    file: Path
    every: float = SECONDS
    tell: Notify | None = field(default=None, repr=False)
    _written: float = field(default=float("-inf"), repr=False)
    _told: bool = field(default=False, repr=False)

    def save(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Write what a training needs to go on, unless it was written a moment ago."""
        if time.monotonic() - self._written < self.every:
            return
        partial = self.file.with_name(self.file.name + ".partial")
        whole = {name: value.contiguous() for name, value in tensors.items()}
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            save_file(whole, partial, {"facts": json.dumps(facts)})
            os.replace(partial, self.file)
        except (OSError, SafetensorError) as error:  # what was learned is worth more than the file
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            if self.tell is not None and not self._told:
                self._told = True
                self.tell(
                    f"{self.file} cannot be written ({error}); killed now, this training would begin anew. "
                    "Free some of that disk, or set HMREC_HOME to a folder on another."
                )
        self._written = time.monotonic()

    def load(self, key: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """What a training of the same purchases and settings wrote; None where there is none, or it is damaged."""
        try:
            with safe_open(self.file, "pt") as file:
                facts = json.loads(file.metadata()["facts"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None
        return (facts, tensors) if isinstance(facts, dict) and facts.get("key") == key else None

    def remove(self) -> None:
        """Take the file away: the training is over."""
        self.file.unlink(missing_ok=True)


def find_checkpoint(tell: Notify | None = None) -> Checkpoint | None:
    """Return the checkpoint in HMREC_HOME; None if the user has no home directory."""
    try:
        return Checkpoint(ServerSettings().home / "training.safetensors", tell=tell)
    except NoHome:
        return None


def make_key(subgraph: Subgraph, settings: str) -> str:
    """What purchases and settings have in common with no others."""
    digest = hashlib.sha256(settings.encode())
    for ids in (subgraph.customer_ids, subgraph.article_ids):
        digest.update("\0".join(ids).encode())
    for column in (subgraph.customer, subgraph.article, subgraph.time, subgraph.quantity):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's moments by name."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{place}.{name}": value for place, values in state.items() for name, value in values.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an optimizer the moments that `pack_optimizer` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, place, name = key.split(".")
            state.setdefault(int(place), {})[name] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
