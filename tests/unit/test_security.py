"""Promises of SECURITY.md that can be checked in the source code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hmrec.cypher.catalogue import load_catalogue

ROOT = Path(__file__).parents[2]
SOURCES = [file for folder in ("cypher", "loader", "graph_ml", "cli") for file in (ROOT / folder).rglob("*.py")]
EXECUTES = re.compile(
    r"\b(import pickle|pickle\.|cPickle|dill|joblib|torch\.load\(|allow_pickle=True|exec\(|os\.system\(|os\.popen\(|"
    r"shell=True|yaml\.load\()|(?<![.\w])eval\("
)
CYPHER = re.compile(r"\b(MATCH|MERGE|UNWIND|CREATE|DETACH DELETE) ?[(\[{]")
DYNAMIC = re.compile(r":\$\(|apoc\.|LOAD CSV|\bdbms\.", re.IGNORECASE)


def test_no_source_loads_code_from_data_or_starts_a_shell() -> None:
    assert len(SOURCES) > 50
    for file in SOURCES:
        assert not EXECUTES.search(file.read_text(encoding="utf-8")), file


def test_python_contains_no_cypher() -> None:
    for file in SOURCES:
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            quoted = re.findall(r'"[^"]*"', line)
            assert not any(CYPHER.search(text) for text in quoted), f"{file}:{number}"


def test_no_query_builds_names_from_values_or_reads_files() -> None:
    for query in load_catalogue().values():
        assert not DYNAMIC.search(query.body), query.name


def test_lists_on_the_service_s_page_are_never_logged() -> None:
    asking = re.compile(r"request\((?:path\()?'/?recommend'")
    found = [(file.name, line) for file in sorted((ROOT / "cli/service/page").glob("*.js")) if ".min." not in file.name
             for line in file.read_text(encoding="utf-8").splitlines() if asking.search(line)]  # fmt: skip
    assert {name for name, _ in found} == {"lists.js", "segments.js"}
    for name, line in found:
        assert re.search(r"log(: |', )'false'", line) or "body" in line, f"{name}: {line}"


@pytest.mark.parametrize("path", re.findall(r"`(tests/[\w/.]+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8")))
def test_each_promise_names_an_existing_test(path: str) -> None:
    assert (ROOT / path).is_file()
