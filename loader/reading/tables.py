"""Turn files into clean tables: check every cell, separate the bad rows, replace ids by numbers.

The clean tables are Parquet files in a working folder, so a data set may be larger than memory. Customers and articles
have a number each. Purchases contain only numbers, sorted by customer and date, with equal rows merged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...cypher.progress import Progress, silent
from ..schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TRANSACTIONS, ReadRules
from .cells import REJECTS, check, complete, detect_unusual, list_rejects
from .files import Source, open_sources
from .parts import FoundFiles, find_files
from .purchases import TableCount, read_transactions, restore_articles
from .scan import collect, detect_parsers, sample_dates, scan

STEP = "Reading and checking the files"


@dataclass(frozen=True)
class CleanTables:
    """The checked data, in a working folder.

    Attributes
    ----------
    folder : contains customers.parquet, articles.parquet, purchases.parquet and attribute-LABEL.parquet for each label;
        if there are returns, also returns.parquet and taken-back.parquet.
    counts : by table.
    rejects : file, line, column, value, reason; one line per rejected row.
    reasons : by table, why rows were rejected, the most frequent first: reason, count, and a value as an example.
    lost_cells : by table and column, how many optional cells broke their rule and were left empty.
    notes : problems that were handled, one sentence each.
    bare_customers, bare_articles : number of nodes that only the transactions name.
    fingerprint : SHA-256 over the files' contents and how their columns are read.
    """

    folder: Path
    counts: dict[str, TableCount]
    rejects: pl.DataFrame
    reasons: dict[str, list[tuple[str, int, str]]]
    lost_cells: dict[str, dict[str, int]]
    notes: tuple[str, ...]
    bare_customers: int
    bare_articles: int
    fingerprint: str

    @property
    def has_returns(self) -> bool:
        """Whether the files have returns."""
        return (self.folder / "returns.parquet").is_file()

    def scan(self, name: str) -> pl.LazyFrame:
        """Scan one of the tables."""
        return pl.scan_parquet(self.folder / f"{name}.parquet", glob=False, hive_partitioning=False)


def read_tables(
    folder: Path,
    work: Path,
    *,
    column_map: dict[str, str] | None = None,
    known_width: int = 0,
    rules: ReadRules | None = None,
    articles_only: bool = False,
    progress: Progress = silent,
) -> CleanTables:
    """Read and check a data set, and write its clean tables to `work`.

    Parameters
    ----------
    folder : contains transactions_train (text, Parquet, packed or in parts: docs/loading.md), and optionally customers
        and articles; or a .zip of them.
    work : an empty folder for the clean tables.
    column_map : the files' column names to hmrec's, e.g. `{"household_id": "customer_id"}`.
    known_width : number of digits of article ids in the graph, if only one of the two files has them; 0 if unknown.
    rules : the caller's rules for rows; None for the defaults.
    articles_only : read the articles alone; the folder needs no other file, and the other tables are empty.
    progress : called with the number of steps done.

    Raises
    ------
    UserMistake : a file or a column is missing, or a file cannot be read.
    """
    progress(STEP, 0, 5)
    found = find_files(folder, ARTICLES if articles_only else TRANSACTIONS)
    if articles_only:
        found = FoundFiles({ARTICLES.stem: found.tables[ARTICLES.stem]}, found.notes)
    rules = rules or ReadRules()
    sources = open_sources(found, work, column_map or {}, rules.encoding)
    progress(STEP, 1, 5)
    counts: dict[str, TableCount] = {}
    rejects: dict[str, pl.DataFrame] = {}
    lost: dict[str, dict[str, int]] = {}
    nodes: dict[str, pl.DataFrame] = {}
    for done, table in enumerate((CUSTOMERS, ARTICLES), start=2):
        frame, counts[table.stem] = pl.DataFrame(schema={str(table.key): pl.String}), TableCount(0, 0, 0, 0)
        if source := sources.get(table.stem):
            frame, rejects[table.stem], counts[table.stem], lost[table.stem] = _read_nodes(source, rules)
        nodes[table.stem] = complete(frame, table)
        progress(STEP, done, 5)
    bare = {CUSTOMERS.stem: 0, ARTICLES.stem: 0}
    if articles_only:
        restore_articles(sources[ARTICLES.stem], nodes, known_width)
        for table in (CUSTOMERS, ARTICLES):
            nodes[table.stem] = nodes[table.stem].with_row_index(str(table.key).removesuffix("_id"))
        counts[TRANSACTIONS.stem] = TableCount(0, 0, 0, 0)
        pl.DataFrame(schema={"t_dat": pl.Date}).write_parquet(work / "purchases.parquet")
    else:
        transactions = read_transactions(sources[TRANSACTIONS.stem], nodes, work, known_width, rules)
        rejects[TRANSACTIONS.stem], lost[TRANSACTIONS.stem] = transactions.rejects, transactions.lost
        for table in (CUSTOMERS, ARTICLES):
            nodes[table.stem], bare[table.stem] = transactions.add_bare(nodes[table.stem], table)
        counts[TRANSACTIONS.stem] = transactions.write_purchases(nodes, bare, work)
    progress(STEP, 4, 5)
    for stem, frame in nodes.items():
        frame.write_parquet(work / f"{stem}.parquet")
    _write_attributes(nodes[ARTICLES.stem], work)
    progress(STEP, 5, 5)
    return CleanTables(
        work, counts, pl.concat([pl.DataFrame(schema=REJECTS), *rejects.values()]).sort("file", "line"),
        {stem: _count_reasons(bad) for stem, bad in rejects.items()}, {stem: by for stem, by in lost.items() if by},
        (*found.notes, *_collect_notes(sources, counts)), bare[CUSTOMERS.stem], bare[ARTICLES.stem],
        _fingerprint(sources, column_map or {}, rules),
    )  # fmt: skip


# -- customers and articles ---------------------------------------------------------------------------------


def _read_nodes(source: Source, rules: ReadRules) -> tuple[pl.DataFrame, pl.DataFrame, TableCount, dict[str, int]]:
    """Read customers or articles: good rows (the last of each id), rejects, counts, lost cells by column."""
    columns = [column for column in source.table.columns if column.name in source.names]
    checked = collect(check(scan(source), columns, detect_parsers(source, sample_dates(source))), source)
    key = str(source.table.key)
    lost = detect_unusual(checked.lazy(), columns, source)
    bad = checked.filter(pl.col("bad").is_not_null())
    good = checked.filter(pl.col("bad").is_null()).sort("line").select(column.name for column in columns)
    found = good.height
    if source.table is ARTICLES and rules.leave_out:
        good = good.filter(pl.col(key).is_in(sorted(rules.leave_out)).not_())
    unique = good.unique(key, keep="last", maintain_order=True)
    if merged := good.height - unique.height:
        others = good.unique().height - unique.height
        tail = f"; {others:,} of them with different values: the last one counts" if others else ""
        source.notes.append(f"{source.file.name}: {merged:,} rows repeat a {key}{tail}.")
    count = TableCount(checked.height, unique.height, merged, bad.height, left_out=found - good.height)
    return unique, list_rejects(bad, source, rules.earliest), count, lost


def _write_attributes(articles: pl.DataFrame, work: Path) -> None:
    """Write one table of nodes per label. If a key has several names, the article with the smallest id decides."""
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


# -- notes, reasons and the fingerprint ---------------------------------------------------------------------


def _collect_notes(sources: dict[str, Source], counts: dict[str, TableCount]) -> Iterable[str]:
    for stem, source in sources.items():
        yield from source.notes
        if counts[stem].read == 0:
            yield f"{source.file.name}: it has no rows."


def _count_reasons(bad: pl.DataFrame) -> list[tuple[str, int, str]]:
    """Count the rejects by reason, the most frequent first: reason, count, and the first value as an example."""
    reasons = bad.group_by("reason", maintain_order=True).agg(pl.len().alias("rows"), pl.col("value").first())
    return [tuple(row) for row in reasons.sort("rows", descending=True, maintain_order=True).iter_rows()]


def _fingerprint(sources: dict[str, Source], column_map: dict[str, str], rules: ReadRules) -> str:
    parts: list[object] = [{stem: source.digest for stem, source in sorted(sources.items())}, column_map]
    if rules != ReadRules():
        parts.append([rules.earliest.isoformat(), sorted(rules.leave_out)])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
