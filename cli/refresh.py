"""hmrec refresh: the command for every night."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .connect import open_graph
from .options import Device, limit_option
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo, echo_note


def refresh(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Load these files first, as `hmrec load DIR` does.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Store all lists, even if none are stored yet (docs/lists.md).")
    ] = False,
    max_age: Annotated[
        int | None,
        typer.Option(
            "--max-age",
            min=0,
            metavar="DAYS",
            help="Train again after this many days of purchases, whatever the quality.",
        ),
    ] = None,
    max_drop: Annotated[
        float | None, limit_option("--max-drop", "drop", "Train again if the quality dropped by more than this share.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what it would do; change nothing.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Load the day's files, and bring the model, embeddings, article relationships and stored lists up to date.

    Trains the network and the ranker again only if the lists of the last week are worse than at the training, or after
    --max-age days. Prints what each step did, and why. Does only what is needed: the next run completes a killed one,
    and a run without new data does nothing. Exit status 0 if everything is up to date.

    Example: hmrec refresh monday/ --max-age 30
    """
    from ..graph_ml.refresh.check import Limits
    from ..graph_ml.refresh.refresh import Step
    from ..graph_ml.refresh.refresh import refresh as bring_up_to_date
    from ..loader.reading.parts import find_files
    from ..loader.schema import TRANSACTIONS

    limits = Limits.of(drop=max_drop)
    if folder is not None:
        find_files(folder, TRANSACTIONS)  # report a wrong name before a server is started

    def tell(step: Step) -> None:
        if not as_json:
            echo(f"{step.name}: {step.text}")

    with Bars() as bars, open_graph(bars) as graph:
        steps = bring_up_to_date(
            graph, folder, write=write, max_age=max_age, limits=limits, dry_run=dry_run, device=device, progress=bars,
            warn=echo_note, tell=tell,
        )  # fmt: skip
    if as_json:
        dump_json([step._asdict() for step in steps])
