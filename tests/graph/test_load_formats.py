"""Loading files with missing prices, quantities and returns: both modes create one graph, and a repeat changes
nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.loader.load import load_folder

from tests.conftest import empty, run_text
from tests.graph.test_load import local_graph, picture  # noqa: F401

CUSTOMERS = """Customer ID,FN,Active,Age
ann,True,0,NULL
bob,NaN,,33.5
"""
ARTICLES = """article_id,product_code,prod_name
663713001,663713,Top
108775015,108775,N/A
"""
TRANSACTIONS = """invoice,t_dat,customer_id,article_id,price,sales_channel_id,quantity
1,2018-09-20,ann,663713001,,2,5
2,2018-09-20,ann,663713001,NA,2,1
3,2018-09-21,ann,663713001,0.5,2,2
C4,2018-09-22,ann,663713001,0.5,2,-3
5,2018-09-22,bob,108775015,0,,1
6,2018-09-22,bob,108775015,NULL,,1
7,2018-09-23,bob,663713001,1.5,1,4
C8,2018-09-23,bob,663713001,1.5,1,-4
C9,2018-09-23,cyd,663713001,1.5,1,-4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a small shop with missing prices, quantities and returns."""
    for name, text in (("customers", CUSTOMERS), ("articles", ARTICLES), ("transactions_train", TRANSACTIONS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_missing_prices_and_returns_load_equally_in_both_modes(
    folder: Path,
    local_server: LocalServer,
    local_graph: Graph,  # noqa: F811
) -> None:
    bulk = load_folder(folder, server=local_server, graph=local_graph, mode="bulk")
    with Graph.connect(local_server.connection()) as graph:
        by_bulk = picture(graph)
        assert load_folder(folder, server=None, graph=graph, mode="stream").changes == {}
        exported = export_subgraph(graph)
        empty(graph)
        streamed = load_folder(folder, server=None, graph=graph, mode="stream")
        assert picture(graph) == by_bulk
        assert load_folder(folder, server=None, graph=graph, mode="stream").changes == {}
        rows = run_text(
            graph,
            "MATCH (c)-[b:BOUGHT]->(a) RETURN c.customer_id AS c, a.article_id AS a, toString(b.t_dat) AS day, "
            "b.price AS price, b.sales_channel_id AS channel, b.quantity AS quantity, size(keys(b)) AS keys "
            "ORDER BY c, price",
        )
    assert [tuple(row.values()) for row in rows] == [
        ("ann", "0663713001", "2018-09-20", None, 2, 5, 5),
        ("bob", "0108775015", "2018-09-22", 0.0, 0, 1, 5),
        ("bob", "0108775015", "2018-09-22", None, 0, 1, 4),
    ]
    assert streamed.counts == bulk.counts
    count = streamed.counts["transactions_train"]
    assert (count.read, count.loaded, count.merged, count.rejected, count.returned) == (9, 3, 1, 0, 5)
    assert [price for price in exported.price.tolist() if price == price] == [0.0]  # the others are NaN
    assert exported.quantity.tolist() == [5, 1, 1]


def test_a_purchase_without_a_price_gets_the_larger_quantity(folder: Path, graph: Graph) -> None:
    file = folder / "transactions_train.csv"
    header = "t_dat,customer_id,article_id,price,sales_channel_id,quantity\n"
    for quantity, wanted in ((2, 2), (5, 5), (3, 5)):
        file.write_text(header + f"2018-09-20,ann,663713001,,2,{quantity}\n2018-09-20,ann,663713001,0,2,1\n")
        load_folder(folder, server=None, graph=graph, mode="stream")
        rows = run_text(graph, "MATCH ()-[b:BOUGHT]->() RETURN b.price AS p, b.quantity AS q ORDER BY p")
        assert [(row["p"], row["q"]) for row in rows] == [(0.0, 1), (None, wanted)]


def test_in_season_includes_articles_without_a_price(folder: Path, graph: Graph) -> None:
    load_folder(folder, server=None, graph=graph, mode="stream")
    season = graph.read_rows("passing_articles", in_season=30)[1]
    assert sorted(row[0] for row in season) == ["0108775015", "0663713001"]
    assert [row[0] for row in graph.read_rows("passing_articles", max_price=1.0)[1]] == ["0108775015"]
