"""hmrec load: load files into the graph."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from .combinations import refuse
from .connect import local_server, open_graph
from .options import MaxBad, read_columns, read_ids
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json, format_unready_indexes
from .terminal.words import echo, echo_note

EARLIEST = "1990-01-01"  # equals loader.schema.EARLIEST; importing it would load polars for every --help


def load(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder or .zip with transactions_train, customers, articles: CSV, Parquet, Excel, packed, in parts.",
        ),
    ],
    mode: Annotated[
        Literal["auto", "bulk", "stream"],
        typer.Option(help="bulk (local server, empty graph or --replace), stream (any server), or auto."),
    ] = "auto",
    articles_only: Annotated[
        bool, typer.Option("--articles-only", help="Load the articles alone; DIR needs no other file.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the graph by these files, after checking them.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the files and report; change nothing.")] = False,
    max_bad: MaxBad = 0.01,
    column_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="THEIRS=OURS",
            help="A column's name in your files and in H&M's; may be repeated.",
        ),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoding of the text files, such as cp1252; default: detected."),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map-file", metavar="FILE", help="Column names saved by --save-map; --map has priority."),
    ] = None,
    save_map: Annotated[
        Path | None,
        typer.Option("--save-map", metavar="FILE", help="Save the column names for --map-file."),
    ] = None,
    earliest: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Reject purchases before this day as typing errors."),
    ] = EARLIEST,  # type: ignore[assignment]
    leave_out_articles: Annotated[
        list[str] | None,
        typer.Option(
            "--leave-out-articles",
            metavar="ID,...",
            help="Article ids to leave out, such as postage; @FILE has one per line; may be repeated.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for load-report.json and rejects.csv (default: DIR).")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask before --replace in a database with nodes that are not hmrec's."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load customers, articles and purchases into the graph; loading the same files again changes nothing.

    Reads DIR (only the transactions file is required; with --articles-only, only the articles file); writes the graph,
    a report and the rejected rows. Installs and starts the local Neo4j if needed. An interrupted load continues when
    run again.

    Example: hmrec load journey/
    """
    from ..cypher.errors import UserMistake
    from ..loader.load import load_folder
    from ..loader.reading.columns import read_map
    from ..loader.reading.columns import save_map as write_map
    from ..loader.reading.parts import find_files
    from ..loader.schema import ARTICLES, TRANSACTIONS, ReadRules

    if check:
        refuse(context, "mode", "replace", because="with --check, which changes nothing")
    if articles_only:
        refuse(context, "mode", "replace", because="with --articles-only, which adds articles to the graph")
    names = read_map(map_file) if map_file else {}
    names |= read_columns(column_map or [])
    if save_map and not names:
        raise UserMistake("--save-map has nothing to save: there is no --map.")
    rules = ReadRules(earliest.date(), frozenset(read_ids(leave_out_articles or [])), encoding)
    with Bars() as bars:
        server = None if check else local_server()
        if server is not None and not server.is_installed:
            # reports a wrong name before downloading anything
            find_files(folder, ARTICLES if articles_only else TRANSACTIONS)
            server.install(bars)
        graph = None if check else open_graph(bars)
        try:
            result = load_folder(
                folder, server=server, graph=graph, mode=mode, replace=replace, check_only=check,
                max_bad=max_bad, column_map=names or None, rules=rules, articles_only=articles_only, report=report,
                confirm=(lambda _: True) if yes else bars.confirm if sys.stdin.isatty() else None, progress=bars,
            )  # fmt: skip
            unready = ""
            if result.mode == "bulk":
                with open_graph(bars) as reconnected:
                    unready = format_unready_indexes(reconnected)
        finally:
            if graph is not None:
                graph.close()
    if save_map:
        write_map(names, save_map)
    if as_json:
        dump_json(result.to_dict())
    else:
        echo(result.summary())
        if unready:
            echo_note(f"The graph is ready; recommendations are slower until these indexes are built: {unready}")
