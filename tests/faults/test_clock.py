"""Clocks that jump: what tells newer from older, mine from theirs, and left from used goes by no clock."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import neo4j
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.loader.load import load_folder

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes


def test_a_load_of_the_future_hides_no_later_one(graph: Graph, tmp_path: Path) -> None:
    load_two_tastes(graph, tmp_path / "first", weeks=1)
    run_text(
        graph, "MATCH (l:Load) SET l.started = '2099-01-01T00:00:00+00:00', l.finished = '2099-01-01T00:01:00+00:00'"
    )
    answered = read_state(graph)
    second = tmp_path / "second"
    second.mkdir()
    row = "t_dat,customer_id,article_id,price,sales_channel_id\n2020-09-21,c00,0000000000,0.01,1\n"
    (second / "transactions_train.csv").write_text(row)
    report = load_folder(second, server=None, graph=graph, mode="stream", max_bad=0)
    assert graph.read("loads")["load"][0]["id"] == report.id
    newest = read_state(graph).newest_load
    assert newest != answered.newest_load  # a service forgets its answers
    assert newest is not None
    assert newest.id == report.id

    run_text(graph, "MATCH (l:Load {id: $id}) SET l.finished = null, l.replacing = 'deleting'", id=report.id)  # cut off
    with pytest.raises(UserMistake, match="is incomplete"):
        load_folder(tmp_path / "first", server=None, graph=graph, mode="stream")
    again = load_folder(second, server=None, graph=graph, mode="stream")
    assert again.id == report.id  # it goes on
    assert not run_text(graph, "MATCH (l:Load) WHERE l.finished IS NULL RETURN l")
    assert run_text(graph, "MATCH ()-[b:BOUGHT]->() RETURN count(b) AS n") == [{"n": 1}]


def test_the_claim_is_whose_transaction_began_first_by_number(graph: Graph, connection: ConnectionSettings) -> None:
    auth = (connection.username, connection.password.get_secret_value())
    with neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver, ExitStack() as opened:
        for number in range(12):  # among them is a step from a number of one digit more than the one before
            session = opened.enter_context(driver.session(database=connection.database))
            claim = opened.enter_context(session.begin_transaction(metadata={"hmrec": "claim", "id": f"{number:02}"}))
            claim.run("RETURN 1").consume()
        found = [row[0] for row in graph.read_rows("claims", database=connection.database)[1]]
        assert found == [f"{number:02}" for number in range(12)]
