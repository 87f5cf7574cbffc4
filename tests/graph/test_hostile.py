"""Hostile input to commands: one sentence, nothing executed, no control character echoed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hmrec.cli import main as cli
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
WORDS = {
    "cypher": "c00'}) DETACH DELETE n RETURN 1 //",
    "cypher with double quotes": 'c00"}) MATCH (n) DETACH DELETE n //',
    "cypher's name": "x` IF EXISTS; MATCH (n) DETACH DELETE n; //",
    "shell": "$(touch executed); `touch executed`; touch executed | touch executed",
    "ansi": "\x1b[31mred\x1b]0;title\x07\x9b1m\u202eback",
    "path": "../../../../../../etc/passwd",
    "lines": "one\ntwo\r\nthree",
    "format": "{0.__class__} %s %n {graph}",
    "long": "x" * 10_000_000,
    "no utf-8": "caf\udce9",
    "null": "a\x00b",
}
LINES = (
    ["recommend", "{}"], ["recommend", "c00", "--method", "{}"], ["recommend", "c00", "--department", "{}"],
    ["recommend", "c00", "--colour", "{}"], ["recommend", "c00", "--as-of", "{}"], ["explain", "{}", "0000000001"],
    ["explain", "c00", "{}"], ["query", "{}"], ["query", "popular", "-p", "{}"], ["query", "popular", "-p", "k={}"],
    ["query", "user_based_cf", "-p", "customer_id={}"], ["query", "--file", "{}"], ["load", "{}"],
    ["load", ".", "--map", "{}"], ["db", "backup", "{}"], ["db", "restore", "{}"], ["models", "show", "{}"],
    ["evaluate", "--methods", "{}"], ["{}"],
)  # fmt: skip

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run_line(
    connection: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Say:
    """Return a function that runs a command line in this process, where words may exceed the system's limit."""
    monkeypatch.setenv("NEO4J_URI", connection.uri)
    monkeypatch.setenv("NEO4J_USERNAME", connection.username)
    monkeypatch.setenv("NEO4J_PASSWORD", connection.password.get_secret_value())
    monkeypatch.setenv("HMREC_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hmrec", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        printed = capsys.readouterr()
        return int(str(caught.value.code)), printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=2)
    return module_graph


@pytest.mark.parametrize("kind", WORDS)
def test_hostile_arguments_end_in_one_sentence_and_change_nothing(
    kind: str, run_line: Say, shop: Graph, tmp_path: Path
) -> None:
    before = shop.read_rows("counts")
    for line in LINES:
        status, out, err = run_line(*(word.replace("{}", WORDS[kind]) for word in line))
        assert status in (0, 1, 2), line
        assert not CONTROL.search(out + err), (line, out[:300], err[:300])
        assert "Traceback" not in out + err
        if status:
            assert "Unexpected" not in err, (line, err)
            assert re.fullmatch(r"hmrec: [^\n]+\n", err), (line, err[:300])
            assert len(err) < 2500
    assert shop.read_rows("counts") == before
    assert list(tmp_path.rglob("executed")) == []


def test_hostile_cells_are_loaded_unchanged_and_printed_safely(run_line: Say, shop: Graph, tmp_path: Path) -> None:
    kinds = ("cypher", "cypher with double quotes", "cypher's name", "shell", "path", "format")
    cells = {kind: WORDS[kind] for kind in kinds} | {"ansi": "\x1b[31mred\x1b]0;title\x07 \u202eback"}
    folder = tmp_path / "data"
    folder.mkdir()
    names = list(cells.values())
    pl.DataFrame({"customer_id": names}).write_csv(folder / "customers.csv")
    ids = [f"{99 + number:010}" for number in range(len(names))]
    pl.DataFrame({"article_id": ids, "prod_name": names, "department_name": names}).write_csv(folder / "articles.csv")
    rows = {"t_dat": ["2020-08-01"] * len(names), "customer_id": names, "article_id": ids}
    pl.DataFrame(rows).write_csv(folder / "transactions_train.csv")
    labels = {row["label"] for row in run_text(shop, "CALL db.labels() YIELD label RETURN label")}
    customers = shop.read("counts")["customers"][0]
    status, _, err = run_line("load", str(folder), "--mode", "stream", "--max-bad", "1")
    assert status == 0, err
    assert {row["label"] for row in run_text(shop, "CALL db.labels() YIELD label RETURN label")} <= labels | {"Load"}
    assert shop.read("counts")["customers"][0] >= customers
    kept = {
        row["name"] for row in run_text(shop, "MATCH (a:Article) WHERE a.prod_name <> '' RETURN a.prod_name AS name")
    }
    assert {cells["cypher"], cells["shell"], cells["path"]} <= kept
    for words in (
        ["recommend", cells["cypher"], "--method", "popular", "-k", "60"],
        ["recommend", cells["shell"], "--method", "popular", "-k", "60", "--json"],
        ["query", "popular", "-p", "customer_id=c00", "-p", "k=60"],
        ["explain", cells["cypher"], ids[0]],
        ["query", "last_purchases", "-p", f"customer_id={cells['path']}"],
    ):
        status, out, err = run_line(*words)
        assert status == 0, err
        assert not CONTROL.search(out + err), words
    assert list(tmp_path.rglob("executed")) == []
