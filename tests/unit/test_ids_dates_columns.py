"""Ids, dates and column names as shops write them: read, or refused in one sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.loader.reading.columns import read_map, save_map, simplify
from hmrec.loader.reading.exports import EXPORTS
from hmrec.loader.schema import TABLES, ReadRules

from tests.unit import cell_files
from tests.unit.cell_files import DAY, HEADER, UCI, UCI_MAP, bought, count, purchases

read = cell_files.make_read

# -- ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("6.63713E+08", None),
        ("6,63713e+08", None),
        ("1E+12", None),
        ("1e+05", None),
        ("1.2345678901234568e18", None),
        ("1.23456789E12", None),
        ("9007199254740993.0", None),
        ("12345678901234567.0", None),
        ("108775015.0", "108775015"),
        ("8007199254740993.0", "8007199254740993"),
        ("12345678901234567890", "12345678901234567890"),
        ("664E12", "664E12"),
        ("1E5", "1E5"),
        ("85123A", "85123A"),
        ("7.5", "7.5"),
        ("1.10", "1.10"),
        ("nano", "nano"),
    ],
)
@pytest.mark.parametrize("column", ["customer_id", "article_id"])
def test_ids_with_lost_digits_are_rejected(read: Any, cell: str, wanted: str | None, column: str) -> None:
    pair = {
        "customer_id": '"x"',
        "article_id": '"x"',
        column: f'"{cell}"' if "," not in cell else cell.replace(",", "."),
    }
    tables = read(HEADER + f"2020-09-22,{pair['customer_id']},{pair['article_id']},1,1\n")
    if wanted is None:
        (reject,) = tables.rejects.to_dicts()
        assert reject["column"] == column
        assert "has lost digits" in reject["reason"]
        assert "as text" in reject["reason"]
    else:
        (kept,) = bought(tables)
        assert kept[column == "article_id"] == wanted


@pytest.mark.parametrize(
    ("number", "dtype", "wanted"),
    [
        (108775015.0, pl.Float64, "108775015"),
        (7.0, pl.Float32, "7"),
        (2.0**53, pl.Float64, None),
        (1.2345678901234568e18, pl.Float64, None),
        (0.5, pl.Float64, None),
        (663713001.0, pl.Float32, None),
        (float("nan"), pl.Float64, None),
        (float("inf"), pl.Float64, None),
    ],
)
def test_ids_in_floating_point_columns_of_parquet(read: Any, number: float, dtype: Any, wanted: str | None) -> None:
    frame = pl.DataFrame(
        {"t_dat": [DAY], "customer_id": [number], "article_id": ["a"]}, schema_overrides={"customer_id": dtype}
    )
    tables = read(frame)
    assert [key[0] for key in bought(tables)] == ([wanted] if wanted else [])
    assert count(tables).rejected == (wanted is None)


def test_zeros_lost_in_both_hm_files_are_restored(read: Any) -> None:
    articles = "article_id,product_code,prod_name\n663713001,663713,Top\n108775015,108775,Strap\n"
    tables = read(HEADER + "2020-09-22,x,663713001,1,2\n2020-09-22,x,108775015,1,2\n", articles=articles)
    assert {key[1] for key in bought(tables)} == {"0663713001", "0108775015"}
    assert tables.bare_articles == 0
    assert sum("restored to 10 digits" in note for note in tables.notes) == 2
    for other in ("663713001,663714,Top", "663713001,,Top", "63713001,63713,Top"):
        tables = read(HEADER + "2020-09-22,x,108775015,1,2\n", articles=articles + other + "\n")
        assert {key[1] for key in bought(tables)} == {"108775015"}


# -- dates --------------------------------------------------------------------------------------------------

TOMORROW = datetime.now(UTC).date() + timedelta(days=1)


@pytest.mark.parametrize(
    "text",
    [
        "2020-09-22",
        "2020-09-22T10:15:00",
        "2020-09-22T10:15:00Z",
        "2020-09-22T10:15:00.123+02:00",
        "2020-09-22 10:15:00 +0200",
        "2020-09-22 10:15:00 UTC",
        "2020-09-22 10:15:00 Europe/Berlin",
        "2020-09-22T10:15:00+02:00[Europe/Paris]",
        "2020-09-22 10:15:00.000000 UTC",
        "2020-09-22Z",
        "2020-09-22+02:00",
        "20200922",
        "20200922T101500Z",
        "20200922101500",
        "22-Sep-2020",
        "22-SEP-2020",
        "22 Sep 2020",
        "22 September 2020",
        "Sep 22 2020",
        "September 22 2020",
        "2020-Sep-22",
        "22/Sep/2020 10:15:00",
        "Sep 22 2020 10:15AM",
        "Tue Sep 22 2020",
        "22 Sept 2020",
        "9/22/2020 10:15 PM",
        "22.09.2020 10:15",
        "Tue Sep 22 2020 10:15:00 GMT+0200 (Central European Summer Time)",
        "1600769700",
        "1600769700.0",
        "1600769700000",
        "1600769700000000",
        "1600769700000000000",
    ],
)
def test_dates_are_parsed(read: Any, text: str) -> None:
    tables = read(HEADER + f"{text},x,a,1,1\n")
    assert [key[2] for key in bought(tables)] == ["2020-09-22"], tables.rejects
    assert any("dates are written like" in note for note in tables.notes) == (text != "2020-09-22")


@pytest.mark.parametrize(
    "text", ["Sep 22, 2020", "September 22, 2020", "Tue, 22 Sep 2020 10:15:00 GMT", "9/22/2020, 10:15:00 AM"]
)
def test_dates_with_commas_are_parsed(read: Any, text: str) -> None:
    tables = read(HEADER.replace(",", ";") + f"{text};x;a;1;1\n")
    assert [key[2] for key in bought(tables)] == ["2020-09-22"], tables.rejects


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("22-SEP-20", "two digits"), ("22/09/20", "two digits"), ("9/22/20", "two digits"), ("44096", "spreadsheet"),
        ("44096.5", "spreadsheet"), ("03/04/2020", "cannot be told apart"),
    ],
)  # fmt: skip
def test_ambiguous_dates_end_in_one_sentence(read: Any, text: str, why: str) -> None:
    with pytest.raises(UserMistake, match=why) as caught:
        read(HEADER + f"{text},x,a,1,1\n" * 3)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("text", "earliest", "good"),
    [
        ("0202-09-22", "1990-01-01", False),
        ("1989-12-31", "1990-01-01", False),
        ("1990-01-01", "1990-01-01", True),
        ("1905-03-01", "1900-01-01", True),
        (str(TOMORROW), "1990-01-01", True),
        (str(TOMORROW + timedelta(days=1)), "1990-01-01", False),
        ("2202-09-22", "1990-01-01", False),
    ],
)
def test_dates_out_of_range_are_rejected_with_their_value(read: Any, text: str, earliest: str, good: bool) -> None:
    for known in ({}, {"customers": "customer_id\nx\n", "articles": "article_id\na\n"}):
        tables = read(
            HEADER + f"2020-09-22,x,a,1,1\n{text},x,a,1,1\n", ReadRules(date.fromisoformat(earliest)), **known
        )
        assert count(tables).rejected == (not good)
        if not good:
            assert tables.rejects["value"].to_list() == [text]
            assert f"neither before {earliest} nor in the future" in tables.rejects["reason"][0]


# -- columns ------------------------------------------------------------------------------------------------


def test_column_names_match_without_case_blanks_and_punctuation(read: Any) -> None:
    tables = read(
        "T_DAT,Customer ID,article-id,Price,SalesChannelID,Colour\n2020-09-22,x,a,0.5,2,red\n",
        customers="CUSTOMER_ID,Age,fn,postal code\nx,30,1,abc\n",
        articles="Article Id,Prod_Name,department\na,Top,Knit\n",
    )
    assert purchases(tables) == {("x", "a", DAY, 0.5, 2, 1)}
    assert tables.scan("customers").select("age", "FN", "postal_code").collect().rows() == [(30, 1, "abc")]
    assert tables.scan("articles").select("prod_name").collect().rows() == [("Top",)]
    assert "articles.csv: these columns are not read: department." in tables.notes
    assert "transactions_train.csv: these columns are not read: Colour." in tables.notes


def test_an_exact_name_wins_and_two_similar_ones_are_an_error(read: Any) -> None:
    tables = read(HEADER, customers="customer_id,AGE,age\nx,1,30\n")
    assert tables.scan("customers").collect()["age"].to_list() == [30]
    assert "customers.csv: these columns are not read: AGE." in tables.notes
    with pytest.raises(UserMistake, match="two columns named age: 'Age' and 'AGE'"):
        read(HEADER, customers="customer_id,Age,AGE\nx,1,30\n")
    tables = read(HEADER, customers="customer_id,Age,AGE\nx,1,30\n", column_map={"AGE": "age"})
    assert tables.scan("customers").collect()["age"].to_list() == [30]


def test_map_keys_match_without_case_and_blanks(read: Any) -> None:
    tables = read(UCI, column_map={"invoice date": "t_dat", "STOCKCODE": "article_id", "unit_price": "price"})
    assert {key[0] for key in bought(tables)} == {"70001", "70002"}


HEADERS = [
    (UCI.splitlines()[0], "UCI's Online Retail",
     ["InvoiceDate=t_dat", "CustomerID=customer_id", "StockCode=article_id", "UnitPrice=price"]),
    ("Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country", "UCI's Online Retail",
     ["InvoiceDate=t_dat", "'Customer ID=customer_id'", "StockCode=article_id"]),
    ("order_id,product_id,add_to_cart_order,reordered", "Instacart", ["product_id=article_id"]),
    ("order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order", "Instacart",
     ["user_id=customer_id"]),
    ("Name,Email,Paid at,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku", "Shopify",
     ["'Created at=t_dat'", "Email=customer_id", "'Lineitem sku=article_id'", "'Lineitem price=price'",
      "'Lineitem quantity=quantity'"]),
    ("order_item_id,order_id,product_id,customer_id,date_created,product_qty,product_net_revenue", "WooCommerce",
     ["date_created=t_dat", "product_id=article_id", "product_net_revenue=price", "product_qty=quantity"]),
    ("Order Number,Order Status,Order Date,Email (Billing),SKU,Item Name,Quantity,Item Cost", "WooCommerce",
     ["'Order Date=t_dat'", "'Email (Billing)=customer_id'", "SKU=article_id", "'Item Cost=price'"]),
    ("event_date,event_timestamp,event_name,user_pseudo_id,item_id,item_name,price,quantity", "Google Analytics 4",
     ["event_date=t_dat", "user_pseudo_id=customer_id", "item_id=article_id"]),
    ("date,user_id,sku,amount", "Perhaps", ["date=t_dat", "user_id=customer_id", "sku=article_id", "amount=price"]),
]  # fmt: skip


@pytest.mark.parametrize(("header", "name", "options"), HEADERS, ids=[case[0][:30] for case in HEADERS])
def test_a_known_export_is_recognised_and_its_map_proposed(
    read: Any, header: str, name: str, options: list[str]
) -> None:
    with pytest.raises(UserMistake, match="no column") as caught:
        read(header + "\n")
    assert name in caught.value.hint
    for option in options:
        assert f"--map {option}" in caught.value.hint
    assert "--save-map" in caught.value.hint


def test_proposed_maps_target_existing_columns() -> None:
    ours = {name for table in TABLES for name in table.column_names}
    for export in EXPORTS:
        assert set(export.columns) <= ours
        assert all(simplify(name) for name in export.marks)


def test_a_saved_map_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "map.json"
    save_map(UCI_MAP, file)
    assert read_map(file) == UCI_MAP
    for text in ("[1]", "not json", '{"a": 1}'):
        file.write_text(text)
        with pytest.raises(UserMistake):
            read_map(file)
    with pytest.raises(UserMistake, match="cannot be read"):
        read_map(tmp_path / "none.json")
    with pytest.raises(UserMistake, match="cannot be written"):
        save_map(UCI_MAP, tmp_path / "no" / "map.json")
