"""The table of recommenders: old names, docs, and that a new recommender is a row, a query and a file.

HMREC_WRITE_DOCS=1 writes the table into docs/methods.md.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.recommenders import METHODS, describe_methods, explain_old_name, find_method, list_evaluated

ROOT = Path(__file__).parents[2]
OLD_NAMES = {
    "cf": "user_based_cf", "items": "item_based_cf", "together": "bought_together", "repurchases": "own_repurchases",
    "departments": "popular_in_departments", "arrivals": "new_arrivals", "segment": "popular_in_segment",
    "attributes": "by_attributes", "own repurchases": "own_repurchases", "customers like you": "user_based_cf",
    "embedding": "gnn",
}  # fmt: skip
SECTION = re.compile(r"(<!-- methods: begin -->\n).*(<!-- methods: end -->)", re.DOTALL)


def test_each_row_with_a_query_has_a_saved_query_and_a_batch_file_of_its_name() -> None:
    for method in METHODS:
        file = ROOT / "graph_ml" / "candidates" / f"{method.name}.py"
        assert (method.name in load_catalogue()) == method.has_query == file.exists(), method.name
        assert bool(method.label) == bool(method.candidates), method.name


@pytest.mark.parametrize(("old", "new"), OLD_NAMES.items(), ids=OLD_NAMES)
def test_an_old_name_is_accepted_with_a_note(old: str, new: str) -> None:
    assert find_method(old).name == new
    assert explain_old_name(old) == f"`{old}` is now called `{new}`."
    assert explain_old_name(new) == ""


@pytest.mark.parametrize("name", ["", "magic", "CF"])
def test_an_unknown_name_is_an_error_that_lists_the_names(name: str) -> None:
    with pytest.raises(UserMistake, match=r"auto, own_repurchases, .*hybrid, not"):
        find_method(name)


def test_the_docs_have_the_table() -> None:
    lines = ["| method | recommends | needs purchases | needs `hmrec train` | proposes to the ranker | old name |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for method in METHODS:
        needs = ["yes" if needed else "" for needed in (method.needs_history, method.needs_embeddings)]
        is_source = method.candidates and not method.is_retired
        proposes = f"{method.candidates}, as *{method.label}*" if is_source else ""
        cells = [f"`{method.name}`", method.doc, *needs, proposes, ", ".join(f"`{old}`" for old in method.aliases)]
        lines.append(f"| {' | '.join(cells)} |")
    file = ROOT / "docs" / "methods.md"
    text = file.read_text(encoding="utf-8")
    made = SECTION.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], text)
    if os.environ.get("HMREC_WRITE_DOCS"):
        file.write_text(made, encoding="utf-8")
    assert made == text


def test_no_other_place_lists_the_methods() -> None:
    names = [method.name for method in METHODS if method.has_query]
    for folder in ("cypher", "loader", "graph_ml", "cli", "benchmarks"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".html", ".js") and file != ROOT / "cypher" / "recommenders.py":
                text = file.read_text(encoding="utf-8")
                named = [name for name in names if re.search(rf"\b{name}\b", text) and name != "popular"]
                assert len(named) <= 4, (file, named)


SEE = """
import json
import numpy as np
from hmrec.cli.main import app
from hmrec.cli.terminal.complete import complete_method, complete_methods
from hmrec.cypher.recommenders import find_method
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.evaluate.evaluation import METHODS, list_queries
from hmrec.graph_ml.ranker.fit import RankSettings, train_ranker
from hmrec.graph_ml.ranker.sources import SOURCES
from hmrec.graph_ml.recommend.batch import LAST, Shop, prepare_steps, recommend_by_steps
from hmrec.graph_ml.recommend.plan import plan_steps
from hmrec.graph_ml.recommend.request import Preferences, Request
from tests.unit.purchases import make_two_tastes
from typer.testing import CliRunner

shop = make_two_tastes()
snapshot = Snapshot.of(shop)

def recommend(request):
    shop = Shop(snapshot, snapshot.purchases_by_customer > 0, None)
    plan = plan_steps(request, lambda: None)  # which needs no state
    steps = prepare_steps(shop, (*plan.steps, *LAST), request, request.k)
    return [found.articles for found in recommend_by_steps(steps, np.arange(2), request.k)]

def read_help(command):
    return CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "2000"}).output

chosen = tuple(source for source in SOURCES if source.name in ("toy", "own_repurchases"))
ranker = train_ranker(shop, None, RankSettings(rounds=3, weeks=2, forests=1), chosen)
print(json.dumps({
    "help": [read_help("recommend"), read_help("evaluate")],
    "completed": [complete_method("to"), complete_methods("popular,to")],
    "evaluated": [name for name in METHODS if name == "toy"] + list(list_queries("toy")),
    "http": Preferences.model_json_schema()["properties"]["method"]["enum"],
    "old name": find_method("plaything").name,
    "batch": recommend(Request(method="toy", k=3)),
    "popular": recommend(Request(method="popular", k=3)),
    "sources": ranker.sources,
}))
"""


def test_a_new_recommender_is_one_row_one_query_and_one_file(tmp_path: Path) -> None:
    package = tmp_path / "hmrec"
    for folder in ("cypher", "loader", "graph_ml", "cli"):
        shutil.copytree(ROOT / folder, package / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    table = package / "cypher" / "recommenders.py"
    row = '    Method("toy", "what a test made up", label="toys", aliases=("plaything",), candidates=20),\n'
    text = table.read_text(encoding="utf-8")
    assert '    Method("hybrid",' in text
    table.write_text(text.replace('    Method("hybrid",', row + '    Method("hybrid",'), encoding="utf-8")
    for file, first in (("cypher/recommend/{}.cypher", "// {}: "), ("graph_ml/candidates/{}.py", "def {}(")):
        text = (package / file.format("popular")).read_text(encoding="utf-8")
        assert first.format("popular") in text
        text = text.replace(first.format("popular"), first.format("toy"))
        (package / file.format("toy")).write_text(text, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEE], env=environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    recommend, evaluate = seen["help"]
    assert "toy (what a test made up)" in recommend
    assert "gnn, toy, hybrid" not in recommend
    assert "gnn, toy, hybrid" in " ".join(evaluate.split())
    assert seen["completed"] == [[["toy", "what a test made up"]], ["popular,toy"]]
    assert seen["evaluated"] == ["toy", "toy"]
    assert "toy" in seen["http"]
    assert seen["old name"] == "toy"
    assert seen["batch"] == seen["popular"]
    assert seen["sources"] == ["own_repurchases", "toy"]


def test_help_and_evaluation_list_every_method() -> None:
    assert all(f"{method.name} (" in describe_methods() for method in METHODS)
    assert set(list_evaluated()) == {method.name for method in METHODS} - {"auto"}
