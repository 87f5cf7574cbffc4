"""The real Neo4j that the tests use.

The server of HMREC_TEST_NEO4J_URI if set, else a container if a Docker engine answers, else a local server in a
temporary folder. Never a fake, and never skipped.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from hmrec.cypher.catalogue import load_catalogue, parse_bare_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.install import NEO4J_VERSION
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings, ServerSettings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from typer.testing import CliRunner

_OURS = ("HMREC_TEST_", "HMREC_FORBID_SKIP", "HMREC_WRITE_DOCS")
for _name in [name for name in os.environ if name.startswith(("NEO4J_", "HMREC_")) and not name.startswith(_OURS)]:
    del os.environ[_name]  # tests never touch the developer's own graph

hypothesis_settings.register_profile(
    "hmrec", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
hypothesis_settings.load_profile("hmrec")  # tests assert behaviour, not seconds

os.environ.pop("COLUMNS", None)  # what tests print has the width of a file, whatever terminal they run in

os.environ["JDK_JAVA_OPTIONS"] = "-XX:TieredStopAtLevel=1"
"""For the servers of tests: they live too short to gain from a second compilation, which takes half of their time."""

PROGRAMS = Path(platformdirs.user_cache_dir("hmrec", appauthor=False))  # downloaded once for all test runs


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Use one process if HMREC_TEST_NEO4J_URI is set: each test empties that server's graph."""
    if os.environ.get("HMREC_TEST_NEO4J_URI"):
        config.option.numprocesses, config.option.dist = 0, "no"


def make_local_server(home: Path) -> LocalServer:
    """Return a local server with little memory and its own ports; test runs share its programs."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = {"bolt_port": 17700 + 20 * worker, "http_port": 17900 + 20 * worker}  # workers start together
    settings = ServerSettings(home=home, programs=PROGRAMS, heap="1g", page_cache="512m", **ports)
    return LocalServer(settings=settings)


@pytest.fixture(scope="session")
def local_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Start a local server; tests may stop it and replace its data."""
    server = make_local_server(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


def _docker_answers() -> bool:
    import docker
    from docker.errors import DockerException

    try:
        return bool(docker.from_env().ping())
    except DockerException:
        return False


@pytest.fixture(scope="session")
def connection(request: pytest.FixtureRequest) -> Iterator[ConnectionSettings]:
    """Return the settings to connect to the test server."""
    if uri := os.environ.get("HMREC_TEST_NEO4J_URI"):
        yield ConnectionSettings(
            uri=uri,
            username=os.environ.get("HMREC_TEST_NEO4J_USERNAME", "neo4j"),
            password=SecretStr(os.environ.get("HMREC_TEST_NEO4J_PASSWORD", "")),
            database=os.environ.get("HMREC_TEST_NEO4J_DATABASE", "neo4j"),
        )
    elif _docker_answers():
        from testcontainers.neo4j import Neo4jContainer

        with Neo4jContainer(f"neo4j:{NEO4J_VERSION}-community", password="a-password-for-tests") as container:
            yield ConnectionSettings(
                uri=container.get_connection_url(),
                password=SecretStr("a-password-for-tests"),
                database="neo4j",
            )
    else:
        server: LocalServer = request.getfixturevalue("local_server")
        yield server.connection()


def connection_environment(connection: ConnectionSettings) -> dict[str, str]:
    """Return the environment variables with which commands connect to the test server."""
    return {
        "NEO4J_URI": connection.uri,
        "NEO4J_USERNAME": connection.username,
        "NEO4J_PASSWORD": connection.password.get_secret_value(),
        "NEO4J_DATABASE": connection.database,
    }


def run_json(*arguments: str) -> Any:
    """Run a command of hmrec's in this process, with this environment, and return its JSON."""
    from hmrec.cli.main import app

    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def command(connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return `run_json`, whose commands connect to the test server."""
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    return run_json


def run_text(graph: Graph, text: str, **parameters: object) -> list[dict[str, object]]:
    """Run Cypher written in a test."""
    return graph.write(parse_bare_query(text, Path("test.cypher")), **parameters).rows


LASTING = frozenset(
    re.findall(
        r"^CREATE (?:CONSTRAINT|INDEX) (\w+)",
        "\n".join(query.text for query in load_catalogue().values() if query.folder == "schema"),
        re.MULTILINE,
    )
)
"""Names of the constraints and indexes that a load creates."""


def empty(graph: Graph, *, lasting: frozenset[str] = LASTING) -> None:
    """Remove every node and relationship, and the constraints and indexes but for the lasting ones.

    Each change of them makes the server plan all queries anew, which takes longer than most tests.
    """
    run_text(graph, "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 1000 ROWS")
    ours = sorted(lasting)
    for row in run_text(graph, "SHOW CONSTRAINTS YIELD name WHERE NOT name IN $ours RETURN name", ours=ours):
        run_text(graph, f"DROP CONSTRAINT `{row['name']}` IF EXISTS")
    others = "type <> 'LOOKUP' AND owningConstraint IS NULL AND NOT name IN $ours"
    names = f"SHOW INDEXES YIELD name, type, owningConstraint WHERE {others} RETURN name"
    for row in run_text(graph, names, ours=ours):
        run_text(graph, f"DROP INDEX `{row['name']}` IF EXISTS")


@pytest.fixture
def graph(request: pytest.FixtureRequest, connection: ConnectionSettings) -> Iterator[Graph]:
    """Yield the test server's graph, empty; without constraints and indexes too if the test is marked `bare`."""
    bare = request.node.get_closest_marker("bare") is not None
    with Graph.connect(connection) as graph:
        empty(graph, lasting=frozenset() if bare else LASTING)
        yield graph
        if bare:
            empty(graph, lasting=frozenset())  # what stands under the names of a load's indexes


@pytest.fixture(scope="module")
def module_graph(connection: ConnectionSettings) -> Iterator[Graph]:
    """Yield the test server's graph, emptied once for the module."""
    with Graph.connect(connection) as graph:
        empty(graph)
        yield graph
