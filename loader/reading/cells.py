"""Convert text cells to values: polars expressions that define what each kind of column accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from ..schema import EARLIEST, Column, Kind, Table
from .dates import DateForm, parse_day, parse_plain_day
from .decimals import write_plainly
from .files import Source
from .rows import ENCODING

# What SQL clients, MySQL, Snowflake, R, pandas, Excel and Python write for a missing value.
MISSING = (
    "NULL", "Null", "null", "(null)", r"\N",
    "nan", "NaN", "NAN", "-nan", "NaT", "NA", "N/A", "n/a", "#N/A", "#NA", "<NA>", "None", "none",
)  # fmt: skip
# An id that was a floating-point number: 6.63713E+08, 1.2345E12, or 17 digits with ".0", of which 16 are reliable.
LOST_DIGITS = r"^[+-]?\d+(?:[.,]\d+)?[eE][+-]\d+$|^[+-]?\d+[.,]\d+[eE]\d+$|^(?:9\d{15}|\d{17,})\.0+$"
LOST_DIGITS_REASON = "{column} has lost digits to a spreadsheet or a floating-point column: export ids as text"
YES, NO = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
TYPES: dict[Kind, type[pl.DataType]] = {
    Kind.id: pl.String,
    Kind.integer: pl.Int64,
    Kind.decimal: pl.Float64,
    Kind.date: pl.Date,
    Kind.boolean: pl.Boolean,
    Kind.text: pl.String,
}
REJECTS = {"file": pl.String, "line": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Form:
    """The way a file writes its values, detected from its first rows.

    Attributes
    ----------
    decimal_comma : whether decimals have a comma (0,05), not a point (0.05).
    quotes : whether cells may still have quote marks around them.
    dates : the form of its dates.
    earliest : the earliest valid date.
    """

    decimal_comma: bool = False
    quotes: bool = False
    dates: DateForm = field(default_factory=DateForm)
    earliest: date = EARLIEST


def trim(name: str, form: Form) -> pl.Expr:
    """Return the cell without surrounding blanks and quote marks; null if it is empty."""
    text = pl.col(name).str.strip_chars()
    if form.quotes:
        text = text.str.replace(r'^"([^"]*)"$', "$1").str.strip_chars()
    return pl.when(text != "").then(text)


def drop_missing(text: pl.Expr) -> pl.Expr:
    """Return the trimmed cells; null for markers of missing values."""
    return pl.when(text.is_in(MISSING).not_()).then(text)


def parse(column: Column, text: pl.Expr, form: Form) -> pl.Expr:
    """Convert the column's trimmed cells to its type; null if a cell is missing or breaks the column's rule."""
    text = drop_missing(text)
    if column.kind is Kind.text:
        return pl.when(text.str.contains("\n", literal=True).not_()).then(text) if not column.breaks else text
    if column.kind is Kind.id:
        is_whole = text.str.contains(r'[\x00-\x1f\x7f"\x{fffd}]').or_(text.str.contains(LOST_DIGITS)).not_()
        known = text.str.replace(r"^(\d+)\.0+$", "$1")  # an id that another program took for a number
        return pl.when(is_whole).then(known)
    if column.kind is Kind.date:
        return parse_day(text, form.dates, None if column.any_day else form.earliest)
    if column.kind is Kind.boolean:
        word = text.str.to_lowercase()
        return pl.when(word.is_in(YES)).then(True).when(word.is_in(NO)).then(False)
    if column.kind is Kind.integer:
        if column.flag:
            text = text.str.replace("(?i)^true$", "1").str.replace("(?i)^false$", "0")
        return _bound(text.str.replace(r"^([+-]?\d+)\.0+$", "$1").cast(pl.Int64, strict=False), column)
    return _bound(_parse_decimal(write_plainly(text, form.decimal_comma)), column)


def parse_plain(column: Column, form: Form) -> pl.Expr:
    """Convert only the plainly written cells of a date or number column; null for others, even if `parse` accepts them.

    The values equal those of `parse`. Skipping blanks, quote marks and unusual forms makes it much faster.
    """
    text = pl.col(column.name)
    if column.kind is Kind.date:
        return parse_plain_day(text, form.dates, form.earliest).alias(column.name)
    if column.kind is Kind.integer:
        return _bound(text.cast(pl.Int64, strict=False), column)
    return _bound(_parse_decimal(text), column)


def _parse_decimal(text: pl.Expr) -> pl.Expr:
    number = text.cast(pl.Float64, strict=False) + 0.0  # -0.0 becomes 0.0, so that both are one key
    return pl.when(number.is_finite()).then(number)


def _bound(number: pl.Expr, column: Column) -> pl.Expr:
    if column.lowest is not None:
        number = pl.when(number >= column.lowest).then(number)
    if column.highest is not None:
        number = pl.when(number <= column.highest).then(number)
    return number


def check(raw: pl.LazyFrame, columns: list[Column], form: Form) -> pl.LazyFrame:
    """Return typed columns, `bad` and `bad_value`, and a column `NAME:unusual` for each optional column.

    `bad` is the first required column whose cell is missing or breaks its rule, and `bad_value` is that cell.
    `NAME:unusual` contains an optional cell that is not empty but has no value: a missing-value marker or a broken
    rule.

    Parameters
    ----------
    raw : `line` and the columns as text; `bad` if the row itself is malformed, with the row in `bad_value`.
    columns : the columns of `raw`.
    form : how values are written.
    """
    texts = raw.with_columns(trim(column.name, form).alias(f"{column.name}:text") for column in columns)
    typed = texts.with_columns(
        parse(column, pl.col(f"{column.name}:text"), form).alias(f"{column.name}:parsed") for column in columns
    )
    required = [column for column in columns if column.required]
    missing = {column.name: pl.col(f"{column.name}:parsed").is_null() for column in columns}
    first = pl.coalesce("bad", *(pl.when(missing[column.name]).then(pl.lit(column.name)) for column in required))
    cells = (pl.when(pl.col("bad") == column.name).then(pl.col(column.name).fill_null("")) for column in required)
    return (
        typed.with_columns(bad=first)
        .with_columns(bad_value=pl.coalesce("bad_value", *cells))
        .select(
            "line",
            "bad",
            "bad_value",
            *(pl.col(f"{column.name}:parsed").alias(column.name) for column in columns),
            *(
                pl.when(missing[column.name]).then(pl.col(f"{column.name}:text")).alias(f"{column.name}:unusual")
                for column in columns
                if not column.required
            ),
        )
    )


def detect_unusual(checked: pl.LazyFrame, columns: list[Column], source: Source) -> dict[str, int]:
    """Count the optional cells of good rows that broke their rule, by column; add notes on them and on missing values.

    Parameters
    ----------
    checked : the result of `check`.
    columns : the same columns.
    source : the file; the notes are added to it.
    """
    optional = [column for column in columns if not column.required]
    if not optional:
        return {}
    stats = []
    for column in optional:
        unusual = pl.col(f"{column.name}:unusual")
        is_mark = unusual.is_in(MISSING)
        stats += [
            is_mark.sum().alias(f"{column.name}:marks"),
            unusual.filter(is_mark).unique().sort().head(3).implode().alias(f"{column.name}:words"),
            (~is_mark).sum().alias(f"{column.name}:lost"),
            unusual.filter(~is_mark).first().alias(f"{column.name}:example"),
        ]
    (row,) = checked.filter(pl.col("bad").is_null()).select(stats).collect(engine="streaming").to_dicts()
    marks = [(column.name, row[f"{column.name}:marks"]) for column in optional if row[f"{column.name}:marks"]]
    if marks:
        words = sorted({word for name, _ in marks for word in row[f"{name}:words"]})
        counts = ", ".join(f"{name} {count:,}" for name, count in marks)
        source.notes.append(f"{source.file.name}: {', '.join(words)} count as missing ({counts}).")
    lost = {column.name: int(row[f"{column.name}:lost"]) for column in optional if row[f"{column.name}:lost"]}
    for name, count in lost.items():
        column = source.table.column(name)
        instead = f"count as {column.absent}" if column.absent else "are left empty"
        source.notes.append(
            f"{source.file.name}: {name} must be {column.rule}; other values ({count:,}, such as "
            f"{row[f'{name}:example'][:30]!r}) {instead}."
        )
    return lost


def list_rejects(bad: pl.DataFrame, source: Source, earliest: date = EARLIEST) -> pl.DataFrame:
    """Return the report's lines, one for each row that broke a rule.

    Parameters
    ----------
    bad : line, bad, bad_value.
    source : the table that the rows come from.
    earliest : the earliest valid date.
    """
    columns = source.table.columns
    reasons = {column.name: f"{column.name} must be {column.rule.format(earliest=earliest)}" for column in columns}
    row = f"the row must have {len(source.header)} cells, as in the header"
    reasons[ENCODING] = "the row must be text in the file's encoding"
    ids = {column.name: LOST_DIGITS_REASON.format(column=column.name) for column in columns if column.kind is Kind.id}
    cell = pl.col("bad_value").str.strip_chars('" \t')
    is_known = pl.col("bad").is_in(source.table.column_names)
    numeric = cell.str.contains(LOST_DIGITS)
    return (
        bad.with_columns(source.find_lines(bad["line"]))
        .select(
            "file",
            "line",
            column=pl.when(is_known).then(pl.col("bad")),
            value=pl.col("bad_value"),
            reason=pl.when(is_known & ((cell == "") | cell.is_in(MISSING)))
            .then(pl.format("{} is missing", "bad"))
            .when(pl.col("bad").is_in(list(ids)) & numeric)
            .then(pl.col("bad").replace_strict(ids, default=None, return_dtype=pl.String))
            .otherwise(pl.col("bad").replace_strict(reasons, default=row, return_dtype=pl.String)),
        )
        .cast(REJECTS)  # type: ignore[arg-type]
    )


def complete(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Return the frame with all of the table's columns, in order; columns missing from the file are empty."""
    missing = [pl.lit(None, TYPES[c.kind]).alias(c.name) for c in table.columns if c.name not in frame.columns]
    return frame.with_columns(missing).select(table.column_names)
