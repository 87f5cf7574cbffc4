"""`import hmrec` and the commands return the same from one graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hmrec
import pandas as pd
import pytest
from hmrec.cli.main import app
from hmrec.cypher.settings import ConnectionSettings
from typer.testing import CliRunner

from tests.conftest import connection_environment
from tests.graph.shops import load_two_tastes

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def run(connection: ConnectionSettings, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs a command on the tests' graph, and returns what it prints as JSON."""
    environment = {**connection_environment(connection), "HMREC_HOME": str(tmp_path_factory.mktemp("home"))}

    def run(*words: str) -> Any:
        result = CliRunner().invoke(app, [*words, "--json"], env=environment, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


@pytest.fixture(scope="module")
def shop(module_graph: hmrec.Graph, run: Run, tmp_path_factory: pytest.TempPathFactory) -> hmrec.Graph:
    """Load a shop by the command and once more from Python, and train a small network."""
    folder = tmp_path_factory.mktemp("shop")
    load_two_tastes(module_graph, folder)
    again = hmrec.load(module_graph, folder)
    assert again.changes == {}
    assert again.to_dict()["counts"] == run("load", str(folder))["counts"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HMREC_HOME", str(tmp_path_factory.mktemp("training")))
        done = hmrec.train(module_graph, epochs=1, seed=3, most_purchases=0, ranker=False)
    assert done.rank is None
    assert done.cf is not None
    assert done.relations is not None
    assert done.describe()[0].startswith(f"Model {done.receipt.version}: embeddings")
    return module_graph


def as_records(frame: pd.DataFrame) -> Any:
    return json.loads(frame.to_json(orient="records", double_precision=15))


def test_a_list_is_that_of_the_command(shop: hmrec.Graph, run: Run) -> None:
    found = hmrec.recommend(shop, "c04", k=5, method="user_based_cf", department=["Even"])
    assert len(found.articles) == 5
    printed = run("recommend", "c04", "-k", "5", "--method", "user_based_cf", "--department", "Even")
    assert list(found.articles["article_id"]) == [row["article_id"] for row in printed]
    assert list(found.articles["score"]) == pytest.approx([row["score"] for row in printed])


def test_the_lists_of_all_are_those_of_the_command(shop: hmrec.Graph, run: Run, tmp_path: Path) -> None:
    options = ["--method", "popular", "-k", "3", "--customers-where", "age >= 50", "--columns", "prod_name,because"]
    receipt = run("recommend", "--all", "--out", str(tmp_path / "lists.parquet"), *options)
    written = pd.read_parquet(tmp_path / "lists.parquet")
    given: dict[str, Any] = {"method": "popular", "k": 3, "customers_where": "age >= 50"}
    lists = hmrec.recommend_all(shop, columns=["prod_name", "because"], **given)
    pd.testing.assert_frame_equal(lists, written)
    assert lists["customer_id"].nunique() == receipt["customers"] > 0
    assert hmrec.recommend_all(shop, tmp_path / "kaggle.csv", shard="1/2", **given) < receipt["customers"]
    assert (tmp_path / "kaggle.csv").read_text().startswith("customer_id,prediction")


def test_an_evaluation_is_that_of_the_command(shop: hmrec.Graph, run: Run) -> None:
    measured = hmrec.evaluate(shop, methods=("popular", "own_repurchases"), k=5)
    printed = run("evaluate", "--methods", "popular,own_repurchases", "-k", "5")
    assert printed["facts"]["k"] == 5
    shown = [(row["method"], row["purchases"], row["map"]) for row in printed["rows"]]
    assert shown == [(row.method, row.purchases, pytest.approx(row.map)) for row in measured.itertuples()]


def test_connect_uses_the_settings_of_the_commands(
    shop: hmrec.Graph, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    with hmrec.connect(timeout=5) as graph:
        assert graph.uri == shop.uri
        assert graph.read("counts")["customers"][0] == 42
