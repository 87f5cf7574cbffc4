"""Dates as files write them: tell the form by the first ones, and read them as days."""

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
EPOCHS = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}  # digits of today's number to its units a second
EPOCH_UNITS = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}

# What may follow a day: 10:15, T10:15:00.5+02:00[Europe/Paris], ", 10:15 AM", " 10:15:00 UTC", T101500Z, or a zone.
CLOCK = (
    r"(?:[T ,]+\d{1,2}:\d{2}\S*(?: ?[AaPp]\.?[Mm]\.?)?(?: [A-Za-z+-][\w:/+-]*)?(?: \([^)]*\))?"
    r"|T\d{2,6}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?|Z|[+-]\d{2}:\d{2})$"
)
PACKED_CLOCK = r"^(\d{8})(?:\d{4}|\d{6})$"  # 20200922101500
TWO_DIGIT_YEAR = r"^\d{1,2}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2}$"
SERIAL = r"^[34]\d{4}(?:\.\d+)?$"  # a spreadsheet's number of a day from 1982 on

Text = TypeVar("Text", pl.Expr, pl.Series)


@dataclass(frozen=True)
class DateForm:
    """How a file writes dates.

    Attributes
    ----------
    pattern : for `strptime`.
    clock : a time of day or a zone follows the day.
    named : months have English names.
    epoch : units a second if dates are numbers counted from 1970, else 0.
    """

    pattern: str = ISO
    clock: bool = False
    named: bool = False
    epoch: int = 0

    @property
    def is_usual(self) -> bool:
        """Whether dates are written as 2020-09-22."""
        return self == DateForm()


def parse_day(text: pl.Expr, form: DateForm, earliest: date) -> pl.Expr:
    """Return the days that cells name; null if a cell is no date of this form, too early or in the future.

    A time of day is left out, and a zone with it: the day counts as the file writes it. Numbers from 1970 are UTC.
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
    """Return what `parse_day` does for days alone, and null for the rest; faster."""
    if form.epoch:
        return parse_day(text, form, earliest)
    return _bound(text.str.to_date(form.pattern, strict=False), earliest)


def _bound(day: pl.Expr, earliest: date) -> pl.Expr:
    return pl.when(day.is_between(earliest, _tomorrow())).then(day)


def _tomorrow() -> date:
    return (datetime.now(UTC) + timedelta(days=1)).date()


def _drop_clock(text: Text) -> Text:
    return text.str.replace(CLOCK, "").str.replace(PACKED_CLOCK, "$1")


def _put_hyphens(text: Text) -> Text:
    """Tue, Sep 22, 2020 becomes Sep-22-2020."""
    plain = text.str.replace(r"(?i)^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]? +", "")
    return plain.str.replace(r"(?i)sept\b", "Sep").str.replace_all(r"[ ,./-]+", "-")


def detect_date_form(
    sample: list[str], ends: tuple[int, int] | None, where: str, earliest: date = EARLIEST
) -> DateForm:
    """Tell how a file writes dates.

    Parameters
    ----------
    sample : its first dates as text.
    ends : the largest first and second number over the whole file, for dates such as 22/09/2020; None if not known.
    where : the file, for the error.
    earliest : the first day that counts.

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
                f"{where} writes dates as {sample[0][:20]!r}, where day and month cannot be told apart.",
                "Write them as 2020-09-22.",
            )
        forms.insert(0, DateForm(day_first if ends[0] > 12 or mark == "." else month_first, clock))
    known = {form: _count_days(texts, form, earliest) for form in forms}
    best = max(known, key=lambda form: known[form])
    if not known[best]:
        _refuse_unclear(days, where)
    return best


def _count_days(texts: pl.Series, form: DateForm, earliest: date) -> int:
    frame = texts.to_frame("day")
    return int(frame.select(parse_day(pl.col("day"), form, earliest).is_not_null().sum()).item())


def _detect_epoch(texts: pl.Series, earliest: date) -> int:
    """The units a second if most texts are numbers counted from 1970 to a day that counts; else 0."""
    for digits, epoch in EPOCHS.items():
        fits = texts.filter(texts.str.contains(rf"^\d{{{digits}}}(?:\.\d*)?$"))
        if fits.len() * 2 > texts.len() and _count_days(fits, DateForm(epoch=epoch), earliest) * 2 > fits.len():
            return epoch
    return 0


def _refuse_unclear(days: pl.Series, where: str) -> None:
    """Raise a mistake for forms that most people know and that stay open."""
    for pattern, why in (
        (TWO_DIGIT_YEAR, "whose years have two digits only"),
        (SERIAL, "a spreadsheet's numbers of days, whose first day differs between spreadsheets"),
    ):
        if days.str.contains(pattern).sum() * 2 > days.len():
            raise UserMistake(f"{where} writes dates as {days[0][:20]!r}, {why}.", "Write them as 2020-09-22.")
