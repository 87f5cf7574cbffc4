"""hmrec query: run saved queries and the user's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .combinations import refuse
from .connect import open_graph
from .terminal.complete import complete_query
from .terminal.show import Form, Format, JsonForm, choose_format, dump_json, show
from .terminal.words import echo, echo_note

if TYPE_CHECKING:
    from ..cypher.catalogue import Query

FOLDERS = ("recommend", "explain", "report")
"""The folders of the queries that people run; the others are steps of commands."""


def query(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|CYPHER",
            help="A saved query, or Cypher in quotes; if omitted, saved queries are listed.",
            autocompletion=complete_query,
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Your own .cypher file; - reads standard input.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--param",
            metavar="KEY=VALUE",
            help="A parameter of the query; may be repeated.",
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Allow the query to change the graph.")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="List every saved query, with the steps of hmrec's own commands.")
    ] = False,
    form: Form = Format.table,
    as_json: JsonForm = False,
    text: Annotated[
        bool,
        typer.Option(
            "--text",
            help="Print the query with the values of -p, to paste into Neo4j Browser, instead of running it.",
        ),
    ] = False,
) -> None:
    """Run a saved Cypher query or your own, or list the saved ones.

    Reads the graph, and changes it only with --write; prints a table, JSON or CSV.

    Example: hmrec query user_based_cf -p customer_id=1 -p k=5 --format json

    Example: hmrec query 'CALL db.labels()'
    """
    import pandas as pd

    from ..cypher.errors import UserMistake

    form = choose_format(form, as_json)
    if file is not None and name is not None:
        raise UserMistake("Pass either the name of a saved query or --file, not both.")
    if file is None and name is None:
        refuse(context, "parameters", "write", "text", because="without the name of a query; that lists all queries")
        _list_queries(form, everything)
        return
    refuse(context, "everything", because="with a query; it lists all saved ones")
    chosen = _choose_query(name, file)
    given = {}
    for pair in parameters or []:
        key, separator, value = pair.partition("=")
        if not separator:
            raise UserMistake(f"A parameter must be KEY=VALUE, not {pair[:60]!r}.")
        if key not in chosen.parameters:
            known = ", ".join(chosen.parameters) or "none"
            raise UserMistake(f"Query {chosen.name} has no parameter {key[:60]!r}.", f"It has: {known}.")
        given[key] = chosen.parameters[key].parse(value)
    if text:
        refuse(context, "write", because="with --text, which runs nothing")
        if form is not Format.json:
            refuse(context, "form", because="with --text, which prints no table; use --json")
        written_out = chosen.write_out(given) if given else chosen.text
        if form is Format.json:
            dump_json({"query": chosen.name, "text": written_out})
        else:
            echo(written_out)
        return
    chosen.bind(given)
    with open_graph() as graph:
        if write:
            receipt = graph.write(chosen, **given)
            show(pd.DataFrame(receipt.rows), form)
            changed = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in receipt.counters.items())
            echo_note(changed or "nothing changed")
        else:
            show(graph.read(chosen, **given), form)


def _list_queries(form: Format, everything: bool) -> None:
    """Print the saved queries; for a program, with their folder and parameters."""
    import pandas as pd

    from ..cypher.catalogue import load_catalogue

    saved = load_catalogue().values()
    listed = [one for one in saved if everything or one.folder in FOLDERS]
    if form is Format.table:
        show(pd.DataFrame([(one.name, one.doc) for one in listed], columns=["query", "what it does"]), form)
        more = f"{len(saved) - len(listed)} more with --all; " if not everything else ""
        echo(f"{more}hmrec query NAME --text prints a query with its parameters.")
        return
    rows = [(one.name, one.folder, one.doc, " ".join(one.parameters)) for one in listed]
    show(pd.DataFrame(rows, columns=["query", "folder", "what it does", "parameters"]), form)


def _choose_query(name: str | None, file: Path | None) -> Query:
    """Return the saved query of that name, or the query in the file, or the one that is passed as text.

    Raises
    ------
    UserMistake : there is no such query, or the file is not UTF-8 text.
    """
    from ..cypher.catalogue import find_query, parse_bare_query
    from ..cypher.errors import UserMistake

    if file is None and name is not None and any(character.isspace() for character in name.strip()):
        return parse_bare_query(name, Path("command line"))
    if file is None:
        return find_query(name or "")
    try:
        from_input = str(file) == "-"
        written = sys.stdin.buffer.read().decode("utf-8-sig") if from_input else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserMistake(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error
    return parse_bare_query(written, Path("standard input") if from_input else file)
