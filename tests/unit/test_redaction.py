"""No secret is printed, wherever it stands: in an address, in .env, in an argument, in a traceback or in a log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hmrec.cli import main as cli
from hmrec.cypher.redaction import redact

from tests.unit.commands import list_commands
from tests.unit.test_every_command import HMREC, NOWHERE

COMMANDS = list_commands()
SECRET = "sEcReT99/@#x"
PARTS = ("sEcReT99", "@#x")


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HMREC, *words], env=os.environ | {"HMREC_TIMEOUT": "0"} | environment, cwd=cwd, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip


def assert_hidden(printed: str) -> None:
    assert not any(part in printed for part in PARTS), printed


@pytest.mark.parametrize("as_json", [False, True], ids=["words", "json"])
@pytest.mark.parametrize("place", ["environment", ".env"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_a_secret(
    words: tuple[str, ...],
    place: str,
    as_json: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = {
        "NEO4J_URI": f"bolt://neo4j:{SECRET}@localhost:1",
        "NEO4J_PASSWORD": SECRET,
        "HMREC_TOKEN": f"{SECRET}-and-more",
        "HMREC_HOME": str(tmp_path / "file" / "home"),  # no folder can be made there
        "HMREC_TIMEOUT": "0",
    }
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    if place == ".env":
        (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
    else:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
    options = [word.format(file=tmp_path / "file") for word in NOWHERE.get(words, [])]
    monkeypatch.setattr(sys, "argv", ["hmrec", *words, *options, *(["--json"] if as_json else [])])
    with pytest.raises(SystemExit):
        cli.main()
    printed = capsys.readouterr()
    assert_hidden(printed.out + printed.err)


def test_an_address_with_credentials_says_where_they_go(tmp_path: Path) -> None:
    result = run("query", "popular", cwd=tmp_path, NEO4J_URI="bolt://neo4j:sEcReT99@localhost:7687")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "hmrec: The address in NEO4J_URI contains a user name or a password. Write it without them, as in "
        "bolt://localhost:7687, and set NEO4J_USERNAME and NEO4J_PASSWORD.\n"
    )


@pytest.mark.parametrize(
    "words",
    [
        ("load", f"bolt://neo4j:{SECRET}@host"),
        ("recommend", SECRET),
        ("query", f"bolt://neo4j:{SECRET}@host"),
        ("query", f"bolt://neo4j:{'sEcReT99' * 20}@host"),  # cut off before its @
        ("query", SECRET),
        ("load", ".", "--map", SECRET),
        ("evaluate", "--methods", SECRET),
        ("recommend", "1", "--method", SECRET),
        ("serve", "--host", f"neo4j:{SECRET}@host"),
        ("query", "popular", "-p", f"{SECRET}=1"),
        ("query", "--file", SECRET),
        ("report", "--out", f"/dev/null/{SECRET}"),
        (f"--{SECRET}",),
        (SECRET,),
    ],
)
def test_no_message_repeats_a_secret_that_stands_in_the_line(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_URI", "bolt://localhost:1")
    monkeypatch.setenv("NEO4J_PASSWORD", SECRET)
    monkeypatch.setenv("HMREC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HMREC_TIMEOUT", "0")
    monkeypatch.setattr(sys, "argv", ["hmrec", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code in (1, 2)
    printed = capsys.readouterr()
    assert printed.err
    assert_hidden(printed.out + printed.err)


def test_a_traceback_is_redacted(tmp_path: Path) -> None:
    result = run("query", SECRET, "--debug", cwd=tmp_path, NEO4J_PASSWORD=SECRET)
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "***" in result.stderr
    assert_hidden(result.stderr)


def test_what_libraries_log_and_warn_is_redacted(tmp_path: Path) -> None:
    code = (
        "import logging, sys; from hmrec.cli import main as cli\n"
        "def fail(*_): logging.getLogger('driver').error('to %s', 'bolt://neo4j:sEcReT99@host'); "
        "print('pw sEcReT99', file=sys.stderr)\n"
        "cli._put_first = fail\ncli.main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NEO4J_PASSWORD": "sEcReT99"}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "bolt://***@host" in result.stderr
    assert "pw ***" in result.stderr
    assert_hidden(result.stderr)


def test_the_service_s_sentences_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    from hmrec.cli.service.failures import _answer

    monkeypatch.setenv("NEO4J_PASSWORD", SECRET)
    assert_hidden(bytes(_answer(400, f"no {SECRET}", f"see bolt://neo4j:{SECRET}@host").body).decode())


def test_plain_addresses_and_words_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_PASSWORD", "neo4j")  # the default one: hiding it would hide the product's name
    for text in (
        "No Neo4j server answers at bolt://localhost:7687.",
        "Write neo4j+s://xyz.databases.neo4j.io.",
        "Neo4j Browser is at http://localhost:7474/browser/",
        "bolt://[::1]:7687: refused",
        "write to a@b.org, see https://example.org/a:b",
    ):
        assert redact(text) == text
    monkeypatch.setenv("NEO4J_PASSWORD", "pass")  # a short one is hidden where it stands alone
    assert redact("the password is pass, passed") == "the password is ***, passed"
