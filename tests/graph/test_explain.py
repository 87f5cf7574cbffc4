"""Explanations of user-based CF add up to the recommended score."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hmrec.cypher.catalogue import find_query
from hmrec.cypher.graph import Graph
from hmrec.loader.load import load_folder

from tests.conftest import run_text
from tests.graph.shops import write_small_journey

CHOICES: list[dict[str, Any]] = [
    {},
    {"similarity": "jaccard", "own_weight": 0.0, "buyers": 20, "candidates": 30, "neighbours": 20},
    {"similarity": "overlap", "half_life": None, "damping": 0.0},
    {"half_life": 14.0, "similarity_half_life": None, "neighbours": 100, "candidates": 120},
    {"as_of": dt.date(2017, 10, 1), "articles": 5},
]


@pytest.fixture(scope="module")
def customers(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("journey")
    write_small_journey(folder, articles=1_000)
    load_folder(folder, server=None, graph=module_graph)
    return sorted(module_graph.read("customers_by_purchases", skip=30, k=2)["customer_id"])


@pytest.mark.parametrize("choice", CHOICES, ids=["defaults", "jaccard", "overlap", "two half-lives", "as of a day"])
def test_parts_add_up_to_the_score_and_shared_articles_to_the_similarity(
    module_graph: Graph, customers: list[str], choice: dict[str, Any]
) -> None:
    for customer_id in customers:
        shown = module_graph.read("user_based_cf", customer_id=customer_id, k=4, **choice)
        assert len(shown) == 4
        for article_id, score in zip(shown["article_id"], shown["score"], strict=True):
            rows = module_graph.read("explain_user_based_cf", customer_id=customer_id, article_id=article_id, **choice)
            assert math.isclose(rows["part"].sum(), score, rel_tol=1e-9)
            for row in rows.itertuples():
                assert math.isclose(row.similarity * row.weight, row.part, rel_tol=1e-9)
                assert math.isclose(sum(item["part"] for item in row.shared), row.similarity, rel_tol=1e-9)
                assert row.because
            assert list(rows["who"]).count("own history") <= 1
            neighbours = rows[rows["who"] == "neighbour"]
            assert customer_id not in set(neighbours["customer_id"])
            assert neighbours["customer_id"].is_unique


def test_the_sentence_counts_the_neighbours_that_the_explanation_lists(
    module_graph: Graph, customers: list[str]
) -> None:
    for customer_id in customers:
        shown = module_graph.read("user_based_cf", customer_id=customer_id, k=6)
        for article_id, because in zip(shown["article_id"], shown["because"], strict=True):
            who = list(
                module_graph.read("explain_user_based_cf", customer_id=customer_id, article_id=article_id)["who"]
            )
            others = who.count("neighbour")
            assert ("you bought it before" in because) == ("own history" in who)
            assert (f" {others} customer" in because) == (others > 0)


def test_an_article_that_no_neighbour_bought_has_no_explanation(module_graph: Graph, customers: list[str]) -> None:
    run_text(module_graph, "CREATE (:Article {article_id: 'nobody bought it'})")
    for name in ("explain_user_based_cf", "explain_user_based_cf_graph"):
        assert module_graph.read(name, customer_id=customers[0], article_id="nobody bought it").empty


def test_the_subgraph_leads_from_the_customer_to_the_article_through_listed_neighbours(
    module_graph: Graph, customers: list[str]
) -> None:
    customer_id = customers[0]
    for article_id in module_graph.read("user_based_cf", customer_id=customer_id, k=5)["article_id"]:
        given = {"customer_id": customer_id, "article_id": article_id}
        rows = module_graph.read("explain_user_based_cf", **given)
        listed = list(rows[rows["who"] == "neighbour"]["customer_id"])
        keys, found = module_graph.read_rows("explain_user_based_cf_graph", **given, paths=4, through=2)
        paths = [row[keys.index("path")] for row in found]
        assert paths
        drawn = set()
        for path in paths:
            nodes = [dict(node) for node in path.nodes]
            assert nodes[0]["customer_id"] == customer_id
            through = [node.get("article_id") for node in nodes[1::2]]  # the shared article, the article itself
            assert through in ([through[0], article_id], [article_id])  # once only, if it is also the shared article
            assert all(relationship.type == "BOUGHT" for relationship in path.relationships)
            if len(nodes) > 2:
                drawn.add(nodes[2]["customer_id"])
        assert drawn == set(listed[:4])
        assert any(len(path.nodes) == 2 for path in paths) == ("own history" in set(rows["who"]))


def test_explanations_find_neighbours_by_the_recommenders_own_text() -> None:
    end = "AS neighbours\n}\n"
    search = find_query("user_based_cf").body.split(end)[0]
    assert search.count("CALL") >= 6
    for name in ("explain_user_based_cf", "explain_user_based_cf_graph"):
        assert find_query(name).body.split(end)[0] == search
        for parameter in (
            "similarity",
            "half_life",
            "similarity_half_life",
            "damping",
            "neighbours",
            "own_weight",
            "articles",
            "buyers",
        ):
            mine, theirs = find_query(name).parameters[parameter], find_query("user_based_cf").parameters[parameter]
            assert mine == theirs
