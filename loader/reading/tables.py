"""Files to clean tables: check every cell, keep the bad rows apart, turn ids into numbers.

The clean tables are Parquet files in a working folder, so that a data set larger than memory passes through: customers
and articles with a number each, purchases as numbers only, sorted by customer and date, equal rows added up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from ...cypher.progress import Progress, silent
from ..schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TRANSACTIONS
from .cells import REJECTS, check, complete, list_rejects
from .files import Source, find_files, iterate_rows, open_sources
from .purchases import TableCount, read_transactions
from .scan import collect, scan_parquet, split_lines, tell_form

STEP = "Reading and checking the files"
ROWS_A_CHUNK = 50_000


@dataclass(frozen=True)
class CleanTables:
    """The checked data, in a working folder.

    Attributes
    ----------
    folder : with customers.parquet, articles.parquet, purchases.parquet and one attribute-LABEL.parquet a label.
    counts : by table.
    rejects : file, line, column, value, reason; one line a rejected row.
    notes : mishaps that were handled, a sentence each.
    bare_customers, bare_articles : how many only the transactions name.
    fingerprint : SHA-256 over the files' contents and how their columns are read.
    """

    folder: Path
    counts: dict[str, TableCount]
    rejects: pl.DataFrame
    notes: tuple[str, ...]
    bare_customers: int
    bare_articles: int
    fingerprint: str

    def scan(self, name: str) -> pl.LazyFrame:
        """One of the tables, lazily."""
        return pl.scan_parquet(self.folder / f"{name}.parquet")


def read_tables(
    folder: Path,
    work: Path,
    *,
    column_map: dict[str, str] | None = None,
    known_width: int = 0,
    progress: Progress = silent,
) -> CleanTables:
    """Read and check a data set, and lay its clean tables down in `work`.

    Parameters
    ----------
    folder : holds transactions_train (.csv, .csv.gz or .parquet), and customers and articles where there are any.
    work : an empty folder for the clean tables.
    column_map : the files' column names to hmrec's, e.g. `{"household_id": "customer_id"}`.
    known_width : how many digits article ids have where the folder has no articles file to show it; 0 if not known.
    progress : told the parts done.

    Raises
    ------
    UserMistake : a file or a column is missing, or a file cannot be read.
    """
    progress(STEP, 0, 5)
    sources = open_sources(find_files(folder), work, column_map or {})
    progress(STEP, 1, 5)
    counts: dict[str, TableCount] = {}
    rejects = [pl.DataFrame(schema=REJECTS)]
    nodes: dict[str, pl.DataFrame] = {}
    for done, table in enumerate((CUSTOMERS, ARTICLES), start=2):
        frame, counts[table.stem] = pl.DataFrame(schema={str(table.key): pl.String}), TableCount(0, 0, 0, 0)
        if source := sources.get(table.stem):
            frame, bad, counts[table.stem] = _read_nodes(source)
            rejects.append(bad)
        nodes[table.stem] = complete(frame, table)
        progress(STEP, done, 5)
    transactions = read_transactions(sources[TRANSACTIONS.stem], nodes, work, known_width)
    rejects.append(transactions.rejects)
    progress(STEP, 4, 5)
    bare = {}
    for table in (CUSTOMERS, ARTICLES):
        nodes[table.stem], bare[table.stem] = transactions.add_bare(nodes[table.stem], table)
        nodes[table.stem].write_parquet(work / f"{table.stem}.parquet")
    _write_attributes(nodes[ARTICLES.stem], work)
    counts[TRANSACTIONS.stem] = transactions.write_purchases(nodes, bare, work / "purchases.parquet")
    progress(STEP, 5, 5)
    return CleanTables(
        work, counts, pl.concat(rejects).sort("file", "line"), tuple(_tell_notes(sources, counts)),
        bare[CUSTOMERS.stem], bare[ARTICLES.stem], _fingerprint(sources, column_map or {}),
    )  # fmt: skip


# -- customers and articles ---------------------------------------------------------------------------------


def _read_nodes(source: Source) -> tuple[pl.DataFrame, pl.DataFrame, TableCount]:
    """A table of customers or articles: good rows (the last of each id), rejects, counts."""
    columns = [column for column in source.table.columns if column.name in source.names]
    if source.is_parquet:
        raw = scan_parquet(source)
    elif source.has_quotes:
        raw = pl.concat(_read_chunks(source)).lazy()
    else:
        raw = split_lines(source)
    checked = collect(check(raw, columns, tell_form(source, [])), source)
    key = str(source.table.key)
    bad = checked.filter(pl.col("bad").is_not_null())
    good = checked.filter(pl.col("bad").is_null()).sort("line").drop("line", "bad", "bad_value")
    unique = good.unique(key, keep="last", maintain_order=True)
    if merged := good.height - unique.height:
        others = good.unique().height - unique.height
        tail = f"; {others:,} of them with other values: the last one counts" if others else ""
        source.notes.append(f"{source.file.name}: {merged:,} rows repeat a {key}{tail}.")
    return unique, list_rejects(bad, source), TableCount(checked.height, unique.height, merged, bad.height)


def _read_chunks(source: Source) -> Iterator[pl.DataFrame]:
    """A CSV file's rows as text columns, with `line`; rows without the right number of cells are `bad`."""
    places = [(place, name) for place, name in enumerate(source.names) if name in source.table.column_names]
    schema = {"line": pl.Int64, "bad": pl.String, "bad_value": pl.String} | {name: pl.String for _, name in places}
    rows = iterate_rows(source)
    yield pl.DataFrame(schema=schema)
    while chunk := list(islice(rows, ROWS_A_CHUNK)):
        columns: dict[str, list[object]] = {
            "line": [number for number, _, _ in chunk],
            "bad": [None if cells is not None else "" for _, cells, _ in chunk],
            "bad_value": [None if cells is not None else text for _, cells, text in chunk],
        }
        for place, name in places:
            columns[name] = [None if cells is None else cells[place] for _, cells, _ in chunk]
        yield pl.DataFrame(columns, schema=schema)


def _write_attributes(articles: pl.DataFrame, work: Path) -> None:
    """One table of nodes a label; where the same key has several names, the article with the smallest id decides."""
    for attribute in ATTRIBUTES:
        columns = [attribute.key] + ([attribute.name] if attribute.name else [])
        (
            articles.filter(pl.col(attribute.key).is_not_null())
            .sort("article_id")
            .unique(attribute.key, keep="first", maintain_order=True)
            .select(columns)
            .sort(attribute.key)
            .write_parquet(work / f"attribute-{attribute.label}.parquet")
        )


# -- what is told -------------------------------------------------------------------------------------------


def _tell_notes(sources: dict[str, Source], counts: dict[str, TableCount]) -> Iterable[str]:
    for stem, source in sources.items():
        yield from source.notes
        if counts[stem].read == 0:
            yield f"{source.file.name}: it has no rows."


def _fingerprint(sources: dict[str, Source], column_map: dict[str, str]) -> str:
    parts = {stem: source.digest for stem, source in sorted(sources.items())}
    return hashlib.sha256(json.dumps([parts, column_map], sort_keys=True).encode()).hexdigest()
