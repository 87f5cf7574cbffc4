"""After a load, queries are planned for the graph that is there, not for the one before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.errors import HmrecError, ServerUnavailable
from hmrec.cypher.graph import Graph
from hmrec.cypher.plans import renew_plans
from hmrec.cypher.settings import ConnectionSettings
from hmrec.loader.load import load_folder

from tests.conftest import empty
from tests.graph.shops import write_small_journey
from tests.graph.test_plans import connect, walk

ASKED = {"customer_id": "1"}


def find_scans(connection: ConnectionSettings) -> list[str]:
    """Return what the plan of user-based CF that the server has now scans."""
    query = load_catalogue()["user_based_cf"]
    with connect(connection) as session:
        plan = session.run(f"EXPLAIN {query.text}", query.bind(ASKED)).consume().plan
    assert plan is not None
    return [one["args"].get("Details", "") for one in walk(plan) if "IndexScan" in one["operatorType"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_small_journey(tmp_path / "journey", households=20)
    return tmp_path / "journey"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_load_replaces_the_plans_of_an_empty_graph(
    graph: Graph, connection: ConnectionSettings, folder: Path, replaced: bool
) -> None:
    load_folder(folder, server=None, graph=graph)
    if replaced:
        graph.write("delete_graph", keep="")
    else:
        empty(graph)
    renew_plans(graph)  # the server now takes the indexes to be empty
    load_folder(folder, server=None, graph=graph, replace=replaced)
    assert find_scans(connection) == []


def test_a_few_purchases_more_keep_the_plans(
    graph: Graph, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_folder(folder, server=None, graph=graph)
    asked: list[str] = []
    write = graph.write

    def listen(query: Any, **parameters: Any) -> Any:
        asked.append(query)
        return write(query, **parameters)

    monkeypatch.setattr(graph, "write", listen)
    article = (folder / "articles.csv").read_text().splitlines()[1].split(",")[0]
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "transactions_train.csv").write_text(
        f"t_dat,customer_id,article_id,price,sales_channel_id\n2018-01-02,1,{article},0.5,1\n"
    )
    assert load_folder(tmp_path / "day", server=None, graph=graph).changes["relationships_created"] == 1
    assert "create_purchases" in asked
    assert "renew_plans" not in asked


def test_a_server_that_refuses_keeps_the_load(graph: Graph, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = graph.write

    def refuse(query: Any, **parameters: Any) -> Any:
        if query == "renew_plans":
            raise HmrecError("Neo4j refused the query: Executing procedure is not allowed.")
        return write(query, **parameters)

    monkeypatch.setattr(graph, "write", refuse)
    report = load_folder(folder, server=None, graph=graph)
    assert "Queries may be slow until the server is restarted" in report.notes[-1]
    assert "not allowed" in report.notes[-1]
    assert graph.read_column("unfinished_loads") == []


def test_a_server_that_is_away_is_an_error(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(query: Any) -> None:
        raise ServerUnavailable("No Neo4j server answers.")

    monkeypatch.setattr(graph, "write", fail)
    with pytest.raises(ServerUnavailable):
        renew_plans(graph)
