"""Read transactions as purchases: one fast pass over plainly written rows, a careful pass over the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import SEEK_END
from pathlib import Path

import polars as pl

from ..schema import ARTICLES, CUSTOMERS, TRANSACTIONS, Column, Kind, ReadRules, Table
from .cells import MISSING, TYPES, Form, check, complete, detect_unusual, list_rejects, parse_plain, trim
from .files import Source, fetch_lines
from .returns import CANCELLED, count_units, detect_kind, subtract_returns
from .scan import collect, detect_parsers, scan, unreadable

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
QUANTITY = pl.Schema({"quantity": pl.Int64})
PLAIN_LOWEST = {"price": 0, "quantity": 1}  # returns go to the careful pass
BOUGHT = ["article_id", "sales_channel_id", "price"]
"""The properties of a purchase that are no number of units, after its day."""
SAMPLE_ROWS = 1000
HM_DIGITS = 10
LAST_BYTES = 1 << 16


@dataclass(frozen=True)
class TableCount:
    """What happened to a table's rows; read = loaded + merged + rejected + returned + left_out.

    Attributes
    ----------
    read : rows in the files.
    loaded : rows that became a node or a relationship.
    merged : rows that were added to an equal one, or whose id occurs again.
    rejected : rows that break a rule.
    returned : rows of returns, of cancelled invoices and of zero units, and purchases that were returned entirely.
    left_out : rows of articles that the caller excludes.
    """

    read: int
    loaded: int
    merged: int
    rejected: int
    returned: int = 0
    left_out: int = 0


@dataclass(frozen=True)
class Transactions:
    """The content of the transactions file.

    Attributes
    ----------
    source : the file; the notes are added to it.
    rows : number of rows.
    plain : the plainly written rows: customer, t_dat, article, price, sales_channel_id and, if the file has it,
        quantity. Customer and article are numbers of known nodes.
    others : all other rows: line, the columns, customer and article if known, `bad`, `bad_value`, `units`, `kind` and
        `left_out`.
    rejects : the bad rows of `others`, as the report lists them.
    left_out : number of rows in `others` that are left out.
    lost : number of optional cells that broke their rule, by column.
    """

    source: Source
    rows: int
    plain: pl.DataFrame
    others: pl.LazyFrame
    rejects: pl.DataFrame
    left_out: int
    lost: dict[str, int]

    @property
    def _good(self) -> pl.LazyFrame:
        return self.others.filter(pl.col("bad").is_null() & ~pl.col("left_out"))

    def add_bare(self, frame: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, int]:
        """Return the table's numbered nodes with those that only the transactions name, and the latter's number."""
        key = str(table.key)
        number = key.removesuffix("_id")
        named = self._good.filter(pl.col(number).is_null() & (pl.col("units") != 0)).select(key).unique()
        bare = named.collect(engine="streaming").sort(key)
        whole = pl.concat([frame, complete(bare, table)]) if bare.height else frame
        return whole.with_row_index(number), bare.height

    def write_purchases(self, nodes: dict[str, pl.DataFrame], bare: dict[str, int], work: Path) -> TableCount:
        """Write distinct purchases with their quantity, sorted by customer, date and article; return the row counts.

        If there are returns, purchases that they reduced have `loaded`, the units before. returns.parquet then has the
        units returned by customer, article and day, and taken-back.parquet the purchases that were returned entirely.

        Parameters
        ----------
        nodes : customers and articles, numbered.
        bare : by table, how many of the last nodes were unknown when the file was read.
        work : folder for purchases.parquet and the others, in neo4j-admin's form.
        """
        good = self._number_bare(nodes, bare)
        bought = good.filter(pl.col("units") > 0).with_columns(quantity="units")
        schema = pl.Schema(NUMBERS | (QUANTITY if "quantity" in self.plain.columns else {}))
        rows = bought.select(list(schema)).cast(schema).collect(engine="streaming")
        distinct = _add_up(pl.concat([self.plain, rows]).sort(KEY))
        ids = nodes[ARTICLES.stem].lazy().select("article", "article_id")
        returned = 0
        returns = good.filter(pl.col("units") <= 0).select("customer", "article", "t_dat", "units", "kind")
        if (back := returns.collect(engine="streaming")).height:
            distinct, returned = self._subtract_returns(distinct, back, ids, work)
        loaded = ["loaded"] if "loaded" in distinct.columns else []
        _write(distinct, ids, ["quantity", *BOUGHT, *loaded], work / "purchases.parquet")
        rejected = self.rejects.height
        merged = self.rows - rejected - returned - self.left_out - distinct.height
        return TableCount(self.rows, distinct.height, merged, rejected, returned, self.left_out)

    def _number_bare(self, nodes: dict[str, pl.DataFrame], bare: dict[str, int]) -> pl.LazyFrame:
        """Return the good rows with the numbers of nodes that were unknown when the file was read."""
        good = self._good
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
        return good

    def _subtract_returns(
        self, distinct: pl.DataFrame, back: pl.DataFrame, ids: pl.LazyFrame, work: Path
    ) -> tuple[pl.DataFrame, int]:
        """Return the purchases left after the returns, sorted, and the number of rows that this removed."""
        name = self.source.file.name
        nothing = back.filter(pl.col("units") == 0).height
        if nothing:
            rows = "1 row has" if nothing == 1 else f"{nothing:,} rows have"
            self.source.notes.append(f"{name}: {rows} a quantity of 0 and are no purchases.")
        returns = back.filter(pl.col("units") < 0)
        if returns.is_empty():
            return distinct, nothing
        returns = returns.cast({"customer": pl.UInt32, "article": pl.UInt32})
        taken = subtract_returns(distinct, returns)
        by_day = returns.group_by("customer", "article", "t_dat").agg(quantity=-pl.col("units").sum())
        _write(by_day.sort("customer", "article", "t_dat"), ids, ["quantity"], work / "returns.parquet")
        _write(taken.vanished.with_columns(loaded="quantity"), ids, [*BOUGHT, "loaded"], work / "taken-back.parquet")
        self.source.notes.extend(f"{name}: {note}" for note in taken.describe(returns))
        return taken.purchases.sort(KEY), nothing + returns.height + int(taken.vanished["rows"].sum())


def _write(frame: pl.DataFrame, ids: pl.LazyFrame, columns: list[str], target: Path) -> None:
    """Write relationships between numbered customers and articles, with their day and these columns."""
    (
        frame.lazy()
        .join(ids, on="article", how="left", maintain_order="left")
        .select(
            pl.col("customer").cast(pl.Int64).alias(":START_ID(Customer)"),
            pl.col("article").cast(pl.Int64).alias(":END_ID(Article)"),
            "t_dat",
            *(pl.col(name).cast(pl.Int64) if name == "sales_channel_id" else name for name in columns),
        )
        .sink_parquet(target, engine="streaming", compression="snappy", row_group_size=1 << 20)
    )


def _add_up(purchases: pl.DataFrame) -> pl.DataFrame:
    """Merge sorted rows into distinct purchases, with `quantity` and `rows`, the number of merged rows."""
    is_first = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in KEY)
    first = purchases.select(pl.arg_where(is_first)).to_series()
    rows = (first.shift(-1, fill_value=purchases.height) - first).cast(pl.Int64)
    if "quantity" not in purchases.columns:
        return purchases[first].with_columns(quantity=rows, rows=rows)
    until = purchases["quantity"].cum_sum()
    last = first + rows - 1
    quantity = until[last] - until[first] + purchases["quantity"][first]
    return purchases[first].with_columns(quantity=quantity, rows=rows)


def read_transactions(
    source: Source, nodes: dict[str, pl.DataFrame], work: Path, known_width: int = 0, rules: ReadRules | None = None
) -> Transactions:
    """Check the transactions, and replace their ids by the numbers of customers and articles.

    Parameters
    ----------
    source : the transactions file.
    nodes : customers and articles, in the order of their numbers; article ids that lost their zeros are repaired.
    work : folder for the rows of the careful pass.
    known_width : number of digits of article ids if no articles file is given; 0 if unknown.
    rules : the caller's rules for rows; None for the defaults.
    """
    rules = rules or ReadRules()
    raw = scan(source)
    number = trim("article_id", Form()).str.replace(r"^(\d+)\.0+$", "$1")
    texts = [trim("t_dat", Form()), number] + ([trim("invoice", Form())] if "invoice" in source.names else [])
    sample = collect(raw.head(SAMPLE_ROWS).select(texts), source)
    dates = sample["t_dat"].drop_nulls()
    form = detect_parsers(source, dates.filter(~dates.is_in(MISSING)).to_list(), rules.earliest)
    cancels = "invoice" in sample.columns and _mark_cancelled(sample["invoice"])
    width = _detect_width(nodes[ARTICLES.stem], sample["article_id"].drop_nulls())
    if nodes[ARTICLES.stem].is_empty():
        width = known_width
    elif width:
        restore_articles(source, nodes, width)
    marked = _mark_plain(raw, nodes, form, source.names, cancels)
    schema = pl.Schema(NUMBERS | (QUANTITY if "quantity" in source.names else {}))
    plain = collect(marked.select("line", *schema).cast(schema), source)
    lines, last = plain.height, plain.select(pl.col("line").max()).item() or 0
    careful_lines = plain.filter(pl.col("customer").is_null())["line"]
    plain = plain.filter(pl.col("customer").is_not_null()).drop("line")
    others = raw.join(careful_lines.to_frame().lazy(), on="line", how="semi") if plain.height else raw
    others = others if careful_lines.len() else others.head(0)
    if _is_cut(source):
        others = others.with_columns(bad=pl.when(pl.col("line") == last).then(pl.lit("")).otherwise("bad"))
    others = _check_others(others, nodes, form, width, source, work, rules.leave_out, cancels)
    lost = detect_unusual(others.filter(~pl.col("left_out")), _columns_of(source), source)
    rejects, empty_lines = _collect_rejects(others.filter(~pl.col("left_out")), source, last, rules)
    left_out = int(others.select(pl.col("left_out").sum()).collect(engine="streaming").item())
    if left_out:
        are = "row is" if left_out == 1 else "rows are"
        source.notes.append(f"{source.file.name}: {left_out:,} {are} left out because of the article.")
    return Transactions(source, lines - empty_lines, plain, others, rejects, left_out, lost)


def _columns_of(source: Source) -> list[Column]:
    return [column for column in source.table.columns if column.name in source.names]


def _mark_cancelled(invoices: pl.Series) -> bool:
    """Return whether a C before an invoice's number marks a cancelled one: most of the others are digits only."""
    others = invoices.drop_nulls().filter(~invoices.drop_nulls().str.contains(CANCELLED))
    return bool(others.len()) and others.str.contains(r"^\d+(\.0)?$").sum() * 2 > others.len()


def _is_cut(source: Source) -> bool:
    """Return whether the last line has neither a line end nor all cells."""
    if source.is_parquet or source.ends_whole:
        return False
    part = source.parts[-1]
    with part.text.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, SEEK_END) - LAST_BYTES))
        line = stream.read().rsplit(b"\n", 1)[-1]
    return line.count(part.separator.encode()) < len(part.header) - 1


def _mark_plain(
    raw: pl.LazyFrame, nodes: dict[str, pl.DataFrame], form: Form, names: list[str], cancels: bool
) -> pl.LazyFrame:
    """Return lines with their values as numbers; all are null if a value is not plain, an id unknown or the row bad."""
    columns = [c for c in TRANSACTIONS.columns if c.name in names and c.kind not in (Kind.id, Kind.text)]
    values = [parse_plain(replace(c, lowest=PLAIN_LOWEST.get(c.name, c.lowest)), form) for c in columns]
    is_plain = pl.col("bad").is_null()
    if cancels:
        is_plain &= pl.col("invoice").str.contains(CANCELLED).not_().fill_null(True)
    marked = raw.select("line", "customer_id", "article_id", *values, is_plain=is_plain)
    for table in (CUSTOMERS, ARTICLES):
        key = str(table.key)
        numbers = nodes[table.stem].select(key).with_row_index(key.removesuffix("_id")).lazy()
        marked = marked.join(numbers, on=key, how="left")
    kept = ["customer", "article", *(column.name for column in columns)]
    is_plain = pl.col("is_plain") & pl.all_horizontal(pl.col(kept).is_not_null())
    constant = [
        pl.lit(TRANSACTIONS.column(name).absent).cast(NUMBERS[name]).alias(name) for name in KEY if name not in kept
    ]
    if constant:
        return marked.with_columns(*(pl.when(is_plain).then(pl.col(name)).alias(name) for name in kept), *constant)
    return marked.with_columns(pl.when(is_plain).then(pl.col(name)).alias(name) for name in kept)


def _check_others(
    raw: pl.LazyFrame,
    nodes: dict[str, pl.DataFrame],
    form: Form,
    width: int,
    source: Source,
    work: Path,
    leave_out: frozenset[str],
    cancels: bool,
) -> pl.LazyFrame:
    """Check the rows cell by cell, repair their ids, and replace known ids by numbers."""
    columns = _columns_of(source)
    checked = check(raw, columns, form)
    for column in TRANSACTIONS.columns:
        value = pl.lit(column.absent).cast(TYPES[column.kind])
        if column.name not in source.names:
            checked = checked.with_columns(value.alias(column.name))
        elif column.absent:
            checked = checked.with_columns(pl.col(column.name).fill_null(value))
    cancelled = pl.col("invoice").str.contains(CANCELLED).fill_null(False) if cancels else pl.lit(False)
    short = pl.col("article_id").str.contains(r"^\d+$") & (pl.col("article_id").str.len_chars() < width)
    checked = checked.with_columns(
        cancelled=cancelled,
        left_out=pl.col("article_id").is_in(sorted(leave_out)).fill_null(False) if leave_out else pl.lit(False),
        article_id=pl.when(short).then(pl.col("article_id").str.zfill(width)).otherwise("article_id"),
        restored=short,
    )
    checked = checked.with_columns(units=count_units(), kind=detect_kind())
    for table in (CUSTOMERS, ARTICLES):
        key = str(table.key)
        numbers = nodes[table.stem].select(key).with_row_index(key.removesuffix("_id")).lazy()
        checked = checked.join(numbers, on=key, how="left")
    known = {key: pl.when(pl.col(key.removesuffix("_id")).is_null()).then(key) for key in ("customer_id", "article_id")}
    try:
        checked.with_columns(**known).drop("cancelled", "quantity", "invoice").sink_parquet(
            work / "others.parquet", engine="streaming", compression="lz4"
        )
    except pl.exceptions.PolarsError as error:
        raise unreadable(source, error) from error
    others = pl.scan_parquet(work / "others.parquet", glob=False, hive_partitioning=False)
    is_good = pl.col("bad").is_null() & ~pl.col("left_out")
    restored = others.filter(is_good).select(pl.col("restored").sum()).collect(engine="streaming").item()
    if restored:
        source.notes.append(
            f"{source.file.name}: {restored:,} article ids had lost leading zeros and are restored to {width} digits."
        )
    return others


def _detect_width(articles: pl.DataFrame, sample: pl.Series) -> int:
    """Return the number of digits of article ids: that of the articles file, if all have the same; 0 if unclear.

    The transactions' width counts if their first ids are longer, equally long and begin with a zero. The articles file
    has then lost its zeros. H&M's ids have ten digits and begin with a zero: seven of the product code and three more.
    Nine digits that begin with a product code of six have lost it.
    """
    widths = []
    ids = articles["article_id"]
    if ids.len() and "product_code" in articles.columns and ids.str.contains(r"^[1-9]\d{8}$").all():
        codes = ids.str.head(6).cast(pl.Int64)
        if bool((codes == articles["product_code"]).fill_null(False).all()):
            return HM_DIGITS
    for some in (ids, sample):
        lengths = some.str.len_chars().unique()
        widths.append(int(lengths[0]) if len(lengths) == 1 and some.str.contains(r"^\d+$").all() else 0)
    if widths[0] and widths[1] > widths[0] and sample.str.starts_with("0").all():
        return widths[1]
    return widths[0]


def restore_articles(source: Source, nodes: dict[str, pl.DataFrame], width: int) -> None:
    """Restore the leading zeros of the articles' ids, which are numbers of at most that many digits."""
    articles = nodes[ARTICLES.stem]
    if not articles["article_id"].str.contains(r"^\d+$").all():
        return
    if 0 < int(articles["article_id"].str.len_chars().max() or 0) < width:  # type: ignore[arg-type]
        nodes[ARTICLES.stem] = articles.with_columns(pl.col("article_id").str.zfill(width))
        source.notes.append(f"The articles file's ids had lost leading zeros and are restored to {width} digits.")


def _collect_rejects(others: pl.LazyFrame, source: Source, last: int, rules: ReadRules) -> tuple[pl.DataFrame, int]:
    """Return the rejected rows, and the number of empty lines, which are not rows."""
    bad = others.filter(pl.col("bad").is_not_null()).select("line", "bad", "bad_value").collect(engine="streaming")
    empty = []
    if numbers := bad.filter((pl.col("bad") == "") & pl.col("bad_value").is_null())["line"].to_list():
        texts = fetch_lines(source, set(numbers))
        empty = [number for number, text in texts.items() if not text]
        text = pl.col("line").cast(pl.Int64).replace_strict(texts, default=None, return_dtype=pl.String)
        bad = bad.filter(pl.col("line").is_in(empty).not_()).with_columns(bad_value=pl.coalesce("bad_value", text))
    rejects = list_rejects(bad, source, rules.earliest)
    last_is_bad = bad.height and int(bad["line"].max() or 0) == last  # type: ignore[arg-type]
    if last_is_bad and not source.ends_whole and not source.is_parquet:
        source.notes.append(f"{source.file.name}: it is truncated in the middle of line {last:,}.")
    return rejects, len(empty)
