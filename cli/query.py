"""hmrec query: run saved queries and the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .combinations import refuse
from .connect import open_graph
from .terminal.complete import complete_query
from .terminal.show import Form, Format, JsonForm, choose_format, dump_json, show
from .terminal.words import echo, echo_note


def query(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="A saved query; if omitted, all are listed.", autocompletion=complete_query),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Your own .cypher file.")] = None,
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
    """Run a saved Cypher query, or list them.

    Reads the graph, and changes it only with --write; prints a table, JSON or CSV.

    Example: hmrec query user_based_cf -p customer_id=1 -p k=5 --format json
    """
    import pandas as pd

    from ..cypher.catalogue import find_query, load_catalogue, parse_bare_query
    from ..cypher.errors import UserMistake

    form = choose_format(form, as_json)
    if file is not None and name is not None:
        raise UserMistake("Pass either the name of a saved query or --file, not both.")
    if file is None and name is None:
        refuse(context, "parameters", "write", "text", because="without the name of a query; that lists all queries")
        listed = [(q.name, q.folder, q.doc, " ".join(q.parameters)) for q in load_catalogue().values()]
        show(pd.DataFrame(listed, columns=["query", "folder", "what it does", "parameters"]), form)
        return
    if file is not None:
        try:
            written = file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserMistake(f"{file} is not UTF-8 text.", "Save it as UTF-8.") from error
        chosen = parse_bare_query(written, file)
    else:
        chosen = find_query(name or "")
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
