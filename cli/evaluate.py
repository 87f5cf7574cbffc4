"""hmrec evaluate: measure the quality of the recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
    subject: Annotated[
        Literal["customers", "articles"],
        typer.Option("--for", help="Lists of articles for customers, or audiences of customers for articles."),
    ] = "customers",
    protocol: Annotated[
        Literal["weeks", "random-split"],
        typer.Option(
            help="weeks: predict the last days; random-split: the source project's, 20,000 rows split at random."
        ),
    ] = "weeks",
    days: Annotated[int, typer.Option(min=1, help="Number of days to hold out at the end.")] = 7,
    weeks: Annotated[
        int, typer.Option(min=1, help="Average over this many hold-outs, each predicted from earlier purchases.")
    ] = 1,
    k: Annotated[
        int | None,
        typer.Option(
            "-k",
            min=1,
            max=1000,
            help="Length of the lists; default 12, 10 with random-split, 100 for articles.",
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            help=f"Only these methods, separated by commas; or all: {', '.join(list_evaluated())}.",
            autocompletion=complete_methods,
        ),
    ] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Sample this many customers at random.")] = None,
    articles: Annotated[
        int | None, typer.Option(min=1, help="With --for articles: use a random sample of this many articles.")
    ] = None,
    candidates: Annotated[
        bool, typer.Option("--candidates", help="Measure the recall of the ranker's sources instead of lists.")
    ] = False,
    depths: Annotated[
        str | None,
        typer.Option(
            metavar="N,N...",
            help="With --candidates: recall among the first N candidates of each source.",
            show_default="12,50,100,200",
        ),
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(min=1, help="Use this version's embeddings (`hmrec models`); it must not know the days held out."),
    ] = None,
    device: Device = "auto",
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page with plots.")] = None,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Hold out the last days, recommend as of the day before, and score each method.

    Prints MAP with its 95 % interval, the difference from the best baseline, precision, recall, NDCG and hit rate; in a
    second table coverage, novelty, diversity, departments and the Gini index of exposure. Groups customers by the
    length of their history. With --weeks 2 or more, also prints RMSE and MAE of the purchase probability. Reads the
    graph and trains in memory on the earlier purchases; writes only the report. "all" counts every held-out purchase,
    as Kaggle does; "new" only articles that the customer had not bought before. JSON has the days, weeks and k as
    "facts", next to the "rows".

    --candidates measures what the ranker can choose from: the share of the purchases that is among the candidates of
    each source, and of all sources together. Prints recall at the number that the ranker asks for, and at --depths.
    --methods selects sources; without gnn, no network is trained.

    --protocol random-split repeats the source project's evaluation. It trains LightGCN for 5 and 50 epochs on 70 % of
    the first 20,000 rows and scores every customer x article pair. It prints precision and recall at k, RMSE and MAE,
    next to the source's figures.

    --for articles ranks customers for each article that was sold in the days held out, by `hmrec audience` and by two
    baselines. Prints MAP and recall at k, and the area under the ROC curve.

    Example: hmrec evaluate --methods popular,user_based_cf --report evaluation.html
    """
    from ..cypher.result_file import find_result_file
    from ..graph_ml.evaluate.evaluation import METHODS, choose_method
    from ..graph_ml.evaluate.evaluation import evaluate as run

    form = choose_format(form, as_json)
    if report is not None:
        find_result_file(report)
    if subject == "articles":
        options = ("protocol", "methods", "customers", "candidates", "depths", "version", "device", "report")
        refuse(context, *options, because="with --for articles")
        _evaluate_articles(days, weeks, k, articles, form)
        return
    refuse(context, "articles", because="without --for articles")
    if protocol == "random-split":
        options = ("days", "weeks", "methods", "customers", "candidates", "depths", "version", "device")
        refuse(context, *options, because="with --protocol random-split")
        _evaluate_random_split(k, report, form)
        return
    if candidates:
        refuse(context, "k", "report", because="with --candidates")
        given = {"days": days, "weeks": weeks, "customers": customers, "device": device, "version": version}
        _evaluate_candidates(methods, depths, form, given)
        return
    refuse(context, "depths", because="without --candidates")
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
    if form is not Format.table:
        _show_rows(result, form)
        return
    for frame, title in shorten(result):
        show(frame, form, title)
    if report is not None:
        echo(f"The plots are in {report}.")


def _evaluate_candidates(methods: str | None, depths: str | None, form: Format, given: dict[str, Any]) -> None:
    from ..cypher.errors import UserMistake
    from ..graph_ml.evaluate.candidates import DEPTHS, evaluate_candidates

    sources = tuple(name.strip() for name in methods.split(",")) if methods and methods != "all" else None
    try:
        numbers = tuple(int(depth) for depth in depths.split(",")) if depths else DEPTHS
    except ValueError as error:
        raise UserMistake(f"--depths are whole numbers such as 12,50,100, not {depths!r:.40}.") from error
    with Bars() as bars, open_graph(bars) as graph:
        result = evaluate_candidates(graph, sources=sources, depths=numbers, progress=bars, **given)
    if form is not Format.table:
        _show_rows(result, form)
        return
    facts = result.attrs
    for kind, rows in result.groupby("purchases", sort=False):
        title = f"{facts['days']} days from {facts['cut']} on, {kind} purchases: recall of the candidates"
        rows = rows.assign(
            interval=[
                f"{low:.4f} to {high:.4f}" for low, high in zip(rows["recall_low"], rows["recall_high"], strict=True)
            ]
        )
        columns = ["source", "candidates", "recall", "interval", *(f"recall_at_{depth}" for depth in facts["depths"])]
        show(rows[columns], form, title)


def _evaluate_articles(days: int, weeks: int, k: int | None, articles: int | None, form: Format) -> None:
    from ..graph_ml.evaluate.articles import K, evaluate_articles

    with Bars() as bars, open_graph(bars) as graph:
        result = evaluate_articles(graph, days=days, weeks=weeks, k=k or K, articles=articles, progress=bars)
    if form is not Format.table:
        _show_rows(result, form)
        return
    facts = result.attrs
    interval = [f"{low:.4f} to {high:.4f}" for low, high in zip(result["map_low"], result["map_high"], strict=True)]
    columns = ["method", "purchases", "map", "interval", "recall", "auc", "articles"]
    title = f"{facts['days']} days from {facts['cut']} on: customers ranked for articles, MAP@{facts['k']}"
    show(result.assign(interval=interval)[columns], form, title)


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


def _show_rows(result: pd.DataFrame, form: Format) -> None:
    """Print all rows for a program: as CSV, or as JSON with the facts of the measurement."""
    if form is Format.csv:
        show(result, form)
    else:
        _dump_with_facts(result)


def _dump_with_facts(result: pd.DataFrame) -> None:
    dump_json({"facts": result.attrs, "rows": records(result)})


def shorten(result: pd.DataFrame) -> list[tuple[pd.DataFrame, str]]:
    """Return the tables that fit a screen, with titles: metrics over customers with a history, and MAP by segment."""
    from ..graph_ml.evaluate.outcome import ALL_CUSTOMERS, VARIETY
    from ..graph_ml.evaluate.report import COLUMNS, format_baseline, format_difference, format_interval

    facts = result.attrs
    frames = []
    for kind in dict.fromkeys(result["purchases"]):
        rows = result[(result["segment"] == ALL_CUSTOMERS) & (result["purchases"] == kind)]
        rows = rows.assign(
            interval=rows.apply(format_interval, axis=1), difference=rows.apply(format_difference, axis=1)
        )
        shown = rows[
            [
                "method",
                "map",
                "interval",
                "difference",
                *(name for name in COLUMNS[1:] if name not in ("coverage", "novelty")),
            ]
        ].dropna(axis="columns", how="all")
        title = f"{facts['days']} days from {facts['cut']} on, {kind} purchases, MAP@{facts['k']}; difference from"
        frames.append((shown, f"{title} {format_baseline(rows)}"))
    whole = result[result["segment"] == ALL_CUSTOMERS]
    shown = [name for name in ("coverage", "novelty", *VARIETY) if name in whole and name != "department_coverage"]
    frames.append(
        (
            whole[["purchases", "method", *shown]],
            "Variety of the lists: coverage of articles, novelty in bits, diversity inside a list",
        )
    )
    groups = result[result["segment"] != ALL_CUSTOMERS]
    wide = groups.pivot(index=["purchases", "method"], columns="segment", values="map")
    order = [name for name in dict.fromkeys(result["segment"]) if name in wide]
    return [*frames, (wide[order].reset_index(), f"MAP@{facts['k']} by the customer's number of earlier purchases")]
