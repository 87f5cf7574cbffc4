"""Cells, columns and rows in the formats of different shops: one row per case, with the expected counts and values."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.loader.load import TooManyBadRows, load_folder
from hmrec.loader.reading.cells import MISSING
from hmrec.loader.reading.columns import read_map, save_map, simplify
from hmrec.loader.reading.exports import EXPORTS
from hmrec.loader.reading.purchases import TableCount
from hmrec.loader.reading.returns import subtract_returns
from hmrec.loader.reading.tables import CleanTables, read_tables
from hmrec.loader.schema import TABLES, ReadRules
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

HEADER = "t_dat,customer_id,article_id,price,sales_channel_id\n"
QUANTITY = "t_dat,customer_id,article_id,price,sales_channel_id,quantity\n"
DAY = date(2020, 9, 22)
HYPOTHESIS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def read(tmp_path: Path) -> Any:
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


# -- quantity and returns -----------------------------------------------------------------------------------

RETURNS = [
    # name, rows, quantities by day, (loaded, merged, rejected, returned), a note
    ("quantity", row(5), {"2020-09-20": 5}, (1, 0, 0, 0), None),
    ("equal rows add up", row(5) + row(2), {"2020-09-20": 7}, (1, 1, 0, 0), None),
    ("missing quantity is 1", row("") + row("NULL"), {"2020-09-20": 2}, (1, 1, 0, 0), "NULL count as missing"),
    ("whole as a float", row("3.0"), {"2020-09-20": 3}, (1, 0, 0, 0), None),
    ("bad quantity loses only the cell", row("2.5"), {"2020-09-20": 1}, (1, 0, 0, 0), "'2.5') count as 1"),
    ("nothing bought", row(0), {}, (0, 0, 0, 1), "1 row has a quantity of 0"),
    ("part returned", row(5) + row(-2), {"2020-09-20": 3}, (1, 0, 0, 1), "1 row is a return (1 by negative quantity)"),
    ("return first in the file", row(-2) + row(5), {"2020-09-20": 3}, (1, 0, 0, 1), None),
    ("all returned", row(5) + row(-5), {}, (0, 0, 0, 2), None),
    ("all of equal rows returned", row(2) + row(3) + row(-5), {}, (0, 0, 0, 3), None),
    ("latest first", row(2) + row(3, "2020-09-21") + row(-1, "2020-09-22"), {"2020-09-20": 2, "2020-09-21": 2},
     (2, 0, 0, 1), None),
    ("then earlier", row(2) + row(3, "2020-09-21") + row(-4, "2020-09-22"), {"2020-09-20": 1}, (1, 0, 0, 2), None),
    ("never later", row(2) + row(3, "2020-09-22") + row(-1, "2020-09-21"), {"2020-09-20": 1, "2020-09-22": 3},
     (2, 0, 0, 1), None),
    ("before any purchase", row(-1) + row(3, "2020-09-22"), {"2020-09-22": 3}, (1, 0, 0, 1), "1 return matches no"),
    ("more than bought", row(2) + row(-5), {}, (0, 0, 0, 2), "1 return has more units than were bought"),
    ("of another customer", row(2) + row(-2, customer="d"), {"2020-09-20": 2}, (1, 0, 0, 1), "1 return matches no"),
    ("of another article", row(2) + row(-2, article="b"), {"2020-09-20": 2}, (1, 0, 0, 1), "1 return matches no"),
    ("by price", row(2) + row(2, price=-0.5), {}, (0, 0, 0, 2), "1 by negative price"),
    ("by both", row(2) + row(-2, price=-0.5), {}, (0, 0, 0, 2), "1 by negative quantity"),
    ("without a customer", row(2) + row(-2, customer=""), {"2020-09-20": 2}, (1, 0, 1, 0), None),
    ("two of them", row(9) + row(-2) + row(-3, "2020-09-21"), {"2020-09-20": 4}, (1, 0, 0, 2), "2 rows are returns"),
]  # fmt: skip


@pytest.mark.parametrize("known", [False, True], ids=["bare", "known"])
@pytest.mark.parametrize(
    ("rows", "wanted", "counts", "note"), [case[1:] for case in RETURNS], ids=[c[0] for c in RETURNS]
)
def test_quantity_and_returns(
    read: Any, rows: str, wanted: dict[str, int], counts: tuple[int, ...], note: str | None, known: bool
) -> None:
    files = {"customers": "customer_id\nc\n", "articles": "article_id\na\n"} if known else {}
    tables = read(QUANTITY + rows, **files)
    assert {day: quantity for (_, _, day), quantity in bought(tables).items()} == wanted
    counted = count(tables)
    assert (counted.loaded, counted.merged, counted.rejected, counted.returned) == counts
    assert note is None or any(note in line for line in tables.notes), tables.notes
    assert {"d", "b"}.isdisjoint(tables.scan("customers").collect()["customer_id"])  # a return creates no customer
    assert "b" not in tables.scan("articles").collect()["article_id"].to_list()


def test_units_returned_and_zero_units_are_not_purchases(read: Any) -> None:
    tables = read(QUANTITY + "2020-09-20,c1,1,0.05,2,5\n2020-09-21,c1,2,0.05,2,-5\n2020-09-22,c2,2,0.05,2,0\n")
    assert bought(tables) == {("c1", "1", "2020-09-20"): 5}
    assert count(tables) == TableCount(read=3, loaded=1, merged=0, rejected=0, returned=2)


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


def test_online_retail_with_cancelled_invoices_and_service_lines(read: Any) -> None:
    tables = read(UCI, ReadRules(leave_out=frozenset({"POST"})), column_map=UCI_MAP)
    assert bought(tables) == {("70001", "10001A", "2010-12-01"): 4, ("70002", "10003", "2010-12-01"): 20}
    assert count(tables) == TableCount(read=7, loaded=2, merged=0, rejected=1, returned=3, left_out=1)
    notes = "\n".join(tables.notes)
    assert "3 rows are returns (2 by negative quantity, 1 by cancelled invoice)" in notes
    assert "1 return matches no purchase and is ignored" in notes
    assert "1 row is left out because of the article" in notes
    assert "not read: Description, Country." in notes


@pytest.mark.parametrize("invoices", [("C1", "C2"), ("C1", "L2"), ("Cash", "1"), ("2", "1")])
def test_a_letter_common_to_all_invoices_does_not_mean_cancelled(read: Any, invoices: tuple[str, str]) -> None:
    rows = "".join(f"{invoice},2020-09-2{place},c,a,1\n" for place, invoice in enumerate(invoices))
    tables = read("Invoice No,t_dat,customer_id,article_id,price\n" + rows)
    assert count(tables).loaded == 2


def test_left_out_articles_have_no_nodes(read: Any) -> None:
    rules = ReadRules(leave_out=frozenset({"POST", "BANK CHARGES"}))
    files = {"articles": "article_id\na\nPOST\n", "customers": "customer_id\nc\n"}
    tables = read(
        QUANTITY + row(2) + row(1, article="POST") + row(1, article="BANK CHARGES", customer=""), rules, **files
    )
    assert tables.scan("articles").collect()["article_id"].to_list() == ["a"]
    assert count(tables) == TableCount(3, 1, 0, 0, 0, 2)
    assert count(tables, "articles") == TableCount(2, 1, 0, 0, 0, 1)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from("cd"), st.sampled_from("ab"), st.integers(1, 4), st.integers(-4, 4), st.sampled_from("12")
    ),
    max_size=12,
)


def subtract_by_hand(events: list[tuple[str, str, int, int, str]]) -> dict[tuple[str, str, str, str], int]:
    """Subtract each return, by day, from the latest remaining purchases."""
    left: dict[tuple[str, str, str, str], int] = {}
    for customer, article, day, quantity, price in sorted(events, key=lambda e: (e[2], e[3] <= 0)):
        if quantity > 0:
            key = (customer, article, f"2020-09-0{day}", price)
            left[key] = left.get(key, 0) + quantity
        for key in sorted((k for k in left if k[:2] == (customer, article)), key=lambda k: k[2:], reverse=True):
            if quantity < 0:
                taken = min(left[key], -quantity)
                left[key], quantity = left[key] - taken, quantity + taken
    return {key: quantity for key, quantity in left.items() if quantity}


@HYPOTHESIS
@given(events=EVENTS, data=st.data())
@example(events=[("c", "a", 1, 2, "1"), ("c", "a", 1, 2, "2"), ("c", "a", 1, -3, "1")], data=None)
def test_returns_in_any_order_equal_a_naive_subtraction(read: Any, events: Any, data: st.DataObject | None) -> None:
    def text(rows: list[Any]) -> str:
        return QUANTITY + "".join(row(q, f"2020-09-0{day}", price, c, a) for c, a, day, q, price in rows)

    tables = read(text(events))
    assert {(*key[:2], str(key[2]), f"{key[3]:g}"): key[5] for key in purchases(tables)} == subtract_by_hand(events)
    other = read(text(data.draw(st.permutations(events)) if data else events[::-1]))
    assert purchases(other) == purchases(tables)
    assert count(other) == count(tables)


def test_an_unmatched_return_changes_nothing() -> None:
    key = {"customer": [1], "t_dat": [DAY], "article": [2], "price": [None], "sales_channel_id": [1], "quantity": [3]}
    frame = pl.DataFrame(key, schema_overrides={"price": pl.Float64})
    returns = pl.DataFrame({"customer": [1], "article": [3], "t_dat": [DAY], "units": [-1]})
    taken = subtract_returns(frame, returns)
    assert taken.purchases.equals(frame)
    assert (taken.unmatched, taken.partly, taken.vanished.height) == (1, 0, 0)


# -- missing and bad cells ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", MISSING)
def test_missing_value_markers_are_missing_in_every_table(read: Any, mark: str) -> None:
    customers = (
        f"customer_id,FN,Active,club_member_status,age,postal_code\nx,{mark},{mark},{mark},{mark},{mark}\n{mark},,,,,\n"
    )
    articles = f"article_id,product_code,prod_name,detail_desc\na,{mark},{mark},{mark}\n{mark},,,\n"
    rows = f"2020-09-22,x,a,{mark},{mark}\n2020-09-22,{mark},a,1,1\n2020-09-22,x,{mark},1,1\n{mark},x,a,1,1\n"
    tables = read(HEADER + rows, customers=customers, articles=articles)
    assert purchases(tables) == {("x", "a", DAY, None, 0, 1)}
    assert (count(tables).loaded, count(tables).rejected) == (1, 3)
    for table in ("customers", "articles"):
        (only,) = tables.scan(table).collect().rows()
        assert [value for value in only if value is not None] == [0, "x" if table == "customers" else "a"]
        assert (count(tables, table).loaded, count(tables, table).rejected) == (1, 1)
    assert set(tables.rejects["reason"]) == {f"{name} is missing" for name in ("t_dat", "customer_id", "article_id")}
    assert sum(f"{mark} count as missing" in note for note in tables.notes) == 3
    assert tables.lost_cells == {}


def test_a_bad_optional_cell_is_empty_and_its_row_is_loaded(read: Any) -> None:
    customers = (
        "customer_id,FN,Active,age,postal_code\n"
        "c1,1,1,NULL,abc\nc2,\\N,\\N,\\N,\\N\nc4,1.0,,33.0,abc\nc5,True,false,33,abc\n"
        "c6,2,-1,33.5,abc\nc7,1,yes,999,abc\nc8,,,-1,\n"
    )
    tables = read(HEADER, customers=customers)
    columns = ("customer_id", "FN", "Active", "age", "postal_code")
    assert tables.scan("customers").select(columns).collect().rows() == [
        ("c1", 1, 1, None, "abc"), ("c2", None, None, None, None), ("c4", 1, None, 33, "abc"), ("c5", 1, 0, 33, "abc"),
        ("c6", None, None, None, "abc"), ("c7", 1, None, None, "abc"), ("c8", None, None, None, None),
    ]  # fmt: skip
    assert count(tables, "customers") == TableCount(7, 7, 0, 0)
    assert tables.lost_cells == {"customers": {"FN": 1, "Active": 2, "age": 3}}
    assert any("age must be a whole number from 0 to 150" in note and "'33.5'" in note for note in tables.notes)


@pytest.mark.parametrize(
    ("price", "channel", "wanted", "lost"),
    [
        ("", "1", (None, 1), {}),
        ("NULL", "1", (None, 1), {}),
        ("cheap", "1", (None, 1), {"price": 1}),
        ("inf", "1", (None, 1), {"price": 1}),
        ("0", "1", (0.0, 1), {}),
        ("-0.0", "1", (0.0, 1), {}),
        ("0.5", "", (0.5, 0), {}),
        ("0.5", "1.0", (0.5, 1), {}),
        ("0.5", "web", (0.5, 0), {"sales_channel_id": 1}),
    ],
)
def test_a_missing_price_is_not_zero(
    read: Any, price: str, channel: str, wanted: tuple[Any, Any], lost: dict[str, int]
) -> None:
    tables = read(HEADER + f"2020-09-22,x,a,{price},{channel}\n")
    assert purchases(tables) == {("x", "a", DAY, *wanted, 1)}
    assert tables.lost_cells == ({"transactions_train": lost} if lost else {})


def test_purchases_without_a_price_merge_apart_from_a_price_of_zero(read: Any) -> None:
    tables = read(HEADER + "2020-09-22,x,a,,1\n2020-09-22,x,a,NA,1\n2020-09-22,x,a,0,1\n")
    assert purchases(tables) == {("x", "a", DAY, None, 1, 2), ("x", "a", DAY, 0.0, 1, 1)}


@pytest.mark.parametrize("columns", [("price",), ("sales_channel_id",), ("price", "sales_channel_id")])
def test_files_without_price_or_channel(read: Any, columns: tuple[str, ...]) -> None:
    frame = pl.DataFrame(
        {"t_dat": [DAY], "customer_id": ["x"], "article_id": ["a"], "price": [0.5], "sales_channel_id": [2]}
    )
    wanted = (None if "price" in columns else 0.5, 0 if "sales_channel_id" in columns else 2)
    for known in ({}, {"customers": "customer_id\nx\n", "articles": "article_id\na\n"}):
        tables = read(frame.drop(columns), **known)
        assert purchases(tables) == {("x", "a", DAY, *wanted, 1)}
        assert all(any(f"no column {name}" in note for note in tables.notes) for name in columns)


def test_parquet_with_nulls_flags_and_hashed_ids(read: Any) -> None:
    days = [datetime(2020, 9, 20), datetime(2020, 9, 21, 23, 30)]
    bought_frame = pl.DataFrame({"t_dat": days, "customer_id": [2**64 - 7, 7], "article_id": [663713001, 108775015],
                                 "price": [None, None], "week": [0, 0]},
                                schema_overrides={"customer_id": pl.UInt64, "article_id": pl.Int32})  # fmt: skip
    customers = pl.DataFrame({"customer_id": [2**64 - 7, 7], "FN": [True, None], "Active": [-1, 1], "age": [49, -1]},
                             schema_overrides={"customer_id": pl.UInt64})  # fmt: skip
    articles = pl.DataFrame({"article_id": [663713001, 108775015], "product_code": [663713, 108775]})
    tables = read(bought_frame, customers=customers, articles=articles)
    assert bought(tables) == {(str(2**64 - 7), "0663713001", "2020-09-20"): 1, ("7", "0108775015", "2020-09-21"): 1}
    rows = tables.scan("customers").select("FN", "Active", "age").collect().rows()
    assert rows == [(1, None, 49), (None, 1, None)]


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


# -- the report ---------------------------------------------------------------------------------------------


def test_too_many_bad_rows_show_the_first_three_reasons(tmp_path: Path) -> None:
    rows = (
        "0202-09-22,x,a,1,1\n" * 4
        + "2020-09-22,,a,1,1\n" * 3
        + "2020-09-22,x,1E+12,1,1\n" * 2
        + "2020-09-22,x,a,1,1,1\n"
    )
    (tmp_path / "transactions_train.csv").write_text(HEADER + rows + "2020-09-22,x,a,1,1\n")
    with pytest.raises(TooManyBadRows) as caught:
        load_folder(tmp_path, server=None, graph=None, check_only=True)
    text = str(caught.value)
    assert "10 of 11 rows of transactions_train are bad" in text
    assert "4 because t_dat must be a date" in text
    assert "('0202-09-22'); 3 because customer_id is missing (''); 2 because article_id has lost digits" in text
    assert "; 1 other reason." in text
    assert "--earliest" in caught.value.hint


def test_the_report_counts_returned_rows_and_lost_cells(tmp_path: Path) -> None:
    (tmp_path / "transactions_train.csv").write_text(QUANTITY + row(5) + row(-2) + row("x", "2020-09-21", "cheap"))
    report = load_folder(tmp_path, server=None, graph=None, check_only=True)
    assert "3 read, 2 loaded, 0 merged into equal rows, 0 rejected, 1 returned" in report.summary()
    saved = json.loads((tmp_path / "load-report.json").read_text())
    assert saved["counts"]["transactions_train"]["returned"] == 1
    assert saved["lost_cells"] == {"transactions_train": {"price": 1, "quantity": 1}}


def test_load_saves_a_map_and_leaves_articles_out(tmp_path: Path) -> None:
    (tmp_path / "transactions_train.csv").write_text(UCI.replace("/2010", "/1985"))
    (tmp_path / "services.txt").write_text("POST\n\n10005\n")
    kept, call = tmp_path / "map.json", ["load", str(tmp_path), "--check", "--json", "--earliest", "1980-01-01"]
    maps = [option for theirs, ours in UCI_MAP.items() for option in ("--map", f"{theirs}={ours}")]
    leave_out = ["--leave-out-articles", f"@{tmp_path / 'services.txt'}", "--leave-out-articles", "D,M"]
    runner = CliRunner()
    for options in ([*maps, "--save-map", str(kept)], ["--map-file", str(kept)]):
        result = runner.invoke(app, [*call, *options, *leave_out])
        assert result.exit_code == 0, result.output
        counts = json.loads(result.stdout)["counts"]["transactions_train"]
        assert counts == {"read": 7, "loaded": 2, "merged": 0, "rejected": 0, "returned": 3, "left_out": 2}
    assert json.loads(kept.read_text()) == UCI_MAP
