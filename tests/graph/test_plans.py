"""Every recommender and explanation starts from an index seek; none reads all nodes or all relationships."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import neo4j
import pytest
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.loader.load import load_folder

from tests.conftest import run_text
from tests.graph.shops import write_small_journey

# gnn is not listed: it starts at the few (:Model) nodes, and with a filter compares all articles.
QUERIES = sorted(
    query.name
    for query in load_catalogue().values()
    if query.folder in ("recommend", "explain") and query.name != "gnn"
)
FORBIDDEN = ("AllNodesScan", "NodeByLabelScan", "RelationshipTypeScan", "AllRelationshipsScan", "CartesianProduct")
FEW = re.compile(r":(Model|Relations|CustomerGroup|Lists|\w+InForce)\b")
"""Nodes of which there are few in any shop; the planner may scan them and join them."""
START_POWERS = ("NodeUniqueIndexSeek", "NodeIndexSeek", "DirectedRelationshipIndexSeek")


@pytest.fixture(scope="module")
def known(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("journey")
    write_small_journey(folder, articles=1_000)
    load_folder(folder, server=None, graph=module_graph)
    customer_id = module_graph.read("customers_by_purchases", skip=20, k=1)["customer_id"][0]
    article_id = module_graph.read("user_based_cf", customer_id=customer_id)["article_id"][0]
    return {"customer_id": customer_id, "article_id": article_id}


def profile(connection: ConnectionSettings, name: str, **given: Any) -> dict[str, Any]:
    """Return the profiled plan of a query."""
    plan = plan_anew(connection, name, "PROFILE", **given).profile
    assert plan is not None
    return plan


def plan_anew(connection: ConnectionSettings, name: str, how: str, **given: Any) -> neo4j.ResultSummary:
    """Return what a query's EXPLAIN or PROFILE says, with a plan made for the graph as it is now."""
    query, renew = load_catalogue()[name], load_catalogue()["renew_plans"]
    wanted = {key: value for key, value in given.items() if key in query.parameters}
    with connect(connection) as session:
        session.run(renew.text, renew.bind({})).consume()  # a plan and statistics of another test's graph
        return session.run(f"{how} {query.text}", query.bind(wanted)).consume()


@contextmanager
def connect(connection: ConnectionSettings) -> Iterator[neo4j.Session]:
    """Yield a session of the driver."""
    auth = (connection.username, connection.password.get_secret_value())
    with (
        neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver,
        driver.session(database=connection.database) as session,
    ):
        yield session


def walk(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operators in their order of execution: the leftmost leaf first."""
    for child in plan.get("children", []):
        yield from walk(child)
    yield plan


def find_forbidden(operators: list[dict[str, Any]]) -> list[str]:
    """Return the forbidden operators of a profiled plan, except for those on few nodes, and joins of few rows."""
    found = [one for one in operators if any(word in one["operatorType"] for word in FORBIDDEN)]
    details = [
        one["args"].get("Details", "") for one in found if "Cartesian" not in one["operatorType"] or one["rows"] > 10
    ]
    return [text for text in details if not FEW.search(text)]


@pytest.mark.parametrize("as_of", [None, "2017-11-01"])
@pytest.mark.parametrize("name", QUERIES)
def test_the_plan_starts_with_an_index_seek_and_scans_nothing(
    module_graph: Graph, connection: ConnectionSettings, known: dict[str, str], name: str, as_of: str | None
) -> None:
    where = [[["department_name", "in", ["GROCERY"]], ["price", "<", 2.0]]]
    filters = {"in_season": 30, "max_price": 5.0, "where": where, "new_only": name != "own_repurchases"}
    for given in ({}, filters):
        operators = list(walk(profile(connection, name, **known, **given, as_of=as_of)))
        kinds = [operator["operatorType"].split("@")[0] for operator in operators]
        assert kinds[0].startswith(START_POWERS), kinds[0]
        assert not find_forbidden(operators)


def test_the_state_is_read_from_the_count_store_and_the_end_of_the_index(
    module_graph: Graph, connection: ConnectionSettings, known: dict[str, str]
) -> None:
    operators = list(walk(profile(connection, "graph_state")))
    kinds = [operator["operatorType"].split("@")[0] for operator in operators]
    assert sum("CountFromCountStore" in kind for kind in kinds) == 3
    assert not [kind for kind in kinds if "Sort" in kind and "Top" in kind]
    purchases = [o for o in operators if "BOUGHT" in o["args"].get("Details", "") and "Index" in o["operatorType"]]
    assert purchases
    assert all(operator["rows"] <= 1 for operator in purchases)
    newest = run_text(module_graph, "MATCH ()-[b:BOUGHT]->() RETURN max(b.t_dat) + duration({days: 1}) AS until")
    assert read_state(module_graph).until == newest[0]["until"]


@pytest.mark.parametrize("as_of", [None, "2017-11-01"])
def test_the_latest_buyers_are_read_from_the_index_in_order_and_no_further(
    module_graph: Graph, connection: ConnectionSettings, known: dict[str, str], as_of: str | None
) -> None:
    plan = profile(connection, "user_based_cf", **known, as_of=as_of, buyers=10, articles=20)
    seeks = [o for o in walk(plan) if "t_dat < until" in o["args"].get("Details", "") and "Seek" in o["operatorType"]]
    skipping = [o for o in seeks if "since" not in o["args"]["Details"] and "article_id = " in o["args"]["Details"]]
    assert any(o["rows"] <= 20 * 10 for o in skipping), [o["args"]["Details"] for o in seeks]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("rule_facts", {"conditions": [[[["price", "<", 2.0]]]], "new_days": [28], "properties": ["department_name"]}),
        ("passing_articles", {"where": [[["price", "<", 2.0]]]}),
        ("scopes_of_customer", {"conditions": [[[["age", ">", 20]], [["segment", "in", ["x"]]]]]}),
    ],
)
def test_what_rules_ask_about_a_list_is_looked_up_by_id(
    connection: ConnectionSettings, known: dict[str, str], name: str, given: dict[str, Any]
) -> None:
    ids = {"article_ids": [known["article_id"]], "only": [known["article_id"]], "customer_id": known["customer_id"]}
    operators = list(walk(profile(connection, name, **ids, **given)))
    for operator in operators:
        if "Scan" in operator["operatorType"]:
            assert operator["rows"] == 0, operator  # the branch for all
