"""Transactions to purchases: one fast pass over the rows that are written plainly, a careful one over the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..schema import ARTICLES, CUSTOMERS, TRANSACTIONS, Kind, Table
from .cells import Form, check, complete, list_rejects, parse_plain, trim
from .files import Source, fetch_lines
from .scan import collect, scan_lines, scan_parquet, tell_form, unreadable

NUMBERS = pl.Schema(
    {
        "customer": pl.UInt32,
        "t_dat": pl.Date,
        "article": pl.UInt32,
        "price": pl.Float64,
        "sales_channel_id": pl.Int32,
    }
)
KEY = list(NUMBERS)
SAMPLE_ROWS = 1000


@dataclass(frozen=True)
class TableCount:
    """What became of a table's rows; read = loaded + merged + rejected, always."""

    read: int
    loaded: int
    merged: int
    rejected: int


@dataclass(frozen=True)
class Transactions:
    """What the transactions' file holds.

    Attributes
    ----------
    rows : how many.
    plain : customer, t_dat, article, price, sales_channel_id of the rows written plainly; customer and article are the
        numbers of known nodes.
    others : line, the columns, customer and article where known, `bad` and `bad_value`, of all other rows.
    rejects : the bad ones among the others, as the report lists them.
    """

    rows: int
    plain: pl.DataFrame
    others: pl.LazyFrame
    rejects: pl.DataFrame

    def add_bare(self, frame: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, int]:
        """The table's nodes with those that only the transactions name, numbered; and how many those are."""
        key = str(table.key)
        number = key.removesuffix("_id")
        named = self.others.filter(pl.col("bad").is_null() & pl.col(number).is_null()).select(key).unique()
        bare = named.collect(engine="streaming").sort(key)
        whole = pl.concat([frame, complete(bare, table)]) if bare.height else frame
        return whole.with_row_index(number), bare.height

    def write_purchases(self, nodes: dict[str, pl.DataFrame], bare: dict[str, int], target: Path) -> TableCount:
        """Write distinct purchases with their quantity, sorted by customer, date and article; the rows' count.

        Parameters
        ----------
        nodes : customers and articles, numbered, the last `bare` of them not known when the file was read.
        target : Parquet in neo4j-admin's form.
        """
        good = self.others.filter(pl.col("bad").is_null())
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
        purchases = pl.concat([self.plain, good.select(KEY).cast(NUMBERS).collect(engine="streaming")]).sort(KEY)
        is_first = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in KEY)
        first = purchases.select(pl.arg_where(is_first)).to_series()
        ends = first.shift(-1, fill_value=purchases.height)
        distinct = purchases[first].with_columns(quantity=(ends - first).cast(pl.Int64))
        ids = nodes[ARTICLES.stem].lazy().select("article", "article_id")
        (
            distinct.lazy()
            .join(ids, on="article", how="left", maintain_order="left")
            .select(
                pl.col("customer").cast(pl.Int64).alias(":START_ID(Customer)"),
                pl.col("article").cast(pl.Int64).alias(":END_ID(Article)"),
                "t_dat",
                "article_id",
                "quantity",
                pl.col("sales_channel_id").cast(pl.Int64),
                "price",
            )
            .sink_parquet(target, engine="streaming", compression="snappy", row_group_size=1 << 20)
        )
        rejected = self.rejects.height
        return TableCount(self.rows, distinct.height, self.rows - rejected - distinct.height, rejected)


def read_transactions(source: Source, nodes: dict[str, pl.DataFrame], work: Path, known_width: int = 0) -> Transactions:
    """Check the transactions, and turn their ids into the customers' and articles' numbers.

    Parameters
    ----------
    source : the transactions' file.
    nodes : customers and articles, in the order that numbers them; article ids that lost their zeros are mended.
    work : folder for the rows that need care.
    known_width : how many digits article ids have where no articles are given; 0 if not known.
    """
    raw = scan_parquet(source) if source.is_parquet else scan_lines(source)
    raw = raw.with_columns(pl.lit(value).alias(name) for name, value in source.absent.items())
    quotes = Form(quotes=source.has_quotes)
    number = trim("article_id", quotes).str.replace(r"^(\d+)\.0+$", "$1")
    sample = collect(raw.head(SAMPLE_ROWS).select(trim("t_dat", quotes), number), source)
    form = tell_form(source, sample["t_dat"].drop_nulls().to_list())
    width = _tell_width(nodes[ARTICLES.stem]["article_id"], sample["article_id"].drop_nulls())
    if nodes[ARTICLES.stem].is_empty():
        width = known_width
    elif width:
        _restore_articles(source, nodes, width)
    marked = _mark_plain(raw, nodes, form)
    plain = collect(marked.select("line", *KEY).cast(NUMBERS), source)
    lines, last = plain.height, plain.select(pl.col("line").max()).item() or 0
    lacking = plain.filter(pl.col("customer").is_null())["line"]
    plain = plain.filter(pl.col("customer").is_not_null()).drop("line")
    others = raw.join(lacking.to_frame().lazy(), on="line", how="semi") if plain.height else raw
    others = _check_others(others if lacking.len() else others.head(0), nodes, form, width, source, work)
    rejects, empty_lines = _collect_rejects(others, source, last)
    return Transactions(lines - empty_lines, plain, others, rejects)


def _mark_plain(raw: pl.LazyFrame, nodes: dict[str, pl.DataFrame], form: Form) -> pl.LazyFrame:
    """Lines with their values as numbers, all empty where a value is not plain, an id not known, or the row is odd."""
    values = [parse_plain(column, form) for column in TRANSACTIONS.columns if column.kind is not Kind.id]
    marked = raw.select("line", "bad", "customer_id", "article_id", *values)
    for table in (CUSTOMERS, ARTICLES):
        key = str(table.key)
        numbers = nodes[table.stem].select(key).with_row_index(key.removesuffix("_id")).lazy()
        marked = marked.join(numbers, on=key, how="left")
    is_plain = pl.col("bad").is_null() & pl.all_horizontal(pl.col(KEY).is_not_null())
    return marked.with_columns(pl.when(is_plain).then(pl.col(name)).alias(name) for name in KEY)


def _check_others(
    raw: pl.LazyFrame, nodes: dict[str, pl.DataFrame], form: Form, width: int, source: Source, work: Path
) -> pl.LazyFrame:
    """The rows checked cell by cell, their ids mended, and turned into numbers where they are known."""
    checked = check(raw, list(TRANSACTIONS.columns), form)
    short = pl.col("article_id").str.contains(r"^\d+$") & (pl.col("article_id").str.len_chars() < width)
    checked = checked.with_columns(
        article_id=pl.when(short).then(pl.col("article_id").str.zfill(width)).otherwise("article_id"), restored=short
    )
    for table in (CUSTOMERS, ARTICLES):
        key = str(table.key)
        numbers = nodes[table.stem].select(key).with_row_index(key.removesuffix("_id")).lazy()
        checked = checked.join(numbers, on=key, how="left")
    known = {key: pl.when(pl.col(key.removesuffix("_id")).is_null()).then(key) for key in ("customer_id", "article_id")}
    try:
        checked.with_columns(**known).sink_parquet(work / "others.parquet", engine="streaming", compression="lz4")
    except pl.exceptions.PolarsError as error:
        raise unreadable(source, error) from error
    others = pl.scan_parquet(work / "others.parquet")
    restored = (
        others.filter(pl.col("bad").is_null()).select(pl.col("restored").sum()).collect(engine="streaming").item()
    )
    if restored:
        source.notes.append(
            f"{source.file.name}: {restored:,} article ids had lost their leading zeros; restored to {width} digits."
        )
    return others


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


def _collect_rejects(others: pl.LazyFrame, source: Source, last: int) -> tuple[pl.DataFrame, int]:
    """The rejected rows, and how many lines hold nothing and so are no rows."""
    bad = others.filter(pl.col("bad").is_not_null()).select("line", "bad", "bad_value").collect(engine="streaming")
    empty = []
    if not source.is_parquet and (numbers := bad.filter(pl.col("bad") == "")["line"].to_list()):
        texts = fetch_lines(source, set(numbers))
        empty = [number for number, text in texts.items() if not text.strip(source.separator)]
        text = pl.col("line").cast(pl.Int64).replace_strict(texts, default=None, return_dtype=pl.String)
        bad = bad.filter(pl.col("line").is_in(empty).not_()).with_columns(bad_value=pl.coalesce("bad_value", text))
    rejects = list_rejects(bad, source)
    last_is_bad = rejects.height and int(rejects["line"].max() or 0) == last  # type: ignore[arg-type]
    if last_is_bad and not source.ends_whole and not source.is_parquet:
        source.notes.append(f"{source.file.name}: it ends in the middle of line {last:,}: the file was cut.")
    return rejects, len(empty)
