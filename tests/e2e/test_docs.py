"""Run what the documentation shows: the tutorial's commands, the cookbook's queries, the notebook.

HMREC_WRITE_DOCS=1 rewrites the cookbook's results.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hmrec.cli import main as cli
from hmrec.cypher.catalogue import parse_bare_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.graph_ml.recommend.campaign import ROWS

from tests.conftest import PROGRAMS, empty

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
COMMAND = re.compile(r"^    (hmrec .+)$", re.MULTILINE)
QUESTION = re.compile(r"(```cypher\n(.*?)```\n)(?:\n(?:\|[^\n]*\n)+)?", re.DOTALL)


@pytest.fixture(scope="module")
def folder(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a working folder in which commands connect to the tests' local server."""
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
    folder = tmp_path_factory.mktemp("reader")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HMREC_HOME", str(local_server.home))
        patch.setenv("HMREC_PROGRAMS", str(PROGRAMS))
        patch.setenv("HMREC_HEAP", local_server.settings.heap)
        patch.setenv("HMREC_PAGE_CACHE", local_server.settings.page_cache)
        patch.chdir(folder)
        yield folder


def run(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command, check that it succeeds, and return what it prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as caught:
            cli.main()
    printed = capsys.readouterr()
    assert caught.value.code == 0, (line, printed)
    return printed.out


def format_result(graph: Graph, text: str) -> str:
    """Return a query's rows as a Markdown table."""
    frame = graph.read(parse_bare_query(text, Path("question.cypher")))
    rows = [[f"{value:,}" if isinstance(value, int) else str(value) for value in row] for row in frame.to_numpy(object)]
    lines = [list(frame.columns), ["---"] * len(frame.columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def test_every_command_of_the_tutorial_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = COMMAND.findall((DOCS / "tutorial.md").read_text(encoding="utf-8"))
    assert len(commands) >= 18
    printed = {line: run(line, capsys) for line in commands if line != "hmrec db stop"}  # the cookbook runs next
    assert "38,354 read" in printed["hmrec load journey/"]
    assert "1453" in printed["hmrec query customers_by_purchases -p k=3"].splitlines()[3]
    assert (folder / "submission.csv").read_text().count("\n") == 61
    assert "<svg" in (folder / "graph.html").read_text(encoding="utf-8")


def test_the_cookbooks_results_are_current(folder: Path, local_server: LocalServer) -> None:
    file = DOCS / "cookbook.md"
    text = file.read_text(encoding="utf-8")
    with Graph.connect(local_server.connection()) as graph:
        assert graph.read("counts")["customers"][0] == 60, "the tutorial's test loads the data"
        made = QUESTION.sub(lambda found: f"{found[1]}\n{format_result(graph, found[2])}", text)
    if os.environ.get("HMREC_WRITE_DOCS"):
        file.write_text(made, encoding="utf-8")
    assert len(QUESTION.findall(text)) == 20
    assert made == text


def test_every_command_of_the_page_about_filters_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "filters.md").read_text(encoding="utf-8")
    (stock,) = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    (folder / "stock.csv").write_text(stock)
    commands = COMMAND.findall(text)
    assert len(commands) >= 11
    printed = {line: run(line, capsys) for line in commands}
    assert "2 of 2 articles have another availability now" in printed["hmrec stock stock.csv"]
    assert "0001005186" not in printed["hmrec recommend 1453 -k 5"]
    assert "0001005186" in printed["hmrec recommend 1453 -k 5 --include-unavailable"]
    assert printed["hmrec recommend 1453 -k 5"].count(" 000") == 5
    assert "GROCERY" in printed["hmrec values department -k 5"]


def test_every_command_of_the_page_about_lists_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "lists.md").read_text(encoding="utf-8")
    commands = COMMAND.findall(text)
    assert len(commands) == 3
    for line in commands:
        run(line, capsys)
    monday = pl.read_csv(folder / "monday.csv", infer_schema=False)
    assert monday.columns == [*ROWS, "prod_name", "department"]
    assert set(monday.group_by("customer_id").len()["len"]) == {5}
    assert pl.read_csv(folder / "few.csv", infer_schema=False)["customer_id"].unique().sort().to_list() == [
        "1453",
        "34",
    ]
    assert pl.read_parquet(folder / "part.parquet").columns == list(ROWS)


def test_the_notebook_runs(folder: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(DOCS / "hmrec.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = str(notebook.cells)
    assert "UnknownCustomer" in shown
    assert "image/png" in shown


def test_commands_in_other_pages_exist_with_their_options() -> None:
    from tests.unit.commands import list_commands

    known = list_commands()
    for page in [*DOCS.rglob("*.md"), ROOT / "README.md"]:
        for line in re.findall(r"^    (hmrec [^|#;&>\n]+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            words = re.split(r"\s{2,}", line)[0].split()[1:]
            name = tuple(words[:2]) if tuple(words[:2]) in known else tuple(words[:1])
            if words[0].startswith("-"):
                continue
            assert name in known, (page.name, line)
            options = {
                option for parameter in known[name].params for option in (*parameter.opts, *parameter.secondary_opts)
            } | {"--quiet", "--debug"}
            assert {word for word in words if word.startswith("--")} <= options, (page.name, line)
