"""hmrec evaluate: how good are the recommendations?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..cypher.recommenders import explain_old_name, list_evaluated
from .combinations import refuse
from .connect import open_graph
from .options import Device
from .terminal.bars import Bars
from .terminal.complete import complete_methods
from .terminal.show import Form, Format, JsonForm, choose_format, dump_json, records, show
from .terminal.words import echo, echo_note

if TYPE_CHECKING:
    import pandas as pd


def evaluate(
    context: typer.Context,
    protocol: Annotated[
        Literal["weeks", "random-split"],
        typer.Option(
            help="weeks: predict the last days; random-split: as the project's source did, 20,000 rows split at random."
        ),
    ] = "weeks",
    days: Annotated[int, typer.Option(min=1, help="Hold out that many days at the end.")] = 7,
    weeks: Annotated[
        int, typer.Option(min=1, help="Measure over so many such stretches, each from what was known before it.")
    ] = 1,
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, max=1000, help="How many articles are recommended: 12, or 10 with random-split."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help=f"Only these methods, separated by commas; or all: {', '.join(list_evaluated())}.",
            autocompletion=complete_methods,
        ),
    ] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Only that many customers, drawn at random.")] = None,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="Use this version's embeddings (`hmrec models`); it must not know the days held out."),
    ] = None,
    device: Device = "auto",
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with plots, too.")] = None,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Hold the last days out, recommend as on the day before, and score each method.

    MAP with its 95 % interval, the difference to the best baseline, precision, recall, NDCG, hit rate, coverage and
    novelty, for customers by the length of their history; with --weeks 2 or more RMSE and MAE of the purchase
    probability. Reads the graph and trains in memory on what came before; writes no more than the report. "all" counts
    every purchase of the days held out, as Kaggle does; "new" only articles that the customer had not bought before.
    JSON has the days, weeks and k as "facts" beside the "rows".

    --protocol random-split repeats the source's: LightGCN trained for 5 and 50 epochs on 70 % of the first 20,000 rows,
    every customer x article pair scored; precision and recall at k, RMSE and MAE beside the source's figures.

    Example: hmrec evaluate --methods popular,user_based_cf --report evaluation.html
    """
    from ..cypher.result_file import find_result_file
    from ..graph_ml.evaluate.evaluation import METHODS, choose_method
    from ..graph_ml.evaluate.evaluation import evaluate as run

    form = choose_format(form, as_json)
    if report is not None:
        find_result_file(report)
    if protocol == "random-split":
        options = ("days", "weeks", "methods", "customers", "version", "device")
        refuse(context, *options, because="with --protocol random-split")
        _evaluate_random_split(k, report, form)
        return
    chosen = None
    if methods:
        names = [name.strip() for name in methods.split(",")]
        chosen = METHODS if names == ["all"] else tuple(map(choose_method, names))
        for old in set(names) - {*chosen, "all"}:
            echo_note(explain_old_name(old))
    with Bars() as bars, open_graph(bars) as graph:
        result = run(
            graph, days=days, weeks=weeks, k=k or 12, methods=chosen, customers=customers, progress=bars,
            device=device, version=version,
        )  # fmt: skip
    if report is not None:
        from ..graph_ml.evaluate.report import write_report

        write_report(result, report)
    if form is Format.json:
        _dump_with_facts(result)
        return
    if form is Format.csv:
        show(result, form)
        return
    for frame, title in shorten(result):
        show(frame, form, title)
    if report is not None:
        echo(f"The plots are in {report}.")


def _evaluate_random_split(k: int | None, report: Path | None, form: Format) -> None:
    from ..graph_ml.evaluate.random_split import K, describe_random_split, evaluate_random_split

    with Bars() as bars, open_graph(bars) as graph:
        result = evaluate_random_split(graph, k=k or K, progress=bars)
    if report is not None:
        from ..graph_ml.evaluate.report import write_random_split_report

        write_random_split_report(result, report)
    if form is Format.json:
        _dump_with_facts(result)
    else:
        show(result, form, f"The source's protocol, lists of {result.attrs['k']}")
    if form is Format.table:
        echo(describe_random_split(result))
        if report is not None:
            echo(f"The plot is in {report}.")


def _dump_with_facts(result: pd.DataFrame) -> None:
    dump_json({"facts": result.attrs, "rows": records(result)})


def shorten(result: pd.DataFrame) -> list[tuple[pd.DataFrame, str]]:
    """What fits a screen, each with its title: the metrics over customers with a history, and the MAP by segment."""
    from ..graph_ml.evaluate.outcome import ALL_CUSTOMERS
    from ..graph_ml.evaluate.report import COLUMNS, format_baseline, format_difference, format_interval

    facts = result.attrs
    frames = []
    for kind in dict.fromkeys(result["purchases"]):
        rows = result[(result["segment"] == ALL_CUSTOMERS) & (result["purchases"] == kind)]
        rows = rows.assign(
            interval=rows.apply(format_interval, axis=1), difference=rows.apply(format_difference, axis=1)
        )
        shown = rows[["method", "map", "interval", "difference", *COLUMNS[1:]]].dropna(axis="columns", how="all")
        title = f"{facts['days']} days from {facts['cut']} on, {kind} purchases, MAP@{facts['k']}; difference to"
        frames.append((shown, f"{title} {format_baseline(rows)}"))
    groups = result[result["segment"] != ALL_CUSTOMERS]
    wide = groups.pivot(index=["purchases", "method"], columns="segment", values="map")
    order = [name for name in dict.fromkeys(result["segment"]) if name in wide]
    return [*frames, (wide[order].reset_index(), f"MAP@{facts['k']} by how many purchases the customer made before")]
