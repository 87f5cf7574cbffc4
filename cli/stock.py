"""hmrec stock: set the stock and availability of articles from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .connect import open_graph
from .options import MaxBad, read_columns
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo


def stock(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV, Parquet or Excel with article_id, stock, available, available_from, available_until.",
        ),
    ],
    max_bad: MaxBad = 0.01,
    column_map: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="THEIRS=OURS", help="A column's name in your file and here; may be repeated."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="Encoding of a text file, such as cp1252; default: detected.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for stock-rejects.csv (default: the folder of FILE).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set the stock and availability of the articles in FILE; articles that are not in FILE stay as they are.

    Only article_id and one other column are required. An empty cell removes the value; what has no value counts as
    available. Everything is written in one transaction: all rows or none. `hmrec recommend` and a running `hmrec
    serve` follow within a second. Reads FILE; writes the graph, and the rejected rows beside FILE.

    Example: hmrec stock stock.csv
    """
    from ..loader.stock import load_stock

    names = read_columns(column_map or [])
    with Bars() as bars, open_graph(bars) as graph:
        result = load_stock(
            graph, file, max_bad=max_bad, column_map=names, encoding=encoding, report=report, progress=bars
        )
    if as_json:
        dump_json(result.to_dict())
    else:
        echo(result.summary())
