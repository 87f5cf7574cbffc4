"""Set the stock and availability of articles from one file: all of its rows in one transaction, or none."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from ..cypher.errors import UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .load import TooManyBadRows
from .reading.cells import MISSING, REJECTS, Form, check, list_rejects
from .reading.columns import check_map
from .reading.files import Part, Source, open_source
from .reading.packed import Entry
from .reading.scan import collect, detect_parsers, sample_dates, scan
from .report import choose_report_folder, write_whole
from .schema import STOCK

STOCK_REJECTS_FILE = "stock-rejects.csv"
"""The name of the file of rejected rows, beside the stock file."""
REJECTS_SHOWN = 100
"""The number of rejected rows that a report lists."""


@dataclass(frozen=True)
class StockReject:
    """A row of a stock file that was rejected.

    Attributes
    ----------
    line : its line in the file, from 1 with the header; for rows that are not from a file, their index from 0.
    column : the column whose rule it breaks; None for a row with too many cells.
    value : the cell.
    reason : the rule.
    """

    line: int
    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True)
class StockReport:
    """What a stock file changed.

    Attributes
    ----------
    file : the file; empty if the rows did not come from one.
    read : its rows.
    merged : rows whose id occurs again; the last row of an id counts.
    rejected : rows without an id, and rows with a cell that breaks its column's rule. Their articles stay as they were.
    articles : articles of the file that the graph has.
    changed : those whose availability is now another.
    unknown : articles of the file that the graph does not have; they are ignored.
    missing : the ids of some of them.
    notes : problems of the file that were handled.
    rejects_file : the file of rejected rows, if there are any.
    rejects : the first `REJECTS_SHOWN` rejected rows.
    """

    file: str
    read: int
    merged: int
    rejected: int
    articles: int
    changed: int
    unknown: int
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rejects_file: str | None = None
    rejects: tuple[StockReject, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Return the report as a few lines of text."""
        lines = [
            f"{self.read:,} rows read, {self.merged:,} repeat an article_id, {self.rejected:,} rejected.",
            f"{self.changed:,} of {self.articles:,} articles have another availability now.",
        ]
        if self.unknown:
            lines.append(f"{self.unknown:,} articles are not in the graph, such as {', '.join(self.missing)}.")
        lines += self.notes
        if self.rejects_file:
            lines.append(f"The rejected rows are in {self.rejects_file}")
        return "\n".join(lines)


def load_stock(
    graph: Graph,
    file: Path,
    *,
    max_bad: float = 0.01,
    column_map: dict[str, str] | None = None,
    encoding: str | None = None,
    report: Path | None = None,
    progress: Progress = silent,
) -> StockReport:
    """Set the stock and availability of the articles that a file names; the others stay as they are.

    The columns are `article_id` and at least one of `stock`, `available`, `available_from` and `available_until`. An
    empty cell removes the property; a column that the file lacks changes nothing. Everything is written in one
    transaction, so readers see the old or the new availability, also after a kill.

    Parameters
    ----------
    graph : the open graph.
    file : text, Parquet or a spreadsheet, perhaps packed, as `load_folder` reads them.
    max_bad : the share of rows that may be invalid, 0 to 1.
    column_map : the file's column names to hmrec's, e.g. `{"sku": "article_id"}`.
    encoding : of a text file; None to detect it.
    report : folder for the rejected rows; None for the file's.
    progress : called at each step.

    Raises
    ------
    UserMistake : the file or a column is wrong, or the graph has none of its articles. Nothing has changed then.
    TooManyBadRows : more rows than `max_bad` are bad. Nothing has changed then.
    """
    if not file.is_file():
        raise UserMistake(f"{file} is not a file.", "Pass a file with the columns article_id and stock.")
    progress("Reading the stock", 0, None)
    with tempfile.TemporaryDirectory(prefix="hmrec-stock-") as work:
        check_map(column_map or {}, (), [STOCK])
        source = open_source(STOCK, [Entry(file.name, file)], Path(work), column_map or {}, encoding)
        check_map(column_map or {}, [source.header], [STOCK])
        columns = [column for column in STOCK.columns if column.name in source.names]
        if len(columns) == 1:
            raise UserMistake(
                f"{file} has no column {', '.join(STOCK.column_names[1:])}; its columns are "
                f"{', '.join(source.header)[:200]}.",
                "If another column contains it, pass --map THAT=stock.",
            )
        checked = collect(check(scan(source), columns, detect_parsers(source, sample_dates(source))), source)
        rejects = _list_rejects(checked, source)
    rejects_file = choose_report_folder(report, file, None) / STOCK_REJECTS_FILE
    if rejects.height:
        write_whole(rejects_file, rejects.write_csv)
    else:
        rejects_file.unlink(missing_ok=True)  # of an earlier file
    _refuse_bad(rejects, checked.height, max_bad, f"See {rejects_file}; fix the file, or allow more with --max-bad.")
    progress("Writing the stock", 0, None)
    good = _select_good(checked, rejects).select("line", *(column.name for column in columns))
    return _set_stock(graph, good, rejects, source.notes, str(file), str(rejects_file) if rejects.height else None)


def load_stock_rows(graph: Graph, rows: Sequence[Mapping[str, Any]], *, max_bad: float = 0.01) -> StockReport:
    """Set the stock and availability of the articles in rows, as `load_stock` does for a file.

    In a row, None removes the property, and a column that the row lacks stays as it was.

    Parameters
    ----------
    graph : the open graph.
    rows : maps with `article_id` and at least one of `stock`, `available`, `available_from` and `available_until`;
        values as text or of the column's type.
    max_bad : the share of rows that may be invalid, 0 to 1.

    Raises
    ------
    UserMistake : a row has an unknown column or only an id, or the graph has none of the articles. Nothing has changed
        then.
    TooManyBadRows : more rows than `max_bad` are bad. Nothing has changed then.
    """
    for index, row in enumerate(rows):
        unknown = sorted(set(row) - set(STOCK.column_names))
        if unknown or not set(row) - {"article_id"}:
            what = f"no column is named {unknown[0]!r:.60}" if unknown else "it names nothing to set"
            raise UserMistake(
                f"Row {index} is invalid: {what}; nothing was changed.", f"Columns: {', '.join(STOCK.column_names)}."
            )
    columns = [column for column in STOCK.columns if column.required or any(column.name in row for row in rows)]
    names = [column.name for column in columns]
    source = Source(STOCK, Path("rows"), [Part("rows", Path("rows"), "", names)], names, names, "")
    texts = {name: [_to_text(row.get(name)) for row in rows] for name in names}
    raw = pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String)).lazy().with_row_index("line", offset=1)
    nothing = pl.lit(None, pl.String)
    checked = collect(check(raw.with_columns(bad=nothing, bad_value=nothing), columns, Form()), source)
    rejects = _list_rejects(checked, source)
    good = _select_good(checked, rejects).select("line", *names)
    rejects = rejects.with_columns(pl.col("line") - 1)
    _refuse_bad(rejects, len(rows), max_bad, "Correct the row, or allow more with max_bad.", unit="row")
    return _set_stock(graph, good, rejects, source.notes, given=[set(row) for row in rows])


def _to_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date) else None if value is None else str(value)


def _select_good(checked: pl.DataFrame, rejects: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that are not among the rejects, in the file's order."""
    bad = rejects["line"].cast(checked.schema["line"])
    return checked.filter(~pl.col("line").is_in(bad.implode())).sort("line")


def _set_stock(
    graph: Graph,
    good: pl.DataFrame,
    rejects: pl.DataFrame,
    notes: Sequence[str],
    file: str = "",
    rejects_file: str | None = None,
    given: Sequence[Collection[str]] | None = None,
) -> StockReport:
    """Write the good rows in one transaction, and return the report.

    Parameters
    ----------
    good : `line` and the columns to set.
    given : the columns that each row sets, for the lines from 1 on; None if each row sets all.
    """
    unique = _restore_zeros(good, graph).unique("article_id", keep="last").sort("article_id")  # one order of locks
    rows = unique.drop("line").to_dicts()
    if given is not None:
        kept = (given[line - 1] for line in unique["line"])
        rows = [{name: row[name] for name in row if name in names} for row, names in zip(rows, kept, strict=True)]
    (written,) = graph.write("set_stock", rows=rows).rows
    if not written["missing"] and not written["articles"]:
        raise TooManyBadRows(f"All of the {rejects.height:,} rows are bad; nothing was changed.", "Correct them.")
    if not written["articles"]:
        raise UserMistake(
            f"The graph has none of the {unique.height:,} articles of {file or 'the rows'}, such as "
            f"{written['missing'][0]!r:.40}.",
            "Write full ids, with their leading zeros.",
        )
    shown = rejects.head(REJECTS_SHOWN).select("line", "column", "value", "reason").iter_rows(named=True)
    return StockReport(
        file=file, read=good.height + rejects.height, merged=good.height - unique.height, rejected=rejects.height,
        articles=written["articles"], changed=written["changed"], unknown=unique.height - written["articles"],
        missing=tuple(written["missing"]), notes=tuple(notes), rejects_file=rejects_file,
        rejects=tuple(StockReject(**row) for row in shown),
    )  # fmt: skip


def _list_rejects(checked: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Return the rejected rows: those that the loader rejects, and those that would lose a cell.

    A broken cell is no missing one: the article would be in stock again.
    """
    bad, value = pl.col("bad"), pl.col("bad_value")
    for name in source.table.column_names:
        unusual = pl.col(f"{name}:unusual")
        if f"{name}:unusual" in checked.columns:
            is_broken = unusual.is_not_null() & unusual.is_in(MISSING).not_()
            value = pl.when(bad.is_null() & is_broken).then(unusual).otherwise(value)
            bad = pl.when(bad.is_null() & is_broken).then(pl.lit(name)).otherwise(bad)
    found = checked.select("line", bad=bad, bad_value=value).filter(pl.col("bad").is_not_null())
    return list_rejects(found, source) if found.height else pl.DataFrame(schema=REJECTS)


def _refuse_bad(rejects: pl.DataFrame, read: int, max_bad: float, hint: str, unit: str = "line") -> None:
    if not read:
        what = "The stock file has" if unit == "line" else "There are"
        raise UserMistake(f"{what} no rows; nothing was changed.", "Check that the file is complete.")
    if rejects.height > max_bad * read:
        first = rejects.row(0, named=True)
        raise TooManyBadRows(
            f"{rejects.height:,} of {read:,} rows are bad, more than the {max_bad:.2%} allowed; nothing was changed: "
            f"{unit} {first['line']:,}: {first['reason']} ({(first['value'] or '')[:40]!r}).",
            hint,
        )


def _restore_zeros(rows: pl.DataFrame, graph: Graph) -> pl.DataFrame:
    """Return the rows with the leading zeros that ids have in the graph, if the file lost them."""
    width = graph.read_column("article_width")[0] or 0
    ids = rows["article_id"]
    if not ids.str.contains(r"^\d+$").all() or not 0 < int(ids.str.len_chars().max() or 0) < width:  # type: ignore[arg-type]
        return rows
    return rows.with_columns(ids.str.zfill(width))
