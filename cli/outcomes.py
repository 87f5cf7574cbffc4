"""hmrec outcomes: what customers did after they were shown lists."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..cypher.limits import LONGEST_WINDOW, WINDOW
from .combinations import refuse
from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import Form, Format, JsonForm, choose_format, show
from .terminal.words import echo

if TYPE_CHECKING:
    import pandas as pd

Window = Annotated[
    int,
    typer.Option(
        min=1, max=LONGEST_WINDOW, metavar="DAYS", help="Days after a list is shown in which purchases and views count."
    ),
]


def outcomes(
    context: typer.Context,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only lists shown on this day (UTC) or later."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only lists shown before this day.")
    ] = None,
    by: Annotated[
        Literal["method", "segment", "place", "day", "arm"], typer.Option(help="What the lists are grouped by.")
    ] = "method",
    window: Window = WINDOW,
    off_policy: Annotated[
        str,
        typer.Option(
            "--off-policy",
            metavar="METHOD,...",
            help="Estimate what these methods would have sold instead, from the lists of `hmrec serve --explore`.",
        ),
    ] = "",
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Print how often customers bought and viewed what `hmrec serve` showed them, with 95 % intervals.

    Counts the lists that the service logged (HMREC_LOG_SHARE, or log=true in a request). Reads the graph; writes
    nothing.

    Example: hmrec outcomes --since 2020-09-01 --by segment
    """
    from ..graph_ml.evaluate.shown import MEASURES, measure_shown

    form = choose_format(form, as_json)
    days = (since.date() if since else None, until.date() if until else None)
    if off_policy:
        from ..graph_ml.evaluate.off_policy import ESTIMATES, measure_off_policy

        refuse(context, "by", because="with --off-policy")
        methods = [name.strip() for name in off_policy.split(",") if name.strip()]
        with Bars() as bars, open_graph(bars) as graph:
            table = measure_off_policy(graph, methods, *days, window=window, progress=bars)
        show(join_intervals(table, ESTIMATES) if form is Format.table else table, form)
        return
    with Bars() as bars, open_graph(bars) as graph:
        table = measure_shown(graph, *days, by=by, window=window, progress=bars)
    if form is not Format.table:
        show(table, form)
    elif table.empty:
        echo("No lists of these days were logged; `hmrec serve` logs them with HMREC_LOG_SHARE.")
    else:
        show(join_intervals(table, MEASURES), form)


def join_intervals(table: pd.DataFrame, measures: tuple[str, ...]) -> pd.DataFrame:
    """Return the table with each measure and its bounds in one cell, such as `0.12 (0.10 to 0.15)`."""
    joined = table.drop(columns=[f"{name}{end}" for name in measures for end in ("_low", "_high")])
    for name in measures:
        cells = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
        joined[name] = [
            "" if value is None or value != value else f"{value:.3f} ({low:.3f} to {high:.3f})"
            for value, low, high in cells
        ]
    return joined
