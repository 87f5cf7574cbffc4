"""Settings from the environment and .env are read exactly, or end in one sentence."""

from __future__ import annotations

import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hmrec.cypher.errors import NoHome, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings, ServerSettings


@pytest.fixture(autouse=True)
def _use_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTHER", "/home/me")


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("'a${OTHER}b'", "a${OTHER}b"),
        ("'$OTHER #1'", "$OTHER #1"),
        ('"a${OTHER}b"', "a/home/meb"),
        ("a${OTHER}b", "a/home/meb"),
        ("${UNKNOWN}x", "x"),
        ("pass #word", "pass"),
        ("'pass #word'", "pass #word"),
        ("pass#word", "pass#word"),
        (r"'it\'s \\ fine'", r"it's \ fine"),
        (r'"a\"b"', 'a"b'),
        ("a=b==", "a=b=="),
        ("'zoë €'", "zoë €"),
        ("'a$b'", "a$b"),
        ("a$b", "a$b"),
    ],
)
def test_a_password_in_dot_env(written: str, password: str) -> None:
    Path(".env").write_text(f"export OTHER_THING=1\nNEO4J_PASSWORD={written}\n", encoding="utf-8")
    assert ConnectionSettings().password.get_secret_value() == password


def test_a_byte_order_mark_and_crlf_are_accepted() -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfNEO4J_URI=bolt://localhost:1\r\nNEO4J_PASSWORD=x\r\nHMREC_TIMEOUT=7\r\n")
    settings = ConnectionSettings()
    assert (settings.uri, settings.password.get_secret_value(), settings.timeout) == ("bolt://localhost:1", "x", 7.0)


@pytest.mark.parametrize(
    "content",
    [b"NEO4J_URI=bolt://localhost:7688\n# caf\xe9\n", "NEO4J_URI=bolt://h\n#\u00e9\n".encode("utf-16")],
    ids=["latin-1", "utf-16"],
)
def test_a_dot_env_that_is_not_utf_8_is_named(content: bytes) -> None:
    Path(".env").write_bytes(content)
    with pytest.raises(UserMistake, match=r"\.env is not UTF-8 text \(line \d\)\. Save it as UTF-8"):
        ConnectionSettings()


def test_an_open_quote_is_named_without_the_value() -> None:
    Path(".env").write_text("A=1\nNEO4J_PASSWORD='abc\n")
    with pytest.raises(UserMistake, match=r"\.env, line 2, is not KEY=VALUE") as caught:
        ConnectionSettings()
    assert "abc" not in str(caught.value)


def test_the_environment_has_priority_over_dot_env_and_empty_values_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("NEO4J_URI=bolt://file:1\nNEO4J_USERNAME=file\nHMREC_HOME=\n")
    monkeypatch.setenv("NEO4J_URI", "bolt://environment:1")
    monkeypatch.setenv("NEO4J_USERNAME", "")
    settings = ConnectionSettings()
    assert (settings.uri, settings.username) == ("bolt://environment:1", "file")
    assert ServerSettings().home.is_absolute()


@pytest.mark.parametrize(
    "uri",
    ["bolt://neo4j:pw@host:7687", "neo4j+s://me@host", "bolt://neo4j:p@ss/w#x@host", "bolt://:pw@host"],
)
def test_an_address_with_credentials_is_an_error(uri: str) -> None:
    with pytest.raises(UserMistake, match="NEO4J_USERNAME and NEO4J_PASSWORD") as caught:
        ConnectionSettings(uri=uri)
    assert "pw" not in str(caught.value)
    assert "p@ss" not in str(caught.value)


def test_a_user_without_a_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pwd

    def find(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", find)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NoHome, match="HMREC_HOME"):
        ServerSettings()
    monkeypatch.setenv("HMREC_HOME", str(tmp_path))
    assert ServerSettings().home == tmp_path


@pytest.mark.parametrize("scheme", ["bolt", "neo4j", "bolt+s"])
def test_the_address_of_a_web_server_ends_in_one_sentence(scheme: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(UserMistake, match="speaks HTTP, not Bolt"):
            Graph.connect(ConnectionSettings(uri=f"{scheme}://localhost:{server.server_port}"), timeout=4)
        server.shutdown()
