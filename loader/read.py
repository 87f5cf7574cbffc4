"""Files to clean tables: check every cell, keep the bad rows apart, turn ids into numbers.

The clean tables are Parquet files in a working folder, so that a data set larger than memory passes through: customers
and articles with a number each, purchases as numbers only, sorted by customer and date, equal rows added up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import polars as pl

from ..cypher.errors import UserMistake
from ..cypher.progress import Progress, silent
from .cells import REJECTS, Form, check, complete, list_rejects, tell_date_form, trim
from .files import ENDINGS as ENDINGS
from .files import Source, fetch_lines, find_files, iterate_rows, open_sources
from .schema import ARTICLES, ATTRIBUTES, CUSTOMERS, TRANSACTIONS, Table

STEP = "Reading and checking the files"
PURCHASE_KEY = ["customer", "t_dat", "article", "price", "sales_channel_id"]
SAMPLE_ROWS = 1000
ROWS_A_CHUNK = 50_000


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
    folder: Path, work: Path, *, column_map: dict[str, str] | None = None, progress: Progress = silent
) -> CleanTables:
    """Read and check a data set, and lay its clean tables down in `work`.

    Parameters
    ----------
    folder : holds transactions_train (.csv, .csv.gz or .parquet), and customers and articles where there are any.
    work : an empty folder for the clean tables.
    column_map : the files' column names to hmrec's, e.g. `{"household_id": "customer_id"}`.
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
    source = sources[TRANSACTIONS.stem]
    staged = _stage_transactions(source, nodes, work)
    progress(STEP, 4, 5)
    bad, empty_lines = _collect_rejects(staged, source)
    rejects.append(bad)
    rows = int(staged.select(pl.len()).collect(engine="streaming").item()) - empty_lines
    bare = {}
    for table in (CUSTOMERS, ARTICLES):
        nodes[table.stem], bare[table.stem] = _add_bare(nodes[table.stem], staged, table)
        nodes[table.stem].write_parquet(work / f"{table.stem}.parquet")
    _write_attributes(nodes[ARTICLES.stem], work)
    loaded = _write_purchases(staged, nodes, bare, work)
    counts[TRANSACTIONS.stem] = TableCount(rows, loaded, rows - bad.height - loaded, bad.height)
    (work / "staged.parquet").unlink()
    progress(STEP, 5, 5)
    return CleanTables(
        work, counts, pl.concat(rejects).sort("file", "line"), tuple(_tell_notes(sources, counts)),
        bare[CUSTOMERS.stem], bare[ARTICLES.stem], _fingerprint(sources, column_map or {}),
    )  # fmt: skip


# -- customers and articles ---------------------------------------------------------------------------------


def _read_nodes(source: Source) -> tuple[pl.DataFrame, pl.DataFrame, TableCount]:
    """A table of customers or articles: good rows (the last of each id), rejects, counts."""
    columns = [column for column in source.table.columns if column.name in source.names]
    raw = _scan_parquet(source) if source.is_parquet else pl.concat(_read_chunks(source)).lazy()
    checked = _collect(check(raw, columns, _tell_form(source, [])), source)
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


def _scan_parquet(source: Source) -> pl.LazyFrame:
    """A Parquet file's known columns as text, with `line`, the row's number."""
    kept = {
        theirs: ours
        for theirs, ours in zip(source.header, source.names, strict=True)
        if ours in source.table.column_names
    }
    text = [pl.col(theirs).cast(pl.String).alias(ours) for theirs, ours in kept.items()]
    nothing = pl.lit(None, pl.String)
    frame = pl.scan_parquet(source.text, glob=False).with_row_index("line", offset=1)
    return frame.select("line", *text, bad=nothing, bad_value=nothing)


# -- transactions -------------------------------------------------------------------------------------------


def _scan_lines(source: Source) -> pl.LazyFrame:
    """A CSV file's rows as text columns, each line a row, with `line`; too long and empty ones are `bad`.

    Quote marks are no more than marks here: ids, dates and numbers hold neither separators nor line breaks, and so a
    stray quote spoils its own line only, and a line's number is known.
    """
    placed = [f"column_{number}" for number in range(len(source.header) + 1)]
    kept = {
        place: ours for place, ours in zip(placed[:-1], source.names, strict=True) if ours in source.table.column_names
    }
    frame = pl.scan_csv(
        source.text,
        separator=source.separator,
        quote_char=None,
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
    odd = pl.col(placed[-1]).is_not_null() | pl.all_horizontal(pl.col(placed).is_null())
    return frame.select("line", *kept, bad=pl.when(odd).then(pl.lit("")), bad_value=pl.lit(None, pl.String)).rename(
        kept
    )


def _tell_form(source: Source, dates: list[str]) -> Form:
    """How the file writes its values."""
    form = Form(decimal_comma=source.separator == ";", quotes=source.has_quotes and source.table is TRANSACTIONS)
    if not dates:
        return form
    told = tell_date_form(dates, None, str(source.file))
    if told.date.startswith("%d"):
        pattern = r"^\D?(\d{1,2})\D(\d{1,2})\D\d{4}"
        ends = [pl.col("t_dat").str.extract(pattern, place).cast(pl.Int64).max().alias(str(place)) for place in (1, 2)]
        first, second = _collect(_scan_lines(source).select(ends), source).row(0)
        told = tell_date_form(dates, (first or 0, second or 0), str(source.file))
    if told.date != "%Y-%m-%d" or told.clock:
        source.notes.append(f"{source.file.name}: its dates are written like {dates[0][:30]!r}.")
    return replace(form, date=told.date, clock=told.clock)


def _stage_transactions(source: Source, nodes: dict[str, pl.DataFrame], work: Path) -> pl.LazyFrame:
    """One pass over the transactions: cells checked, ids turned into the customers' and articles' numbers."""
    raw = _scan_parquet(source) if source.is_parquet else _scan_lines(source)
    quotes = Form(quotes=source.has_quotes)
    number = trim("article_id", quotes).str.replace(r"^(\d+)\.0+$", "$1")
    sample = _collect(raw.head(SAMPLE_ROWS).select(trim("t_dat", quotes), number), source)
    form = _tell_form(source, sample["t_dat"].drop_nulls().to_list())
    checked = check(raw, list(TRANSACTIONS.columns), form)
    width = _tell_width(nodes[ARTICLES.stem]["article_id"], sample["article_id"].drop_nulls())
    if width:
        _restore_articles(source, nodes, width)
        short = pl.col("article_id").str.contains(r"^\d+$") & (pl.col("article_id").str.len_chars() < width)
        checked = checked.with_columns(
            article_id=pl.when(short).then(pl.col("article_id").str.zfill(width)).otherwise("article_id"),
            restored=short,
        )
    else:
        checked = checked.with_columns(restored=pl.lit(False))
    for table in (CUSTOMERS, ARTICLES):
        key = str(table.key)
        numbers = nodes[table.stem].select(key).with_row_index(key.removesuffix("_id")).lazy()
        checked = checked.join(numbers, on=key, how="left")
    known = {key: pl.when(pl.col(key.removesuffix("_id")).is_null()).then(key) for key in ("customer_id", "article_id")}
    try:
        checked.with_columns(**known).sink_parquet(work / "staged.parquet", engine="streaming", compression="lz4")
    except pl.exceptions.PolarsError as error:
        raise _unreadable(source, error) from error
    staged = pl.scan_parquet(work / "staged.parquet")
    restored = (
        staged.filter(pl.col("bad").is_null()).select(pl.col("restored").sum()).collect(engine="streaming").item()
    )
    if restored:
        source.notes.append(
            f"{source.file.name}: {restored:,} article ids had lost their leading zeros; restored to {width} digits."
        )
    return staged


def _tell_width(articles: pl.Series, sample: pl.Series) -> int:
    """How many digits article ids have: the articles file's, if they are all as long; 0 if it does not show.

    Where the transactions' first ids are longer, all as long, and begin with a zero, it is the articles file that lost
    its zeros, and theirs is the width.
    """
    widths = []
    for ids in (articles, sample):
        lengths = ids.str.len_chars().unique()
        widths.append(int(lengths[0]) if len(lengths) == 1 and ids.str.contains(r"^\d+$").all() else 0)
    if widths[0] and widths[1] > widths[0] and sample.str.starts_with("0").all():
        return widths[1]
    return widths[0]


def _restore_articles(source: Source, nodes: dict[str, pl.DataFrame], width: int) -> None:
    articles = nodes[ARTICLES.stem]
    if int(articles["article_id"].str.len_chars().max() or 0) < width:  # type: ignore[arg-type]
        nodes[ARTICLES.stem] = articles.with_columns(pl.col("article_id").str.zfill(width))
        source.notes.append(f"The articles file's ids had lost their leading zeros; restored to {width} digits.")


def _collect_rejects(staged: pl.LazyFrame, source: Source) -> tuple[pl.DataFrame, int]:
    """The rejected rows, and how many lines hold nothing and so are no rows."""
    bad = staged.filter(pl.col("bad").is_not_null()).select("line", "bad", "bad_value").collect(engine="streaming")
    empty = []
    if not source.is_parquet and (numbers := bad.filter(pl.col("bad") == "")["line"].to_list()):
        texts = fetch_lines(source, set(numbers))
        empty = [number for number, text in texts.items() if not text.strip(source.separator)]
        text = pl.col("line").cast(pl.Int64).replace_strict(texts, default=None, return_dtype=pl.String)
        bad = bad.filter(pl.col("line").is_in(empty).not_()).with_columns(bad_value=pl.coalesce("bad_value", text))
    rejects = list_rejects(bad, source)
    if not source.ends_whole and not source.is_parquet and rejects.height:
        last = staged.select(pl.col("line").max()).collect(engine="streaming").item()
        if int(rejects["line"].max() or 0) == last:  # type: ignore[arg-type]
            source.notes.append(f"{source.file.name}: it ends in the middle of line {last:,}: the file was cut.")
    return rejects, len(empty)


def _add_bare(frame: pl.DataFrame, staged: pl.LazyFrame, table: Table) -> tuple[pl.DataFrame, int]:
    """The table's nodes with those that only the transactions name, numbered; and how many those are."""
    key = str(table.key)
    number = key.removesuffix("_id")
    named = staged.filter(pl.col("bad").is_null() & pl.col(number).is_null()).select(key).unique()
    bare = named.collect(engine="streaming").sort(key)
    whole = pl.concat([frame, complete(bare, table)]) if bare.height else frame
    return whole.with_row_index(number), bare.height


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


def _write_purchases(staged: pl.LazyFrame, nodes: dict[str, pl.DataFrame], bare: dict[str, int], work: Path) -> int:
    """Distinct purchases with their quantity, sorted by customer, date and article; how many there are."""
    good = staged.filter(pl.col("bad").is_null())
    for table in (CUSTOMERS, ARTICLES):
        if bare[table.stem]:
            key = str(table.key)
            number = key.removesuffix("_id")
            numbers = nodes[table.stem].tail(bare[table.stem]).lazy().select(key, pl.col(number).alias("bare"))
            good = (
                good.join(numbers, on=key, how="left")
                .with_columns(pl.coalesce(number, "bare").alias(number))
                .drop("bare")
            )
    (
        good.group_by(PURCHASE_KEY)
        .agg(quantity=pl.len().cast(pl.Int64))
        .sort(PURCHASE_KEY)
        .sink_parquet(work / "purchases.parquet", engine="streaming", compression="lz4", row_group_size=1 << 20)
    )
    return int(pl.scan_parquet(work / "purchases.parquet").select(pl.len()).collect().item())


# -- what is told -------------------------------------------------------------------------------------------


def _tell_notes(sources: dict[str, Source], counts: dict[str, TableCount]) -> Iterable[str]:
    for stem, source in sources.items():
        yield from source.notes
        if counts[stem].read == 0:
            yield f"{source.file.name}: it has no rows."


def _fingerprint(sources: dict[str, Source], column_map: dict[str, str]) -> str:
    parts = {stem: source.digest for stem, source in sorted(sources.items())}
    return hashlib.sha256(json.dumps([parts, column_map], sort_keys=True).encode()).hexdigest()


def _collect(frame: pl.LazyFrame, source: Source) -> pl.DataFrame:
    try:
        return frame.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        raise _unreadable(source, error) from error


def _unreadable(source: Source, error: Exception) -> UserMistake:
    return UserMistake(
        f"{source.file} cannot be read: {str(error).strip().splitlines()[0]}.", "Check that it is whole."
    )
