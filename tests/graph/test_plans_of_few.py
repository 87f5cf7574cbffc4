"""A plan that was made for a few articles is fast for many, too: the server may go on using it after a load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

from tests.conftest import run_text
from tests.graph.test_plans import FEW, QUERIES, plan_anew, walk

SCANS = re.compile("AllNodesScan|NodeByLabelScan|NodeIndexScan|NodeUniqueIndexScan|.*RelationshipTypeScan")
ABOUT_ARTICLES = ("audience", "describe_articles", "related", "related_graph", "stored")


@pytest.fixture(scope="module")
def emptied(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return a graph with all indexes, and articles without products, types or departments."""
    folder: Path = tmp_path_factory.mktemp("few")
    write_synthetic(folder, customers=3, articles=4, transactions=8, seed=1)
    load_folder(folder, server=None, graph=module_graph)
    run_text(module_graph, "MATCH (n) WHERE NOT n:Article DETACH DELETE n")
    return module_graph


@pytest.mark.parametrize("name", [*QUERIES, *ABOUT_ARTICLES])
def test_no_plan_for_a_few_articles_scans_nodes(emptied: Graph, connection: ConnectionSettings, name: str) -> None:
    plan = plan_anew(
        connection, name, "EXPLAIN", customer_id="1", article_id="1", article_ids=["1"], facts=["buyers_7"]
    ).plan
    assert plan is not None
    scans = [operator["args"]["Details"] for operator in walk(plan) if SCANS.match(operator["operatorType"])]
    assert not [details for details in scans if not FEW.search(details)]
