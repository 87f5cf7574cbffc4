"""Customers and articles loaded after the training get embeddings from the weights stored in the graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.state import read_state
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.ranker.features import FACTS, describe_articles
from hmrec.graph_ml.ranker.fit import RankParts
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.write_back.embed_new import NoModel, embed_new
from hmrec.graph_ml.write_back.versions import list_versions
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder

from tests.conftest import empty, run_text
from tests.graph.shops import load_two_tastes
from tests.graph.test_write_back import stored

SMALL = TrainSettings(dim=16, epochs=2, negatives=64)


def load_later(graph: Graph, folder: Path) -> None:
    """Load two new customers, one with six purchases of the odd taste, and a new odd article without a purchase."""
    folder.mkdir()
    pl.DataFrame({"customer_id": ["new1", "new2"], "age": [30, 40]}).write_csv(folder / "customers.csv")
    article = {
        "article_id": "0000000099", "product_code": 24, "prod_name": "Thing 24", "product_group_name": "Group 0",
        "department_no": 1, "department_name": "Odd", "index_group_no": 1, "index_group_name": "Everybody",
    }  # fmt: skip
    pl.DataFrame([article]).write_csv(folder / "articles.csv")
    bought = [f"{number:010}" for number in (1, 3, 5, 7, 9, 11)]
    pl.DataFrame({
        "t_dat": ["2020-09-22"] * 6, "customer_id": ["new1"] * 6, "article_id": bought, "price": [0.1] * 6,
        "sales_channel_id": [1] * 6,
    }).write_csv(folder / "transactions_train.csv")  # fmt: skip
    load_folder(folder, server=None, graph=graph, mode="stream")


@pytest.fixture(scope="module", params=[None, 500], ids=["all", "part"])
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Graph:
    """Return a shop with a ranker, a model learned from all or some customers, and nodes loaded after the training."""
    folder = tmp_path_factory.mktemp("shop")
    empty(module_graph)
    load_two_tastes(module_graph, folder / "first")
    with pytest.raises(NoModel, match="No model is in this graph yet"):
        embed_new(module_graph)
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    parts = RankParts(Ranker(("popular",), ("", "")), describe_articles(Snapshot.of(subgraph)))
    trained = train(subgraph, SMALL.model_copy(update={"most_purchases": request.param}))
    assert (trained.learned_from is None) == (request.param is None)
    write_embeddings(module_graph, trained, rank=parts)
    assert run_text(module_graph, "MATCH (c:Customer) WHERE c.embedding IS NULL RETURN c") == []
    load_later(module_graph, folder / "later")
    return module_graph


def test_new_nodes_have_embeddings_and_all_others_keep_theirs(shop: Graph) -> None:
    before = {"Customer": stored(shop, "Customer", "customer_id"), "Article": stored(shop, "Article", "article_id")}
    answered = read_state(shop)
    assert answered.model is not None
    assert (answered.model.version, answered.model.has_ranker, answered.model.staged) == (1, True, False)
    receipt = embed_new(shop)
    assert read_state(shop).model != answered.model  # so a service does not use its cache
    assert (receipt.version, receipt.customers, receipt.articles) == (1, 2, 1)
    customers, articles = stored(shop, "Customer", "customer_id"), stored(shop, "Article", "article_id")
    assert set(customers) - set(before["Customer"]) == {"new1", "new2"}
    assert set(articles) - set(before["Article"]) == {"0000000099"}
    for vectors, old in ((customers, before["Customer"]), (articles, before["Article"])):
        assert all((vectors[outer] == old[outer]).all() for outer in old)
        matrix = np.stack(list(vectors.values()))
        assert matrix.shape[1] == 16
        np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
    _is_near_its_taste(customers, articles)
    _facts_are_of_today(shop)
    again = embed_new(shop)
    assert (again.customers, again.articles) == (0, 0)


def _is_near_its_taste(customers: dict[str, np.ndarray], articles: dict[str, np.ndarray]) -> None:
    """Check that the new customer's cosine to articles of their taste is larger on average than to others."""
    sold = {outer: float(vector @ customers["new1"]) for outer, vector in articles.items() if int(outer) < 30}
    odd = [cosine for outer, cosine in sold.items() if int(outer) % 2]
    even = [cosine for outer, cosine in sold.items() if not int(outer) % 2]
    assert np.mean(odd) > np.mean(even)


def _facts_are_of_today(shop: Graph) -> None:
    subgraph = export_subgraph(shop, SubgraphSpec(isolated=True))
    wanted = describe_articles(Snapshot.of(subgraph))
    names = ", ".join(f"a.{name}" for name in FACTS)
    rows = run_text(shop, f"MATCH (a:Article) RETURN a.article_id AS id, [{names}] AS facts")
    assert len(rows) == len(subgraph.article_ids) == 33
    for row in rows:
        found = [np.nan if value is None else value for value in row["facts"]]  # type: ignore[attr-defined]
        np.testing.assert_allclose(found, wanted[subgraph.article_ids.index(str(row["id"]))], rtol=1e-6)


def test_embedding_later_purchases_updates_the_models_last_day(shop: Graph) -> None:
    embed_new(shop)
    model = list_versions(shop)[0].model
    assert model["until"].isoformat() == "2020-09-23"
    assert model["trained_until"] < model["until"]
    assert len(shop.read("gnn", customer_id="new1", k=3)) == 3
    assert not len(shop.read("gnn", customer_id="new1", k=3, as_of="2020-09-22"))
