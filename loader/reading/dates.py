"""Detect the form of a file's dates from its first rows, and parse dates as days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import polars as pl

from ...cypher.errors import UserMistake
from ..schema import EARLIEST

ISO = "%Y-%m-%d"
PLAIN_FORMS = (ISO, "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d")
NAMED_FORMS = ("%d-%B-%Y", "%B-%d-%Y", "%Y-%B-%d")  # after `_put_hyphens`; %B takes short names, too
EPOCHS = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}  # number of digits today -> units per second
EPOCH_UNITS = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}

# What may follow a day: 10:15, T10:15:00.5+02:00[Europe/Paris], ", 10:15 AM", " 10:15:00 UTC", T101500Z, or a zone.
CLOCK = (
    r"(?:[T ,]+\d{1,2}:\d{2}\S*(?: ?[AaPp]\.?[Mm]\.?)?(?: [A-Za-z+-][\w:/+-]*)?(?: \([^)]*\))?"
    r"|T\d{2,6}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?|Z|[+-]\d{2}:\d{2})$"
)
PACKED_CLOCK = r"^(\d{8})(?:\d{4}|\d{6})$"  # 20200922101500
TWO_DIGIT_YEAR = r"^\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2}$"
SERIAL = r"^[34]\d{4}(?:\.\d+)?$"  # a spreadsheet's day number, from 1982 on

Text = TypeVar("Text", pl.Expr, pl.Series)


@dataclass(frozen=True)
class DateForm:
    """The form of a file's dates.

    Attributes
    ----------
    pattern : for `strptime`.
    clock : whether a time of day or a zone follows the day.
    named : whether months have English names.
    epoch : units per second if dates are numbers counted from 1970, else 0.
    """

    pattern: str = ISO
    clock: bool = False
    named: bool = False
    epoch: int = 0

    @property
    def is_usual(self) -> bool:
        """Whether dates are written as 2020-09-22."""
        return self == DateForm()


def parse_day(text: pl.Expr, form: DateForm, earliest: date | None) -> pl.Expr:
    """Parse cells as days; null if a cell is not a date of this form, is too early or is in the future.

    Without an earliest day, any day counts.
    The time of day and the zone are ignored: the day is the one written in the file. Numbers from 1970 are UTC.
    """
    if form.epoch:
        number = text.str.extract(r"^(\d{9,19})(?:\.\d*)?$").cast(pl.Int64, strict=False)
        return _bound((number // (form.epoch * 86_400)).cast(pl.Int32, strict=False).cast(pl.Date), earliest)
    if form.clock:
        text = _drop_clock(text)
    if form.named:
        text = _put_hyphens(text)
    return _bound(text.str.to_date(form.pattern, strict=False), earliest)


def parse_plain_day(text: pl.Expr, form: DateForm, earliest: date) -> pl.Expr:
    """Return what `parse_day` returns for days without a time, and null for the rest; faster."""
    if form.epoch:
        return parse_day(text, form, earliest)
    return _bound(text.str.to_date(form.pattern, strict=False), earliest)


def _bound(day: pl.Expr, earliest: date | None) -> pl.Expr:
    if earliest is None:
        return day
    return pl.when(day.is_between(earliest, _tomorrow())).then(day)


def _tomorrow() -> date:
    return (datetime.now(UTC) + timedelta(days=1)).date()


def _drop_clock(text: Text) -> Text:
    return text.str.replace(CLOCK, "").str.replace(PACKED_CLOCK, "$1")


def _put_hyphens(text: Text) -> Text:
    """Rewrite `Tue, Sep 22, 2020` as `Sep-22-2020`."""
    plain = text.str.replace(r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]? +", "")
    return plain.str.replace(r"(?i)sept\b", "Sep").str.replace_all(r"[ ,./-]+", "-")


def detect_date_form(
    sample: list[str], ends: tuple[int, int] | None, where: str, earliest: date | None = EARLIEST
) -> DateForm:
    """Detect the form of a file's dates.

    Parameters
    ----------
    sample : its first dates as text.
    ends : the largest first and second number over the whole file, for dates such as 22/09/2020; None if not known.
    where : the file, for the error.
    earliest : the earliest valid date; None if any day is valid.

    Raises
    ------
    UserMistake : day and month cannot be told apart, years have two digits, or days are a spreadsheet's numbers.
    """
    texts = pl.Series("day", sample, dtype=pl.String)
    if epoch := _detect_epoch(texts, earliest):
        return DateForm(epoch=epoch)
    clock = any(re.search(CLOCK, text) or re.search(PACKED_CLOCK, text) for text in sample)
    days = _drop_clock(texts) if clock else texts
    forms = [DateForm(pattern, clock) for pattern in PLAIN_FORMS]
    if days.str.contains(r"[A-Za-z]{3}").any():
        forms += [DateForm(pattern, clock, named=True) for pattern in NAMED_FORMS]
    mark = next(
        (mark for mark in "/.-" if days.str.contains(rf"^\d{{1,2}}[{mark}]\d{{1,2}}[{mark}]\d{{4}}$").any()),
        None,
    )
    if mark is not None:
        day_first, month_first = f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"
        if ends is None:
            return DateForm(day_first, clock)
        if ends[0] <= 12 and ends[1] <= 12 and mark != ".":
            raise UserMistake(
                f"{where} writes dates as {sample[0][:20]!r}: day and month cannot be told apart.",
                "Write them as 2020-09-22.",
            )
        forms.insert(0, DateForm(day_first if ends[0] > 12 or mark == "." else month_first, clock))
    known = {form: _count_days(texts, form, earliest) for form in forms}
    best = max(known, key=lambda form: known[form])
    if not known[best]:
        _refuse_unclear(days, where)
    return best


def _count_days(texts: pl.Series, form: DateForm, earliest: date | None) -> int:
    frame = texts.to_frame("day")
    return int(frame.select(parse_day(pl.col("day"), form, earliest).is_not_null().sum()).item())


def _detect_epoch(texts: pl.Series, earliest: date | None) -> int:
    """Return the units per second if most texts are numbers counted from 1970 to a valid day; else 0."""
    for digits, epoch in EPOCHS.items():
        # not with a leading zero: that is an id, such as an article's in a shifted row
        fits = texts.filter(texts.str.contains(rf"^[1-9]\d{{{digits - 1}}}(?:\.\d*)?$"))
        if fits.len() * 2 > texts.len() and _count_days(fits, DateForm(epoch=epoch), earliest) * 2 > fits.len():
            return epoch
    return 0


def _refuse_unclear(days: pl.Series, where: str) -> None:
    """Raise UserMistake for common forms that are ambiguous."""
    for pattern, why in (
        (TWO_DIGIT_YEAR, "with years of two digits"),
        (SERIAL, "a spreadsheet's day numbers, whose first day differs between spreadsheets"),
    ):
        if days.str.contains(pattern).sum() * 2 > days.len():
            raise UserMistake(f"{where} writes dates as {days[0][:20]!r}, {why}.", "Write them as 2020-09-22.")
