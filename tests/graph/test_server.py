"""The local server, really started and stopped."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hmrec.cypher.errors import HmrecError, ServerUnavailable, WrongPassword
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings
from pydantic import SecretStr


def test_a_started_server_answers_on_this_machine_only(local_server: LocalServer) -> None:
    status = local_server.status()
    assert status.running
    with Graph.connect(local_server.connection()) as graph:
        assert graph.server_version() == status.version
    text = (local_server.configuration / "neo4j.conf").read_text()
    assert "server.default_listen_address=127.0.0.1" in text
    assert "0.0.0.0" not in text


def test_starting_a_running_server_changes_nothing(local_server: LocalServer) -> None:
    before = local_server.status()
    assert local_server.start() == before


def test_only_the_owner_can_read_the_password(local_server: LocalServer) -> None:
    if os.name == "posix":
        assert stat.S_IMODE(local_server.password_file.stat().st_mode) == 0o600


def test_a_wrong_password_ends_in_one_sentence_without_it(local_server: LocalServer) -> None:
    settings = local_server.connection().model_copy(update={"password": SecretStr("not-the-password")})
    with pytest.raises(WrongPassword) as caught:
        Graph.connect(settings)
    assert "not-the-password" not in str(caught.value)


def test_an_unreachable_server_is_named() -> None:
    with pytest.raises(ServerUnavailable, match="bolt://localhost:1"):
        Graph.connect(ConnectionSettings(uri="bolt://localhost:1", password=SecretStr("x")), timeout=0)


def test_an_uninstalled_server_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="hmrec db start"):
        LocalServer(tmp_path / "home").connection()


def test_a_stopped_server_keeps_its_ports_and_data(local_server: LocalServer) -> None:
    from tests.conftest import empty, run_text

    with Graph.connect(local_server.connection()) as graph:
        run_text(graph, "CREATE (:Kept {n: 1})")
    before = local_server.status()
    assert local_server.stop()
    assert not local_server.status().running
    assert not local_server.stop()
    with pytest.raises(ServerUnavailable, match="not running"):
        local_server.connection()
    after = local_server.start()
    assert (after.uri, after.http) == (before.uri, before.http)
    with Graph.connect(local_server.connection()) as graph:
        assert run_text(graph, "MATCH (n:Kept) RETURN n.n AS n") == [{"n": 1}]
        empty(graph)


def test_a_failure_of_neo4j_admin_has_its_message(local_server: LocalServer, tmp_path: Path) -> None:
    with pytest.raises(HmrecError, match="no-such-command"):
        list(local_server.admin("no-such-command", data=tmp_path / "data"))
