"""The smallest shops pass every command that trains or recommends, or end in one sentence that says what is missing."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.recommend import Recommender
from hmrec.loader.load import load_folder
from typer.testing import CliRunner

from tests.conftest import connection_environment

DAY = dt.date(2020, 9, 20)


def draw_rows(number: int, customers: int, articles: int, days: int) -> list[tuple[dt.date, str, str]]:
    """Draw random purchases, with at least one of each customer and article on the last day."""
    random = np.random.default_rng(0)
    return [
        (DAY - dt.timedelta(days=int(day)), f"c{customer:02}", f"a{article:02}")
        for customer, article, day in zip(
            random.integers(customers, size=number), random.integers(articles, size=number),
            [0, *random.integers(days, size=number - 1)], strict=True,
        )
    ]  # fmt: skip


SHOPS = {
    "one purchase": [(DAY, "c1", "1")],
    "three purchases": [(DAY, "c1", "1"), (DAY + dt.timedelta(1), "c2", "2"), (DAY + dt.timedelta(2), "c1", "2")],
    "50 customers and 12 articles": draw_rows(400, 50, 12, 100),
}


@pytest.mark.parametrize("name", SHOPS)
def test_the_smallest_shops_pass_every_command(
    name: str, graph: Graph, connection: ConnectionSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (connection_environment(connection) | {"HMREC_HOME": str(tmp_path / "home")}).items():
        monkeypatch.setenv(variable, value)
    write(tmp_path / "shop", SHOPS[name])
    load_folder(tmp_path / "shop", server=None, graph=graph, mode="stream")
    customer = SHOPS[name][0][1]
    customers = len({row[1] for row in SHOPS[name]})

    trained = run("train", "--json")
    assert trained["customers"] == customers
    for method in ("auto", "gnn", "cf", "popular"):
        found = run("recommend", customer, "--method", method, "--json")
        assert all(article["score"] is not None for article in found)
    assert run("recommend", customer, "--json")
    run("recommend", "--all", "--out", str(tmp_path / "lists.csv"))
    assert pl.read_csv(tmp_path / "lists.csv").height == customers
    run("report", "--out", str(tmp_path / "graph.html"))
    assert (tmp_path / "graph.html").stat().st_size
    run("evaluate", "--customers", "5", "--format", "json")
    run("explain", customer, SHOPS[name][0][2], "--json")
    run("explain", customer, SHOPS[name][0][2], "--by", "hybrid", "--json")

    write(tmp_path / "more", [*SHOPS[name], (DAY, "someone new", "something new")])
    load_folder(tmp_path / "more", server=None, graph=graph, mode="stream")
    added = run("embed", "--new", "--json")
    assert (added["customers"], added["articles"]) == (1, 1)
    assert run("recommend", "someone new", "--json")


def run(*command: str) -> dict:  # type: ignore[type-arg]
    """Run a command, and return its JSON; UserMistake ends in one sentence, other errors fail the test."""
    result = CliRunner().invoke(app, list(command))
    if isinstance(result.exception, UserMistake):
        assert command[0] in ("evaluate", "explain"), result.exception.message
        assert result.exception.message.endswith(".")
        assert "\n" not in result.exception.message
        return {}
    assert result.exception is None, (command, result.stderr, result.exc_info)
    found: dict = json.loads(result.stdout) if result.stdout.startswith(("{", "[")) else {}  # type: ignore[type-arg]
    return found


def write(folder: Path, rows: list[tuple[dt.date, str, str]]) -> None:
    """Write only the transactions, the minimum for a shop."""
    folder.mkdir()
    frame = pl.DataFrame(rows, schema=["t_dat", "customer_id", "article_id"], orient="row")
    frame.with_columns(price=0.05, sales_channel_id=2).write_csv(folder / "transactions_train.csv")


def test_an_empty_graph_needs_no_warm_up(graph: Graph) -> None:
    recommender = Recommender(graph)
    recommender.warm_up()
    assert not len(recommender.caches.lists)
