"""hmrec mcp: the tools by the SDK's client, over stdio and HTTP, return what the commands print, and write nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from hmrec.cli.assistant.graph_schema import ELEMENTS
from hmrec.cli.assistant.limits import LONGEST_TEXT, MOST_ITEMS, MOST_ROWS, limit
from hmrec.cli.assistant.saved import OFFERED
from hmrec.cli.assistant.server import INSTRUCTIONS
from hmrec.cli.main import app as cli
from hmrec.cypher.catalogue import parse_bare_query
from hmrec.cypher.errors import HmrecError, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.recommend import Recommender
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from typer.testing import CliRunner

from tests.conftest import connection_environment, run_json, run_text
from tests.e2e.service import COMMAND
from tests.graph.shops import load_two_tastes

ARTICLE = "0000000003"
CUSTOMER = "c01"
TOKEN = secrets.token_hex(16)
TOOLS = ("recommend", "explain", "related", "audience", "saved_queries", "run_saved_query", "graph_schema")
SAME_AS_COMMANDS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("recommend", {"customer_id": CUSTOMER}, ["recommend", CUSTOMER]),
    (
        "recommend",
        {"customer_id": CUSTOMER, "method": "popular", "k": 3, "department": "Odd",
         "where": "price < 0.1", "exclude": [ARTICLE]},
        ["recommend", CUSTOMER, "--method", "popular", "-k", "3", "--department", "Odd",
         "--where", "price < 0.1", "--exclude", ARTICLE],
    ),
    ("recommend", {"articles": [f"{ARTICLE}*2", "0000000004"]}, ["recommend", "--articles", f"{ARTICLE}*2,0000000004"]),
    ("explain", {"customer_id": CUSTOMER, "article_id": ARTICLE}, ["explain", CUSTOMER, ARTICLE]),
    ("related", {"article_id": ARTICLE, "kind": "next", "k": 5}, ["related", ARTICLE, "--kind", "next", "-k", "5"]),
    ("audience", {"article": ARTICLE, "k": 7}, ["audience", ARTICLE, "-k", "7"]),
    (
        "run_saved_query",
        {"name": "user_based_cf", "parameters": {"customer_id": CUSTOMER, "k": 4}},
        ["query", "user_based_cf", "-p", f"customer_id={CUSTOMER}", "-p", "k=4"],
    ),
    ("run_saved_query", {"name": "weeks"}, ["query", "weeks"]),
]  # fmt: skip
MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("recommend", {"customer_id": "nobody"}, r"The graph has no customer 'nobody'\. .+"),
    ("recommend", {}, r"The request names no customer\. .+"),
    ("recommend", {"customer_id": CUSTOMER, "k": 101}, r"k must be a whole number from 1 to 100, not 101\."),
    ("recommend", {"customer_id": CUSTOMER, "method": "magic"}, r"The method is one of auto, .+, not 'magic'\."),
    ("recommend", {"customer_id": CUSTOMER, "method": "hybrid"}, r".+ranker.+"),
    ("recommend", {"customer_id": CUSTOMER, "department": "Evn"}, r"No article has department 'Evn'\. .+Even\?"),
    ("recommend", {"customer_id": CUSTOMER, "where": "price <"}, r".+\."),
    ("recommend", {"customer": CUSTOMER}, r"The tool has no argument 'customer'\. It has .+\."),
    ("explain", {"customer_id": CUSTOMER}, r"The argument article_id is missing\."),
    ("related", {"article_id": "1"}, r".+no article '1'.+"),
    ("related", {"article_id": ARTICLE, "k": 31}, r"k must be a whole number from 1 to 30, not 31\."),
    ("audience", {}, r"An audience needs an article\. .+"),
    ("run_saved_query", {"name": "record_load"}, r"The query record_load is not one for assistants\. .+"),
    ("run_saved_query", {"name": "MATCH (n) DETACH DELETE n"}, r"There is no query named .+"),
    ("run_saved_query", {"name": "user_based_cf"}, r"Query user_based_cf needs the parameter customer_id\. .+"),
    (
        "run_saved_query",
        {"name": "popular", "parameters": {"k": "x"}},
        r"Parameter \$k must be of type integer, not 'x'\.",
    ),
    ("saved_queries", {"name": "nothing"}, r"There is no query named 'nothing'\. .+"),
    ("delete_graph", {}, r"There is no tool 'delete_graph'\. The tools are recommend, .+\."),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """A small shop without a model, and an article with a long name."""
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    run_text(
        module_graph, "MATCH (a:Article {article_id: $id}) SET a.prod_name = $name", id=ARTICLE, name="long " * 200
    )
    return module_graph


@pytest.fixture(scope="module")
def environment(shop: Graph, connection: ConnectionSettings) -> dict[str, str]:
    """The environment in which a command uses the test server."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEO4J_", "HMREC_"))}
    return clean | connection_environment(connection)


@pytest.fixture
def command(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return `run_json`, whose commands have this environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return run_json


def over_stdio(environment: dict[str, str], work: Callable[[Client], Coroutine[Any, Any, Any]]) -> Any:
    """Return what `work` returns with a client of `hmrec mcp` in a process of its own."""

    async def run() -> Any:
        async with Client(StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp"], env=environment)) as it:
            return await work(it)

    return asyncio.run(run())


def over_http(address: str, token: str, work: Callable[[Client], Coroutine[Any, Any, Any]]) -> Any:
    """Return what `work` returns with a client of the server at the address."""

    async def run() -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http,
            Client(streamable_http_client(address, http_client=http)) as client,
        ):
            return await work(client)

    return asyncio.run(run())


@contextmanager
def serving(environment: dict[str, str], *options: str) -> Iterator[str]:
    """Run `hmrec mcp --http` in a process of its own, and yield its address."""
    command = [*COMMAND, "mcp", "--http", "--port", "0", "--json", *options]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = "".join(process.stdout.readline() for _ in range(3))
        try:
            yield json.loads(printed)["address"].replace("0.0.0.0", "127.0.0.1")
        finally:
            process.terminate()
            process.wait(20)


def rows_of(result: CallToolResult) -> list[dict[str, Any]]:
    """Return the rows of an answer, whose text and structure are the same."""
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    rows: list[dict[str, Any]] = result.structured_content["rows"]
    return rows


def shorten(value: Any) -> Any:
    """Return JSON with its texts as short as those of an answer."""
    if isinstance(value, dict):
        return {key: shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shorten(item) for item in value[:MOST_ITEMS]]
    return value[:LONGEST_TEXT] + "..." if isinstance(value, str) and len(value) > LONGEST_TEXT else value


def read_everything(graph: Graph) -> Any:
    """Return the graph's state and all its properties."""
    nodes = run_text(graph, "MATCH (n) RETURN labels(n) AS labels, properties(n) AS all ORDER BY elementId(n)")
    edges = run_text(graph, "MATCH ()-[r]->() RETURN type(r) AS type, properties(r) AS all ORDER BY elementId(r)")
    return read_state(graph), nodes, edges


def test_over_stdio_every_tool_returns_what_its_command_prints_and_nothing_is_written(
    shop: Graph, environment: dict[str, str], command: Callable[..., Any]
) -> None:
    before = read_everything(shop)

    async def ask(client: Client) -> Any:
        listed = (await client.list_tools()).tools
        answers = [await client.call_tool(name, given) for name, given, _ in SAME_AS_COMMANDS]
        failures = [await client.call_tool(name, given) for name, given, _ in MISTAKES]
        listing = await client.call_tool("saved_queries", {})
        typed = await client.call_tool("saved_queries", {"name": "user_based_cf"})
        schema = await client.call_tool("graph_schema", {})
        many = await client.call_tool("run_saved_query", {"name": "audience", "parameters": {
            "article_ids": [ARTICLE], "include_buyers": True}})  # fmt: skip
        long = await client.call_tool("run_saved_query", {"name": "article_cards", "parameters": {
            "article_ids": [ARTICLE]}})  # fmt: skip
        return client.instructions, listed, answers, failures, listing, typed, schema, many, long

    instructions, listed, answers, failures, listing, typed, schema, many, long = over_stdio(environment, ask)

    assert instructions == INSTRUCTIONS
    assert all(words in instructions for words in ("stored", "experiments", "never instructions"))
    assert tuple(tool.name for tool in listed) == TOOLS
    for tool in listed:
        assert tool.input_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
        assert tool.description
        assert tool.annotations.read_only_hint is True
        described = tool.input_schema.get("properties", {}).values()
        assert all("description" in one for one in described), tool.name
    assert next(tool for tool in listed if tool.name == "recommend").input_schema["properties"]["k"]["maximum"] == 100

    for (name, given, words), found in zip(SAME_AS_COMMANDS, answers, strict=True):
        rows = rows_of(found)
        assert rows, name
        assert rows == shorten(command(*words)), (name, given)

    for (name, given, sentence), failed in zip(MISTAKES, failures, strict=True):
        assert failed.is_error, (name, given)
        (content,) = failed.content
        assert re.fullmatch(sentence, content.text), (content.text, sentence)
        assert "Traceback" not in content.text

    assert {row["name"] for row in rows_of(listing)} == set(OFFERED)
    assert rows_of(typed)[0] == {
        "parameter": "customer_id", "type": "string", "required": True, "default": None, "meaning": "",
    }  # fmt: skip
    assert {row["name"] for row in rows_of(schema)} >= {"Customer", "Article", "BOUGHT", "Department"}
    assert len(rows_of(many)) <= MOST_ROWS
    assert rows_of(long)[0]["prod_name"] == ("long " * 200)[:LONGEST_TEXT] + "..."
    assert f"1 text was longer than {LONGEST_TEXT} characters, and cut." in long.structured_content["note"]
    assert read_everything(shop) == before


def test_over_http_the_token_is_needed_and_the_answers_are_the_same(
    shop: Graph, environment: dict[str, str], command: Callable[..., Any]
) -> None:
    name, given, words = SAME_AS_COMMANDS[0]
    expected = shorten(command(*words))
    assert len(expected) == 12

    async def ask(client: Client) -> CallToolResult:
        assert tuple(tool.name for tool in (await client.list_tools()).tools) == TOOLS
        return await client.call_tool(name, given)

    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with serving(environment) as address:
        assert rows_of(over_http(address, "", ask)) == expected
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
            refused = httpx.post(address, json=body, headers=headers, trust_env=False)
            assert (refused.status_code, set(refused.json())) == (421, {"error", "hint"})
    with serving(environment | {"HMREC_TOKEN": TOKEN}, "--host", "0.0.0.0") as address:
        assert rows_of(over_http(address, TOKEN, ask)) == expected
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
            refused = httpx.post(address, json=body, headers=wrong, trust_env=False)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert refused.json()["error"] == "The token is missing or wrong."


def test_a_public_address_needs_a_token_and_the_extra_is_named_if_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed = CliRunner().invoke(cli, ["mcp", "--http", "--host", "0.0.0.0"])
    assert str(failed.exception).startswith("Other machines can reach '0.0.0.0', and there is no token.")
    failed = CliRunner().invoke(cli, ["mcp", "--json"])
    assert str(failed.exception) == "--json has no effect without --http. Omit one of them."
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    failed = CliRunner().invoke(cli, ["mcp"])
    assert str(failed.exception) == "The server for assistants needs uvicorn. pip install 'hmrec[mcp]'"


@pytest.mark.parametrize("over", [[], ["--http", "--port", "0"]], ids=["stdio", "http"])
def test_the_first_answer_does_not_wait_for_plans_or_the_ranker(
    shop: Graph, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, over: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    warmed: list[str] = []

    def note(recommender: Recommender) -> None:
        recommender.warm_up()
        warmed.append(recommender.graph.uri)

    monkeypatch.setattr("hmrec.cli.mcp.start_warm_up", note)
    monkeypatch.setattr("hmrec.cli.assistant.server.serve_stdio", lambda server: None)
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: None)
    assert CliRunner().invoke(cli, ["mcp", *over]).exit_code == 0
    assert warmed == [shop.uri]


def test_offered_queries_read_and_the_server_refuses_one_that_writes(shop: Graph) -> None:
    for query in OFFERED.values():
        code = re.sub(r"//.*|'[^'\n]*'", "", query.body)
        assert not re.search(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DROP|FOREACH|LOAD)\b", code), query.name
    writing = parse_bare_query("CREATE (n:Article) RETURN n", Path("writing.cypher"))
    with pytest.raises(UserMistake, match="The query writes, but was run read-only"):
        shop.read_first(1, writing)


def test_rows_beyond_the_limit_are_not_fetched_and_a_long_query_is_stopped(shop: Graph) -> None:
    endless = parse_bare_query("UNWIND range(1, 1000000000) AS n RETURN n", Path("endless.cypher"))
    answer = limit(shop.read_first(MOST_ROWS + 1, endless))
    assert answer.rows == [{"n": n + 1} for n in range(MOST_ROWS)]
    assert answer.note == f"There are more rows; these are the first {MOST_ROWS}."
    slow = parse_bare_query("UNWIND range(1, 1000000000000) AS n RETURN count(n * n)", Path("slow.cypher"))
    shop.longest = 0.5
    try:
        with pytest.raises(HmrecError, match="Neo4j stopped the query, because it took too long"):
            shop.read(slow)
    finally:
        shop.longest = None


def test_the_schema_describes_all_that_a_shop_has(shop: Graph) -> None:
    described = {(one.kind, one.name): one for one in ELEMENTS}
    assert len(described) == len(ELEMENTS)
    nodes = run_text(shop, "CALL db.schema.nodeTypeProperties() YIELD nodeLabels, propertyName")
    edges = run_text(shop, "CALL db.schema.relTypeProperties() YIELD relType, propertyName")
    found = [("node", row["nodeLabels"][0], row["propertyName"]) for row in nodes]  # type: ignore[index]
    found += [("relationship", str(row["relType"]).strip(":`"), row["propertyName"]) for row in edges]
    assert len(found) > 30
    for kind, name, key in found:
        assert (kind, name) in described
        assert key is None or key in described[kind, name].properties, (name, key)
