"""All steps by their commands, as a user runs them, on the local server."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer

from tests.conftest import PROGRAMS, empty, run_text
from tests.graph.shops import keep_best_sellers

HOUSEHOLDS = 60
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def hmrec(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs a command against the tests' local server.

    `status` is the expected exit status, `given` the command's standard input.
    """
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NEO4J_", "HMREC_"))}
    settings = {
        "HMREC_HOME": str(local_server.home),
        "HMREC_PROGRAMS": str(PROGRAMS),
        "HMREC_HEAP": local_server.settings.heap,
        "HMREC_PAGE_CACHE": local_server.settings.page_cache,
    }
    folder = tmp_path_factory.mktemp("cwd")

    def run(
        *arguments: str, status: int = 0, given: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [sys.executable, "-c", "from hmrec.cli.main import main; main()", *arguments],
            env=clean | settings | environment, capture_output=True, text=True, input=given, cwd=folder, timeout=600,
        )  # fmt: skip
        assert result.returncode == status, result
        assert "\x1b" not in result.stdout + result.stderr
        password = local_server.password_file.read_text().strip()
        assert arguments[:2] == ("db", "open") or password not in result.stdout + result.stderr
        return result

    return run


@pytest.fixture(scope="module")
def folder(hmrec: Run, local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a slice of Complete Journey, and load it into an empty graph."""
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
    folder = tmp_path_factory.mktemp("data") / "journey"
    hmrec("sample", "journey", str(folder), "--households", str(HOUSEHOLDS))
    keep_best_sellers(folder, 500)
    hmrec("load", str(folder))
    return folder


@pytest.fixture(scope="module")
def lines(folder: Path) -> int:
    with (folder / "transactions_train.csv").open() as file:
        return sum(1 for _ in file) - 1


def test_every_line_of_the_file_is_in_the_graph(folder: Path, lines: int, local_server: LocalServer) -> None:
    with Graph.connect(local_server.connection()) as graph:
        assert run_text(graph, "MATCH ()-[b:BOUGHT]->() RETURN sum(b.quantity) AS n") == [{"n": lines}]


def test_status_shows_the_server_and_the_size_of_the_graph(hmrec: Run, folder: Path, local_server: LocalServer) -> None:
    status = json.loads(hmrec("db", "status", "--json").stdout)
    assert {"uri", "http", "user", "password_file", "version", "home", "nodes", "relationships"} <= set(status)
    assert status["customers"] == HOUSEHOLDS
    assert status["home"] == str(local_server.home)
    assert status["loads"][0]["folder"] == str(folder)


def test_loading_again_changes_nothing(hmrec: Run, folder: Path) -> None:
    before = json.loads(hmrec("db", "status", "--json").stdout)
    hmrec("load", str(folder))
    hmrec("load", str(folder), "--mode", "stream")
    after = json.loads(hmrec("db", "status", "--json").stdout)
    names = ("customers", "articles", "bought")
    assert [after[name] for name in names] == [before[name] for name in names]


def test_recommend_agrees_with_the_saved_query(hmrec: Run, folder: Path) -> None:
    customer = _customers(folder)[0]
    shown = json.loads(hmrec("recommend", customer, "--method", "user_based_cf", "--format", "json").stdout)
    queried = json.loads(hmrec("query", "user_based_cf", "-p", f"customer_id={customer}", "--format", "json").stdout)
    assert [row["article_id"] for row in shown] == [row["article_id"] for row in queried]
    assert [row["because"] for row in shown] == [row["because"] for row in queried]
    assert len(shown) == 12
    table = hmrec("recommend", customer).stdout
    assert "because" in table
    rows = list(csv.DictReader(hmrec("recommend", customer, "-k", "3", "--format", "csv").stdout.splitlines()))
    assert len(rows) == 3


def test_an_unknown_customer_is_the_users_mistake(hmrec: Run, folder: Path) -> None:
    result = hmrec("recommend", "nobody", status=2)
    assert "nobody" in result.stderr


def test_a_customer_without_purchases_gets_popular_articles_and_a_note(
    hmrec: Run, folder: Path, local_server: LocalServer
) -> None:
    with Graph.connect(local_server.connection()) as graph:
        run_text(graph, "MERGE (:Customer {customer_id: 'newcomer', age: 40})")
    try:
        result = hmrec("recommend", "newcomer")
        assert "no purchases yet" in result.stdout
        rows = json.loads(hmrec("recommend", "newcomer", "--format", "json").stdout)
        assert len(rows) == 12
    finally:
        with Graph.connect(local_server.connection()) as graph:
            run_text(graph, "MATCH (c:Customer {customer_id: 'newcomer'}) DETACH DELETE c")


def test_train_writes_embeddings_that_recommend_uses(hmrec: Run, folder: Path, local_server: LocalServer) -> None:
    hmrec("train", "--epochs", "2")
    with Graph.connect(local_server.connection()) as graph:
        for label in ("Customer", "Article"):
            pattern = "(n)-[:BOUGHT]->()" if label == "Customer" else "(n)<-[:BOUGHT]-()"
            bare = run_text(
                graph, f"MATCH (n:{label}) WHERE EXISTS {{ {pattern} }} AND n.embedding IS NULL RETURN count(n) AS n"
            )
            assert bare == [{"n": 0}]
        indexes = run_text(graph, "SHOW VECTOR INDEXES YIELD state, labelsOrTypes WHERE state = 'ONLINE'")
        assert ["Article"] in [row["labelsOrTypes"] for row in indexes]
        assert run_text(graph, "MATCH (m:Model) RETURN count(m) >= 1 AS there") == [{"there": True}]
    rows = json.loads(hmrec("recommend", _customers(folder)[0], "--method", "gnn", "--format", "json").stdout)
    assert len({row["article_id"] for row in rows}) == 12
    assert all(row["because"] for row in rows)
    new = json.loads(
        hmrec("recommend", _customers(folder)[0], "--method", "gnn", "--new-only", "--format", "json").stdout
    )
    assert len(new) == 12


def test_recommend_all_writes_kaggles_file(hmrec: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv"
    hmrec("recommend", "--all", "--out", str(out))
    rows = list(csv.DictReader(out.open()))
    assert [row["customer_id"] for row in rows] == sorted(_customers(folder))
    assert all(len(set(row["prediction"].split(" "))) == 12 for row in rows)
    one = json.loads(hmrec("recommend", rows[7]["customer_id"], "--format", "json").stdout)
    assert rows[7]["prediction"].split(" ") == [row["article_id"] for row in one]


def test_a_users_own_query_runs_and_writes_only_with_write(hmrec: Run, folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.cypher"
    mine.write_text("MATCH (c:Customer {customer_id: $id}) RETURN c.customer_id AS customer")
    customer = _customers(folder)[0]
    assert customer in hmrec("query", "--file", str(mine), "-p", f'id="{customer}"', "--format", "csv").stdout
    mine.write_text("CREATE (:Stray)")
    assert "writes" in hmrec("query", "--file", str(mine), status=2).stderr
    mine.write_text("MATCH (c:Customer RETURN c")
    assert "does not understand" in hmrec("query", "--file", str(mine), status=2).stderr


def test_cypher_is_passed_as_text_or_on_standard_input(hmrec: Run, folder: Path) -> None:
    customer = _customers(folder)[0]
    text = "MATCH (c:Customer {customer_id: $id}) RETURN c.customer_id AS customer"
    options = ("-p", f'id="{customer}"', "--format", "csv")
    assert hmrec("query", text, *options).stdout == f"customer\n{customer}\n"
    assert hmrec("query", "--file", "-", *options, given=text).stdout == f"customer\n{customer}\n"
    assert "writes" in hmrec("query", "CREATE (:Stray) RETURN 1", status=2).stderr
    assert "does not understand" in hmrec("query", "MATCH (c:Customer RETURN c", status=2).stderr


def test_queries_and_versions_fit_80_columns(hmrec: Run) -> None:
    listed = hmrec("query").stdout
    assert "user_based_cf" in listed
    assert "write_embeddings" not in listed
    everything = json.loads(hmrec("query", "--all", "--json").stdout)
    assert {"user_based_cf", "write_embeddings"} <= {row["query"] for row in everything}
    assert f"{len(everything) - len(json.loads(hmrec('query', '--json').stdout))} more with --all" in listed
    assert max(map(len, hmrec("models").stdout.splitlines())) <= 80


def test_a_wrong_password_is_the_users_mistake(hmrec: Run, folder: Path, local_server: LocalServer) -> None:
    result = hmrec("recommend", "1", status=2, NEO4J_URI=local_server.status().uri, NEO4J_PASSWORD="not-the-right-one")
    assert "password" in result.stderr
    assert "not-the-right-one" not in result.stderr


def test_evaluate_scores_every_method(hmrec: Run, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "evaluation.html"
    found = json.loads(hmrec("evaluate", "--format", "json", "--customers", "20", "--report", str(page)).stdout)
    assert {"cut", "days", "weeks", "k"} <= set(found["facts"])
    rows = found["rows"]
    assert {"popular", "user_based_cf", "gnn"} <= {row["method"] for row in rows}
    for row in rows:
        scores = [row[name] for name in ("map", "precision", "recall", "ndcg", "hit_rate")]
        assert all(0 <= value <= 1 for value in scores), row
        assert row["map_low"] <= row["map"] <= row["map_high"]
        assert row["difference_low"] <= row["difference"] <= row["difference_high"]
    assert page.read_text(encoding="utf-8").count("<svg") == 4


def test_doctor_reports_no_problems(hmrec: Run, folder: Path) -> None:
    findings = json.loads(hmrec("doctor", "--json").stdout)
    assert all(finding["fine"] for finding in findings)
    assert any(finding["what"] == "HMREC_HEAP" and "from the environment" in finding["found"] for finding in findings)


def test_open_prints_address_user_and_password(hmrec: Run, local_server: LocalServer) -> None:
    printed = hmrec("db", "open", DISPLAY="", WAYLAND_DISPLAY="").stdout
    assert "/browser/" in printed
    assert local_server.password_file.read_text().strip() in printed


def test_logs_are_printed(hmrec: Run) -> None:
    assert "Started" in hmrec("db", "logs", "-n", "200").stdout


def test_a_command_starts_a_stopped_local_server(hmrec: Run, folder: Path, local_server: LocalServer) -> None:
    assert "has stopped" in hmrec("db", "stop").stdout
    assert "was not running" in hmrec("db", "stop").stdout
    assert json.loads(hmrec("db", "status", "--json").stdout)["running"] is False
    hmrec("recommend", _customers(folder)[0])
    assert local_server.status().running


def _customers(folder: Path) -> list[str]:
    with (folder / "customers.csv").open() as file:
        return [row["customer_id"] for row in csv.DictReader(file)]
