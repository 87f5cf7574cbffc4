"""Promises of every command: help with an example, JSON, quiet, errors in one sentence, no control characters."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hmrec.cli import main as cli
from hmrec.cli.terminal.complete import complete_methods
from typer.testing import CliRunner

from tests.unit.commands import list_commands

ROOT = Path(__file__).parents[2]
COMMANDS = list_commands()
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HMREC = [sys.executable, "-c", "from hmrec.cli.main import main; main()"]
NOWHERE = {
    ("load",): ["{file}/data"],
    ("recommend",): ["1"],
    ("stock",): ["{file}/stock.csv"],
    ("events",): ["{file}/events.ndjson"],
    ("forget",): ["1", "--yes"],
    ("related",): ["1"],
    ("explain",): ["1", "2"],
    ("query",): ["popular"],
    ("embed",): ["--new"],
    ("serve",): ["--port", "0"],
    ("rules", "add"): ["x", "bury", "--articles", "1"],
    ("rules", "remove"): ["x"],
    ("rules", "test"): ["1"],
    ("models", "show"): ["1"],
    ("audience",): ["1"],
    ("segments", "show"): ["x"],
    ("segments", "customers"): ["x"],
    ("models", "use"): ["1"],
    ("sample", "journey"): ["{file}/data"],
    ("sample", "synthetic"): ["{file}/data"],
    ("db", "backup"): ["{file}/x.dump"],
    ("db", "restore"): ["{file}/x.dump"],
}
"""Arguments with which each command gets to its missing files and its missing server."""


def test_all_commands_are_found() -> None:
    assert {("load",), ("db", "status"), ("models",), ("models", "use"), ("sample", "synthetic")} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_json_and_docs(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli.app, [*words, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert f"Example: hmrec {' '.join(words)}" in " ".join(result.stdout.split())
    assert not CONTROL.search(result.output)
    assert any("--json" in parameter.opts for parameter in COMMANDS[words].params)
    assert f"`hmrec {' '.join(words)}" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_failure_ends_in_one_sentence(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    options = [word.format(file=file) for word in NOWHERE.get(words, [])]
    monkeypatch.setenv("HMREC_HOME", str(file / "home"))  # no folder can be created there
    monkeypatch.setenv("HMREC_TIMEOUT", "0")
    if words[0] not in ("db", "demo"):
        monkeypatch.setenv("NEO4J_URI", "bolt://localhost:1")  # an unreachable address
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["hmrec", *words, *options, "--quiet"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    printed = capsys.readouterr()
    assert not CONTROL.search(printed.out + printed.err)
    if words == ("db", "status"):  # a missing server is a valid result
        assert caught.value.code == 0
        return
    assert caught.value.code in (1, 2)
    if words != ("doctor",):
        assert printed.out == ""
        assert re.fullmatch(r"hmrec: [^\n]+\n", printed.err), printed.err


FORCING = ("NO_COLOR", "FORCE_COLOR", "_TYPER_FORCE_DISABLE_TERMINAL")  # main() sets the last one without a terminal


def run_on_terminal(*words: str, **environment: str) -> str:
    """Run hmrec on a terminal and return its output."""
    here, there = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name not in FORCING}
    process = subprocess.Popen(
        [*HMREC, *words], env=clean | {"TERM": "xterm-256color", "COLUMNS": "100"} | environment,
        stdout=there, stderr=there, stdin=there,
    )  # fmt: skip
    os.close(there)
    parts = []
    try:
        while part := os.read(here, 65536):
            parts.append(part)
    except OSError:  # on Linux, the other end was closed
        pass
    os.close(here)
    assert process.wait(timeout=60) == 0
    return b"".join(parts).decode()


def test_colours_only_on_a_terminal_without_no_color() -> None:
    colours = re.compile(r"\x1b\[[\d;]*(3[0-7]|38;5|9[0-7])")
    assert colours.search(run_on_terminal("--help"))
    assert not colours.search(run_on_terminal("--help", NO_COLOR="1"))
    elsewhere = subprocess.run(
        [*HMREC, "--help"], env=os.environ | {"GITHUB_ACTIONS": "true", "FORCE_COLOR": "1"}, capture_output=True,
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "\x1b" not in elsewhere.stdout + elsewhere.stderr


def complete(shell: str, line: str) -> str:
    """Return the shell's completions for the line."""
    words = {"_TYPER_COMPLETE_ARGS": line, "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    completion = words | {"_HMREC_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    result = subprocess.run(HMREC, env=os.environ | completion, capture_output=True, text=True, timeout=60)
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_methods_and_queries(shell: str) -> None:
    known = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    script = subprocess.run(
        [*HMREC, "--show-completion", shell], env=known, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert f"complete_{shell}" in script
    assert "_HMREC_COMPLETE" in script
    assert "popular" in complete(shell, "hmrec recommend 1 --method po")
    assert "user_based_cf" in complete(shell, "hmrec query user_based")


def test_methods_to_evaluate_are_completed_once_each() -> None:
    assert complete_methods("user_based_cf,hy") == ["user_based_cf,hybrid"]
    assert "user_based_cf,user_based_cf" not in complete_methods("user_based_cf,")
    assert complete_methods("au") == []  # auto only chooses another method
