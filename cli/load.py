"""hmrec load: files into the graph."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from .connect import local_server, open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json, tell_unready
from .terminal.words import note, tell


def load(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Folder with transactions_train, customers, articles (.csv, .csv.gz, .parquet).",
        ),
    ],
    road: Annotated[
        Literal["auto", "bulk", "stream"],
        typer.Option(help="bulk (local server, empty graph or --replace), stream (any server), or auto."),
    ] = "auto",
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the graph by these files, once they are whole.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only check the files and report; change nothing.")] = False,
    max_bad: Annotated[
        float,
        typer.Option("--max-bad", min=0, max=1, metavar="SHARE", help="Fail when more rows than this are bad."),
    ] = 0.01,
    column_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="THEIRS=OURS",
            help="A column's name in your files and in H&M's; may be given again.",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for load-report.json and rejects.csv (default: DIR).")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Do not ask before --replace in a database that holds nodes of others."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load customers, articles and purchases into the graph; loading the same files again changes nothing.

    Reads DIR (only the transactions file is required); writes the graph, a report and the rejected rows. Can be stopped
    at any moment and run again.

    Example: hmrec load journey/
    """
    from ..cypher.errors import UserMistake
    from ..loader.load import load_folder

    names = {}
    for pair in column_map or []:
        theirs, separator, ours = pair.partition("=")
        if not (separator and theirs and ours):
            raise UserMistake(f"--map reads THEIRS=OURS, e.g. household_id=customer_id, not {pair[:60]!r}.")
        names[theirs] = ours
    with Bars() as bars:
        server = local_server()
        graph = None if check else open_graph(bars)
        try:
            result = load_folder(
                folder, server=server, graph=graph, road=road, replace=replace, check_only=check,
                max_bad=max_bad, column_map=names or None, report=report,
                confirm=(lambda _: True) if yes else bars.confirm if sys.stdin.isatty() else None, progress=bars,
            )  # fmt: skip
            unready = ""
            if result.road == "bulk":
                with open_graph(bars) as fresh:
                    unready = tell_unready(fresh)
        finally:
            if graph is not None:
                graph.close()
    if as_json:
        dump_json(result.to_dict())
    else:
        tell(result.summary())
        if unready:
            note(f"The graph answers; recommendations are slower until these indexes are made: {unready}")
