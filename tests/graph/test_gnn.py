"""The query gnn: nearest articles by cosine, full lists despite owned articles, and a reason in words."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import Subgraph
from hmrec.graph_ml.holdout.ranking import collect_pairs, rank_by_cosine
from hmrec.graph_ml.network.trained_model import TrainedModel, TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.write_back.write import write_embeddings

from tests.graph.shops import load_two_tastes


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, Subgraph, TrainedModel]:
    transactions = load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=4)
    subgraph = export_subgraph(module_graph)
    trained = train(subgraph, TrainSettings(dim=16, epochs=3, negatives=64))
    write_embeddings(module_graph, trained)
    return transactions, subgraph, trained


@pytest.mark.parametrize("new_only", [False, True])
def test_lists_are_the_exact_nearest_articles(
    module_graph: Graph, shop: tuple[pl.DataFrame, Subgraph, TrainedModel], new_only: bool
) -> None:
    _, subgraph, trained = shop
    owned = collect_pairs(subgraph) if new_only else None
    exact = rank_by_cosine(trained.customers, trained.articles, 12, owned)
    for number, customer in enumerate(trained.customer_ids):
        found = module_graph.read("gnn", customer_id=customer, new_only=new_only)
        assert found["article_id"].tolist() == [trained.article_ids.id(int(a)) for a in exact[number]]
        cosine = trained.articles[exact[number]] @ trained.customers[number]
        assert found["score"].tolist() == pytest.approx(cosine.tolist(), abs=1e-5)


def test_new_only_lists_are_full_while_there_are_new_articles(
    module_graph: Graph, shop: tuple[pl.DataFrame, Subgraph, TrainedModel]
) -> None:
    transactions, _, trained = shop
    for customer in ("c00", "c01"):
        owned = set(transactions.filter(pl.col("customer_id") == customer)["article_id"])
        rest = len(trained.article_ids) - len(owned)
        found = module_graph.read("gnn", customer_id=customer, k=1000, new_only=True)
        assert len(found) == rest
        assert not owned & set(found["article_id"])


def test_the_reason_names_the_nearest_owned_article(
    module_graph: Graph, shop: tuple[pl.DataFrame, Subgraph, TrainedModel]
) -> None:
    transactions, _, trained = shop
    owned = sorted(set(transactions.filter(pl.col("customer_id") == "c03")["article_id"]))
    vectors = {outer: trained.articles[trained.article_ids.index(outer)] for outer in trained.article_ids}
    for row in module_graph.read("gnn", customer_id="c03", k=30).itertuples():
        if row.article_id in owned:
            assert row.because == "you bought it before"
        else:
            nearest = max(owned, key=lambda o: float(vectors[o] @ vectors[row.article_id]))
            assert row.because == f"close to what you bought: Thing {int(nearest) // 4}"


def test_a_day_before_the_models_last_purchase_gets_an_empty_list(
    module_graph: Graph, shop: tuple[pl.DataFrame, Subgraph, TrainedModel]
) -> None:
    until = shop[2].until
    assert len(module_graph.read("gnn", customer_id="c00", as_of=until)) == 12
    assert not len(module_graph.read("gnn", customer_id="c00", as_of=until - dt.timedelta(days=1)))


def test_filtered_lists_are_the_nearest_that_pass(
    module_graph: Graph, shop: tuple[pl.DataFrame, Subgraph, TrainedModel]
) -> None:
    transactions, subgraph, trained = shop
    today = transactions["t_dat"].max() + dt.timedelta(days=1)  # type: ignore[operator]
    sold = transactions.filter((pl.col("t_dat") >= today - dt.timedelta(days=5)) & (pl.col("price") <= 0.08))
    cheap = set(sold["article_id"])
    assert 0 < len(cheap) < 20
    odd = [[["department_name", "in", ["Odd"]]]]
    for new_only in (False, True):
        owned = collect_pairs(subgraph) if new_only else None
        ranks = rank_by_cosine(trained.customers, trained.articles, len(trained.article_ids), owned)
        for number, customer in enumerate(list(trained.customer_ids)[:6]):
            nearest = [trained.article_ids.id(int(a)) for a in ranks[number] if a >= 0]
            found = module_graph.read("gnn", customer_id=customer, new_only=new_only, where=odd, k=5)
            assert found["article_id"].tolist() == [a for a in nearest if int(a) % 2][:5]
            found = module_graph.read("gnn", customer_id=customer, new_only=new_only, in_season=5, max_price=0.08)
            assert found["article_id"].tolist() == [a for a in nearest if a in cheap][:12]
    none = [[["colour_group_name", "in", ["no such colour"]]]]
    assert module_graph.read("gnn", customer_id="c00", where=none).empty


def test_a_customer_without_an_embedding_gets_an_empty_list(
    module_graph: Graph, shop: tuple[pl.DataFrame, Subgraph, TrainedModel]
) -> None:
    assert not len(module_graph.read("gnn", customer_id="c41"))
    assert np.isfinite(shop[2].customers).all()
