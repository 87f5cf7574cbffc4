"""Run what the documentation shows: the tutorial's commands, the cookbook's queries, the notebook.

HMREC_WRITE_DOCS=1 rewrites the results in the cookbook and in the notebook.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hmrec.cli import main as cli
from hmrec.cypher.catalogue import parse_bare_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.graph_ml.recommend.campaign import ROWS
from hmrec.loader.impressions import Impression, ShownArticle, record_impressions

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


def test_every_command_of_the_page_about_related_articles_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = COMMAND.findall((DOCS / "related.md").read_text(encoding="utf-8"))
    assert len(commands) == 8
    printed = {line: run(line, capsys) for line in commands}
    assert "BOUGHT_WITH" in printed["hmrec relate"]
    complements = printed["hmrec related 0001110572"]
    assert "Article relationships" in complements
    assert complements.count("bought on one day with it by") == 12
    next_ones = printed["hmrec related 0001110572 --kind next -k 5"]
    assert next_ones.count("days after it, on average") == 5
    for cart in commands[-2:]:
        assert printed[cart].count(" 000") == 5
        assert "0001110572" not in printed[cart]


def test_every_command_of_the_page_about_lists_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "lists.md").read_text(encoding="utf-8")
    commands = COMMAND.findall(text)
    assert len(commands) == 5
    printed = {line: run(line, capsys) for line in commands}
    stored = printed["hmrec recommend 1453 --stored -k 5"]
    assert stored.startswith("Stored lists ")
    assert stored.count(" 000") == 5
    monday = pl.read_csv(folder / "monday.csv", infer_schema=False)
    assert monday.columns == [*ROWS, "prod_name", "department", "because"]
    assert monday.group_by("customer_id", "department").len()["len"].max() == 3
    assert monday["because"].null_count() == 0
    assert set(monday.group_by("customer_id").len()["len"]) == {5}
    assert pl.read_csv(folder / "few.csv", infer_schema=False)["customer_id"].unique().sort().to_list() == [
        "1453",
        "34",
    ]
    assert pl.read_parquet(folder / "part.parquet").columns == list(ROWS)


def test_every_command_of_the_page_about_audiences_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = COMMAND.findall((DOCS / "audience.md").read_text(encoding="utf-8"))
    assert len(commands) == 7
    printed = {line: run(line, capsys) for line in commands}
    audience = pl.read_csv(folder / "audience.csv", infer_schema=False)
    assert audience.columns == ["customer_id", "score", "because"]
    assert audience["because"].str.contains("bought").all()
    assert "recent_buyers_of_department" in printed["hmrec evaluate --for articles --articles 50"]


def test_every_command_of_the_page_about_segments_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = COMMAND.findall((DOCS / "segments.md").read_text(encoding="utf-8"))
    assert len(commands) == 4
    printed = {line: run(line, capsys) for line in commands}
    assert "nothing was written" in printed["hmrec segments -k 4"]
    assert "is in force" in printed["hmrec segments -k 4 --write"]
    assert "0 customers were added to 4 segments" in printed["hmrec segments --new"]
    assert "times as often" in printed["hmrec segments list"]


def test_every_command_of_the_page_about_rules_runs(
    folder: Path, local_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = COMMAND.findall((DOCS / "rules.md").read_text(encoding="utf-8"))
    assert len(commands) >= 13
    try:
        printed = {line: run(line, capsys) for line in commands}
        assert len(re.findall(r"\b\d{10}\b", printed["hmrec recommend 1453 -k 12"])) == 12
        assert "promote-produce" in printed["hmrec rules list"]
        assert "0001110572" in printed["hmrec rules test 1453 -k 5"].splitlines()[3]
        assert "rule 'hero'" not in printed["hmrec recommend 1453 -k 5 --no-rules"]
        assert "It ended on" not in printed["hmrec rules check"]
    finally:
        with Graph.connect(local_server.connection()) as graph:
            graph.write("remove_rules", names=[rule["name"] for rule in graph.read_column("rules")])


def test_the_python_of_the_readme_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert len(names["found"]) == 5
    assert names["lists"]["customer_id"].nunique() > 50
    assert "customer" in capsys.readouterr().out


def list_results(notebook: Any) -> list[list[str]]:
    """Return for each cell which kinds of results it has."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [sorted({kind for output in cell.outputs for kind in output.get("data", ["text"])}) for cell in cells]


def test_the_notebook_runs_and_has_its_results(folder: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    file = DOCS / "hmrec.ipynb"
    kept, notebook = nbformat.read(file, as_version=4), nbformat.read(file, as_version=4)
    NotebookClient(notebook, timeout=600, kernel_name="python3", record_timing=False).execute()
    notebook.metadata = kept.metadata  # without the version of this Python
    for cell in notebook.cells:
        if cell.cell_type == "code":  # without warnings of libraries, which have paths of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    if os.environ.get("HMREC_WRITE_DOCS"):
        nbformat.write(notebook, file)
        kept = notebook
    assert list_results(kept) == list_results(notebook)
    shown = str(kept.cells)
    assert "UnknownCustomer" in shown
    assert "image/png" in shown
    assert "site-packages" not in shown


def test_every_command_of_the_page_about_events_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "events.md").read_text(encoding="utf-8")
    lines, _ = re.findall(r"```json\n(.*?)```", text, re.DOTALL)  # and the configuration of Kafka's connector
    (folder / "events.ndjson").write_text(lines)
    commands = COMMAND.findall(text)
    assert commands == ["hmrec events events.ndjson"] * 2 + ["hmrec recommend cookie-5f2 --method recently_viewed"]
    for command in commands[:2]:
        assert run(command, capsys).strip() in text
    cells = text.split("| --- | --- | --- |\n| 0001082185 | ", 1)[1].split("\n", 1)[0].strip("| ").split(" | ")
    row = next(line for line in run(commands[2], capsys).splitlines() if "0001082185" in line)
    assert all(cell in row for cell in cells), row


def test_every_command_of_the_page_about_outcomes_runs(
    folder: Path, local_server: LocalServer, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "outcomes.md").read_text(encoding="utf-8")
    commands = COMMAND.findall(page)
    assert len(commands) == 9
    shown = Impression("1453", (ShownArticle("0001082185", 0.5),), "popular", datetime(2017, 12, 30, 9, tzinfo=UTC))
    assert "0 expired lists were removed" in run("hmrec forget --expired", capsys)
    with Graph.connect(local_server.connection()) as graph:
        record_impressions(graph, [shown])
    printed = {line: run(line, capsys) for line in commands if line != "hmrec forget --expired"}
    assert "popular" in printed["hmrec outcomes --by method --window 7"]
    assert "1.000 (1.000 to 1.000)" in printed["hmrec outcomes --since 2017-12-01 --until 2018-01-01 --by place"]
    assert "too early" in printed["hmrec experiment show pop-or-cf"]
    assert "what was shown" in printed["hmrec outcomes --off-policy popular,user_based_cf"]
    for line in (commands[3], commands[6]):
        assert printed[line].strip() in page, line


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
