"""Read spreadsheets (.xlsx, .xls, .ods) as tables of text; needs the extra hmrec[excel]."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import polars as pl

from ...cypher.errors import UserMistake


def read_sheets(file: Path, name: str) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """Yield each sheet that has rows: its name, the row number of the column names, and its rows as text.

    Parameters
    ----------
    file : the spreadsheet.
    name : for the error.

    Raises
    ------
    UserMistake : the extra is missing, the file is damaged, or a sheet has two columns of one name.
    """
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise UserMistake(
            f"{name} is a spreadsheet.", "Install the extra (pip install 'hmrec[excel]'), or save it as CSV."
        ) from error
    try:
        book = calamine.CalamineWorkbook.from_path(str(file))
        sheets = [(title, book.get_sheet_by_name(title).to_python(skip_empty_area=False)) for title in book.sheet_names]
    except (calamine.CalamineError, OSError) as error:
        raise UserMistake(f"{name} cannot be read ({error}).", "Check that the file is complete.") from error
    for title, rows in sheets:
        first = next((number for number, row in enumerate(rows) if any(cell != "" for cell in row)), None)
        if first is None:
            continue
        names = [_to_text(cell) or f"column_{place}" for place, cell in enumerate(rows[first], start=1)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserMistake(f"{name}, sheet {title}, has two columns named {twice}.")
        columns = {column: [_to_text(row[place]) for row in rows[first + 1 :]] for place, column in enumerate(names)}
        yield title, first + 1, pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def _to_text(cell: object) -> str | None:
    """Write a cell as in a CSV file; whole numbers without a decimal point."""
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return None if cell is None else str(cell)
