"""The queries that `benchmarks.cf` compares with `user_based_cf` differ from it in speed, not in what they are for."""

from __future__ import annotations

import pytest
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.graph import Graph

from benchmarks.cf import read_other_searches, read_textbook
from tests.graph.shops import load_two_tastes

CUSTOMERS = ("c00", "c01", "c02", "c03")


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    return module_graph


@pytest.mark.parametrize("name", read_other_searches())
def test_other_ways_to_find_neighbours_find_the_same_if_all_buyers_are_used(shop: Graph, name: str) -> None:
    everything = {"buyers": 10_000, "pool": 10_000, "candidates": 10_000}
    for customer_id in CUSTOMERS:
        wanted = shop.read_rows(find_query("user_based_cf"), customer_id=customer_id, **everything)[1]
        found = shop.read_rows(read_other_searches()[name], customer_id=customer_id, **everything)[1]
        assert [row[0] for row in found] == [row[0] for row in wanted]
        assert [row[1] for row in found] == pytest.approx([row[1] for row in wanted])
        assert wanted


def test_the_textbook_query_recommends(shop: Graph) -> None:
    for customer_id in CUSTOMERS:
        assert shop.read_rows(read_textbook(), customer_id=customer_id)[1]
