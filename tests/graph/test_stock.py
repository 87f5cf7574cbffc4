"""Stock files: all rows or none, bad rows apart, and what the file does not name stays as it is."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.loader.load import TooManyBadRows, load_folder
from hmrec.loader.stock import load_stock
from typer.testing import CliRunner

from tests.conftest import connection_environment, empty, run_text

TRANSACTIONS = "t_dat,customer_id,article_id,price,sales_channel_id\n2020-09-20,ann,0108775015,0.5,2\n"
ARTICLES = """article_id,prod_name,Available,available from,available_until,stock
0108775015,Top,TRUE,2020-09-01,9999-12-31,3
0108775044,Shirt,no,,,0
0110065001,Socks,,,,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "articles.csv").write_text(ARTICLES)
    (folder / "transactions_train.csv").write_text(TRANSACTIONS)
    return folder


def show(graph: Graph) -> dict[str, dict[str, Any]]:
    """Return the availability of the articles."""
    facts = "a {.available, .available_from, .available_until, .stock} AS facts"
    text = f"MATCH (a:Article) RETURN a.article_id AS id, {facts}"
    return {str(row["id"]): {k: v for k, v in row["facts"].items() if v is not None} for row in run_text(graph, text)}  # type: ignore[attr-defined]


LOADED = {
    "0108775015": {
        "available": True, "available_from": dt.date(2020, 9, 1), "available_until": dt.date(9999, 12, 31), "stock": 3,
    },
    "0108775044": {"available": False, "stock": 0},
    "0110065001": {},
}  # fmt: skip


def write(folder: Path, text: str) -> Path:
    file = folder / "stock.csv"
    file.write_text(text)
    return file


def test_articles_csv_may_have_availability_and_a_load_changes_what_it_names(graph: Graph, folder: Path) -> None:
    load_folder(folder, server=None, graph=graph)
    assert show(graph) == LOADED
    assert load_folder(folder, server=None, graph=graph).changes == {}
    (folder / "articles.csv").write_text("article_id,stock,available\n0108775044,7,maybe\n0108775015,1.5,\n")
    report = load_folder(folder, server=None, graph=graph)
    assert report.lost_cells == {"articles": {"available": 1, "stock": 1}}
    assert any(
        "available must be true or false; other values (1, such as 'maybe') are left empty" in n for n in report.notes
    )
    assert show(graph) == LOADED | {"0108775044": {"available": False, "stock": 7}}


def test_the_bulk_import_loads_the_same(folder: Path, local_server: LocalServer) -> None:
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        load_folder(folder, server=local_server, graph=graph, mode="bulk")
    with Graph.connect(local_server.connection()) as graph:
        assert show(graph) == LOADED
        (folder / "articles.csv").write_text("article_id,stock,prod_name\n0108775015,5,Top\n")
        load_folder(folder, server=local_server, graph=graph, mode="bulk", replace=True)
    with Graph.connect(local_server.connection()) as graph:
        assert show(graph) == {"0108775015": {"stock": 5}}
        known = {row["propertyKey"] for row in run_text(graph, "CALL db.propertyKeys() YIELD propertyKey")}
        assert "stock" in known
        assert "available_until" not in known  # a plan is faster without a name that no article has


def test_articles_alone_are_loaded_into_an_empty_graph_or_a_full_one(graph: Graph, folder: Path) -> None:
    (folder / "transactions_train.csv").unlink()
    with pytest.raises(UserMistake, match=r"no transactions_train\.csv"):
        load_folder(folder, server=None, graph=graph)
    report = load_folder(folder, server=None, graph=graph, articles_only=True)
    assert (report.mode, report.counts["articles"].loaded) == ("stream", 3)
    assert show(graph) == LOADED
    (folder / "transactions_train.csv").write_text(TRANSACTIONS)
    load_folder(folder, server=None, graph=graph)
    (folder / "articles.csv").write_text("article_id,stock\n108775044,9\n110065001,1\n")  # zeros lost
    report = load_folder(folder, server=None, graph=graph, articles_only=True)
    assert any("restored to 10 digits" in note for note in report.notes)
    assert show(graph)["0108775044"]["stock"] == 9
    assert (read_state(graph).bought, read_state(graph).articles) == (1, 3)
    for given in ({"replace": True}, {"mode": "bulk"}):
        with pytest.raises(UserMistake, match="Only articles are loaded"):
            load_folder(folder, server=None, graph=graph, articles_only=True, **given)  # type: ignore[arg-type]
    (folder / "articles.csv").unlink()
    with pytest.raises(UserMistake, match=r"has no articles\.csv"):
        load_folder(folder, server=None, graph=graph, articles_only=True)


def test_a_stock_file_changes_only_its_rows_and_its_columns(graph: Graph, folder: Path) -> None:
    load_folder(folder, server=None, graph=graph)
    report = load_stock(graph, write(folder, "article_id;Stock\n0108775044;4\n0110065001;0\n0110065001;2\nx;1\ny;1\n"))
    assert (report.read, report.merged, report.rejected, report.articles, report.changed, report.unknown) == (
        5,
        1,
        0,
        2,
        2,
        2,
    )
    assert report.missing == ("x", "y")
    assert show(graph) == LOADED | {"0108775044": {"available": False, "stock": 4}, "0110065001": {"stock": 2}}
    text = "article_id,available,available_until,stock\n0108775044,yes,31.12.2020,\n0108775015,,,3\n"
    assert load_stock(graph, write(folder, text)).changed == 2
    assert show(graph)["0108775044"] == {
        "available": True,
        "available_until": dt.date(2020, 12, 31),
    }  # an empty cell removes
    assert show(graph)["0108775015"] == {"available_from": dt.date(2020, 9, 1), "stock": 3}


def test_the_state_of_the_graph_changes_only_if_an_article_does(graph: Graph, folder: Path) -> None:
    load_folder(folder, server=None, graph=graph)
    first = read_state(graph)
    assert load_stock(graph, write(folder, "article_id,stock\n0108775015,3\n")).changed == 0
    assert read_state(graph) == first
    load_stock(graph, write(folder, "article_id,stock\n0108775015,2\n"))
    second = read_state(graph)
    assert (first.stock, second.stock) == (0, 1)
    assert second.loads == first.loads
    load_folder(folder, server=None, graph=graph, replace=True)
    assert read_state(graph).stock == 0
    assert not run_text(graph, "MATCH (s:StockVersion) RETURN s")


def test_bad_rows_are_rejected_and_their_articles_keep_their_stock(graph: Graph, folder: Path) -> None:
    load_folder(folder, server=None, graph=graph)
    file = write(
        folder,
        "article_id,stock,available_from\n0108775015,many,\n,5,\n0108775044,2,\n0110065001,1,soon\n0108775044,3,,4\n",
    )
    report = load_stock(graph, file, max_bad=1.0)
    assert (report.read, report.rejected, report.changed) == (5, 4, 1)
    assert show(graph)["0108775015"] == LOADED["0108775015"]
    rejects = (folder / "stock-rejects.csv").read_text().splitlines()
    assert rejects[1] == "stock.csv,2,stock,many,stock must be a whole number from -1e+09 to 1e+09"
    assert rejects[2:] == [
        'stock.csv,3,article_id,"",article_id is missing',
        "stock.csv,5,available_from,soon,available_from must be a date such as 2020-09-22",
        'stock.csv,6,,"0108775044,3,,4","the row must have 3 cells, as in the header"',
    ]
    before = show(graph)
    with pytest.raises(TooManyBadRows, match=r"4 of 5 rows are bad.*line 2: stock must be a whole number.*'many'"):
        load_stock(graph, file)
    assert show(graph) == before
    load_stock(graph, write(folder, "article_id,stock\n0108775044,8\n"))
    assert not (folder / "stock-rejects.csv").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("article_id,price\n0108775015,1\n", "has no column available, available_from, available_until, stock"),
        ("id,stock\n0108775015,1\n", "has no column article_id; its columns are id, stock"),
        ("article_id,stock\n", "has no rows"),
        ("", "is empty"),
        ("article_id,stock\nx,1\ny,2\n", "The graph has none of the 2 articles of"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_changes_nothing(graph: Graph, folder: Path, text: str, sentence: str) -> None:
    load_folder(folder, server=None, graph=graph)
    with pytest.raises(UserMistake) as caught:
        load_stock(graph, write(folder, text))
    assert sentence in caught.value.message
    assert caught.value.message.endswith(".")
    assert show(graph) == LOADED
    with pytest.raises(UserMistake, match="not a file"):
        load_stock(graph, folder)


def test_ids_that_lost_their_zeros_are_found(graph: Graph, folder: Path) -> None:
    load_folder(folder, server=None, graph=graph)
    assert load_stock(graph, write(folder, "article_id,stock\n108775015,8\n110065001,8\n")).articles == 2
    assert show(graph)["0110065001"] == {"stock": 8}


def test_the_command_prints_what_python_returns(
    graph: Graph, connection: ConnectionSettings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_folder(folder, server=None, graph=graph)
    for variable, value in (connection_environment(connection) | {"HMREC_HOME": str(folder / "home")}).items():
        monkeypatch.setenv(variable, value)
    file = write(folder, "sku,left\n0108775015,9\nx,1\n")
    done = CliRunner().invoke(app, ["stock", str(file), "--map", "sku=article_id", "--map", "left=stock", "--json"])
    assert done.exception is None, done.output
    printed = json.loads(done.stdout)
    assert (printed["articles"], printed["changed"], printed["unknown"], printed["missing"]) == (1, 1, 1, ["x"])
    again = load_stock(graph, file, column_map={"sku": "article_id", "left": "stock"}).to_dict()
    assert again == printed | {"changed": 0, "missing": ("x",), "notes": tuple(printed["notes"]), "rejects": ()}
    told = CliRunner().invoke(app, ["stock", str(file), "--map", "sku=article_id", "--map", "left=stock"]).stdout
    assert "0 of 1 articles have another availability now" in told
    assert "1 articles are not in the graph, such as x" in told
    done = CliRunner().invoke(app, ["load", str(folder), "--articles-only", "--json"])
    assert json.loads(done.stdout)["why"] == "only articles are loaded"


def test_a_hundred_thousand_rows_take_seconds_in_one_transaction(graph: Graph, folder: Path) -> None:
    load_folder(folder, server=None, graph=graph)
    run_text(
        graph,
        "UNWIND range(1, 100000) AS n "
        "CALL (n) { CREATE (:Article {article_id: toString(n)}) } IN TRANSACTIONS OF 20000 ROWS",
    )
    file = write(folder, "article_id,stock\n" + "".join(f"{n},{n % 7}\n" for n in range(1, 100_001)))
    begun = time.monotonic()
    assert load_stock(graph, file).changed == 100_000
    seconds = time.monotonic() - begun
    assert seconds < 30
    print(f"{seconds:.1f} s")
    assert read_state(graph).stock == 1
