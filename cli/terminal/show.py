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
    print(to_json(value, indent=2))


def to_json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON, with ISO dates and escaped control characters."""
    return escape_json(json.dumps(value, indent=indent, ensure_ascii=False, default=_jsonable))


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
        from .layout import Column, print_columns

        rows = [[_cell(value) for value in row.values()] for row in records(frame)]
        columns = [
            Column(str(name), [row[place] for row in rows], numeric=bool(rows) and _is_numeric(frame.iloc[:, place]))
            for place, name in enumerate(frame.columns)
        ]
        print_columns(columns, title)


def _is_numeric(values: pd.Series[Any]) -> bool:
    return bool(values.map(lambda value: isinstance(value, (int, float)) or hasattr(value, "item")).all())


def _write_csv(frame: pd.DataFrame) -> str:
    """Return the frame as CSV: unchanged data for a file or a program, without control characters for a terminal."""
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return clean(text) if sys.stdout.isatty() else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if hasattr(value, "to_native"):  # the driver's dates and times
        value = value.to_native()
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list) and all(isinstance(item, (str, int, float)) for item in value):
        items = [_cell(item) for item in value]
        return ("\n" if any(" " in item for item in items) else ", ").join(items)
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=_jsonable)
    return "".join(character if character.isprintable() else "?" for character in str(value))


def format_unready_indexes(graph: Graph) -> str:
    """Return the indexes that are still being built, each with its progress; empty if there are none."""
    unready = graph.read("unready_indexes")
    return ", ".join(
        f"{name} {percent:.0f} %" for name, percent in zip(unready["name"], unready["percent"], strict=True)
    )
