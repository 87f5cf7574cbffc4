"""Map a file's columns to hmrec's names: by name, by the caller's map, or by a map proposed for a well-known export."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...cypher.errors import UserMistake
from ..schema import TABLES, TRANSACTIONS, Table
from .exports import EXPORTS, GUESSES

INDEX_NAMES = ("", "Unnamed: 0", "index", "column_1", "__index_level_0__")


def simplify(name: str) -> str:
    """Return the name in lower case, without blanks, underscores, hyphens and other punctuation."""
    return re.sub(r"[\W_]+", "", name).casefold() or name


def match_columns(table: Table, file: Path, header: list[str], column_map: Mapping[str, str]) -> list[str]:
    """Return the columns under hmrec's names; columns that are not read keep their own.

    The map has priority, then an exact name, then a name that differs only in case, blanks, underscores or hyphens.

    Raises
    ------
    UserMistake : two columns match the same name equally well, or a required column is missing.
    """
    mapped = [find_mapped(name, header, column_map) for name in header]
    names = [ours or name for ours, name in zip(mapped, header, strict=True)]
    for column in table.columns:
        wanted = {simplify(name) for name in (column.name, *column.aliases)}
        free = [place for place, name in enumerate(header) if mapped[place] is None]
        by_map = [place for place, ours in enumerate(mapped) if ours == column.name]
        exact = [place for place in free if header[place] == column.name]
        alike = [place for place in free if simplify(header[place]) in wanted]
        places = [*by_map, *exact] or alike
        if len(places) > 1:
            both = " and ".join(repr(header[place]) for place in places[:2])
            raise UserMistake(
                f"{file} has two columns named {column.name}: {both}.",
                f"Rename one of them, or choose one with --map THAT={column.name}.",
            )
        for place in places:
            names[place] = column.name
    missing = [column.name for column in table.columns if column.required and column.name not in names]
    if missing:
        raise UserMistake(
            f"{file} has no column {', '.join(missing)}; its columns are {', '.join(header)[:200]}.",
            _propose_map(table, header, missing),
        )
    return names


def find_mapped(name: str, header: Iterable[str], column_map: Mapping[str, str]) -> str | None:
    """Return hmrec's name for a column by the map: an exact match, else a similar name that no column has exactly."""
    if name in column_map:
        return column_map[name]
    alike = (ours for theirs, ours in column_map.items() if theirs not in header and simplify(theirs) == simplify(name))
    return next(alike, None)


def check_map(column_map: Mapping[str, str], headers: Iterable[list[str]], tables: Iterable[Table] = TABLES) -> None:
    """Check the map against the tables' columns and the files' columns.

    Raises
    ------
    UserMistake : hmrec has no such target column, or no file has the source column.
    """
    ours = {name for table in tables for name in table.column_names}
    theirs = {simplify(name) for header in headers for name in header}
    for name, target in column_map.items():
        if target not in ours:
            raise UserMistake(
                f"There is no column {target!r:.60} to map to.", f"The columns are {', '.join(sorted(ours))}."
            )
        if theirs and simplify(name) not in theirs:
            raise UserMistake(f"No file has the column {name!r:.60} that --map names.")


def describe_columns(table: Table, file: Path, header: list[str], names: list[str]) -> list[str]:
    """Return notes on missing columns and on columns that are not read."""
    notes = []
    for column in table.columns:
        if table is TRANSACTIONS and not (column.required or column.extra or column.name in names):
            instead = f"every row gets {column.absent}" if column.absent else "no purchase has one"
            notes.append(f"{file.name}: it has no column {column.name}; {instead}.")
    unread = [name for name, ours in zip(header, names, strict=True) if ours not in table.column_names]
    if unread and unread[0] == header[0] and header[0] in INDEX_NAMES:
        notes.append(f"{file.name}: its first column is an index and is not read.")
        unread = unread[1:]
    if unread := [name for name in unread if name]:
        shown = ", ".join(unread[:20]) + (f" and {len(unread) - 20} more" if len(unread) > 20 else "")
        notes.append(f"{file.name}: these columns are not read: {shown}.")
    return notes


def _propose_map(table: Table, header: list[str], missing: list[str]) -> str:
    """Return the hint for a missing column: a complete map if the file is a well-known export."""
    plain = f"If another column contains it, pass --map THAT={missing[0]}."
    if table is not TRANSACTIONS:
        return plain
    known = {simplify(name): name for name in reversed(header)}
    for export in EXPORTS:
        if all(simplify(name) in known for name in export.marks):
            options = _write_options(export.columns, known)
            keep = " Add --save-map FILE to save it." if options else ""
            map_line = f" Pass {options}" if options else ""
            return f"It looks like {export.name}.{map_line}{keep and '.' + keep}{export.advice and ' ' + export.advice}"
    if all(any(simplify(guess) in known for guess in (*GUESSES[name], name)) for name in missing):
        return f"Perhaps {_write_options(GUESSES, known)}? If so, pass that, and --save-map FILE to save it."
    return plain


def _write_options(columns: Mapping[str, tuple[str, ...]], known: Mapping[str, str]) -> str:
    """Return the --map options for hmrec's columns that the file has under one of the other names."""
    options = []
    for ours, candidates in columns.items():
        theirs = next((known[simplify(name)] for name in candidates if simplify(name) in known), ours)
        if theirs != ours and ours not in known.values():
            options.append(f"--map {shlex.quote(f'{theirs}={ours}')}")
    return " ".join(options)


def read_map(file: Path) -> dict[str, str]:
    """Read a map written by `save_map`: the files' column names to hmrec's, as JSON.

    Raises
    ------
    UserMistake : the file cannot be read, or is not a map.
    """
    try:
        read = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise UserMistake(f"The map {file} cannot be read ({why}).", "--save-map FILE writes one.") from error
    if not isinstance(read, dict) or not all(isinstance(ours, str) for ours in read.values()):
        raise UserMistake(f'{file} is not a map of columns such as {{"InvoiceDate": "t_dat"}}.')
    return read


def save_map(column_map: Mapping[str, str], file: Path) -> None:
    """Write a map as JSON.

    Raises
    ------
    UserMistake : the file cannot be written.
    """
    text = json.dumps(dict(column_map), indent=2, ensure_ascii=False) + "\n"
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserMistake(f"The map {file} cannot be written ({error.strerror}).") from error
