"""Rules over HTTP, on the command line and in Python: the same lists; changes are seen at once, caches included."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.main import app
from hmrec.cli.service.app import make_app
from hmrec.cli.service.candidates import STATE_CHECK_SECONDS
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.recommend.rule import Rule
from hmrec.graph_ml.recommend.rule_book import RuleBook
from typer.testing import CliRunner

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes

READ, WRITE = "a-token-for-reading", "a-token-for-writing"
BLOCK = {"name": "no odd ones", "kind": "block", "where": "department = 'Odd'"}
PIN = {"name": "hero", "kind": "pin", "place": 2, "articles": ["0000000031"], "priority": 3}


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    return module_graph


@pytest.fixture
def client(shop: Graph) -> TestClient:
    run_text(shop, "MATCH (r:Rule) DELETE r")
    return connect(shop, WRITE)


def connect(graph: Graph, token: str) -> TestClient:
    app = make_app(graph, READ, write_token=WRITE)
    return TestClient(app, base_url="http://localhost", headers={"Authorization": f"Bearer {token}"})


def ask(client: TestClient, **given: Any) -> list[dict[str, Any]]:
    answer = client.get("/recommend/c00", params={"method": "popular"} | given)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["articles"]
    return found


def test_only_the_write_token_changes_rules_and_the_read_token_lists_them(shop: Graph, client: TestClient) -> None:
    reader = connect(shop, READ)
    assert reader.post("/rules", json=[PIN]).status_code == 403
    assert client.post(
        "/rules", json=[PIN | {"from_day": "2019-01-02"}, BLOCK | {"until_day": "2019-01-01"}]
    ).json() == {
        "added": ["hero", "no odd ones"],
        "note": "",
    }
    listed = reader.get("/rules").json()["rules"]
    assert [rule["name"] for rule in listed] == ["hero", "no odd ones"]
    assert [Rule.model_validate(rule) for rule in listed] == list(RuleBook(shop).read())
    assert reader.delete("/rules/hero").status_code == 403
    assert client.delete("/rules/hero").json() == {"removed": ["hero"]}
    assert "no rule 'hero'" in client.delete("/rules/hero").json()["error"]
    assert client.delete("/rules/hero").status_code == 404
    assert [rule.name for rule in RuleBook(shop).read()] == ["no odd ones"]


def test_a_rule_of_other_software_keeps_its_name(shop: Graph, client: TestClient) -> None:
    run_text(shop, "CREATE (:Rule {name: 'hero', text: 'theirs'})")
    for replace in (False, True):
        answer = client.post("/rules", json=[PIN], params={"replace": replace})
        assert answer.status_code == 400, answer.text
        assert "A (:Rule) of other software has the name 'hero'." in answer.json()["error"]
    assert run_text(shop, "MATCH (r:Rule) RETURN r.name AS name, r.text AS text") == [
        {"name": "hero", "text": "theirs"}
    ]
    assert RuleBook(shop).read() == ()


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ([{"name": "x"}], 400, "A rule needs a kind."),
        ([BLOCK | {"size": 1}], 400, "A rule has no field 'size'."),
        ([BLOCK | {"where": "department = 'Od'"}], 404, "No article has department_name 'Od'."),
        ([PIN, PIN | {"name": "other", "articles": "0000000000"}], 400, "pin to the same place 2."),
        ([PIN, BLOCK], 400, "blocks article 0000000031, which rule 'hero' pins."),
        (PIN, 422, "The body is invalid"),
    ],
)
def test_a_wrong_rule_is_one_sentence_and_changes_nothing(
    shop: Graph, client: TestClient, body: Any, status: int, sentence: str
) -> None:
    answer = client.post("/rules", json=body)
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["error"]
    assert RuleBook(shop).read() == ()


def test_a_running_service_follows_rules_at_once_if_it_writes_them_and_else_within_a_second(
    shop: Graph, client: TestClient
) -> None:
    before = ask(client)
    assert ask(client) == before  # from the cache
    client.post("/rules", json=[PIN])
    assert ask(client)[1] == {
        "article_id": "0000000031",
        "prod_name": "Thing 7",
        "score": None,
        "because": "pinned to place 2 by rule 'hero'",
    }
    assert ask(client, no_rules=True) == before
    client.delete("/rules/hero")
    assert ask(client) == before
    RuleBook(shop).add([Rule.model_validate(BLOCK)])
    time.sleep(STATE_CHECK_SECONDS)
    assert {int(found["article_id"]) % 2 for found in ask(client)} == {0}
    run_text(shop, "MATCH (r:Rule) SET r.until_day = date('2019-01-01')")  # by hand
    time.sleep(STATE_CHECK_SECONDS)
    assert ask(client) == before


def test_the_doors_are_equal(shop: Graph, client: TestClient, command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text(
        json.dumps([PIN, {"name": "few", "kind": "cap", "attribute": "product", "most": 1}])
    )
    assert command("rules", "add", "--file", str(tmp_path / "rules.json")) == {"added": ["hero", "few"]}
    assert command("rules", "add", "two", "cap", "--cap", "department=5", "--priority", "1") == {"added": ["two"]}
    assert [rule["name"] for rule in command("rules", "list")] == ["hero", "two", "few"]
    assert command("rules", "check") == []
    by_http = ask(client, k=6, cap="department=3")
    assert command("recommend", "c00", "-k", "6", "--method", "popular", "--cap", "department=3") == by_http
    given = {"method": "popular", "k": 6, "cap": "department=3"}
    answer = Recommender(shop).recommend(Request(customer_id="c00", **given)).articles  # type: ignore[arg-type]
    assert list(answer["because"]) == [found["because"] for found in by_http]
    out = tmp_path / "all.csv"
    words = [
        "-k",
        "6",
        "--method",
        "popular",
        "--cap",
        "department=3",
        "--format",
        "csv",
        "--columns",
        "prod_name,because",
    ]
    result = CliRunner().invoke(app, ["recommend", "--all", "--out", str(out), *words])
    assert result.exit_code == 0, result.output
    rows = pl.read_csv(out, infer_schema=False).filter(pl.col("customer_id") == "c00").to_dicts()
    assert [row["article_id"] for row in rows] == [found["article_id"] for found in by_http]
    assert [row["prod_name"] for row in rows] == [found["prod_name"] for found in by_http]
    assert [row["because"] for row in rows][:2] == ["most popular recently", "pinned to place 2 by rule 'hero'"]
    assert [row["score"] for row in rows][1] is None
    tried = command("rules", "test", "c00", "-k", "6", "--method", "popular")
    assert tried[1]["article_id"] == "0000000031"
    assert tried[1]["before"] is None
    assert command("rules", "remove", "hero", "two", "few") == {"removed": ["hero", "two", "few"]}
    assert RuleBook(shop).read() == ()
