"""Open each file of a data set once: unpack, decode and split it if needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from ...cypher.errors import UserMistake
from ..schema import TABLES, Kind, Table
from .columns import check_map, describe_columns, match_columns, simplify
from .dialect import SEPARATORS, ByteScan, detect_encoding, detect_separator, read_sep_line, scan_bytes, transcode
from .packed import CHUNK, Entry, detect_packing, unpack
from .parts import FoundFiles
from .rows import LINES_OF_A_CELL, Splitter, split_file
from .sheets import read_sheets


@dataclass(frozen=True)
class Part:
    """One file of a table, or its only file.

    Attributes
    ----------
    name : as the user knows it, for messages.
    text : the file to read: UTF-8 text with one row per line, or Parquet.
    separator : between the cells; empty for Parquet.
    header : the columns' names in the file.
    skip : number of lines before the first row; 0 for Parquet.
    constants : columns whose value is in the folder's name.
    schema : of Parquet: the columns' types, under their names in this file.
    byte_scan : what a scan of its bytes found; None for Parquet and spreadsheets.
    rows : Parquet files of split rows, which are read instead of `text`; None if `text` is plain.
    first : number of lines in the parts before it.
    """

    name: str
    text: Path
    separator: str
    header: list[str]
    skip: int = 0
    constants: dict[str, str | None] = field(default_factory=dict)
    schema: dict[str, pl.DataType] = field(default_factory=dict)
    byte_scan: ByteScan | None = None
    rows: list[Path] | None = None
    first: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether each line of the text is a row, without quote marks or escapes."""
        return self.separator != "" and self.rows is None


@dataclass(frozen=True)
class Source:
    """The files of one table and how to read them.

    Attributes
    ----------
    table : which of the three tables it is.
    file : as the user knows it; the folder's and table's name if there are several.
    parts : in order; all have the same columns.
    header, names : the columns' names in the files, and under hmrec's names.
    digest : SHA-256 of the unpacked content.
    notes : problems that were handled, one sentence each; reading adds to them.
    """

    table: Table
    file: Path
    parts: list[Part]
    header: list[str]
    names: list[str]
    digest: str
    notes: list[str] = field(default_factory=list)

    @property
    def separator(self) -> str:
        """The separator between the cells; empty for Parquet."""
        return self.parts[0].separator

    @property
    def is_parquet(self) -> bool:
        """Whether all rows are in Parquet, without lines of text."""
        return all(part.separator == "" for part in self.parts)

    @property
    def ends_whole(self) -> bool:
        """Whether the last line has a line end."""
        byte_scan = self.parts[-1].byte_scan
        return byte_scan is None or byte_scan.ends_whole

    def find_lines(self, lines: pl.Series) -> pl.DataFrame:
        """Return the name of the part that contains each line, and the line's number there."""
        starts = pl.DataFrame(
            {"first": [part.first for part in self.parts], "file": [part.name for part in self.parts]}
        )
        placed = lines.cast(pl.Int64).alias("line").to_frame().with_row_index("place").sort("line")
        return (
            placed.join_asof(starts, left_on="line", right_on="first", allow_exact_matches=False)
            .sort("place")
            .select("file", line=pl.col("line") - pl.col("first"))
        )


def open_sources(
    found: FoundFiles, work: Path, column_map: dict[str, str], encoding: str | None = None
) -> dict[str, Source]:
    """Open each table's files, and check their columns against its schema.

    Parameters
    ----------
    found : the files by table.
    work : folder for unpacked, decoded and split files.
    column_map : the files' column names to hmrec's.
    encoding : of the text files; None to detect it.

    Raises
    ------
    UserMistake : a file cannot be read, a required column is missing or ambiguous, or the map has an unknown column.
    """
    check_map(column_map, ())
    sources = {
        table.stem: open_source(table, found.tables[table.stem], work, column_map, encoding)
        for table in TABLES
        if table.stem in found.tables
    }
    check_map(column_map, (source.header for source in sources.values()))
    return sources


def open_source(
    table: Table, entries: list[Entry], work: Path, column_map: dict[str, str], encoding: str | None
) -> Source:
    """Open one table's files; the parameters and errors are those of `open_sources`."""
    notes: list[str] = []
    digest = hashlib.sha256((encoding or "").encode())
    known = frozenset(simplify(name) for name in (*table.column_names, *column_map))
    parts = []
    for number, entry in enumerate(entries):
        target = work / f"{table.stem}-{number}"
        opened, digest_of_part = _open_part(entry, target, known, encoding, notes)
        parts.extend(opened)
        digest.update(f"{entry.name} {digest_of_part} ".encode())
    file = Path(entries[0].file.parent, entries[0].name if len(entries) == 1 else table.stem)
    header = parts[0].header + [name for name in parts[0].constants if name not in parts[0].header]
    names = match_columns(table, file, header, column_map)
    parts = _join_parts(table, parts, dict(zip(header, names, strict=True)), work, notes)
    source_digest = digest_of_part if len(entries) == 1 and encoding is None else digest.hexdigest()
    source = Source(table, file, parts, header, names, source_digest, notes)
    source.notes.extend(describe_columns(table, file, header, names))
    if source.separator not in ("", ","):
        source.notes.append(f"{file.name}: its columns are separated by {source.separator!r}.")
    if len(parts) > 1:
        source.notes.append(f"{table.stem}: its {len(parts)} parts are read as one table, {parts[0].name} first.")
    return source


# -- one file -----------------------------------------------------------------------------------------------


def _open_part(
    entry: Entry, target: Path, known: frozenset[str], encoding: str | None, notes: list[str]
) -> tuple[list[Part], str]:
    """Open a file; return its part (one per sheet of a spreadsheet) and the SHA-256 of its unpacked content."""
    text = unpack(entry, target)
    with text.open("rb") as stream:
        is_parquet = stream.read(4) == b"PAR1"
    if is_parquet or entry.name.endswith((".parquet", ".pq")):
        try:
            schema = dict(pl.scan_parquet(text, glob=False, hive_partitioning=False).collect_schema())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserMistake(f"{_show(entry)} is not a readable Parquet file.") from error
        return [Part(entry.name, text, "", list(schema), 0, entry.constants, schema)], scan_bytes(text).digest
    if detect_packing(text) == "sheet":
        return _open_sheets(entry, text, target, notes), scan_bytes(text).digest
    byte_scan = scan_bytes(text)
    digest = byte_scan.digest
    codec = detect_encoding(text, byte_scan, encoding)
    is_whole = True
    if codec not in ("utf-8", "utf-8-sig") or not byte_scan.is_utf8:
        text, is_whole = _transcode(text, target.with_name(f"{target.name}.utf8"), codec, bare_returns=False)
        byte_scan = scan_bytes(text)
        if codec not in ("utf-8", "utf-8-sig"):
            notes.append(f"{entry.name}: its text is read as {codec}, not UTF-8; if that is wrong, pass --encoding.")
    if byte_scan.has_bare_returns and (not byte_scan.has_feeds or _has_bare_return(text)):
        had_feeds = byte_scan.has_feeds
        text, is_whole = _transcode(text, target.with_name(f"{target.name}.lf"), "utf-8", bare_returns=True)
        byte_scan = scan_bytes(text)
        notes.append(f"{entry.name}: its lines end with CR only{', some with LF' if had_feeds else ''}.")
    separator, header, skip = _read_header(entry, text, known, notes)
    part = Part(entry.name, text, separator, header, skip, entry.constants, byte_scan=byte_scan)
    return [part if byte_scan.is_plain and is_whole else replace(part, rows=[])], digest


def _has_bare_return(text: Path) -> bool:
    """Return whether the header ends with CR only, outside quote marks."""
    with text.open("rb") as stream:
        header, mark, _ = stream.readline(CHUNK).rstrip(b"\r\n").partition(b"\r")
    return bool(mark) and header.count(b'"') % 2 == 0


def _transcode(text: Path, target: Path, codec: str, bare_returns: bool) -> tuple[Path, bool]:
    return target, transcode(text, target, codec, bare_returns)


def _read_header(entry: Entry, text: Path, known: frozenset[str], notes: list[str]) -> tuple[str, list[str], int]:
    """Return a text's separator, its column names, and the number of lines before the first row."""
    with text.open("rb") as stream:
        lines = [stream.readline(CHUNK).decode("utf-8-sig", errors="replace").rstrip("\r\n")]
        separator = read_sep_line(lines[0])
        skip = 0
        if separator is not None:
            notes.append(f"{entry.name}: its first line declares the separator {separator!r}.")
            lines, skip = [stream.readline(CHUNK).decode("utf-8", errors="replace").rstrip("\r\n")], 1
        if not lines[0].strip():
            is_empty = not stream.read(CHUNK).strip()
            raise UserMistake(
                f"{_show(entry)} is empty." if is_empty else f"{_show(entry)} begins with an empty line.",
                "It must begin with a line of column names.",
            )
        while "\n".join(lines).count('"') % 2 and len(lines) < LINES_OF_A_CELL and (line := stream.readline(CHUNK)):
            lines.append(line.decode("utf-8", errors="replace").rstrip("\r\n"))
    if "\n".join(lines).count('"') % 2:
        lines = lines[:1]
    separator = separator or detect_separator("\n".join(lines), known)
    splitter = Splitter(separator, max(1, "".join(lines).count(separator) + 1))
    split = splitter.split_row(lines, 0)
    header = split[0] if split is not None and split[0] is not None else lines[0].split(separator)
    return separator, [" ".join(name.strip().strip('"').split()) for name in header], skip + len(lines)


def _open_sheets(entry: Entry, file: Path, target: Path, notes: list[str]) -> list[Part]:
    """Open the sheets of a spreadsheet that have the same columns as the first."""
    parts: list[Part] = []
    for number, (title, skip, frame) in enumerate(read_sheets(file, _show(entry))):
        if parts and set(frame.columns) != set(parts[0].header):
            notes.append(f"{entry.name}: its sheet {title} has different columns and is not read.")
            continue
        text = target.with_name(f"{target.name}.sheet{number}")
        frame.write_parquet(text)
        name = entry.name if not parts else f"{entry.name}, {title}"
        parts.append(Part(name, text, "", frame.columns, skip, entry.constants, dict(frame.schema)))
    if not parts:
        raise UserMistake(f"{_show(entry)} is empty.", "It must begin with a line of column names.")
    return parts


def _show(entry: Entry) -> str:
    """Return a file's path for messages."""
    return str(entry.file if not entry.member else f"{entry.file}: {entry.member}")


# -- several files ------------------------------------------------------------------------------------------


def _join_parts(table: Table, parts: list[Part], named: dict[str, str], work: Path, notes: list[str]) -> list[Part]:
    """Split the parts that are not plain, and number the lines across all of them.

    Raises
    ------
    UserMistake : a part has different columns from the first.
    """
    simple = {simplify(theirs): theirs for theirs in named}
    joined: list[Part] = []
    first = 0
    for number, part in enumerate(parts):
        header = [name if name in named else simple.get(simplify(name), name) for name in part.header]
        columns = {*header, *part.constants}
        if columns != set(named):
            differ = sorted(columns ^ set(named), key=str)
            raise UserMistake(
                f"{part.name} has different columns from {parts[0].name}: {', '.join(map(repr, differ))[:200]}.",
                "The parts of a table must have the same columns.",
            )
        part = replace(part, header=header, first=first)
        if part.rows is not None:
            kept = {place: named[name] for place, name in enumerate(header) if named[name] in table.column_names}
            required = {column.name for column in table.columns if column.required}
            keys = tuple(place for place, name in kept.items() if name in required)
            flat = frozenset(place for place, name in kept.items() if table.column(name).kind is not Kind.text)
            splitter = Splitter(part.separator, len(header), keys, flat)
            target = work / f"{table.stem}-{number}.rows"
            part = replace(part, rows=split_file(part.text, splitter, part.skip, kept, target))
            if splitter.prefers_escapes:
                notes.append(f"{part.name}: its quote marks and separators are escaped by backslashes.")
        joined.append(part)
        if len(parts) > 1:
            first += _count_lines(part)
    return joined


def _count_lines(part: Part) -> int:
    if part.separator == "":
        scan = pl.scan_parquet(part.text, glob=False, hive_partitioning=False)
        return part.skip + int(scan.select(pl.len()).collect().item())
    count = 1
    with part.text.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            count += chunk.count(b"\n") + chunk.count(b"\r")
    return count


def fetch_lines(source: Source, numbers: set[int]) -> dict[int, str]:
    """Return lines of the plain parts by number; a line of separators only is returned empty."""
    found = {}
    ends = [part.first for part in source.parts[1:]]
    for part, end in zip(source.parts, [*ends, max(numbers, default=0)], strict=True):
        wanted = {number - part.first for number in numbers if part.first < number <= end}
        if not wanted or not part.is_plain:
            continue
        with part.text.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if number in wanted:
                    text = line.decode("utf-8", errors="replace").rstrip("\r\n")
                    found[number + part.first] = text if text.strip("".join(SEPARATORS)) else ""
    return found
