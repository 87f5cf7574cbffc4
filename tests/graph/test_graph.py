"""The access to the driver: reads, writes, and the errors for Neo4j's refusals."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest
from hmrec.cypher.catalogue import Query, parse_bare_query
from hmrec.cypher.errors import HmrecError, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_counts, read_state


def query(text: str) -> Query:
    return parse_bare_query(text, Path("test.cypher"))


def test_read_returns_a_frame_with_python_dates(graph: Graph) -> None:
    frame = graph.read(query("UNWIND [1, 2] AS n RETURN n, date('2020-09-22') AS day, [date('2020-01-01')] AS days"))
    assert list(frame["n"]) == [1, 2]
    assert frame["day"][0] == dt.date(2020, 9, 22)
    assert frame["days"][0] == [dt.date(2020, 1, 1)]


@dataclass(frozen=True)
class Number:
    n: int
    day: dt.date


def test_rows_become_objects_by_column_names(graph: Graph) -> None:
    numbers = query("UNWIND [1, 2] AS n RETURN date('2020-09-22') AS day, n")
    day = dt.date(2020, 9, 22)
    assert graph.read_as(Number, numbers) == [Number(1, day), Number(2, day)]
    assert graph.read_one(Number, numbers) == Number(1, day)
    assert graph.read_one(Number, query("MATCH (n:Nothing) RETURN n.n AS n, n.day AS day")) is None
    assert graph.read_column(query("UNWIND [1, 2] AS n RETURN n")) == [1, 2]
    with pytest.raises(TypeError, match="colour"):
        graph.read_as(Number, query("RETURN 1 AS n, 'red' AS colour"))


def test_an_empty_graph_has_a_state_too(graph: Graph) -> None:
    state = read_state(graph)
    assert (state.customers, state.articles, state.bought, state.loads) == (0, 0, 0, ())
    assert (state.until, state.model, state.newest_load) == (None, None, None)
    assert state.is_settled
    assert set(vars(read_counts(graph)).values()) == {0}


def test_the_state_distinguishes_running_and_finished_loads(graph: Graph) -> None:
    graph.write(query("CREATE (:Load {id: 'a', number: 1, finished: datetime('2020-09-22T08:00Z'), started: 'later'})"))
    done = read_state(graph)
    assert done.newest_load == ("a", "2020-09-22T08:00:00Z")
    assert done.is_settled
    graph.write(query("CREATE (:Load {id: 'b', number: 2, started: 'earlier'})"))
    running = read_state(graph)
    assert running.loads == (("b", None), ("a", "2020-09-22T08:00:00Z"))
    assert not running.is_settled
    assert running.database == done.database


def test_an_empty_result_keeps_its_columns(graph: Graph) -> None:
    assert list(graph.read("customers_by_purchases").columns) == ["customer_id", "bought"]


def test_dates_travel_as_parameters(graph: Graph) -> None:
    frame = graph.read(query("RETURN date($day) AS day"), day=dt.date(2020, 9, 22))
    assert frame["day"][0] == dt.date(2020, 9, 22)


def test_write_returns_what_it_changed(graph: Graph) -> None:
    receipt = graph.write(query("UNWIND range(1, 3) AS n CREATE (x:Thing {n: n}) RETURN x.n AS n"))
    assert receipt.counters["nodes_created"] == 3
    assert receipt.counters["properties_set"] == 3
    assert receipt.rows == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_failed_write_changes_nothing(graph: Graph) -> None:
    with pytest.raises(HmrecError):
        graph.write(query("UNWIND [1, 0] AS n CREATE (:Thing {n: 1 / n})"))
    assert graph.read("counts")["nodes"][0] == 0


def test_all_statements_of_a_file_run(graph: Graph) -> None:
    receipt = graph.write(query("CREATE (:Thing);\nCREATE (:Thing);\n"))
    assert receipt.counters["nodes_created"] == 2


def test_reading_never_writes(graph: Graph) -> None:
    with pytest.raises(UserMistake, match="writes"):
        graph.read(query("CREATE (:Thing)"))
    assert graph.read("counts")["nodes"][0] == 0


def test_stream_yields_rows_one_by_one(graph: Graph) -> None:
    rows = graph.stream(query("UNWIND range(1, 5000) AS n RETURN n, -n AS m"), fetch_size=100)
    assert next(rows) == [1, -1]
    assert sum(1 for _ in rows) == 4999


def test_values_that_look_like_cypher_are_not_executed(graph: Graph) -> None:
    evil = "1'}) DETACH DELETE n //"
    graph.write(query("CREATE (:Customer {customer_id: $id})"), id=evil)
    assert graph.read("customer", customer_id=evil)["customer_id"][0] == evil
    assert graph.read("counts")["customers"][0] == 1


def test_a_syntax_error_has_neo4js_message(graph: Graph) -> None:
    with pytest.raises(UserMistake, match="Invalid input"):
        graph.read(query("MATCH (n RETURN n"))


def test_a_missing_database_is_named(connection: ConnectionSettings) -> None:
    with pytest.raises(HmrecError, match="nosuch"):
        Graph.connect(connection.model_copy(update={"database": "nosuch"})).read("counts")
