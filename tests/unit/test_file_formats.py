"""Files in different formats: each is read, or an error says in one sentence what to do."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import lzma
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hmrec.cypher.errors import UserMistake
from hmrec.loader.load import load_folder
from hmrec.loader.reading.cells import MISSING
from hmrec.loader.reading.tables import CleanTables, read_tables
from hmrec.loader.schema import ReadRules
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.packed_files import parquet, sheet, zipped

HEADER = "t_dat,customer_id,article_id,price,sales_channel_id\n"
TWO = HEADER + "2020-09-20,c1,0663713001,0.05,2\n2020-09-21,c2,0663713002,0.03,1\n"
ONE = HEADER + "2020-09-20,c1,1,0.05,2\n"
BOUGHT_TWO = {
    (date(2020, 9, 20), "c1", "0663713001", 0.05, 2),
    (date(2020, 9, 21), "c2", "0663713002", 0.03, 1),
}
BOUGHT_ONE = {(date(2020, 9, 20), "c1", "1", 0.05, 2)}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Write files by their paths, and read the folder, or only the file `only`."""
    calls = itertools.count()

    def call(files: dict[str, str | bytes], only: str = "", encoding: str | None = None) -> CleanTables:
        folder = tmp_path / f"data {next(calls)}, [x]"
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        work = tmp_path / f"work [{next(calls)}], (1)"
        work.mkdir()
        return read_tables(folder / only, work, rules=ReadRules(encoding=encoding))

    return call


def bought(tables: CleanTables) -> set[tuple[Any, ...]]:
    frame = tables.scan("purchases").select(
        "t_dat", pl.col(":START_ID(Customer)").alias("customer").cast(pl.UInt32), "article_id", "price",
        "sales_channel_id",
    )  # fmt: skip
    customers = tables.scan("customers").select("customer", "customer_id")
    joined = frame.join(customers, on="customer").select(
        "t_dat", "customer_id", "article_id", "price", "sales_channel_id"
    )
    return set(joined.collect().iter_rows())


def articles(tables: CleanTables, *columns: str) -> list[tuple[Any, ...]]:
    return tables.scan("articles").select("article_id", *columns).sort("article_id").collect().rows()


def balanced(tables: CleanTables) -> bool:
    return all(
        count.read == count.loaded + count.merged + count.rejected + count.returned + count.left_out
        for count in tables.counts.values()
    )


PARTS = {
    "a.csv": HEADER + "2020-09-20,c1,0663713001,0.05,2\n",
    "b.csv": "customer_id,t_dat,article_id,price,sales_channel_id\nc2,2020-09-21,0663713002,0.03,1\n",
}


@pytest.mark.parametrize(
    ("files", "only"),
    [
        ({"transactions_train.csv.zip": zipped(**{"transactions_train.csv": TWO})}, ""),
        ({"h-and-m.zip": zipped(**{"transactions_train.csv": TWO, "images/1.jpg": b"x"})}, ""),
        ({"h-and-m.zip": zipped(**{"transactions_train.csv": TWO, "images/1.jpg": b"x"})}, "h-and-m.zip"),
        ({"all.zip": zipped(**{"h-m/v1/transactions_train.csv": TWO, "__MACOSX/._transactions_train.csv": b"\0"})}, ""),
        ({"all.zip": zipped(**{"x/transactions_train.csv.gz": gzip.compress(TWO.encode())})}, "all.zip"),
        ({"transactions_train.csv": zipped(**{"export.csv": TWO})}, ""),
        ({"transactions_train.csv": gzip.compress(TWO.encode())}, ""),
        ({"transactions_train.csv.gz": TWO}, ""),
        ({"transactions_train.csv.xz": lzma.compress(TWO.encode())}, ""),
        ({"transactions_train.csv.bz2": bz2.compress(TWO.encode())}, ""),
        ({"transactions_train.csv.zst": zstandard.compress(TWO[:80].encode()) + zstandard.compress(TWO[80:].encode())},
         ""),
        ({"transactions_train.csv": parquet(TWO)}, ""),
        ({"Transactions_Train.CSV": TWO}, ""),
        ({"transactions.tsv": TWO.replace(",", "\t")}, ""),
        ({"transactions_train.parquet/_SUCCESS": b"", "transactions_train.parquet/.part.crc": b"crc",
          "transactions_train.parquet/part-00000-x.snappy.parquet": parquet(PARTS["a.csv"]),
          "transactions_train.parquet/part-00001-x.snappy.parquet": parquet(PARTS["b.csv"])}, ""),
        ({"transactions_train/part-2.csv": PARTS["a.csv"], "transactions_train/part-10.csv": PARTS["b.csv"]}, ""),
        ({"transactions_train_2020-08.csv": PARTS["a.csv"], "transactions_train_2020-09.csv.gz":
          gzip.compress(PARTS["b.csv"].encode())}, ""),
        ({"transactions_2020-08.csv": PARTS["a.csv"], "transactions_2020-09.csv": PARTS["b.csv"]}, ""),
        ({"transactions_train_1.csv": PARTS["a.csv"], "transactions_train_2.parquet": parquet(PARTS["b.csv"])}, ""),
        ({"parts.zip": zipped(**{"d/transactions_train/0.csv": PARTS["a.csv"],
                                 "d/transactions_train/1.csv": PARTS["b.csv"]})}, "parts.zip"),
        ({"transactions_train.csv.zip": zipped(**{"2020-08.csv": PARTS["a.csv"], "2020-09.csv": PARTS["b.csv"]})}, ""),
        ({f"transactions_train.parquet/sales_channel_id={channel}/0.parquet":
          parquet(HEADER.replace(",sales_channel_id", "") + row)
          for channel, row in ((2, "2020-09-20,c1,0663713001,0.05\n"), (1, "2020-09-21,c2,0663713002,0.03\n"))}, ""),
        ({"transactions_train.xlsx": sheet(HEADER.strip().split(","), ["2020-09-20", "c1", "0663713001", 0.05, 2.0],
                                           ["2020-09-21", "c2", "0663713002", 0.03, 1.0])}, ""),
    ],
)  # fmt: skip
def test_packed_files_and_parts_are_one_table(read: Any, files: dict[str, bytes], only: str) -> None:
    tables = read(files, only)
    assert bought(tables) == BOUGHT_TWO
    assert balanced(tables)
    assert tables.rejects.is_empty()


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (TWO.replace("\n", "\r").encode(), "CR"),
        (TWO.replace("\n", "\r\n").encode(), None),
        ((HEADER + TWO.removeprefix(HEADER).replace("\n", "\r") + "\n").encode(), None),
        (TWO.replace("\n", "\r", 2).replace("\n", "\r\n").encode(), "CR"),
        (TWO.encode("utf-8-sig"), None),
        (TWO.encode("utf-16"), "utf-16"),
        (TWO.encode("utf-16-le"), "utf-16-le"),
        (TWO.encode("utf-16-be"), "utf-16-be"),
        (TWO.encode("utf-32"), "utf-32"),
        (TWO.replace("\n", "\r").encode("utf-16"), "CR"),
        (("sep=;\n" + TWO.replace(",", ";").replace("0.", "0,")).encode(), "first line"),
        (("sep=,\r\n" + TWO.replace("\n", "\r\n")).encode(), "first line"),
        (TWO.replace(",", "\t").replace("0.", "0,").encode(), "separated by"),
        (TWO.replace("0.05", '"0,05"').replace("0.03", '"0,03"').encode(), None),
        (TWO.replace("\n", ",\n").encode(), None),
        (TWO.replace("2\n", "2,,\n").replace("1\n", "1,,\n").encode(), None),
        ("\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in TWO.splitlines()).encode(), None),
        (TWO.replace("article_id", '"article_id"').encode(), None),
        (TWO.replace("\n", ',"a, b"\n').encode(), "not read"),
        (TWO.replace("\n", ',"a\nb"\n').encode(), "not read"),
    ],
)
def test_text_in_any_dialect_is_read(read: Any, content: bytes, note: str | None) -> None:
    tables = read({"transactions_train.csv": content})
    assert bought(tables) == BOUGHT_TWO
    assert tables.rejects.is_empty()
    assert not note or any(note in line for line in tables.notes), tables.notes


NAMES = "article_id,prod_name,detail_desc\n"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (NAMES + '1,Top,"10\\" heel, black"\n2,Sock,"plain, ok"\n3,Hat,"say \\"hi\\""\n',
         [("1", "Top", '10" heel, black'), ("2", "Sock", "plain, ok"), ("3", "Hat", 'say "hi"')]),
        (NAMES + '1,"Top \\\\ x",a\n2,"a \\" b",c\n', [("1", "Top \\ x", "a"), ("2", 'a " b', "c")]),
        (NAMES + "1,Top\\, blue,x\n2,Hat,y\n", [("1", "Top, blue", "x"), ("2", "Hat", "y")]),
        (NAMES + '1,"C:\\",x\n2,"a, b",c\n', [("1", "C:\\", "x"), ("2", "a, b", "c")]),
        (NAMES + '1,RECORD FRAME 7" SINGLE,flat\n2,Sock,15" wide\n3,"Sock ""A""",x\n4,"Top" special,y\n',
         [("1", 'RECORD FRAME 7" SINGLE', "flat"), ("2", "Sock", '15" wide'), ("3", 'Sock "A"', "x"),
          ("4", '"Top" special', "y")]),
        (NAMES + '"1","RECORD 7" SINGLE","flat"\n"2","7" and, 8"","x"\n',
         [("1", 'RECORD 7" SINGLE', "flat"), ("2", '7" and, 8"', "x")]),
        (NAMES + '1,"Top\nblue",x\n2,Sock,"a\r\nb\r\n\r\nc"\n', [("1", "Top blue", "x"), ("2", "Sock", "a\nb\n\nc")]),
        (NAMES + '1,"Sizes:\nS,M,L\nor 1",x\n2,Sock,y\n', [("1", "Sizes: S,M,L or 1", "x"), ("2", "Sock", "y")]),
        (NAMES + "1,Top,\n2,Sock,,\n3,Hat\n4\n", [("1", "Top", None), ("2", "Sock", None), ("3", "Hat", None),
                                                    ("4", None, None)]),
        (NAMES + '1,"Top, a",,\n2,"Sock"\n', [("1", "Top, a", None), ("2", "Sock", None)]),
        (NAMES + "1,Top,x\n" + NAMES + "2,Hat,y\n", [("1", "Top", "x"), ("2", "Hat", "y")]),
        ('"article_id" ; "prod_name";"detail; desc";detail_desc\n1 ; "a;b" ;x;y\n', [("1", "a;b", "y")]),
    ],
)  # fmt: skip
def test_quotes_escapes_and_missing_cells_do_not_break_rows(
    read: Any, content: str, wanted: list[tuple[Any, ...]]
) -> None:
    tables = read({"transactions_train.csv": ONE, "articles.csv": content})
    assert tables.rejects.is_empty(), tables.rejects
    assert [row for row in articles(tables, "prod_name", "detail_desc") if row[0] in {w[0] for w in wanted}] == wanted


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("1,Café blouse – €9,Décolleté", "cp1252"),
        ("1,Größe süß,weiß", "latin-1"),
        ("1,Женская футболка с коротким рукавом,Хлопок и немного эластана для удобства", "cp1251"),
        ("1,レディースシャツ,綿のやわらかいシャツです。春と夏に着られます。", "shift_jis"),
    ],
)
def test_other_encodings_are_detected(read: Any, text: str, encoding: str) -> None:
    tables = read({"transactions_train.csv": ONE, "articles.csv": (NAMES + text + "\n").encode(encoding)})
    assert articles(tables, "prod_name", "detail_desc") == [tuple(text.split(","))]
    assert any("not UTF-8" in note for note in tables.notes)


def test_a_given_encoding_is_used(read: Any) -> None:
    files = {"transactions_train.csv": ONE, "articles.csv": (NAMES + "1,Żółty,x\n").encode("cp1250")}
    assert articles(read(files, encoding="cp1250"), "prod_name") == [("1", "Żółty")]
    with pytest.raises(UserMistake, match="no text encoding named 'klingon'"):
        read(files, encoding="klingon")


def test_an_undecodable_row_is_rejected_with_its_bytes(read: Any) -> None:
    good = "".join(f"{number},Blusa niño é,x\n" for number in range(2, 12))
    content = NAMES.encode() + good.encode() + b"1,Bad \xff\xfe,x\n"
    tables = read({"transactions_train.csv": ONE, "articles.csv": content})
    (reject,) = tables.rejects.to_dicts()
    assert (reject["line"], reject["value"]) == (12, "1,Bad \\xff\\xfe,x")
    assert "encoding" in reject["reason"]
    assert tables.counts["articles"].loaded == 10


def test_rejects_have_the_part_and_its_line_number(read: Any) -> None:
    bad = "2020-09-22,,3,0.1,1\n"
    for first, second in ((ONE + bad, ONE + ONE.removeprefix(HEADER) + bad), (ONE + '"x', ONE + '2020-09-20,"c1\n')):
        tables = read({"transactions_train_1.csv": first, "transactions_train_2.csv": second})
        assert tables.rejects.select("file", "line").rows() == [
            ("transactions_train_1.csv", 3),
            ("transactions_train_2.csv", 4 if second.endswith(bad) else 3),
        ]


def test_line_numbers_count_quoted_line_breaks(read: Any) -> None:
    content = NAMES + '1,"a\nb",x\n,none,y\n2,"c\n\nd",z\n3,a,b,c,d\n'
    tables = read({"transactions_train.csv": ONE, "articles.csv": content})
    assert tables.rejects.select("line", "column").rows() == [(4, "article_id"), (8, None)]


def test_a_quoted_line_of_separators_belongs_to_its_cell(read: Any) -> None:
    tables = read({"transactions_train.csv": ONE, "articles.csv": NAMES + '1,"n\n",","\n'})
    assert tables.rejects.is_empty()
    assert articles(tables, "prod_name", "detail_desc") == [("1", "n", ",")]


def test_a_row_between_unclosed_quotes_is_a_row(read: Any) -> None:
    tables = read({"transactions_train.csv": ONE, "articles.csv": NAMES + '"\n1,n,d\n"\n'})
    assert articles(tables, "prod_name", "detail_desc") == [("1", "n", "d")]
    assert tables.counts["articles"].rejected == 2


def test_rows_across_blocks_are_all_read(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hmrec.loader.reading.rows.BLOCK", 64)
    rows = "".join(f'{number},"name, {number}","a\nb {number}"\n{number}a,plain,x\n' for number in range(300))
    tables = read({"transactions_train.csv": ONE, "articles.csv": NAMES + rows})
    assert tables.rejects.is_empty()
    assert (tables.counts["articles"].read, tables.counts["articles"].loaded) == (600, 600)
    assert ("7", "name, 7", "a\nb 7") in articles(tables, "prod_name", "detail_desc")


def test_thousands_separators_are_points_or_commas(read: Any) -> None:
    point = HEADER + '2020-09-20,c1,1,"1,299.99",2\n2020-09-21,c1,1,5.00,2\n'
    comma = (HEADER + "2020-09-20,c1,1,1.299!99,2\n2020-09-21,c1,1,5!00,2\n").replace(",", ";").replace("!", ",")
    for content in (point, comma):
        assert {row[3] for row in bought(read({"transactions_train.csv": content}))} == {1299.99, 5.0}


@pytest.mark.parametrize(
    ("files", "match"),
    [
        ({"transactions_train_1.csv": ONE, "transactions_train_2.csv": "t_dat,customer_id,article_id\n"},
         "transactions_train_2.csv has different columns"),
        ({"transactions_train.csv": ONE, "transactions_train.parquet": parquet(ONE)}, "contains both"),
        ({"transactions_train.csv": b"7z\xbc\xaf\x27\x1c0000"}, "7-Zip"),
        ({"transactions_train.csv.zip": zipped(**{"a.csv": TWO})[:60]}, "cannot be read"),
        ({"transactions_train.csv.zst": zstandard.compress(TWO.encode() * 99)[:-9]}, "is truncated"),
        ({"transactions_train.csv.xz": lzma.compress(TWO.encode())[:-20]}, "is truncated"),
        ({"transactions_train.csv.bz2": bz2.compress(TWO.encode())[:-9]}, "is truncated"),
        ({"transactions_old.json": b"{}"}, "It contains transactions_old.json"),
        ({"notes.zip": zipped(**{"x.txt": "x"})}, "has no transactions_train.csv"),
    ],
)  # fmt: skip
def test_unreadable_files_end_in_a_sentence_naming_them(read: Any, files: dict[str, bytes], match: str) -> None:
    with pytest.raises(UserMistake, match=match):
        read(files)


def test_files_similar_to_a_table_are_noted(read: Any) -> None:
    tables = read({"transactions_train.csv": ONE, "articles.json": "[]", "customers (1).csv": "customer_id\nx\n"})
    for name in ("articles.json", "customers (1).csv"):
        assert any(note.startswith(name) and "not read" in note for note in tables.notes)


def test_a_zip_bomb_is_refused(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hmrec.loader.reading.packed.BOMB_SIZE", 1 << 20)
    with pytest.raises(UserMistake, match="times its size"):
        read({"transactions_train.csv.zip": zipped(**{"a.csv": bytes(1 << 24)})})


@pytest.mark.parametrize("content", [HEADER, HEADER.strip().replace(",", ";"), HEADER + ",,,,\n\n"])
def test_a_file_without_rows_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "transactions_train.csv").write_text(content)
    with pytest.raises(UserMistake, match="has no rows"):
        load_folder(tmp_path, server=None, graph=None, check_only=True)


def test_a_zip_is_loaded_and_its_report_written_next_to_it(tmp_path: Path) -> None:
    (tmp_path / "shop.zip").write_bytes(zipped(**{"x/transactions_train.csv": TWO}))
    report = load_folder(tmp_path / "shop.zip", server=None, graph=None, check_only=True)
    assert report.counts["transactions_train"].loaded == 2
    assert (tmp_path / "load-report.json").is_file()


NAME = st.text(
    alphabet=st.characters(codec="latin-1", exclude_categories=("C",), exclude_characters="\xa0\\"), max_size=9
)
ROWS = st.lists(st.tuples(NAME, NAME, st.integers(0, 10**6)), min_size=1, max_size=9)
DIALECTS = st.fixed_dictionaries({
    "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"]),
    "separator": st.sampled_from([",", ";", "\t", "|"]),
    "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    "line_end": st.sampled_from(["\n", "\r\n", "\r"]),
    "packing": st.sampled_from(["", "gzip", "zip", "xz", "zstd"]),
    "trailing": st.booleans(),
    "decimal_comma": st.booleans(),
    "breaks": st.booleans(),
    "missing": st.sampled_from(["", *MISSING]),
    "day": st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d-%b-%Y", "%b %d %Y", "%Y-%m-%dT%H:%M:%S+02:00"]),
})  # fmt: skip


@settings(max_examples=80)
@given(rows=ROWS, dialect=DIALECTS)
def test_a_table_in_any_dialect_is_read_back_equal(
    read: Any, rows: list[tuple[str, str, int]], dialect: dict[str, Any]
) -> None:
    def write(header: list[str], table: list[list[str]]) -> bytes:
        buffer = io.StringIO()
        writer = csv.writer(
            buffer, delimiter=dialect["separator"], quoting=dialect["quoting"], lineterminator=dialect["line_end"]
        )
        writer.writerows([*row, *[""] * dialect["trailing"]] for row in [header, *table])
        content = buffer.getvalue().encode(dialect["encoding"])
        pack = {"gzip": gzip.compress, "xz": lzma.compress, "zstd": zstandard.compress,
                "zip": lambda data: zipped(**{"export.csv": data})}  # fmt: skip
        return pack.get(dialect["packing"], bytes)(content)

    break_ = {"\n": "\n", "\r\n": "\r\n", "\r": "\r"}[dialect["line_end"]] if dialect["breaks"] else " "
    names = [[f"{i:010}", f"n{break_}{name}", text or dialect["missing"]] for i, (name, text, _) in enumerate(rows)]
    prices = [f"{price / 100:.2f}".replace(".", "," if dialect["decimal_comma"] else ".") for *_, price in rows]
    day = date(2020, 9, 20).strftime(dialect["day"])
    lines = [[day, f"c{i}", f"{i:010}", price, "1"] for i, price in enumerate(prices)]
    tables = read({
        "articles.csv": write(["article_id", "prod_name", "detail_desc"], names),
        "transactions_train.csv": write(HEADER.strip().split(","), lines),
    })  # fmt: skip
    assert tables.rejects.is_empty(), tables.rejects
    assert balanced(tables)
    assert {row[0] for row in bought(tables)} == {date(2020, 9, 20)}
    assert {(row[2], row[3]) for row in bought(tables)} == {(f"{i:010}", row[2] / 100) for i, row in enumerate(rows)}
    want = [
        (f"{i:010}", " ".join(f"n {name}".split()), None if text.strip() in {"", *MISSING} else text.strip())
        for i, (name, text, _) in enumerate(rows)
    ]
    got = articles(tables, "prod_name", "detail_desc")
    assert [(article, " ".join(name.split()), text) for article, name, text in got] == want
