"""Set the stock and availability of articles from one file: all of its rows in one transaction, or none."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..cypher.errors import UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .load import TooManyBadRows
from .reading.cells import MISSING, REJECTS, check, list_rejects
from .reading.columns import check_map
from .reading.files import Source, open_source
from .reading.packed import Entry
from .reading.scan import collect, detect_parsers, sample_dates, scan
from .report import choose_report_folder, write_whole
from .schema import STOCK

STOCK_REJECTS_FILE = "stock-rejects.csv"
"""The name of the file of rejected rows, beside the stock file."""


@dataclass(frozen=True)
class StockReport:
    """What a stock file changed.

    Attributes
    ----------
    file : the file.
    read : its rows.
    merged : rows whose id occurs again; the last row of an id counts.
    rejected : rows without an id, and rows with a cell that breaks its column's rule. Their articles stay as they were.
    articles : articles of the file that the graph has.
    changed : those whose availability is now another.
    unknown : articles of the file that the graph does not have; they are ignored.
    missing : the ids of some of them.
    notes : problems of the file that were handled.
    rejects_file : the file of rejected rows, if there are any.
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
    max_bad : the share of rows that may break the rules, 0 to 1.
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
    _refuse_bad(rejects, checked.height, max_bad, rejects_file)
    good = checked.join(rejects.select("line"), on="line", how="anti").sort("line")
    good = good.select(column.name for column in columns)
    unique = _restore_zeros(good, graph).unique("article_id", keep="last").sort("article_id")  # one order of locks
    progress("Writing the stock", 0, None)
    (written,) = graph.write("set_stock", rows=unique.to_dicts()).rows
    if not written["articles"]:
        raise UserMistake(
            f"The graph has none of the {unique.height:,} articles of {file}, such as {written['missing'][0]!r:.40}.",
            "Write full ids, with their leading zeros.",
        )
    return StockReport(
        file=str(file), read=checked.height, merged=good.height - unique.height, rejected=rejects.height,
        articles=written["articles"], changed=written["changed"], unknown=unique.height - written["articles"],
        missing=tuple(written["missing"]), notes=tuple(source.notes),
        rejects_file=str(rejects_file) if rejects.height else None,
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


def _refuse_bad(rejects: pl.DataFrame, read: int, max_bad: float, rejects_file: Path) -> None:
    if not read:
        raise UserMistake("The stock file has no rows; nothing was changed.", "Check that the file is complete.")
    if rejects.height > max_bad * read:
        first = rejects.row(0, named=True)
        raise TooManyBadRows(
            f"{rejects.height:,} of {read:,} rows are bad, more than the {max_bad:.2%} allowed; nothing was changed: "
            f"line {first['line']:,}: {first['reason']} ({(first['value'] or '')[:40]!r}).",
            f"See {rejects_file}; fix the file, or allow more with --max-bad.",
        )


def _restore_zeros(rows: pl.DataFrame, graph: Graph) -> pl.DataFrame:
    """Return the rows with the leading zeros that ids have in the graph, if the file lost them."""
    width = graph.read_column("article_width")[0] or 0
    ids = rows["article_id"]
    if not ids.str.contains(r"^\d+$").all() or not 0 < int(ids.str.len_chars().max() or 0) < width:  # type: ignore[arg-type]
        return rows
    return rows.with_columns(ids.str.zfill(width))
