"""Files of single cells, written and read by the loader, for the tests of cell formats."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hmrec.loader.reading.purchases import TableCount
from hmrec.loader.reading.tables import CleanTables, read_tables
from hmrec.loader.schema import ReadRules
from hypothesis import settings

HEADER = "t_dat,customer_id,article_id,price,sales_channel_id\n"
QUANTITY = "t_dat,customer_id,article_id,price,sales_channel_id,quantity\n"
DAY = date(2020, 9, 22)
HYPOTHESIS = settings(max_examples=60)
UCI = (
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    "900001,10001A,red mug,6,12/1/2010 8:26,2.55,70001,Here\n"
    "900001,POST,postage,1,12/1/2010 8:26,18.00,70001,Here\n"
    "900002,10003,pink clock,24,12/1/2010 8:45,3.75,70002.0,There\n"
    "C900003,10003,clock,-4,12/14/2010 9:41,3.75,70002,Here\n"
    "C900004,10004C,three ducks,-1,12/14/2010 9:49,4.65,70004,Here\n"
    "C900005,10001A,red mug,2,12/15/2010 9:49,2.55,70001,Here\n"
    "900006,10005,,56,12/13/2010 11:52,0,,Here\n"
)
UCI_MAP = {"InvoiceDate": "t_dat", "CustomerID": "customer_id", "StockCode": "article_id", "UnitPrice": "price"}


@pytest.fixture(name="read")
def make_read(tmp_path: Path) -> Any:
    """Write files (text as CSV, a frame as Parquet) into a folder and read it; may be called several times."""
    calls = itertools.count()

    def call(transactions: str | pl.DataFrame, rules: ReadRules | None = None, **files: Any) -> CleanTables:
        folder = tmp_path / f"data{next(calls)}"
        (folder / "work").mkdir(parents=True)
        column_map = files.pop("column_map", None)
        for name, content in {"transactions_train": transactions, **files}.items():
            if isinstance(content, str):
                (folder / f"{name}.csv").write_text(content, encoding="utf-8")
            else:
                content.write_parquet(folder / f"{name}.parquet")
        return read_tables(folder, folder / "work", column_map=column_map, rules=rules)

    return call


def purchases(tables: CleanTables) -> set[tuple[Any, ...]]:
    """Return customer, article, day, price, channel and quantity of each purchase."""
    bought = tables.scan("purchases").rename({":START_ID(Customer)": "customer"}).cast({"customer": pl.UInt32})
    joined = bought.join(tables.scan("customers").select("customer", "customer_id"), on="customer")
    frame = joined.select("customer_id", "article_id", "t_dat", "price", "sales_channel_id", "quantity").collect()
    assert (frame["quantity"] > 0).all()
    return set(frame.iter_rows())


def bought(tables: CleanTables) -> dict[tuple[str, str, str], int]:
    """Return the quantity by customer, article and day."""
    return {(row[0], row[1], str(row[2])): row[5] for row in purchases(tables)}


def count(tables: CleanTables, table: str = "transactions_train") -> TableCount:
    """Return the table's counts, and check that they add up."""
    for each in tables.counts.values():
        assert each.read == each.loaded + each.merged + each.rejected + each.returned + each.left_out
    assert tables.rejects.height == sum(each.rejected for each in tables.counts.values())
    return tables.counts[table]


def row(
    quantity: object = 1, day: str = "2020-09-20", price: object = 0.5, customer: str = "c", article: str = "a"
) -> str:
    return f"{day},{customer},{article},{price},1,{quantity}\n"
