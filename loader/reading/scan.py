"""Files as lazy frames of text columns, with the line that each row stands on."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ...cypher.errors import UserMistake
from ..schema import TRANSACTIONS
from .cells import Form, tell_date_form
from .files import Source

NEVER = "\x01"  # a separator that no line holds, to have lines whole


def scan_lines(source: Source) -> pl.LazyFrame:
    """A CSV file's rows as text columns, each line a row, with `line`; too long and empty ones are `bad`.

    Quote marks are no more than marks here: ids, dates and numbers hold neither separators nor line breaks, and so a
    stray quote spoils its own line only, and a line's number is known.
    """
    placed = [f"column_{number}" for number in range(len(source.header) + 1)]
    kept = {
        place: ours for place, ours in zip(placed[:-1], source.names, strict=True) if ours in source.table.column_names
    }
    frame = _scan(source, source.separator, placed)
    odd = pl.col(placed[-1]).is_not_null() | pl.all_horizontal(pl.col(placed).is_null())
    return frame.select("line", *kept, bad=pl.when(odd).then(pl.lit("")), bad_value=pl.lit(None, pl.String)).rename(
        kept
    )


def split_lines(source: Source) -> pl.LazyFrame:
    """The rows of a CSV file without quote marks as text columns, with `line`; `bad` where cells lack or are too many.

    Lines without anything but separators are no rows.
    """
    whole = _scan(source, NEVER, ["text", "more"]).filter(pl.col("text").str.strip_chars(source.separator) != "")
    is_row = pl.col("more").is_null() & (
        pl.col("text").str.count_matches(source.separator, literal=True) == len(source.header) - 1
    )
    cells = pl.col("text").str.split_exact(source.separator, len(source.header) - 1)
    return whole.select(
        "line",
        *(
            pl.when(is_row).then(cells.struct.field(f"field_{place}")).alias(ours)
            for place, ours in enumerate(source.names)
            if ours in source.table.column_names
        ),
        bad=pl.when(~is_row).then(pl.lit("")),
        bad_value=pl.when(~is_row).then("text"),
    )


def scan_parquet(source: Source) -> pl.LazyFrame:
    """A Parquet file's known columns as text, with `line`, the row's number."""
    kept = {
        theirs: ours
        for theirs, ours in zip(source.header, source.names, strict=True)
        if ours in source.table.column_names
    }
    text = [pl.col(theirs).cast(pl.String).alias(ours) for theirs, ours in kept.items()]
    nothing = pl.lit(None, pl.String)
    frame = pl.scan_parquet(source.text, glob=False).with_row_index("line", offset=1)
    return frame.select("line", *text, bad=nothing, bad_value=nothing)


def _scan(source: Source, separator: str, columns: list[str]) -> pl.LazyFrame:
    return pl.scan_csv(
        source.text,
        separator=separator,
        quote_char=None,
        has_header=False,
        skip_lines=1,
        schema=dict.fromkeys(columns, pl.String),
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        missing_columns="insert",
        row_index_name="line",
        row_index_offset=2,
        glob=False,
    )


def tell_form(source: Source, dates: list[str]) -> Form:
    """How the file writes its values, told by its first dates, and by all of them where these leave it open."""
    form = Form(decimal_comma=source.separator == ";", quotes=source.has_quotes and source.table is TRANSACTIONS)
    if not dates:
        return form
    told = tell_date_form(dates, None, str(source.file))
    if told.date.startswith("%d"):
        pattern = r"^\D?(\d{1,2})\D(\d{1,2})\D\d{4}"
        ends = [pl.col("t_dat").str.extract(pattern, place).cast(pl.Int64).max().alias(str(place)) for place in (1, 2)]
        first, second = collect(scan_lines(source).select(ends), source).row(0)
        told = tell_date_form(dates, (first or 0, second or 0), str(source.file))
    if told.date != "%Y-%m-%d" or told.clock:
        source.notes.append(f"{source.file.name}: its dates are written like {dates[0][:30]!r}.")
    return replace(form, date=told.date, clock=told.clock)


def collect(frame: pl.LazyFrame, source: Source) -> pl.DataFrame:
    """The frame, read in a streaming fashion.

    Raises
    ------
    UserMistake : polars cannot read the file.
    """
    try:
        return frame.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise unreadable(source, error) from error


def unreadable(source: Source, error: Exception) -> UserMistake:
    """The mistake to raise where polars cannot read the file."""
    return UserMistake(
        f"{source.file} cannot be read: {str(error).strip().splitlines()[0]}.", "Check that it is whole."
    )
