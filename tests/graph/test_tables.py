"""Tables of the commands on terminals of 80 and 120 columns: nothing is wider, no word is cut.

`HMREC_TEST_WRITE_GOLDEN=1 pytest tests/graph/test_tables.py` writes tests/golden/ anew.
"""

from __future__ import annotations

import json
import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hmrec.cli.main import app
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.network.own_vectors import read_own_vectors
from hmrec.graph_ml.recommend.rule import Kind, Rule
from hmrec.graph_ml.recommend.rule_book import RuleBook
from hmrec.graph_ml.segments.write import write_segments
from hmrec.graph_ml.write_back.write import write_embeddings
from typer.testing import CliRunner

from tests.conftest import connection_environment, run_text
from tests.graph.shops import FIRST_DAY, load_two_tastes

GOLDEN = Path(__file__).parents[1] / "golden"
COMMANDS = (
    "models",
    "evaluate --methods popular,own_repurchases,user_based_cf",
    "recommend c00 -k 3 --method user_based_cf",
    "related 0000000002 -k 3",
    "audience 0000000030 -k 3",
    "segments list",
    "segments customers Even -k 3",
    "rules list",
    "rules test c00 -k 3",
    "query",
    "query customers_by_purchases -p k=3",
    "values department",
)
WIDTHS = (80, 120)
BOX = re.compile("[─-╿]")


@pytest.fixture(scope="module")
def environment(
    module_graph: Graph, connection: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """A shop with segments, rules and a model whose figures are always the same."""
    folder = tmp_path_factory.mktemp("shop")
    load_two_tastes(module_graph, folder)
    write_segments(module_graph, 2)
    RuleBook(module_graph).add([
        Rule(name="three-per-department", kind=Kind.cap, attribute="department", most=3),
        Rule(name="promote-odd", kind=Kind.boost, factor=3, where='department = "Odd" and price < 5', priority=2,
             customers="age >= 30", from_day=date(2020, 9, 1), until_day=date(2020, 10, 1)),
        Rule(name="hero", kind=Kind.pin, place=2, articles=("0000000031",)),
    ])  # fmt: skip
    random = np.random.default_rng(0)
    customers, articles = ([f"c{n:02}" for n in range(40)], [f"{n:010}" for n in range(30)])
    np.savez(folder / "vectors.npz", customer_ids=customers, customers=random.normal(size=(40, 8)).astype("f4"),
             article_ids=articles, articles=random.normal(size=(30, 8)).astype("f4"))  # fmt: skip
    write_embeddings(
        module_graph, read_own_vectors([folder / "vectors.npz"], "mine", FIRST_DAY, date(2020, 9, 22), "cosine")
    )
    run_text(
        module_graph,
        "MATCH (m:Model) SET m.created = datetime('2026-01-02T03:04:05Z'), m.validation_map_all = 0.0123456, "
        "m.validation_map_new = 0.000123456",
    )
    return connection_environment(connection) | {"HMREC_HOME": str(folder / "home")}


def run(environment: dict[str, str], command: str, width: int, *more: str) -> str:
    result = CliRunner().invoke(app, [*command.split(), *more], env=environment | {"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    return result.stdout


def hide_figures(lines: list[str]) -> list[str]:
    """Replace the figures that are none of the layout: measures, a last column of seconds, the catalogue's size."""
    hidden, timed = [], False
    for line in lines:
        line = re.sub(r"([-+]?)\b\d\.(\d{4}|\d\d)\b", lambda it: ("±" if it[1] else "") + "#." + "#" * len(it[2]), line)
        line = re.sub(r"^\d+ more with --all", "# more with --all", line)  # the catalogue grows
        timed = line.endswith("seconds ┃") or (timed and line[:1] in "┡│")
        hidden.append(re.sub(r"[^│]*│$", lambda cell: f"{'#':>{len(cell[0]) - 2}} │", line) if timed else line)
    return hidden


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_fit_the_terminal_as_the_golden_files_have_them(environment: dict[str, str], width: int) -> None:
    printed = ""
    for command in COMMANDS:
        output = run(environment, command, width)
        tables = [line for line in output.splitlines() if BOX.search(line)]
        assert all(len(line) <= width for line in tables), command
        lines = hide_figures([line.rstrip() for line in output.splitlines()])
        printed += "\n".join([f"$ hmrec {command}", *lines, "", ""])
    golden = GOLDEN / f"tables-{width}.txt"
    if os.environ.get("HMREC_TEST_WRITE_GOLDEN"):
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command", ["recommend c00 -k 3 --method user_based_cf", "related 0000000002 -k 3", "segments list"]
)
def test_no_word_is_cut(environment: dict[str, str], command: str) -> None:
    words = {word for row in json.loads(run(environment, command, 80, "--json")) for word in list_words(row)}
    shown = set(BOX.sub(" ", run(environment, command, 80)).split())
    assert words
    assert words <= shown


def list_words(row: dict[str, Any]) -> list[str]:
    """The words of a row's texts."""
    texts = [part for value in row.values() for part in (value if isinstance(value, list) else [value])]
    return [word for text in texts if isinstance(text, str) for word in text.split()]
