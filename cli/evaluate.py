"""hmrec evaluate: how good are the recommendations?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .bars import Bars
from .connect import open_graph
from .show import Format, show

if TYPE_CHECKING:
    import pandas as pd


def evaluate(
    days: Annotated[int, typer.Option(min=1, help="Hold out that many days at the end.")] = 7,
    weeks: Annotated[
        int, typer.Option(min=1, help="Measure over so many such stretches, each from what was known before it.")
    ] = 1,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many articles are recommended.")] = 12,
    methods: Annotated[str | None, typer.Option(help="Only these methods, apart by commas; or all.")] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Only that many customers, drawn at random.")] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with plots, too.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Hold the last days out, recommend as on the day before, and score each method.

    MAP with its 95 % interval, the difference to the best baseline, precision, recall, NDCG, hit rate, coverage and
    novelty, for customers by the length of their history; with --weeks 2 or more RMSE and MAE of the purchase
    probability. Reads the graph and trains in memory on what came before; writes no more than the report. "all" counts
    every purchase of the days held out, as Kaggle does; "new" only articles that the customer had not bought before.

    Example: hmrec evaluate --methods popular,cf --report evaluation.html
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.evaluate import METHODS
    from ..graph_ml.evaluate import evaluate as run

    if report is not None and report.is_dir():
        raise UserMistake(f"--report must name a file; {report} is a folder.")
    chosen = tuple(name.strip() for name in methods.split(",")) if methods else None
    if chosen == ("all",):
        chosen = METHODS
    with Bars() as bars, open_graph(bars) as graph:
        result = run(graph, days=days, weeks=weeks, k=k, methods=chosen, customers=customers, progress=bars)
    if report is not None:
        from ..graph_ml.report import write_report

        write_report(result, report)
    if form is not Format.table:
        show(result, form)
        return
    for frame, title in shorten(result):
        show(frame, form, title)
    if report is not None:
        typer.echo(f"The plots are in {report}.")


def shorten(result: pd.DataFrame) -> list[tuple[pd.DataFrame, str]]:
    """What fits a screen, each with its title: the metrics over customers with a history, and the MAP by segment."""
    from ..graph_ml.outcome import EVERYONE
    from ..graph_ml.report import COLUMNS, tell_baseline, tell_difference, tell_interval

    facts = result.attrs
    frames = []
    for kind in dict.fromkeys(result["purchases"]):
        rows = result[(result["segment"] == EVERYONE) & (result["purchases"] == kind)]
        rows = rows.assign(interval=rows.apply(tell_interval, axis=1), difference=rows.apply(tell_difference, axis=1))
        shown = rows[["method", "map", "interval", "difference", *COLUMNS[1:]]].dropna(axis="columns", how="all")
        title = f"{facts['days']} days from {facts['cut']} on, {kind} purchases, MAP@{facts['k']}; difference to"
        frames.append((shown, f"{title} {tell_baseline(rows)}"))
    groups = result[result["segment"] != EVERYONE]
    wide = groups.pivot(index=["purchases", "method"], columns="segment", values="map")
    order = [name for name in dict.fromkeys(result["segment"]) if name in wide]
    return [*frames, (wide[order].reset_index(), f"MAP@{facts['k']} by how many purchases the customer made before")]
