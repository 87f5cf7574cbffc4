"""Cells, columns and rows in the formats of different shops: one row per case, with the expected counts and values."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hmrec.cli.main import app
from hmrec.loader.load import TooManyBadRows, load_folder
from hmrec.loader.reading.cells import MISSING
from hmrec.loader.reading.purchases import TableCount
from hmrec.loader.reading.returns import subtract_returns
from hmrec.loader.schema import ReadRules
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.unit import cell_files
from tests.unit.cell_files import DAY, HEADER, HYPOTHESIS, QUANTITY, UCI, UCI_MAP, bought, count, purchases, row

read = cell_files.make_read

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
    ("more than bought", row(2) + row(-5), {}, (0, 0, 0, 2), "1 return has more units than these"),
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
    # a return may belong to a purchase of another load, so it creates its customer and article
    assert ("d" in tables.scan("customers").collect()["customer_id"]) == (",d," in rows)
    assert ("b" in tables.scan("articles").collect()["article_id"]) == (",b," in rows)


def test_units_returned_and_zero_units_are_not_purchases(read: Any) -> None:
    tables = read(QUANTITY + "2020-09-20,c1,1,0.05,2,5\n2020-09-21,c1,2,0.05,2,-5\n2020-09-22,c2,2,0.05,2,0\n")
    assert bought(tables) == {("c1", "1", "2020-09-20"): 5}
    assert count(tables) == TableCount(read=3, loaded=1, merged=0, rejected=0, returned=2)


def test_online_retail_with_cancelled_invoices_and_service_lines(read: Any) -> None:
    tables = read(UCI, ReadRules(leave_out=frozenset({"POST"})), column_map=UCI_MAP)
    assert bought(tables) == {("70001", "10001A", "2010-12-01"): 4, ("70002", "10003", "2010-12-01"): 20}
    assert count(tables) == TableCount(read=7, loaded=2, merged=0, rejected=1, returned=3, left_out=1)
    notes = "\n".join(tables.notes)
    assert "3 rows are returns (2 by negative quantity, 1 by cancelled invoice)" in notes
    assert "1 return matches no purchase of these files" in notes
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
    assert taken.purchases.drop("loaded").equals(frame)
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
