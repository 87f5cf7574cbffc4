"""Split text with quote marks, escapes or damaged lines into rows: simple lines in bulk, unusual ones one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from .dialect import UNDECODABLE

BLOCK = 1 << 23
LINES_OF_A_CELL = 1000  # a quoted cell of more lines is treated as an unclosed quote
SAMPLE = 1000  # lines from which the shapes of the keys are learnt
OPEN, BROKEN = "open", "broken"
CELLS, ENCODING = "", UNDECODABLE  # why a row is malformed: its number of cells, or undecodable bytes
Row = tuple[int, list[str] | None, str, str]  # line, cells, text, why the row is bad if it has no cells


@dataclass
class Splitter:
    """Splits text into rows of cells.

    Quoted cells may contain separators and line breaks; quote marks inside are doubled (RFC 4180) or escaped by a
    backslash. A quote mark inside an unquoted cell is a letter. An unclosed quote spoils only its own line: later lines
    that look like rows are rows. Missing last cells are empty; separators after the last cell are ignored. Lines of
    separators only are not rows.

    Attributes
    ----------
    separator, width : between the cells, and number of cells in a row.
    keys : positions of the cells whose shapes distinguish a row from a line of text.
    flat : positions of the cells without line breaks, such as ids and numbers.
    prefers_escapes : whether the file escapes by backslashes.
    shapes : shapes of the keys in this file.
    """

    separator: str
    width: int
    keys: tuple[int, ...] = ()
    flat: frozenset[int] = frozenset()
    prefers_escapes: bool = False
    shapes: set[tuple[str, ...]] = field(default_factory=set)

    def __post_init__(self) -> None:
        mark = re.escape(self.separator)
        blank = "[ \t]*" if self.separator != "\t" else " *"
        self._doubled = _Grammar(
            re.compile(rf'{blank}"([^"]*(?:""[^"]*)*)"{blank}(?={mark}|\Z)'),
            re.compile(rf'(?!{blank}")[^{mark}]*'),
            re.compile(rf'{blank}"[^"]*(?:""[^"]*)*\Z'),
        )
        self._escaped = _Grammar(
            re.compile(rf'{blank}"([^"\\]*(?:(?:\\.|"")[^"\\]*)*)"{blank}(?={mark}|\Z)', re.DOTALL),
            re.compile(rf'(?!{blank}")[^{mark}\\]*(?:\\.[^{mark}\\]*)*(?=\Z|{mark})', re.DOTALL),
            re.compile(rf'(?:{blank}"[^"\\]*(?:(?:\\.|"")[^"\\]*)*|[^{mark}\\]*(?:\\.[^{mark}\\]*)*)\\?\Z', re.DOTALL),
            re.compile(rf'\\(["\\\n{mark}])'),
        )
        self._loose = re.compile(rf'{blank}"(.*?)"{blank}(?={mark}|\Z)|([^{mark}]*)', re.DOTALL)
        cell = rf'(?:"(?:[^"]|"")*"|[^"{mark}]*)'
        self.simple = rf"^{cell}(?:{mark}{cell}){{0,{self.width - 1}}}{mark}*\r?$"

    def split_row(self, lines: list[str], place: int) -> tuple[list[str] | None, int] | None:
        """Split the row that begins on a line; return its cells and how many more lines it takes; None if lines run
        out.
        """
        line = lines[place].rstrip("\r")
        grammars = [self._doubled] + [self._escaped] * ("\\" in line)
        if self.prefers_escapes:
            grammars = grammars[::-1]
            if line.endswith("\\") and grammars[0].split(line) == OPEN:
                grammars = grammars[:1]  # an escaped line break
        short = None
        for grammar in grammars:
            cells = self._fit(grammar.split(line))
            if cells is not None and len(cells) == self.width:
                return cells, 0
            short = short or cells
        if self.prefers_escapes and short is not None and grammars[0].split(line) in (OPEN, BROKEN):
            short = None
        for grammar in grammars:
            if short is None and grammar.split(line) == OPEN:
                taken = self._split_over_lines(grammar, line, lines, place)
                if taken is None or taken[0] is not None:
                    return taken
        return short if short is not None else self.split_loosely(line), 0

    def looks_like_row(self, line: str, shapes: set[tuple[str, ...]]) -> bool:
        """Return whether a line inside quote marks is a complete row by itself, with keys of these shapes.

        The line that closes a quote has an odd number of quote marks, so it does not match.
        """
        cells = self._fit(self._doubled.split(line.rstrip("\r")))
        if line.count('"') % 2 or cells is None or len(cells) != self.width:
            return False
        shape = self.shape(cells)
        return all(shape) and (not self.shapes or shape in shapes)

    def shape(self, cells: list[str]) -> tuple[str, ...]:
        """Return the shapes of the keys: `c12` and `a7` have the same shape, `2020-09-22` another."""
        shapes = []
        for key in self.keys:
            text = cells[key].strip(' "') if key < len(cells) else ""
            shapes.append(re.sub("[a-zA-Z]+", "a", re.sub("[0-9]+", "9", text)))
        return tuple(shapes)

    def _split_over_lines(
        self, grammar: _Grammar, line: str, lines: list[str], place: int
    ) -> tuple[list[str] | None, int] | None:
        text = line
        for taken in range(1, LINES_OF_A_CELL + 1):
            if place + taken >= len(lines):
                return None
            added = lines[place + taken].rstrip("\r")
            text += "\n" + added
            if '"' not in added and not (grammar is self._escaped and text.count('"') == line.count('"')):
                continue
            cells = grammar.split(text)
            if cells == OPEN:
                continue
            fitting = self._fit(cells)
            if fitting is None or any("\n" in fitting[place] for place in self.flat if place < len(fitting)):
                return None, 0  # the quote was never closed
            shapes = self.shapes | {self.shape(fitting)}
            if any(self.looks_like_row(lines[place + i], shapes) for i in range(1, taken + 1)):
                return None, 0
            return fitting, taken
        return None, 0

    def split_loosely(self, line: str) -> list[str] | None:
        """Split a line whose quote marks follow no rule: those inside a cell are letters."""
        cells: list[str] | None = []
        for cell in line.split(self.separator):
            bare = cell.strip()
            if bare.startswith('"') and bare.endswith('"') and len(bare) > 1:
                cell = bare[1:-1].replace('""', '"')
            elif bare.startswith('"') and bare.count('"') % 2:
                cells = None  # opened and not closed before the separator
                break
            cells.append(cell)  # type: ignore[union-attr]
        fitting = self._fit(cells if cells is not None else BROKEN)
        if fitting is not None and len(fitting) == self.width:
            return fitting
        cells, position = [], 0
        while match := self._loose.match(line, position):
            if match[1] is None and match[2].strip().startswith('"'):
                return None
            cells.append(match[1].replace('""', '"') if match[1] is not None else match[2])
            position = match.end() + 1
            if match.end() >= len(line):
                break
        fitting = self._fit(cells)
        return fitting if fitting is not None and len(fitting) == self.width else None

    def _fit(self, cells: list[str] | str) -> list[str] | None:
        """Return the cells without blank ones after the last column; None if there are too many cells, or none."""
        if isinstance(cells, str):
            return None
        extra = cells[self.width :]
        return None if any(cell.strip() for cell in extra) else cells[: self.width]


@dataclass(frozen=True)
class _Grammar:
    """Patterns of a quoted cell, an unquoted cell, a cell still open at the text's end, and escaped letters."""

    quoted: re.Pattern[str]
    bare: re.Pattern[str]
    open: re.Pattern[str]
    escape: re.Pattern[str] | None = None

    def split(self, text: str) -> list[str] | str:
        """Return the cells; OPEN if a quote is not closed; BROKEN if text follows a closing quote."""
        cells, position = [], 0
        while True:
            if match := self.quoted.match(text, position):
                cells.append(self._unescape(match[1].replace('""', '"') if self.escape is None else match[1], True))
            elif match := self.bare.match(text, position):
                cells.append(self._unescape(match[0], False))
            else:
                return OPEN if self.open.match(text, position) else BROKEN
            position = match.end() + 1
            if match.end() >= len(text):
                return cells

    def _unescape(self, cell: str, quoted: bool) -> str:
        if self.escape is None:
            return cell
        pieces = self.escape.split(cell)
        if quoted:
            pieces[::2] = [piece.replace('""', '"') for piece in pieces[::2]]
        return "".join(pieces)


def split_file(file: Path, splitter: Splitter, skip: int, columns: dict[int, str], target: Path) -> list[Path]:
    """Split a UTF-8 text into rows and write these to Parquet files, in order; memory does not grow with the file.

    Parameters
    ----------
    file : with line ends LF or CR LF.
    splitter : for this file.
    skip : lines before the first row.
    columns : position and name of the columns to read.
    target : folder for the files; each has `line`, `bad`, `bad_value` and the columns as text.
    """
    target.mkdir()
    files = []
    for number, frame in enumerate(_split_blocks(file, splitter, skip, columns)):
        files.append(target / f"{number:06}.parquet")
        frame.write_parquet(files[-1], compression="lz4", statistics=False)
    return files


def _split_blocks(file: Path, splitter: Splitter, skip: int, columns: dict[int, str]) -> Iterator[pl.DataFrame]:
    with file.open("rb") as stream:
        for _ in range(skip):
            stream.readline()
        line, rest, is_first, more = skip + 1, b"", True, True
        while more:
            block = stream.read(BLOCK)
            more = len(block) == BLOCK
            rest += block
            end = rest.rfind(b"\n") + 1 if more else len(rest)
            text = rest[:end].decode("utf-8")
            lines = text.removesuffix("\n").split("\n") if text else []
            if "\r" in text.replace("\r\n", ""):
                lines = [row for joined in lines for row in _split_joined_rows(joined, splitter)]
            if is_first:
                splitter.prefers_escapes = _detect_escapes(lines, splitter)
            frame, used = _split_block(lines, line, splitter, columns, more)
            left = "\n".join(lines[used:])
            rest = (left + "\n" if left or used < len(lines) else "").encode() + rest[end:]
            line += used
            is_first = False
            yield frame


def _split_block(
    lines: list[str], first: int, splitter: Splitter, columns: dict[int, str], more: bool
) -> tuple[pl.DataFrame, int]:
    """Split a block's lines, and return the number of lines used: the last ones may continue in the next block."""
    text = pl.Series("text", lines, dtype=pl.String).str.strip_chars_end("\r").to_frame().with_row_index("place")
    escape = (
        rf'\\["\\{re.escape(splitter.separator)}]|\\$'
        if splitter.prefers_escapes
        else (rf"\\{re.escape(splitter.separator)}")
    )
    is_simple = pl.col("text").str.contains(splitter.simple) & ~pl.col("text").str.contains(
        rf"\r|{UNDECODABLE}|{escape}"
    )
    is_blank = pl.col("text").str.strip_chars(splitter.separator) == ""
    text = text.select("place", "text", simple=is_simple, blank=is_blank)
    if not splitter.shapes:
        whole = (pl.col("text").str.count_matches('"', literal=True).cum_sum() % 2 == 0) & pl.col("simple")
        full = pl.col("text").str.count_matches(splitter.separator, literal=True) == splitter.width - 1
        sample = text.head(SAMPLE).filter(whole & full)["text"]  # neither lines inside quote marks nor short rows
        splitter.shapes = {splitter.shape(row.split(splitter.separator)) for row in sample}
    unusual = text.filter(~pl.col("simple") & ~pl.col("blank"))["place"].to_list()
    rows: list[Row] = []
    taken: list[int] = []
    used = len(lines)
    for place in unusual:
        if taken and place <= taken[-1]:
            continue
        line = lines[place].rstrip("\r")
        if UNDECODABLE in line:
            rows.append((first + place, None, re.sub(f"{UNDECODABLE}(..)", r"\\x\1", line), ENCODING))
            taken.append(place)
            continue
        split = splitter.split_row(lines, place)
        if split is None and more and len(lines) - place <= LINES_OF_A_CELL:
            used = place
            break
        cells, after = split or (splitter.split_loosely(line), 0)  # None: the file ends inside quote marks
        rows.append((first + place, cells, line, CELLS))
        taken.extend(range(place, place + after + 1))
    used_places = pl.Series(taken, dtype=pl.UInt32)
    simple = text.filter(pl.col("simple") & ~pl.col("blank") & (pl.col("place") < used)).join(
        used_places.alias("place").to_frame(), on="place", how="anti", maintain_order="left"
    )
    return pl.concat([_read_simple(simple, first, splitter, columns), _to_frame(rows, columns)]).sort("line"), used


def _split_joined_rows(line: str, splitter: Splitter) -> list[str]:
    """Split a line at carriage returns if all pieces are complete rows, as in text pasted from an old Mac's file."""
    pieces = line.rstrip("\r").split("\r")
    if len(pieces) > 1:
        split = [splitter.split_row([piece], 0) for piece in pieces]
        if all(row is not None and row[0] is not None and len(row[0]) == splitter.width for row in split):
            return pieces
    return [line]


def _read_simple(simple: pl.DataFrame, first: int, splitter: Splitter, columns: dict[int, str]) -> pl.DataFrame:
    """Read lines that are each one well-formed row."""
    schema = {f"column_{place}": pl.String for place in range(splitter.width)}
    if simple.is_empty():
        return _to_frame([], columns)
    cells = pl.read_csv(
        ("\n".join(simple["text"].to_list()) + "\n").encode(), separator=splitter.separator, quote_char='"',
        has_header=False, schema=schema, truncate_ragged_lines=True, extra_columns="ignore", missing_columns="insert",
        glob=False,
    )  # fmt: skip
    return cells.select(
        (simple["place"].cast(pl.Int64) + first).alias("line"),
        pl.lit(None, pl.String).alias("bad"),
        pl.lit(None, pl.String).alias("bad_value"),
        *(pl.col(f"column_{place}").alias(name) for place, name in columns.items()),
    )


def _to_frame(rows: list[Row], columns: dict[int, str]) -> pl.DataFrame:
    schema = {"line": pl.Int64, "bad": pl.String, "bad_value": pl.String} | dict.fromkeys(columns.values(), pl.String)
    data: dict[str, list[object]] = {
        "line": [line for line, *_ in rows],
        "bad": [why if cells is None else None for _, cells, _, why in rows],
        "bad_value": [text if cells is None else None for _, cells, text, _ in rows],
    }
    for place, name in columns.items():
        data[name] = [cells[place] if cells is not None and place < len(cells) else None for _, cells, _, _ in rows]
    return pl.DataFrame(data, schema=schema)


def _detect_escapes(lines: list[str], splitter: Splitter) -> bool:
    """Return whether more of a file's first lines are complete rows with backslash escapes than without."""
    votes = 0
    for line in (line.rstrip("\r") for line in lines if "\\" in line):
        doubled, escaped = splitter._doubled.split(line), splitter._escaped.split(line)
        votes += (len(escaped) == splitter.width) * isinstance(escaped, list)
        votes -= (len(doubled) == splitter.width) * isinstance(doubled, list)
        votes += isinstance(escaped, str) and escaped == OPEN and line.endswith("\\")
    return votes > 0
