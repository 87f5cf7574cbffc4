"""Files to clean tables: find them, check every cell, keep the bad rows apart.

The clean tables are Parquet files in a working folder, so that a data set larger than memory passes through: customers
and articles with a number each, purchases as numbers only, sorted by customer and date, equal rows added up.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import polars as pl

from ..cypher.errors import UserMistake
from ..cypher.progress import Progress, silent
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TABLES, TRANSACTIONS, Column, Kind, Table

ENDINGS = (".csv", ".csv.gz", ".parquet")
SEPARATORS = (",", ";", "\t", "|")
STEP = "Reading and checking the files"
PURCHASE_KEY = ["customer", "t_dat", "article", "price", "sales_channel_id"]


@dataclass(frozen=True)
class TableCount:
    """What became of a table's rows; read = loaded + merged + rejected, always."""

    read: int
    loaded: int
    merged: int
    rejected: int


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
    """

    folder: Path
    counts: dict[str, TableCount]
    rejects: pl.DataFrame
    notes: tuple[str, ...]
    bare_customers: int
    bare_articles: int

    def scan(self, name: str) -> pl.LazyFrame:
        """One of the tables, lazily."""
        return pl.scan_parquet(self.folder / f"{name}.parquet")


@dataclass
class _Source:
    """A table's file and how to read it."""

    table: Table
    file: Path
    separator: str
    header: list[str]
    names: list[str]
    notes: list[str] = field(default_factory=list)


def find_files(folder: Path) -> dict[str, Path]:
    """The data set's files by table; only the transactions must be there.

    Raises
    ------
    UserMistake : the folder or the transactions are not there, or a table has two files.
    """
    if not folder.is_dir():
        kind = "a file, not a folder" if folder.exists() else "not there"
        raise UserMistake(f"{folder} is {kind}.", "Name the folder that holds transactions_train.csv.")
    found = {}
    for table in TABLES:
        files = [file for ending in ENDINGS if (file := folder / f"{table.stem}{ending}").is_file()]
        if len(files) > 1:
            raise UserMistake(
                f"{folder} holds both {files[0].name} and {files[1].name}.", "Keep one of them, so that it is plain which counts."
            )
        if files:
            found[table.stem] = files[0]
    if TRANSACTIONS.stem not in found:
        raise UserMistake(
            f"{folder} has no {TRANSACTIONS.file}.", f"It may also be {TRANSACTIONS.stem}.csv.gz or .parquet; the others are optional."
        )
    return found


@contextmanager
def _open_bytes(file: Path) -> Iterator[IO[bytes]]:
    stream: IO[bytes] = gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")
    with stream:
        yield stream


def _read_header(file: Path) -> tuple[str, list[str]]:
    """A CSV file's separator and column names."""
    try:
        with _open_bytes(file) as stream:
            first = stream.readline(1_000_000)
    except (OSError, EOFError) as error:
        raise UserMistake(f"{file} cannot be read ({error}).", "Check that the file is whole and readable.") from error
    text = first.decode("utf-8-sig", errors="replace").rstrip("\r\n")
    if not text.strip():
        raise UserMistake(f"{file} is empty.", "It must begin with a line of column names.")
    separator = max(SEPARATORS, key=text.count)
    return separator, [name.strip().strip('"') for name in text.split(separator)]


def _open_source(table: Table, file: Path, column_map: dict[str, str]) -> _Source:
    """Hold a file's columns against the table's.

    Raises
    ------
    UserMistake : a required column is missing, or one comes twice.
    """
    if file.suffix == ".parquet":
        try:
            separator, header = "", list(pl.scan_parquet(file).collect_schema())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserMistake(f"{file} is not a Parquet file that can be read.") from error
    else:
        separator, header = _read_header(file)
    names = [column_map.get(name, name) for name in header]
    for column in table.columns:
        if names.count(column.name) > 1:
            raise UserMistake(f"{file} has two columns named {column.name}.")
        if column.required and column.name not in names:
            raise UserMistake(
                f"{file} has no column {column.name}; its columns are {', '.join(header)[:200]}.",
                f"If another column holds it, say --map THAT={column.name}.",
            )
    source = _Source(table, file, separator, header, names)
    if names[0] in ("", "Unnamed: 0", "index", "column_1") and names[0] not in table.column_names:
        source.notes.append(f"{file.name}: the index column in front was left out.")
    if separator not in ("", ","):
        source.notes.append(f"{file.name}: its columns are apart by {separator!r}.")
    return source


def _scan_raw(source: _Source) -> pl.LazyFrame:
    """The file's known columns as text, with `line`, the line in the file that a row begins on."""
    wanted = {theirs: ours for theirs, ours in zip(source.header, source.names, strict=True) if ours in source.table.column_names}
    if source.separator == "":
        frame = pl.scan_parquet(source.file).select(wanted).with_row_index("line", offset=1)
        return frame.with_columns(pl.col(theirs).cast(pl.String) for theirs in wanted).rename(wanted)
    placed = [f"column_{number}" for number in range(1, len(source.header) + 1)]
    kept = {place: ours for place, ours in zip(placed, source.names, strict=True) if ours in source.table.column_names}
    frame = pl.scan_csv(
        source.file,
        separator=source.separator,
        has_header=False,
        skip_lines=1,
        schema=dict.fromkeys(placed, pl.String),
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        missing_columns="insert",
        row_index_name="line",
        row_index_offset=2,
        glob=False,
    )
    return frame.select("line", *kept).rename(kept)


def _clean(column: Column, separator: str) -> pl.Expr:
    """The column's cells as values of its type; null where the cell is empty or not of that type."""
    text = pl.col(column.name).str.strip_chars()
    text = pl.when(text != "").then(text)
    if column.kind is Kind.text:
        return text
    if column.kind is Kind.id:
        return text.str.replace(r"^(\d+)\.0+$", "$1")  # an id that another program took for a number
    if column.kind is Kind.integer:
        number = text.str.replace(r"^([+-]?\d+)\.0+$", "$1").cast(pl.Int64, strict=False)
    elif column.kind is Kind.decimal:
        number = (text.str.replace(",", ".", literal=True) if separator == ";" else text).cast(pl.Float64, strict=False)
        number = pl.when(number.is_finite()).then(number)
    else:
        day = text.str.slice(0, 10)
        return pl.coalesce(day.str.to_date(form, strict=False) for form in ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%Y%m%d"))
    if column.lowest is not None:
        number = pl.when(number >= column.lowest).then(number)
    if column.highest is not None:
        number = pl.when(number <= column.highest).then(number)
    return number


def _check(source: _Source) -> pl.LazyFrame:
    """Typed columns, with `bad`: the name of the first column whose cell breaks its rule, and `bad_value`: that cell."""
    raw = _scan_raw(source)
    present = [column for column in source.table.columns if column.name in source.names]
    typed = raw.with_columns(_clean(column, source.separator).alias(f"{column.name}:clean") for column in present)
    bad = pl.coalesce(
        pl.when(
            pl.col(f"{column.name}:clean").is_null()
            & (pl.lit(True) if column.required else pl.col(column.name).str.strip_chars().fill_null("") != "")
        ).then(pl.lit(column.name))
        for column in present
    )
    value = pl.coalesce(
        pl.when(pl.col("bad") == column.name).then(pl.col(column.name).fill_null("")) for column in present
    )
    return (
        typed.with_columns(bad=bad)
        .with_columns(bad_value=value)
        .select("line", "bad", "bad_value", *(pl.col(f"{column.name}:clean").alias(column.name) for column in present))
    )


def _collect(frame: pl.LazyFrame, source: _Source) -> pl.DataFrame:
    try:
        return frame.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise _unreadable(source.file, error) from error


def _unreadable(file: Path, error: Exception) -> UserMistake:
    return UserMistake(f"{file} cannot be read: {str(error).strip().splitlines()[0]}.", "Check its quotes and line ends.")


def _rejects(bad: pl.DataFrame, source: _Source) -> pl.DataFrame:
    """The report's lines for the rows that broke a rule."""
    reasons = {column.name: f"{column.name} must be {column.rule}" for column in source.table.columns}
    return bad.select(
        file=pl.lit(source.file.name),
        line=pl.col("line").cast(pl.Int64),
        column=pl.col("bad"),
        value=pl.col("bad_value"),
        reason=pl.col("bad").replace_strict(reasons, default="", return_dtype=pl.String),
    )


def _read_nodes(source: _Source) -> tuple[pl.DataFrame, pl.DataFrame, TableCount]:
    """A table of customers or articles: good rows (the last of each id), rejects, counts."""
    checked = _collect(_check(source), source)
    key = str(source.table.key)
    bad = checked.filter(pl.col("bad").is_not_null())
    good = checked.filter(pl.col("bad").is_null()).drop("bad", "bad_value")
    unique = good.unique(key, keep="last", maintain_order=True)
    merged = good.height - unique.height
    if merged:
        others = good.drop("line").unique().height - unique.height
        tail = f"; {others:,} of them with other values: the last one counts" if others else ""
        source.notes.append(f"{source.file.name}: {merged:,} rows repeat a {key}{tail}.")
    count = TableCount(checked.height, unique.height, merged, bad.height)
    return unique.drop("line"), _rejects(bad, source), count


def _complete(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """All of the table's columns in order, those that the file lacks empty."""
    types = {Kind.integer: pl.Int64, Kind.decimal: pl.Float64, Kind.date: pl.Date, Kind.id: pl.String, Kind.text: pl.String}
    lacking = [pl.lit(None, types[c.kind]).alias(c.name) for c in table.columns if c.name not in frame.columns]
    return frame.with_columns(lacking).select(table.column_names)


def read_tables(
    folder: Path, work: Path, *, column_map: dict[str, str] | None = None, progress: Progress = silent
) -> CleanTables:
    """Read and check a data set, and lay its clean tables down in `work`.

    Parameters
    ----------
    folder : holds transactions_train (.csv, .csv.gz or .parquet), and customers and articles where there are any.
    work : an empty folder for the clean tables.
    column_map : the files' column names to hmrec's, e.g. `{"household_id": "customer_id"}`.
    progress : told the files done.

    Raises
    ------
    UserMistake : a file or a column is missing, or a file cannot be read.
    """
    files = find_files(folder)
    sources = {stem: _open_source(table, files[stem], column_map or {}) for table in TABLES if (stem := table.stem) in files}
    progress(STEP, 0, 4)
    counts: dict[str, TableCount] = {}
    rejects: list[pl.DataFrame] = []
    nodes: dict[str, pl.DataFrame] = {}
    for done, table in enumerate((CUSTOMERS, ARTICLES), start=1):
        frame = pl.DataFrame(schema=dict.fromkeys([str(table.key)], pl.String))
        counts[table.stem] = TableCount(0, 0, 0, 0)
        if source := sources.get(table.stem):
            frame, bad, counts[table.stem] = _read_nodes(source)
            rejects.append(bad)
        nodes[table.stem] = _complete(frame, table)
        progress(STEP, done, 4)
    source = sources[TRANSACTIONS.stem]
    width = int(nodes[ARTICLES.stem]["article_id"].str.len_chars().max() or 0)
    staged = _stage_transactions(source, nodes, width, work)
    progress(STEP, 3, 4)
    rejects.append(_rejects(_collect(staged.filter(pl.col("bad").is_not_null()), source), source))
    bare = {}
    for table, code in ((CUSTOMERS, "customer"), (ARTICLES, "article")):
        frame, bare[code] = _add_bare(nodes[table.stem], staged, table, code, width)
        frame.write_parquet(work / f"{table.stem}.parquet")
        nodes[table.stem] = frame
    _write_attributes(nodes[ARTICLES.stem], work)
    rows = staged.select(pl.len(), bad=pl.col("bad").is_not_null().sum()).collect(engine="streaming").row(0)
    loaded = _write_purchases(staged, nodes, work)
    counts[TRANSACTIONS.stem] = TableCount(rows[0], loaded, rows[0] - rows[1] - loaded, rows[1])
    (work / "staged.parquet").unlink()
    progress(STEP, 4, 4)
    notes = tuple(note for one in sources.values() for note in one.notes)
    return CleanTables(work, counts, pl.concat(rejects).sort("file", "line"), notes, bare["customer"], bare["article"])


def _stage_transactions(source: _Source, nodes: dict[str, pl.DataFrame], width: int, work: Path) -> pl.LazyFrame:
    """One pass over the transactions: cells checked, ids turned into the customers' and articles' numbers."""
    checked = _check(source)
    article = pl.col("article_id")
    restored = pl.when(article.str.contains(r"^\d+$")).then(article.str.zfill(width)).otherwise(article)
    checked = checked.with_columns(article_id=restored if width else article)
    for table, code in ((CUSTOMERS, "customer"), (ARTICLES, "article")):
        numbers = nodes[table.stem].select(str(table.key)).with_row_index(code).lazy()
        checked = checked.join(numbers, on=table.key, how="left")
    staged = checked.with_columns(
        customer_id=pl.when(pl.col("customer").is_null()).then("customer_id"),
        article_id=pl.when(pl.col("article").is_null()).then("article_id"),
    )
    try:
        staged.sink_parquet(work / "staged.parquet", engine="streaming", compression="lz4")
    except pl.exceptions.PolarsError as error:
        raise _unreadable(source.file, error) from error
    return pl.scan_parquet(work / "staged.parquet")


def _add_bare(
    frame: pl.DataFrame, staged: pl.LazyFrame, table: Table, code: str, width: int
) -> tuple[pl.DataFrame, int]:
    """The table's nodes with those that only the transactions name, numbered."""
    key = str(table.key)
    named = (
        staged.filter(pl.col("bad").is_null() & pl.col(code).is_null()).select(key).unique().collect(engine="streaming").sort(key)
    )
    whole = pl.concat([frame, _complete(named, table)]) if named.height else frame
    return whole.with_row_index(code), named.height


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


def _write_purchases(staged: pl.LazyFrame, nodes: dict[str, pl.DataFrame], work: Path) -> int:
    """Distinct purchases with their quantity, sorted by customer, date and article; how many there are."""
    good = staged.filter(pl.col("bad").is_null())
    for table, code in ((CUSTOMERS, "customer"), (ARTICLES, "article")):
        key = str(table.key)
        bare = nodes[table.stem].lazy().select(key, pl.col(code).alias("bare"))
        named = good.filter(pl.col(code).is_null()).select(key).unique()
        good = (
            good.join(bare.join(named, on=key, how="semi"), on=key, how="left")
            .with_columns(pl.coalesce(code, "bare").alias(code))
            .drop("bare", key)
        )
    (
        good.group_by(PURCHASE_KEY)
        .agg(quantity=pl.len().cast(pl.Int64))
        .sort(PURCHASE_KEY)
        .sink_parquet(work / "purchases.parquet", engine="streaming", compression="lz4", row_group_size=1 << 20)
    )
    return int(pl.scan_parquet(work / "purchases.parquet").select(pl.len()).collect().item())
