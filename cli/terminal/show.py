"""Print results on standard output: a table for people, JSON or CSV for programs."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .words import clean, escape_json

if TYPE_CHECKING:
    import pandas as pd

    from ...cypher.graph import Graph


class Format(StrEnum):
    """The format of a printed result."""

    table = "table"
    json = "json"
    csv = "csv"


Form = Annotated[Format, typer.Option("--format", help="Output format.")]
JsonForm = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def choose_format(form: Format, as_json: bool) -> Format:
    """Return the format that --format and --json select.

    Raises
    ------
    UserMistake : they select different formats.
    """
    from ...cypher.errors import UserMistake

    if as_json and form is Format.csv:
        raise UserMistake("--json and --format csv select different formats.")
    return Format.json if as_json else form


def _jsonable(value: Any) -> Any:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return str(value)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the frame's rows as dictionaries, with None for missing values."""
    return [
        {str(key): None if value is None or value != value else value for key, value in row.items()}
        for row in frame.astype(object).to_dict(orient="records")
    ]


def dump_json(value: Any) -> None:
    """Print a value as JSON, with ISO dates and escaped control characters."""
    print(escape_json(json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable)))


def show(frame: pd.DataFrame, form: Format, title: str = "") -> None:
    """Print a frame.

    Parameters
    ----------
    frame : rows to print.
    form : table, JSON (a list of objects) or CSV.
    title : a line above a table.
    """
    if form is Format.json:
        dump_json(records(frame))
    elif form is Format.csv:
        print(_write_csv(frame), end="")
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left", title_style="bold")
        for column in frame.columns:
            numeric = frame[column].map(lambda v: isinstance(v, (int, float)) or hasattr(v, "item")).all()
            table.add_column(Text(str(column)), justify="right" if numeric and len(frame) else "left")
        for row in records(frame):
            table.add_row(*(Text(_cell(value)) for value in row.values()))
        terminal = sys.stdout.isatty()
        Console(force_terminal=terminal, soft_wrap=not terminal, width=None if terminal else 200).print(table)


def _write_csv(frame: pd.DataFrame) -> str:
    """Return the frame as CSV: unchanged data for a file or a program, without control characters for a terminal."""
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return clean(text) if sys.stdout.isatty() else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=_jsonable)
    return "".join(character if character.isprintable() else "?" for character in str(value))


def format_unready_indexes(graph: Graph) -> str:
    """Return the indexes that are still being built, each with its progress; empty if there are none."""
    unready = graph.read("unready_indexes")
    return ", ".join(
        f"{name} {percent:.0f} %" for name, percent in zip(unready["name"], unready["percent"], strict=True)
    )
