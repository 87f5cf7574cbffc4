"""An option without effect in a combination is an error that names it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hmrec.cli import main as cli

WITHOUT_EFFECT = {
    ("recommend", "1", "--format", "parquet"): "--format",
    ("recommend", "1", "--format", "kaggle"): "--format",
    ("recommend", "1", "--customers", "1"): "--customers",
    ("recommend", "1", "--active-days", "9"): "--active-days",
    ("recommend", "1", "--shard", "1/2"): "--shard",
    ("recommend", "1", "--columns", "prod_name"): "--columns",
    ("recommend", "--all", "--out", "x.csv", "--format", "table"): "--format",
    ("recommend", "1", "--all", "--out", "x.csv"): "--all",
    ("recommend", "1", "--out", "x.csv"): "--out",
    ("recommend", "1", "--write"): "--write",
    ("recommend", "--all", "--write", "--shard", "1/2"): "--shard",
    ("recommend", "--all", "--write", "--as-of", "2020-01-01"): "--as-of",
    ("recommend", "--all", "--write", "--columns", "because"): "--columns",
    ("recommend", "--all", "--write", "--stored"): "--stored",
    ("load", ".", "--check", "--replace"): "--replace",
    ("load", ".", "--check", "--mode", "bulk"): "--mode",
    ("load", ".", "--check", "--mode", "auto"): "--mode",
    ("load", ".", "--articles-only", "--replace"): "--replace",
    ("load", ".", "--articles-only", "--mode", "bulk"): "--mode",
    ("recommend", "1", "--only", ","): "--only",
    ("values", "-k", "5"): "--number",
    ("rules", "add", "--file", "x.json", "--place", "3"): "--place",
    ("rules", "add", "x", "pin", "--file", "x.json"): "--file",
    ("train", "--ranker", "--customers", "5"): "--ranker",
    ("train", "--ranker", "--since", "2020-01-01"): "--ranker",
    ("train", "--ranker", "--category", "Shoes"): "--ranker",
    ("train", "--ranker", "--preset", "lightgcn"): "--ranker",
    ("train", "--ranker", "--engine", "torchrec"): "--ranker",
    ("train", "--engine", "torchrec", "--most-purchases", "5"): "--most-purchases",
    ("train", "--engine", "torchrec", "--preset", "lightgcn"): "--preset",
    ("embed",): "--new",
    ("check", "--max-drop", "0.1"): "--max-drop",
    ("forget", "--expired", "--yes"): "--yes",
    ("explain", "1", "2", "--by", "hybrid", "--open"): "--open",
    ("explain", "1", "2", "--by", "hybrid", "--draw"): "--draw",
    ("explain", "1", "2", "--by", "hybrid", "--cypher"): "--cypher",
    ("explain", "1", "2", "--json", "--all"): "--all",
    ("explain", "1", "2", "--json", "--cypher"): "--cypher",
    ("query", "popular", "--all"): "--all",
    ("evaluate", "--protocol", "random-split", "--days", "7"): "--days",
    ("evaluate", "--protocol", "random-split", "--weeks", "2"): "--weeks",
    ("evaluate", "--protocol", "random-split", "--methods", "cf"): "--methods",
    ("evaluate", "--protocol", "random-split", "--customers", "5"): "--customers",
    ("evaluate", "--protocol", "random-split", "--candidates"): "--candidates",
    ("evaluate", "--candidates", "-k", "5"): "-k",
    ("evaluate", "--candidates", "--report", "x.html"): "--report",
    ("evaluate", "--depths", "5"): "--depths",
    ("evaluate", "--for", "articles", "--methods", "popular"): "--methods",
    ("evaluate", "--articles", "5"): "--articles",
    ("audience", "1", "--out", "x.csv", "--format", "csv"): "--format",
    ("segments", "--new", "--write"): "--write",
    ("segments", "-k", "4", "list"): "-k",
    ("recommend", "1", "--segment", "X"): "--segment",
    ("recommend", "1", "--customers-where", "age > 3"): "--customers-where",
    ("evaluate", "--json", "--format", "csv"): "--format",
    ("query", "-p", "k=1"): "--param",
    ("query", "--write"): "--write",
    ("query", "--text"): "--text",
    ("query", "popular", "--text", "--write"): "--write",
    ("query", "popular", "--text", "--format", "csv"): "--format",
    ("query", "popular", "--file", "x.cypher"): "--file",
    ("models", "--json", "show", "1"): "--json",
    ("models", "--format", "csv", "use", "1"): "--format",
    ("db", "open", "--customer", "1"): "--guide",
}


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hmrec", *words])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(str(caught.value.code))


@pytest.fixture(autouse=True)
def _use_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HMREC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HMREC_TIMEOUT", "0")


@pytest.mark.parametrize(("words", "named"), WITHOUT_EFFECT.items(), ids=" ".join)
def test_an_option_without_effect_is_refused(
    words: tuple[str, ...], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("hmrec: ")
    assert named in printed.err
    assert printed.err.count("\n") == 1
    assert not list(Path.cwd().iterdir())  # nothing was started


def test_text_contains_the_parameters(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "query", "customer", "--text", "-p", "customer_id=a'b") == 0
    written = capsys.readouterr().out
    assert '"a\'b"' in written
    assert "$customer_id" not in written
    assert run(monkeypatch, "query", "customer", "--text") == 0
    assert "$customer_id" in capsys.readouterr().out


def test_the_timeout_option_has_priority_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from hmrec.cli.connect import choose_timeout, chosen_timeout

    monkeypatch.setenv("HMREC_TIMEOUT", "30")
    choose_timeout(7.0)
    assert chosen_timeout() == 7.0
    choose_timeout(None)
    assert chosen_timeout() is None


def test_a_missing_folder_is_reported_before_a_download(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "load", "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
    assert not list(Path.cwd().iterdir())


def test_commands_on_a_fresh_machine_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (
        ("recommend", "1"),
        ("stock", "x.csv"),
        ("values",),
        ("train",),
        ("query", "popular"),
        ("report",),
        ("evaluate",),
        ("models",),
    ):
        assert run(monkeypatch, *words) == 1
        assert "`hmrec load DIR` and `hmrec demo` install it and load data" in capsys.readouterr().err
