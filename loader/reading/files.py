"""The files of a data set: find them, open them, tell their form."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import polars as pl

from ...cypher.errors import UserMistake
from ..schema import TABLES, TRANSACTIONS, Table

ENDINGS = (".csv", ".csv.gz", ".parquet")
SEPARATORS = (",", ";", "\t", "|")
CHUNK = 1 << 20
LINES_OF_A_CELL = 1000  # a quoted cell of more lines is taken for a quote that nobody closed


@dataclass(frozen=True)
class Source:
    """One table's file and how to read it.

    Attributes
    ----------
    file : as the user has it.
    text : the same, unpacked where it was packed.
    separator : between the cells; empty for Parquet.
    header, names : the columns' names in the file, and under hmrec's names.
    absent : values of columns that the file has not, by the column's name.
    digest : SHA-256 of the unpacked content.
    has_quotes, ends_whole : whether a quote mark occurs, and whether the last line ends.
    notes : mishaps that were handled, a sentence each; reading adds to them.
    """

    table: Table
    file: Path
    text: Path
    separator: str
    header: list[str]
    names: list[str]
    absent: dict[str, str]
    digest: str
    has_quotes: bool
    ends_whole: bool
    notes: list[str] = field(default_factory=list)

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet."""
        return self.separator == ""


def find_files(folder: Path) -> dict[str, Path]:
    """The data set's files by table; only the transactions must be there.

    Raises
    ------
    UserMistake : the folder or the transactions are not there, or a table has two files.
    """
    if not folder.is_dir():
        kind = "a file, not a folder" if folder.exists() else "not there"
        raise UserMistake(f"{folder} is {kind}.", "Name the folder that holds transactions_train.csv.")
    found = {}
    for table in TABLES:
        files = [file for ending in ENDINGS if (file := folder / f"{table.stem}{ending}").is_file()]
        if len(files) > 1:
            raise UserMistake(
                f"{folder} holds both {files[0].name} and {files[1].name}.",
                "Keep one of them, so that it is plain which counts.",
            )
        if files:
            found[table.stem] = files[0]
    if TRANSACTIONS.stem not in found:
        raise UserMistake(
            f"{folder} has no {TRANSACTIONS.file}.",
            f"It may also be {TRANSACTIONS.stem}.csv.gz or .parquet; the others are optional.",
        )
    return found


def open_sources(files: dict[str, Path], work: Path, column_map: dict[str, str]) -> dict[str, Source]:
    """Look through each file once, and hold its columns against its table's.

    Parameters
    ----------
    files : by table.
    work : folder for what must be unpacked.
    column_map : the files' column names to hmrec's.

    Raises
    ------
    UserMistake : a file cannot be read, lacks a required column or has one twice, or the map names none.
    """
    ours = {name for table in TABLES for name in table.column_names}
    for name in column_map.values():
        if name not in ours:
            raise UserMistake(
                f"There is no column {name!r:.60} to map to.", f"The columns are {', '.join(sorted(ours))}."
            )
    sources = {
        table.stem: _open_source(table, files[table.stem], work, column_map) for table in TABLES if table.stem in files
    }
    for theirs in column_map:
        if not any(theirs in source.header for source in sources.values()):
            raise UserMistake(f"No file has the column {theirs!r:.60} that --map names.")
    return sources


def _open_source(table: Table, file: Path, work: Path, column_map: dict[str, str]) -> Source:
    text = work / f"{table.stem}.csv" if file.suffix == ".gz" else file
    digest, has_quotes, ends_whole = _look_through(file, text)
    if file.suffix == ".parquet":
        try:
            separator, header = "", list(pl.scan_parquet(file, glob=False).collect_schema())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserMistake(f"{file} is not a Parquet file that can be read.") from error
    else:
        separator, header = _read_header(file, text)
    names = [column_map.get(name, name) for name in header]
    for column in table.columns:
        if names.count(column.name) > 1:
            raise UserMistake(f"{file} has two columns named {column.name}.")
        if column.required and column.absent is None and column.name not in names:
            raise UserMistake(
                f"{file} has no column {column.name}; its columns are {', '.join(header)[:200]}.",
                f"If another column holds it, say --map THAT={column.name}.",
            )
    absent = {c.name: c.absent for c in table.columns if c.absent is not None and c.name not in names}
    source = Source(table, file, text, separator, header, names, absent, digest, has_quotes, ends_whole)
    source.notes.extend(
        f"{file.name}: it has no column {name}; every row gets {value}." for name, value in absent.items()
    )
    if names[0] in ("", "Unnamed: 0", "index", "column_1", "__index_level_0__") and names[0] not in table.column_names:
        source.notes.append(f"{file.name}: the index column in front was left out.")
    if separator not in ("", ","):
        source.notes.append(f"{file.name}: its columns are apart by {separator!r}.")
    return source


def _look_through(file: Path, text: Path) -> tuple[str, bool, bool]:
    """Digest, whether there is a quote mark and whether the last line ends; a packed file is unpacked to `text`."""
    digest, has_quotes, last = hashlib.sha256(), False, b"\n"
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    packed = text != file
    try:
        with (
            cast(IO[bytes], gzip.open(file, "rb")) if packed else file.open("rb") as stream,
            text.open("wb") if packed else io.BytesIO() as copy,
        ):
            while size := stream.readinto(buffer):  # type: ignore[attr-defined]
                chunk = view[:size]
                digest.update(chunk)
                has_quotes = has_quotes or buffer.find(b'"', 0, size) >= 0
                last = bytes(chunk[-1:])
                if packed:
                    copy.write(chunk)
    except EOFError as error:
        raise UserMistake(f"{file} ends too early: it was cut.", "Download or pack it again.") from error
    except (OSError, zlib.error) as error:
        raise UserMistake(f"{file} cannot be read ({error}).", "Check that the file is whole and readable.") from error
    return digest.hexdigest(), has_quotes, last == b"\n"


def _read_header(file: Path, text: Path) -> tuple[str, list[str]]:
    """A CSV file's separator and column names."""
    with text.open("rb") as stream:
        first = stream.readline(CHUNK)
    if first[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UserMistake(f"{file} is text in UTF-16.", "Save it as UTF-8.")
    line = first.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    if not line.strip():
        raise UserMistake(f"{file} is empty." if not first.strip() else f"{file} begins with an empty line.",
                          "It must begin with a line of column names.")  # fmt: skip
    separator = max(SEPARATORS, key=line.count)
    return separator, [name.strip().strip('"').strip() for name in line.split(separator)]


def iterate_rows(source: Source) -> Iterator[tuple[int, list[str] | None, str]]:
    """Each row of a CSV file: the line it begins on, its cells (None where they are not the header's number), its text.

    A quoted cell may hold separators and line breaks. A quote that nobody closes spoils its own line only: lines after
    it that look like rows are rows. Lines without anything but separators are no rows.
    """
    width, separator = len(source.header), source.separator
    with source.text.open("r", encoding="utf-8-sig", errors="replace", newline="\n") as stream:
        lines = enumerate(stream, start=1)
        next(lines)
        waiting: list[tuple[int, str]] = []  # lines read ahead in search of a closing quote, not yet rows
        while True:
            number, line = waiting.pop(0) if waiting else next(lines, (0, ""))
            if not number:
                return
            line = line.rstrip("\r\n")
            if not line.strip(separator):
                continue
            if '"' not in line:
                cells: list[str] | None = line.split(separator)
            else:
                cells, used = _split_quoted(line, separator, width, waiting, lines)
                del waiting[:used]
            yield number, cells if cells is not None and len(cells) == width else None, line


def fetch_lines(source: Source, numbers: set[int]) -> dict[int, str]:
    """Some of a CSV file's lines, by number, the header's being 1."""
    with source.text.open("rb") as stream:
        lines = {number: line for number, line in enumerate(stream, start=1) if number in numbers}
    return {number: line.decode("utf-8", errors="replace").rstrip("\r\n") for number, line in lines.items()}


def _split_quoted(
    line: str, separator: str, width: int, waiting: list[tuple[int, str]], lines: Iterator[tuple[int, str]]
) -> tuple[list[str] | None, int]:
    """The cells of a row with quotes, and how many of the waiting lines it took."""
    text, taken = line, 0
    while text.count('"') % 2:
        if taken == len(waiting):
            ahead = next(lines, None) if taken < LINES_OF_A_CELL else None
            if ahead is None:
                break
            waiting.append(ahead)
        text += "\n" + waiting[taken][1].rstrip("\r\n")
        taken += 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        cells = next(reader)
    except (csv.Error, StopIteration):
        return None, 0
    used = reader.line_num - 1
    swallowed = any(waiting[i][1].count(separator) >= max(width - 1, 1) for i in range(used))
    return (cells, used) if len(cells) == width and not swallowed else (None, 0)
