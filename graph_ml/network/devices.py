"""The device that a network is trained on: a GPU of NVIDIA or Apple if there is one, or the CPU."""

from __future__ import annotations

from typing import Literal

import torch

from ...cypher.errors import UserMistake

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
"""The names of devices; `auto` chooses one."""
CPU = torch.device("cpu")
"""The device that every machine has."""


def choose_device(name: DeviceName = "auto") -> torch.device:
    """Return the device of a name.

    Parameters
    ----------
    name : `auto` for the first of CUDA, MPS and CPU that this machine has.

    Raises
    ------
    UserMistake : this machine does not have the device, or PyTorch was built without it.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, is_present in present.items() if is_present))
    if not present[name]:
        what = {"cuda": "an NVIDIA GPU that PyTorch can use", "mps": "an Apple GPU that PyTorch can use"}[name]
        raise UserMistake(f"This machine does not have {what}.", "Use --device auto or --device cpu.")
    return torch.device(name)
