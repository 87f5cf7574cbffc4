"""The ranker's batch lists equal the lists of single calls, customer by customer, in a shop of some size.

HMREC_TEST_CUSTOMERS sets the number of compared customers (1,000 take two minutes).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.hybrid import train_hybrid
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.ranker.fit import RankSettings
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder
from hmrec.loader.samples.synthetic import write_synthetic

from tests.graph.test_hybrid import read_lists

COMPARED = int(os.environ.get("HMREC_TEST_CUSTOMERS", "60"))
AT_ONCE = 4


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    folder = tmp_path_factory.mktemp("shop")
    write_synthetic(folder, customers=1_500, articles=400, transactions=40_000, seed=1)
    load_folder(folder, server=None, graph=module_graph, mode="stream")
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    trained, rank = train_hybrid(subgraph, TrainSettings(dim=32, epochs=4), RankSettings(rounds=60, customers=600))
    write_embeddings(module_graph, trained, rank=rank)
    return module_graph


@pytest.mark.parametrize("options", [{}, {"new_only": True}], ids=["all", "new"])
def test_batch_lists_equal_one_by_one_lists(shop: Graph, options: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "submission.csv"
    recommender = Recommender(shop)
    assert recommender.recommend_all(Request(method="hybrid", **options), out) == 1_500
    lists = read_lists(out)
    customers = np.random.default_rng(0).permutation(sorted(lists))[:COMPARED].tolist()

    def recommend_one(customer: str) -> list[str]:  # concurrently, as in the service
        found = recommender.recommend(Request(customer_id=customer, method="hybrid", **options))
        return list(found.articles["article_id"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        one_by_one = dict(zip(customers, pool.map(recommend_one, customers), strict=True))
    assert len(one_by_one) == min(COMPARED, 1_500)
    assert {customer: lists[customer] for customer in customers} == one_by_one
