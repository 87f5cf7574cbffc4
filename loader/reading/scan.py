"""Scan files as lazy frames of text columns, with the line of each row."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import polars as pl

from ...cypher.errors import UserMistake
from ..schema import EARLIEST, TRANSACTIONS, Column, Kind
from .cells import Form, drop_missing, trim
from .dates import EPOCH_UNITS, detect_date_form
from .decimals import count_decimals, has_decimal_comma
from .files import Part, Source

SAMPLE_DATES = 1_000
NEVER = "\x01"  # a separator that occurs in no line, to read whole lines


def scan(source: Source) -> pl.LazyFrame:
    """Return a table's rows as text columns, with `line` over all parts; `bad` and `bad_value` for malformed rows.

    Malformed rows of plain transactions have no `bad_value`; `fetch_lines` reads their text.
    """
    frames = [_scan_part(source, part) for part in source.parts]
    if len(frames) == 1:
        return frames[0]
    numbered = [
        frame.with_columns(pl.col("line").cast(pl.Int64) + part.first)
        for frame, part in zip(frames, source.parts, strict=True)
    ]
    return pl.concat(numbered)


def _scan_part(source: Source, part: Part) -> pl.LazyFrame:
    named = dict(zip(source.header, source.names, strict=True))
    names = [named[theirs] for theirs in part.header]
    if part.separator == "":
        frame = _scan_parquet(source, part, names)
    elif part.rows is not None:
        frame = pl.scan_parquet(part.rows, glob=False, hive_partitioning=False)
    elif source.table is TRANSACTIONS:
        frame = _scan_lines(source, part, names)
    else:
        frame = _split_lines(source, part, names)
    kept = [name for name in source.names if name in source.table.column_names]
    constants = {named[name]: value for name, value in part.constants.items() if named.get(name) in kept}
    frame = frame.with_columns(
        pl.lit(value, pl.String).alias(name) for name, value in constants.items() if name not in names
    )
    if not part.is_plain:
        frame = frame.with_columns(_join_broken(column.name) for column in source.table.columns if (
            column.name in kept and column.kind is Kind.text and not column.breaks))  # fmt: skip
    if source.table.key in names and part.separator != "":  # concatenated files repeat their header
        key = pl.col(source.table.key)
        frame = frame.filter(
            (key.str.strip_chars(' "') == part.header[names.index(source.table.key)]).not_() | key.is_null()
        )
    return frame.select("line", *kept, "bad", "bad_value")


def _join_broken(name: str) -> pl.Expr:
    """Return an expression that joins a text of several lines into one line."""
    return pl.col(name).str.replace_all(r"[ \t]*[\r\n\x0b\x0c\x{85}\x{2028}\x{2029}]+[ \t]*", " ")


def _scan_lines(source: Source, part: Part, names: list[str]) -> pl.LazyFrame:
    """Scan a plain text, one row per line; rows with too many cells and empty lines are `bad`."""
    placed = [f"column_{number}" for number in range(len(names) + 1)]
    kept = {place: ours for place, ours in zip(placed[:-1], names, strict=True) if ours in source.table.column_names}
    frame = _scan_csv(part, part.separator, placed)
    malformed = (pl.col(placed[-1]).str.strip_chars() != "").fill_null(False) | pl.all_horizontal(
        pl.col(placed).is_null()
    )
    return frame.select(
        "line", *kept, bad=pl.when(malformed).then(pl.lit("")), bad_value=pl.lit(None, pl.String)
    ).rename(kept)


def _split_lines(source: Source, part: Part, names: list[str]) -> pl.LazyFrame:
    """Scan a plain text's rows; `bad` if there are too many cells.

    Missing last cells are empty, and separators after the last cell are ignored. Lines of separators only are not rows.
    """
    whole = _scan_csv(part, NEVER, ["text", "more"]).filter(pl.col("text").str.strip_chars(part.separator) != "")
    text = pl.col("text").str.strip_chars_end("\r")
    mark = re.escape(part.separator)
    extra = text.str.contains(rf"^[^{mark}]*(?:{mark}[^{mark}]*){{{len(names)},}}$") & ~text.str.contains(
        rf"^[^{mark}]*(?:{mark}[^{mark}]*){{{len(names) - 1}}}(?:{mark}\s*)+$"
    )
    is_row = pl.col("more").is_null() & ~extra
    cells = text.str.split_exact(part.separator, len(names))
    return whole.select(
        "line",
        *(
            pl.when(is_row).then(cells.struct.field(f"field_{place}")).alias(ours)
            for place, ours in enumerate(names)
            if ours in source.table.column_names
        ),
        bad=pl.when(~is_row).then(pl.lit("")),
        bad_value=pl.when(~is_row).then("text"),
    )


def _scan_parquet(source: Source, part: Part, names: list[str]) -> pl.LazyFrame:
    """Scan a Parquet file's known columns as text, with the row's number as `line`."""
    kept = {theirs: ours for theirs, ours in zip(part.schema, names, strict=True) if ours in source.table.column_names}
    text = [pl.col(theirs).cast(pl.String).alias(ours) for theirs, ours in kept.items()]
    nothing = pl.lit(None, pl.String)
    frame = pl.scan_parquet(part.text, glob=False, hive_partitioning=False)
    frame = _write_float_ids(frame.with_row_index("line", offset=part.skip + 1), kept, source)
    return frame.select("line", *text, bad=nothing, bad_value=nothing)


def _write_float_ids(frame: pl.LazyFrame, kept: dict[str, str], source: Source) -> pl.LazyFrame:
    """Convert ids in floating-point columns to text: exact whole numbers as such, others to match `LOST_DIGITS`."""
    schema = frame.collect_schema()
    ids = {column.name for column in source.table.columns if column.kind is Kind.id}
    whole = {}
    for theirs, ours in kept.items():
        if ours in ids and schema[theirs].is_float():
            number = pl.col(theirs)
            exact = 2**24 if schema[theirs] == pl.Float32 else 2**53  # larger whole numbers are rounded
            is_sure = (number.abs() < exact) & (number == number.floor())
            shown = number.cast(pl.String)
            lost = pl.when(shown.str.contains("e")).then(shown).otherwise(pl.concat_str(shown, pl.lit("e+0")))
            text = pl.when(is_sure).then(number.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(lost)
            whole[theirs] = pl.when(number.is_finite()).then(text)
    return frame.with_columns(**whole) if whole else frame


def _scan_csv(part: Part, separator: str, columns: list[str]) -> pl.LazyFrame:
    return pl.scan_csv(
        part.text,
        separator=separator,
        quote_char=None,
        has_header=False,
        skip_lines=part.skip,
        schema=dict.fromkeys(columns, pl.String),
        truncate_ragged_lines=True,
        extra_columns="ignore",
        missing_columns="insert",
        row_index_name="line",
        row_index_offset=part.skip + 1,
        glob=False,
    )


def detect_parsers(source: Source, dates: list[str], earliest: date = EARLIEST) -> Form:
    """Detect how the file writes its values from its first dates, and from all dates if the first are ambiguous."""
    columns = find_dates(source)
    form = Form(decimal_comma=_detect_decimal_comma(source), earliest=earliest)
    if not dates:
        return form
    valid_from = None if all(column.any_day for column in columns) else earliest
    date_form = detect_date_form(dates, None, str(source.file), valid_from)
    if date_form.pattern.startswith("%d") and not date_form.named:
        pattern = r"^\D?(\d{1,2})\D(\d{1,2})\D\d{4}"
        names = [column.name for column in columns]
        ends = [pl.max_horizontal(pl.col(names).str.extract(pattern, place).cast(pl.Int64).max()) for place in (1, 2)]
        largest = (end.alias(str(place)) for place, end in enumerate(ends))
        first, second = collect(scan(source).select(largest), source).row(0)
        date_form = detect_date_form(dates, (first or 0, second or 0), str(source.file), valid_from)
    if not date_form.is_usual:
        since = f", {EPOCH_UNITS[date_form.epoch]} since 1970 in UTC" if date_form.epoch else ""
        source.notes.append(f"{source.file.name}: its dates are written like {dates[0][:30]!r}{since}.")
    return replace(form, dates=date_form)


def find_dates(source: Source) -> list[Column]:
    """Return the columns of dates that the file has."""
    return [column for column in source.table.columns if column.kind is Kind.date and column.name in source.names]


def sample_dates(source: Source) -> list[str]:
    """Return the first dates of a table of nodes, as text; empty if it has no column of dates."""
    names = [column.name for column in find_dates(source)]
    if not names:
        return []
    cells = [drop_missing(trim(name, Form(quotes=True))).drop_nulls().head(SAMPLE_DATES).implode() for name in names]
    return [day for days in collect(scan(source).select(cells), source).row(0) for day in days]


def _detect_decimal_comma(source: Source) -> bool:
    """Return whether the decimals have a comma. Numbers and cells of plain comma-separated text cannot have one."""
    parts = [part for part in source.parts if not (part.is_plain and part.separator == ",")]
    decimals = {column.name for column in source.table.columns if column.kind is Kind.decimal}
    ours = dict(zip(source.header, source.names, strict=True))
    is_text = any(
        part.separator != "" or part.schema.get(theirs) == pl.String
        for part in parts
        for theirs in part.header
        if ours[theirs] in decimals
    )
    if not is_text:
        return False
    counts = collect(scan(source).select(count_decimals(sorted(decimals & {*source.names}))), source)
    if counts["comma"][0] and counts["point"][0]:
        way = "a comma" if has_decimal_comma(counts, source.separator) else "a point"
        source.notes.append(f"{source.file.name}: most of its decimals have {way}, so all are read that way.")
    return has_decimal_comma(counts, source.separator)


def collect(frame: pl.LazyFrame, source: Source) -> pl.DataFrame:
    """Collect the frame with the streaming engine.

    Raises
    ------
    UserMistake : polars cannot read the file.
    """
    try:
        return frame.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise unreadable(source, error) from error


def unreadable(source: Source, error: Exception) -> UserMistake:
    """Return the error to raise if polars cannot read the file."""
    return UserMistake(
        f"{source.file} cannot be read: {str(error).strip().splitlines()[0]}.", "Check that it is complete."
    )
