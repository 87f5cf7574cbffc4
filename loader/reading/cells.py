"""From text cells to values: what each kind of column accepts, as polars expressions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from ...cypher.errors import UserMistake
from ..schema import Column, Kind, Table
from .files import Source

ISO = "%Y-%m-%d"
PLAIN_FORMS = (ISO, "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d")
TYPES: dict[Kind, type[pl.DataType]] = {
    Kind.id: pl.String,
    Kind.integer: pl.Int64,
    Kind.decimal: pl.Float64,
    Kind.date: pl.Date,
    Kind.text: pl.String,
}
REJECTS = {"file": pl.String, "line": pl.Int64, "column": pl.String, "value": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Form:
    """How a file writes its values, told by its first rows.

    Attributes
    ----------
    decimal_comma : 0,05 instead of 0.05.
    quotes : cells may stand in quote marks that are still to be taken off.
    date : the dates' form, for `strptime`.
    clock : a time of day follows the date.
    """

    decimal_comma: bool = False
    quotes: bool = False
    date: str = ISO
    clock: bool = False


def trim(name: str, form: Form) -> pl.Expr:
    """The cell without blanks and quote marks around it; null where nothing is left."""
    text = pl.col(name).str.strip_chars()
    if form.quotes:
        text = text.str.replace(r'^"([^"]*)"$', "$1").str.strip_chars()
    return pl.when(text != "").then(text)


def parse(column: Column, form: Form) -> pl.Expr:
    """The column's cells as values of its type; null where the cell is empty or breaks the column's rule."""
    text = trim(column.name, form)
    if column.kind is Kind.text:
        return pl.when(text.str.contains("\n", literal=True).not_()).then(text) if not column.breaks else text
    if column.kind is Kind.id:
        known = text.str.replace(r"^(\d+)\.0+$", "$1")  # an id that another program took for a number
        return pl.when(known.str.contains(r'[\x00-\x1f\x7f"\x{fffd}]').not_()).then(known)
    if column.kind is Kind.date:
        if form.clock:
            text = text.str.replace(r"[T ]+\d{1,2}:\d{2}\S*( ?[AaPp][Mm])?$", "")
        return _until_tomorrow(text.str.to_date(form.date, strict=False))
    if column.kind is Kind.integer:
        return _bound(text.str.replace(r"^([+-]?\d+)\.0+$", "$1").cast(pl.Int64, strict=False), column)
    return _bound(_parse_decimal(text.str.replace(",", ".", literal=True) if form.decimal_comma else text), column)


def parse_plain(column: Column, form: Form) -> pl.Expr:
    """The cells of a date or number column where they are written plainly; null where not, even if `parse` takes them.

    What it gives is what `parse` gives; not looking for blanks, quote marks and odd forms makes it much faster.
    """
    text = pl.col(column.name)
    if column.kind is Kind.date:
        return _until_tomorrow(text.str.to_date(form.date, strict=False))
    if column.kind is Kind.integer:
        return _bound(text.cast(pl.Int64, strict=False), column)
    return _bound(_parse_decimal(text), column)


def _until_tomorrow(day: pl.Expr) -> pl.Expr:
    return pl.when(day <= (datetime.now(UTC) + timedelta(days=1)).date()).then(day)


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
    """Typed columns, with `bad`, the first column whose cell breaks its rule, and `bad_value`, that cell.

    Parameters
    ----------
    raw : `line` and the columns as text; `bad` where the row as such is wrong, with the row in `bad_value`.
    columns : of `raw`.
    form : how values are written.
    """
    typed = raw.with_columns(parse(column, form).alias(f"{column.name}:parsed") for column in columns)

    def is_bad(column: Column) -> pl.Expr:
        lacking = pl.col(f"{column.name}:parsed").is_null()
        return lacking if column.required else lacking & trim(column.name, form).is_not_null()

    first = pl.coalesce("bad", *(pl.when(is_bad(column)).then(pl.lit(column.name)) for column in columns))
    cells = (pl.when(pl.col("bad") == column.name).then(pl.col(column.name).fill_null("")) for column in columns)
    return (
        typed.with_columns(bad=first)
        .with_columns(bad_value=pl.coalesce("bad_value", *cells))
        .select("line", "bad", "bad_value", *(pl.col(f"{c.name}:parsed").alias(c.name) for c in columns))
    )


def list_rejects(bad: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The report's lines, one for each row that broke a rule.

    Parameters
    ----------
    bad : line, bad, bad_value.
    source : where they stand.
    """
    reasons = {column.name: f"{column.name} must be {column.rule}" for column in source.table.columns}
    row = f"the row must have {len(source.header)} cells, as the header has"
    return bad.select(
        file=pl.lit(source.file.name),
        line=pl.col("line").cast(pl.Int64),
        column=pl.when(pl.col("bad") != "").then(pl.col("bad")),
        value=pl.col("bad_value"),
        reason=pl.col("bad").replace_strict(reasons, default=row, return_dtype=pl.String),
    ).cast(REJECTS)  # type: ignore[arg-type]


def complete(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """All of the table's columns in order, those that the file lacks empty."""
    lacking = [pl.lit(None, TYPES[c.kind]).alias(c.name) for c in table.columns if c.name not in frame.columns]
    return frame.with_columns(lacking).select(table.column_names)


def tell_date_form(sample: list[str], ends: tuple[int, int] | None, where: str) -> Form:
    """How a file writes dates.

    Parameters
    ----------
    sample : its first dates as text.
    ends : the largest first and second number over the whole file, for dates such as 22/09/2020; None if not known.
    where : the file, for the error.

    Raises
    ------
    UserMistake : day and month cannot be told apart.
    """
    clock = any(":" in text for text in sample)
    days = pl.Series("day", [text.replace("T", " ").split(" ")[0] for text in sample], dtype=pl.String)
    forms = [*PLAIN_FORMS]
    mark = next(
        (mark for mark in "/.-" if days.str.contains(rf"^\d{{1,2}}[{mark}]\d{{1,2}}[{mark}]\d{{4}}$").any()),
        None,
    )
    if mark is not None:
        day_first, month_first = f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"
        if ends is None:
            return Form(date=day_first, clock=clock)
        if ends[0] <= 12 and ends[1] <= 12 and mark != ".":
            raise UserMistake(
                f"{where} writes dates as {sample[0][:20]!r}, where day and month cannot be told apart.",
                "Write them as 2020-09-22.",
            )
        forms = [day_first, *forms] if ends[0] > 12 or mark == "." else [month_first, *forms]
    parsed = {form: days.str.to_date(form, strict=False).is_not_null().sum() for form in forms}
    return Form(date=max(parsed, key=lambda form: parsed[form]), clock=clock)
