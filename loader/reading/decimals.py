"""Parse decimals with a comma or a point and with thousands separators: 1,299.99 and 1.299,99."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

POINT_GROUPS = r"^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?$"  # 1.299,99
COMMA_GROUPS = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"  # 1,299.99
# Forms that show which mark is the decimal one; 1,299 and 1.299 may be either and match neither pattern.
WITH_COMMA = r"^[+-]?(?:\d*,\d{0,2}|\d*,\d{4,}|0*,\d+|\d{4,},\d+|\d{1,3}(?:\.\d{3})+,\d*|\d{1,3}(?:\.\d{3}){2,})$"
WITH_POINT = r"^[+-]?(?:\d*\.\d{0,2}|\d*\.\d{4,}|0*\.\d+|\d{4,}\.\d+|\d{1,3}(?:,\d{3})+\.\d*|\d{1,3}(?:,\d{3}){2,})$"
EITHER = r"^[+-]?[1-9]\d{0,2},\d{3}$"


def count_decimals(names: Sequence[str]) -> list[pl.Expr]:
    """Return expressions that count the cells with a decimal comma, with a decimal point, and with either of them."""
    ways = {"comma": WITH_COMMA, "point": WITH_POINT, "either": EITHER}
    return [
        pl.sum_horizontal(pl.col(name).str.strip_chars().str.contains(pattern).sum() for name in names).alias(way)
        for way, pattern in ways.items()
    ]


def has_decimal_comma(counts: pl.DataFrame, separator: str) -> bool:
    """Return whether decimals have a comma.

    Parameters
    ----------
    counts : the result of `count_decimals`.
    separator : between the cells. It decides if all cells are like 1,299: files with comma separators group by commas.
    """
    comma, point, either = (counts[name][0] or 0 for name in ("comma", "point", "either"))
    if comma or point:
        return bool(comma > point)
    return bool(either) and separator not in ("", ",")


def write_plainly(text: pl.Expr, decimal_comma: bool) -> pl.Expr:
    """Return the trimmed cells with a decimal point and without thousands separators."""
    if decimal_comma:
        grouped = pl.when(text.str.contains(POINT_GROUPS)).then(text.str.replace_all(".", "", literal=True))
        return grouped.otherwise(text).str.replace(",", ".", literal=True)
    return pl.when(text.str.contains(COMMA_GROUPS)).then(text.str.replace_all(",", "", literal=True)).otherwise(text)
