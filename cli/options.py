"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option(help="Where to compute; auto: an NVIDIA GPU if there is one, then an Apple GPU, then the CPU."),
]
