"""hmrec check: what the model in force does not know, and how much has changed since its training."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Exit

from ..cypher.limits import DRIFT_DAYS
from .combinations import refuse
from .connect import open_graph
from .options import limit_option
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo

EXCEEDED = 3
"""The exit status if a limit is exceeded; 1 is a failure, such as a server that does not answer."""


def check(
    context: typer.Context,
    quality: Annotated[
        bool,
        typer.Option(
            "--quality", help="Also measure the quality of the ranker's lists on the last week; takes longer."
        ),
    ] = False,
    max_customers: Annotated[
        float | None, limit_option("--max-customers", "customers", "Limit for customers without an embedding.")
    ] = None,
    max_articles: Annotated[
        float | None, limit_option("--max-articles", "articles", "Limit for articles without an embedding.")
    ] = None,
    max_purchases: Annotated[
        float | None, limit_option("--max-purchases", "purchases", "Limit for purchases made since the training.")
    ] = None,
    max_popularity: Annotated[
        float | None,
        limit_option(
            "--max-popularity",
            "popularity",
            "Limit for the change of the articles' shares of the purchases, beyond the usual change in a month.",
            "DISTANCE",
        ),
    ] = None,
    max_age: Annotated[
        int | None,
        typer.Option(
            "--max-age",
            min=0,
            metavar="DAYS",
            help="Limit for days of purchases since the training.",
            show_default=str(DRIFT_DAYS),
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        limit_option(
            "--max-drop", "drop", "With --quality: limit for the drop of MAP@12, as a share of that at training."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check what the model in force does not know, and how much has changed since its training.

    Reads the graph; writes nothing. Prints each figure with its limit. Exit status 0 if all are within their limits, 3
    if one is not. `hmrec refresh` trains again by the drop of the quality and, with its --max-age, by the age.

    Example: hmrec check --quality
    """
    from ..graph_ml.refresh.check import Limits
    from ..graph_ml.refresh.check import check as measure_drift

    if not quality:
        refuse(context, "max_drop", because="without --quality")
    limits = Limits.of(
        customers=max_customers, articles=max_articles, purchases=max_purchases, popularity=max_popularity,
        age=max_age, drop=max_drop,
    )  # fmt: skip
    with Bars() as bars, open_graph(bars) as graph:
        drift = measure_drift(graph, quality=quality, progress=bars)
    findings = drift.list_findings(limits)
    if as_json:
        dump_json(drift.to_dict(limits))
    else:
        echo(
            f"Model {drift.model} was trained on the purchases before {drift.trained_until}; the graph has those "
            f"before {drift.until}. Nodes were last embedded on {drift.embedded[:10]}."
        )
        for one in findings:
            echo(f"{'HIGH' if one.is_exceeded else 'ok  '} {one.describe()}")
        if drift.quality is not None:
            week = drift.quality
            echo(f"MAP@12 of {week.by} in the week from {week.first}: {week.now:.4f}; at training {week.trained:.4f}.")
        elif drift.why:
            echo(f"The quality cannot be compared: {drift.why}.")
    if any(one.is_exceeded for one in findings):
        raise Exit(EXCEEDED)
