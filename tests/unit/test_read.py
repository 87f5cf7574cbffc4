"""Reading and checking files: no row is lost, no wrong value gets in, and known problems are handled and noted."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.loader.reading.tables import CleanTables, read_tables
from hypothesis import example, given, settings
from hypothesis import strategies as st

TRANSACTIONS = "t_dat,customer_id,article_id,price,sales_channel_id\n"
CUSTOMERS = "customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code\n"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Write files into a folder and read it; may be called several times."""
    calls = itertools.count()

    def call(
        transactions: str | bytes | None = None, column_map: dict[str, str] | None = None, **files: str
    ) -> CleanTables:
        folder = tmp_path / f"data{next(calls)}"
        work = folder / "work"
        work.mkdir(parents=True)
        if transactions is not None:
            content = transactions.encode() if isinstance(transactions, str) else transactions
            (folder / "transactions_train.csv").write_bytes(content)
        for name, text in files.items():
            (folder / f"{name}.csv").write_bytes(text.encode())
        return read_tables(folder, work, column_map=column_map)

    return call


def purchases(tables: CleanTables) -> set[tuple[Any, ...]]:
    """Return the purchases with ids instead of numbers."""
    customers = tables.scan("customers").select("customer", "customer_id")
    articles = tables.scan("articles").select("article", "article_id")
    ends = {":START_ID(Customer)": pl.UInt32, ":END_ID(Article)": pl.UInt32}
    bought = tables.scan("purchases").cast(ends).rename(dict(zip(ends, ("customer", "article"), strict=True)))  # type: ignore[arg-type]
    joined = bought.join(customers, on="customer").join(articles, on=["article", "article_id"])
    frame = joined.select("t_dat", "customer_id", "article_id", "price", "sales_channel_id", "quantity").collect()
    return set(frame.iter_rows())


def balanced(tables: CleanTables) -> bool:
    """Return whether read = loaded + merged + rejected + returned for each table, and each rejected row is listed."""
    sums = all(c.read == c.loaded + c.merged + c.rejected + c.returned for c in tables.counts.values())
    return sums and tables.rejects.height == sum(c.rejected for c in tables.counts.values())


def test_equal_rows_add_up_in_quantity(read: Any) -> None:
    tables = read(TRANSACTIONS + "2020-09-01,1,2,0.5,1\n2020-09-01,1,2,0.50,1\n2020-09-01,1,2,0.5,2\n")
    day = date(2020, 9, 1)
    assert purchases(tables) == {(day, "1", "2", 0.5, 1, 2), (day, "1", "2", 0.5, 2, 1)}
    count = tables.counts["transactions_train"]
    assert (count.read, count.loaded, count.merged, count.rejected) == (3, 2, 1, 0)


def test_customers_named_only_by_purchases_get_bare_nodes(read: Any) -> None:
    tables = read(TRANSACTIONS + "2020-09-01,b,2,0.5,1\n2020-09-01,a,2,0.5,1\n", customers="customer_id,age\na,40\n")
    rows = tables.scan("customers").select("customer_id", "age").collect().rows()
    assert rows == [("a", 40), ("b", None)]
    assert (tables.bare_customers, tables.bare_articles) == (1, 1)


def test_purchases_are_sorted_by_customer_and_date(read: Any) -> None:
    rows = [(f"2020-09-{1 + i * 7 % 28:02}", f"c{i % 5}", f"{i % 3}") for i in range(100)]
    tables = read(TRANSACTIONS + "".join(f"{t},{c},{a},0.5,1\n" for t, c, a in rows))
    order = tables.scan("purchases").select(":START_ID(Customer)", "t_dat").collect().rows()
    assert order == sorted(order)
    assert len(order) > 50


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("2020-13-01,1,2,0.5,1", "t_dat"),
        ("2020-02-30,1,2,0.5,1", "t_dat"),
        ("2020-09-01x,1,2,0.5,1", "t_dat"),
        (f"{datetime.now(UTC).date() + timedelta(days=3)},1,2,0.5,1", "t_dat"),
        ("2020-09-01,,2,0.5,1", "customer_id"),
        ("2020-09-01,1, ,0.5,1", "article_id"),
        ("2020-09-01,1", "article_id"),
        ("2020-09-01,1,2,0.5,1,7", None),
        (",,,,,,,,x", None),
        ('2020-09-01,"1,x,2,0.5,1', None),
        ('2020-09-01,"1"x,2,0.5,1', "customer_id"),
    ],
)
def test_a_bad_row_is_listed_with_its_line_and_reason(read: Any, row: str, column: str | None) -> None:
    tables = read(TRANSACTIONS + f"2020-09-01,1,2,0.5,1\n\n{row}\n2020-09-02,1,2,0.5,1\n")
    assert balanced(tables)
    assert tables.counts["transactions_train"].loaded == 2
    (reject,) = tables.rejects.to_dicts()
    assert (reject["file"], reject["line"], reject["column"]) == ("transactions_train.csv", 4, column)
    assert reject["value"] is not None
    assert (column or "cells") in reject["reason"]


def test_only_transactions_are_required(read: Any) -> None:
    with pytest.raises(UserMistake, match=r"no transactions_train\.csv"):
        read(None, customers="customer_id\n1\n")


@pytest.mark.parametrize("content", ["", "\n", "\ufeff", "\r\n\r\n"])
def test_an_empty_file_is_an_error(read: Any, content: str) -> None:
    with pytest.raises(UserMistake, match="empty"):
        read(content)


def test_a_file_with_a_header_only_has_no_rows(read: Any) -> None:
    tables = read(TRANSACTIONS.rstrip("\n"))
    assert tables.counts["transactions_train"].read == 0
    assert "transactions_train.csv: it has no rows." in tables.notes


def test_a_missing_column_is_named_and_can_be_mapped(read: Any) -> None:
    text = "t_dat,household,article_id,price,sales_channel_id\n2020-09-01,7,2,0.5,1\n"
    with pytest.raises(UserMistake, match="no column customer_id") as caught:
        read(text)
    assert "--map" in caught.value.hint
    assert {row[1] for row in purchases(read(text, {"household": "customer_id"}))} == {"7"}


def test_a_shop_without_prices_and_channels_loads(read: Any) -> None:
    tables = read("t_dat,customer_id,article_id\n2020-09-01,7,2\n2020-09-01,7,2\n2020-09-0x,7,2\n2020-09-02,'7',2\n")
    assert {row for row in purchases(tables) if row[1] == "7"} == {(date(2020, 9, 1), "7", "2", None, 0, 2)}
    assert tables.counts["transactions_train"].rejected == 1
    assert "transactions_train.csv: it has no column price; no purchase has one." in tables.notes
    assert "transactions_train.csv: it has no column sales_channel_id; every row gets 0." in tables.notes


def test_a_map_of_unknown_columns_is_refused(read: Any) -> None:
    with pytest.raises(UserMistake, match="No file has the column 'househld'"):
        read(TRANSACTIONS + "2020-09-01,1,2,0.5,1\n", {"househld": "customer_id"})
    with pytest.raises(UserMistake, match="no column 'client' to map to"):
        read(TRANSACTIONS + "2020-09-01,1,2,0.5,1\n", {"price": "client"})


DAY = date(2020, 9, 22)
WANTED = {(DAY, "1", "0663713001", 0.5, 2, 1)}
ARTICLES = "article_id,prod_name\n0663713001,Top\n0663713002,Top\n"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("\ufeff" + TRANSACTIONS + "2020-09-22,1,0663713001,0.5,2\n", None),
        (TRANSACTIONS.replace("\n", "\r\n") + "2020-09-22,1,0663713001,0.5,2\r\n", None),
        (TRANSACTIONS + "2020-09-22,1,0663713001,0.5,2", None),
        (TRANSACTIONS + '"2020-09-22","1","0663713001","0.5","2"\n', None),
        ("," + TRANSACTIONS + "0,2020-09-22,1,0663713001,0.5,2\n", "is an index"),
        (TRANSACTIONS + "2020-09-22,1,663713001,0.5,2\n", "leading zeros"),
        (TRANSACTIONS + "2020-09-22,1.0,663713001.0,0.5,2.0\n", "leading zeros"),
        (TRANSACTIONS.replace(",", ";") + "2020-09-22;1;0663713001;0,5;2\n", "separated by"),
        (TRANSACTIONS.replace(",", "\t") + "2020-09-22\t1\t0663713001\t0.5\t2\n", "separated by"),
        (TRANSACTIONS + "22.09.2020,1,0663713001,0.5,2\n", "dates"),
        (TRANSACTIONS + "22/09/2020,1,0663713001,0.5,2\n", "dates"),
        (TRANSACTIONS + "9/22/2020,1,0663713001,0.5,2\n", "dates"),
        (TRANSACTIONS + "20200922,1,0663713001,0.5,2\n", "dates"),
        (TRANSACTIONS + "2020/09/22,1,0663713001,0.5,2\n", "dates"),
        (TRANSACTIONS + "2020-09-22 00:00:00,1,0663713001,0.5,2\n", "dates"),
        (TRANSACTIONS + "2020-09-22T23:59:59.5Z,1,0663713001,0.5,2\n", "dates"),
    ],
)
def test_known_problems_of_hm_files_are_handled_and_noted(read: Any, text: str, note: str | None) -> None:
    tables = read(text, articles=ARTICLES)
    assert purchases(tables) == WANTED
    assert tables.rejects.is_empty()
    if note:
        assert any(note in line for line in tables.notes), tables.notes
    else:
        assert tables.notes == ()


def test_the_whole_file_decides_whether_the_day_is_first(read: Any) -> None:
    many = "".join(f"0{1 + i % 9}/02/2020,1,2,0.5,1\n" for i in range(3000))
    tables = read(TRANSACTIONS + many + "13/02/2020,1,2,0.5,1\n")
    assert tables.rejects.is_empty()
    assert {row[0].month for row in purchases(tables)} == {2}
    with pytest.raises(UserMistake, match="cannot be told apart"):
        read(TRANSACTIONS + many)


def test_zeros_lost_in_the_articles_file_are_restored(read: Any) -> None:
    tables = read(TRANSACTIONS + "2020-09-22,1,0663713001,0.5,2\n", articles=ARTICLES.replace("\n0", "\n"))
    assert purchases(tables) == WANTED
    assert tables.bare_articles == 0


def test_ids_of_different_lengths_are_unchanged(read: Any) -> None:
    tables = read(TRANSACTIONS + "2020-09-22,1,7,0.5,2\n", articles="article_id\n7\n12345\n")
    assert {row[2] for row in purchases(tables)} == {"7"}
    assert tables.bare_articles == 0


def test_a_truncated_line_is_noted(read: Any) -> None:
    tables = read(TRANSACTIONS + "2020-09-22,1,2,0.5,2\n2020-09-22,1,2,0.")
    assert tables.counts["transactions_train"].rejected == 1
    assert any("truncated" in note for note in tables.notes)


def test_the_last_row_of_a_repeated_customer_counts(read: Any) -> None:
    tables = read(TRANSACTIONS, customers="customer_id,age\n1,30\n2,40\n1,31\n2,40\n")
    assert set(tables.scan("customers").select("customer_id", "age").collect().iter_rows()) == {("1", 31), ("2", 40)}
    assert tables.counts["customers"].merged == 2
    assert any("1 of them with different values" in note for note in tables.notes)


def test_packed_and_parquet_files_equal_csv(tmp_path: Path) -> None:
    text = TRANSACTIONS + "2020-09-22,1,0663713001,0.5,2\n2020-09-22,,0663713001,1,2\n"
    results = []
    for name in ("csv", "csv.gz", "parquet"):
        folder = tmp_path / name
        (folder / "work").mkdir(parents=True)
        file = folder / f"transactions_train.{name}"
        if name == "csv":
            file.write_text(text)
        elif name == "csv.gz":
            file.write_bytes(gzip.compress(text.encode()))
        else:
            frame = pl.read_csv(io.StringIO(text), schema_overrides={"article_id": pl.String}, try_parse_dates=True)
            frame.write_parquet(file)
        tables = read_tables(folder, folder / "work")
        results.append((purchases(tables), tables.counts))
    assert results[0] == results[1] == results[2]
    assert results[0][0] == WANTED
    (folder / "again").mkdir()
    (folder / "transactions_train.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(UserMistake, match="Parquet"):
        read_tables(folder, folder / "again")


def test_a_truncated_gzip_file_is_an_error(tmp_path: Path) -> None:
    packed = gzip.compress((TRANSACTIONS + "2020-09-22,1,2,0.5,2\n" * 500).encode())
    (tmp_path / "work").mkdir()
    (tmp_path / "transactions_train.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UserMistake, match="truncated"):
        read_tables(tmp_path, tmp_path / "work")


def test_an_unclosed_quote_spoils_only_its_own_line(read: Any) -> None:
    articles = (
        'article_id,prod_name,product_code,detail_desc\n1,Top,5,"two\nlines, one cell"\n'
        '2,Top,5,"never closed\n3,5" heel,6,\n4,Top,6,x\n'
    )
    tables = read(TRANSACTIONS, articles=articles)
    rows = tables.scan("articles").select("article_id", "detail_desc").collect().rows()
    assert rows == [("1", "two\nlines, one cell"), ("3", None), ("4", "x")]
    assert [reject["line"] for reject in tables.rejects.to_dicts()] == [4]
    tables = read(TRANSACTIONS + '2020-09-22,"1,2,0.5,2\n2020-09-22,1,2,0.5,2\n')
    assert (tables.counts["transactions_train"].rejected, tables.counts["transactions_train"].loaded) == (1, 1)


def test_an_attribute_is_named_by_its_smallest_article(read: Any) -> None:
    tables = read(TRANSACTIONS, articles="article_id,department_no,department_name\n20,7,B\n10,7,A\n30,,C\n")
    assert tables.scan("attribute-Department").collect().rows() == [(7, "A")]


CELLS = st.one_of(
    st.sampled_from(
        ["2020-09-01", "1", "2", "0.5", "0663713001", "", " ", "-1", "1.0", "NaN", '"', '""', '"1"', "1e3"]
    ),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=6),
)
LINES = st.lists(st.one_of(st.lists(CELLS, max_size=8).map(",".join), st.just("2020-09-01,1,2,0.5,1")), max_size=12)
HYPOTHESIS = settings(max_examples=150)


@HYPOTHESIS
@given(lines=LINES, end=st.sampled_from(["", "\n", "\r\n"]), bom=st.booleans())
@example(lines=["0663713001", "2020-09-01,1,2,0.5,1", "0663713001"], end="", bom=False)  # ids are no dates
def test_no_row_of_mangled_transactions_is_lost(read: Any, lines: list[str], end: str, bom: bool) -> None:
    text = ("\ufeff" if bom else "") + TRANSACTIONS + "\n".join(lines) + end
    try:
        tables = read(text)
    except UserMistake:
        return
    assert balanced(tables)
    rows = [line for line in text.split("\n")[1:] if line.strip(",\r")]
    if not any(line.count('"') % 2 for line in lines):  # otherwise a cell may span lines
        assert tables.counts["transactions_train"].read == len(rows)
    whole = sum(line.strip("\r") == "2020-09-01,1,2,0.5,1" for line in rows)
    assert sum(row[5] for row in purchases(tables)) >= whole


@HYPOTHESIS
@given(lines=LINES, data=st.data())
def test_no_row_of_mangled_customers_is_lost(read: Any, lines: list[str], data: st.DataObject) -> None:
    for number in range(data.draw(st.integers(0, 4))):
        lines.insert(data.draw(st.integers(0, len(lines))), f"good{number},1,,ACTIVE,NONE,33,abc")
    text = CUSTOMERS + "\n".join(lines)
    tables = read(TRANSACTIONS, customers=text)
    assert balanced(tables)
    good = {line[:5] for line in lines if line.startswith("good")}
    assert good <= set(tables.scan("customers").select("customer_id").collect()["customer_id"])


@HYPOTHESIS
@given(
    rows=st.lists(
        st.lists(st.text(alphabet='ab", \n;é', max_size=8), min_size=4, max_size=4), min_size=1, max_size=8
    ).filter(lambda rows: all(any(row) for row in rows))
)
def test_well_formed_csv_reads_as_in_the_csv_module(read: Any, rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["article_id", "prod_name", "product_group_name", "detail_desc"])
    named = [[f"{number:010}", "x", "y", row[3].replace(",", "")] for number, row in enumerate(rows)]
    writer.writerows(named)
    tables = read(TRANSACTIONS, articles=buffer.getvalue())
    got = tables.scan("articles").select("article_id", "detail_desc").collect().rows()
    assert got == [(row[0], row[3].strip() or None) for row in named]


@HYPOTHESIS
@given(content=st.binary(max_size=200))
def test_any_bytes_end_in_an_error_or_balanced_counts(read: Any, content: bytes) -> None:
    try:
        tables = read(TRANSACTIONS.encode() + content)
    except UserMistake:
        return
    assert balanced(tables)
    with suppress(UserMistake):
        assert balanced(read(content))


VALUES = st.tuples(
    st.sampled_from(["2020-09-01", "2020-02-30", "2999-01-01", "1999-12-31", "2020-9-1"]),
    st.sampled_from(["1", "2", "3", "x"]),
    st.sampled_from(["0663713001", "663713001", "0000000007", "7"]),
    st.sampled_from(["0.5", "-0.0", "-1", "1e3", "inf", "nan", "1e13", "0,5", ".5"]),
    st.sampled_from(["1", "2", "-1", "2147483648", "1.5", "+1", "01"]),
)


@HYPOTHESIS
@given(rows=st.lists(VALUES, max_size=12))
def test_the_fast_and_the_careful_pass_agree(read: Any, rows: list[tuple[str, ...]]) -> None:
    files = {"customers": CUSTOMERS + "1,1,,ACTIVE,NONE,33,abc\n2,1,,ACTIVE,NONE,33,abc\n",
             "articles": "article_id\n0663713001\n0000000007\n"}  # fmt: skip
    lines = [["2020-09-01", "1", "0663713001", "0.5", "1"], *rows]
    plain = read(TRANSACTIONS + "\n".join(",".join(row) for row in lines), **files)
    padded = read(TRANSACTIONS + "\n".join(",".join(f" {cell} " for cell in row) for row in lines), **files)
    assert purchases(plain) == purchases(padded)
    assert plain.counts == padded.counts
    assert plain.rejects.drop("value").equals(padded.rejects.drop("value"))
