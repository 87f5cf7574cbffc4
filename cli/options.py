"""Options that several commands have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import typer

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option(help="Where to compute; auto: an NVIDIA GPU if there is one, then an Apple GPU, then the CPU."),
]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only purchases from that day on.")
]
Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only purchases before that day.")
]
FirstCustomers = Annotated[int | None, typer.Option(min=1, help="Use only this many customers, the first by id.")]
Category = Annotated[str | None, typer.Option(help="Only articles of that department, product group or index group.")]
