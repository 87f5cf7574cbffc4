"""Lay out tables for the width of the terminal, without cutting a word."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import environ
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

FILE_WIDTH = 200  # columns of a table that is written to a file or a pipe, unless COLUMNS says otherwise
BETWEEN = 3  # columns that a border and its two spaces take
FIGURE = 32  # the most columns of a cell that counts as a figure


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    heading : its name.
    cells : its cells, from the first row on; a cell may have several lines.
    numeric : whether to align it on the right.
    """

    heading: str
    cells: Sequence[str]
    numeric: bool = False

    @property
    def natural(self) -> int:
        """The width that no line is wrapped in."""
        return max(_width(line) for text in (self.heading, *self.cells) for line in text.split("\n"))

    @property
    def least(self) -> int:
        """The width of the longest word."""
        return max(_width(word) for text in (self.heading, *self.cells) for word in (text.split() or [""]))


def print_columns(columns: Sequence[Column], title: str = "") -> None:
    """Print columns as a table, as several tables below each other, or as one block for each row: whatever fits.

    Figures are printed in several tables, each with the names on the left. Rows with longer texts become blocks.

    Parameters
    ----------
    columns : of equal length.
    title : a line above.
    """
    from rich.console import Console
    from rich.text import Text

    terminal = sys.stdout.isatty()
    width = None if terminal or "COLUMNS" in environ else FILE_WIDTH
    console = Console(force_terminal=terminal, soft_wrap=not terminal, width=width)
    for line in textwrap.wrap(title, console.width):
        console.print(Text(line, style="bold"))
    if choose_widths(columns, console.width) is not None:
        _print_table(console, columns)
    elif all(column.natural <= FIGURE for column in columns):
        for part in split_columns(columns, console.width):
            _print_table(console, part)
    else:
        _print_blocks(console, columns)


def choose_widths(columns: Sequence[Column], width: int) -> list[int] | None:
    """Return the widths of columns in a table that is at most `width` wide; None if a word would have to be cut.

    Each column gets what its longest word needs; what is left goes to the columns in proportion to what they lack.
    """
    room = width - BETWEEN * len(columns) - 1
    least, natural = [one.least for one in columns], [one.natural for one in columns]
    if sum(natural) <= room:
        return natural
    spare = room - sum(least)
    if spare < 0:
        return None
    lack = [most - needed for most, needed in zip(natural, least, strict=True)]
    return [needed + spare * more // sum(lack) for needed, more in zip(least, lack, strict=True)]


def split_columns(columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    """Yield groups of columns that fit, each with the names on the left; a column that fits in no group has its own.

    The names are the first column, and all others before the first with figures.
    """
    figures = next((place for place, one in enumerate(columns) if place and one.numeric), 1)
    names, rest = list(columns[:figures]), list(columns[figures:])
    while rest:
        taken = 1
        while taken < len(rest) and choose_widths([*names, *rest[: taken + 1]], width) is not None:
            taken += 1
        yield [*names, *rest[:taken]]
        rest = rest[taken:]


def _print_table(console: Console, columns: Sequence[Column]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    widths = choose_widths(columns, console.width) or [one.natural for one in columns]
    for column, width in zip(columns, widths, strict=True):
        table.add_column(Text(column.heading), justify="right" if column.numeric else "left", width=width)
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)


def _print_blocks(console: Console, columns: Sequence[Column]) -> None:
    """Print each row as lines of a name and a value, without empty values. A long value continues below."""
    from rich.text import Text

    names = max(_width(column.heading) for column in columns)
    room = max(20, console.width - names - 2)
    for row in zip(*(column.cells for column in columns), strict=True):
        for column, cell in zip(columns, row, strict=True):
            if not cell:
                continue
            lines = [
                part
                for line in cell.split("\n")
                for part in textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False)
            ]
            for place, line in enumerate(lines):
                name = column.heading if place == 0 else ""
                console.print(Text(f"{name:<{names}}  ", style="bold").append(line, style="not bold"))
        console.print()


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
