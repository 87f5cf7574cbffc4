"""Learning from a part of a shop's customers: all get embeddings, those of the part the same as by propagation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hmrec.graph_ml.export.hetero import take_customers, to_hetero
from hmrec.graph_ml.export.subgraph import IdMap, Subgraph, to_days
from hmrec.graph_ml.network.dated_graph import count_buyers
from hmrec.graph_ml.network.epochs import Training
from hmrec.graph_ml.network.fold_in import embed_as_of
from hmrec.graph_ml.network.model_file import load_model, save_model
from hmrec.graph_ml.network.trained_model import TrainedModel, TrainSettings
from hmrec.graph_ml.network.training import draw_customers, train

from tests.unit.purchases import make_two_tastes
from tests.unit.test_processes import share_of_own_taste

HALF = TrainSettings(dim=16, epochs=5, negatives=64, batch_size=32)


@pytest.fixture(scope="module")
def subgraph() -> Subgraph:
    return make_two_tastes()


@pytest.fixture(scope="module")
def settings(subgraph: Subgraph) -> TrainSettings:
    return HALF.model_copy(update={"most_purchases": subgraph.num_edges // 2})


@pytest.fixture(scope="module")
def trained(subgraph: Subgraph, settings: TrainSettings) -> TrainedModel:
    return train(subgraph, settings)


def test_customers_are_drawn_evenly_and_only_where_there_are_too_many(
    subgraph: Subgraph, settings: TrainSettings
) -> None:
    assert draw_customers(subgraph, HALF) is None
    drawn = draw_customers(subgraph, settings)
    assert drawn is not None
    assert len(drawn) == len(set(drawn.tolist())) == round(len(subgraph.customer_ids) / 2)
    assert not np.array_equal(drawn, draw_customers(subgraph, settings.model_copy(update={"seed": 1})))


def test_recommend_all_has_an_embedding_that_knows_their_taste(subgraph: Subgraph, trained: TrainedModel) -> None:
    assert trained.customer_ids == subgraph.customer_ids
    assert trained.learned_from is not None
    assert len(trained.learned_from) == round(len(subgraph.customer_ids) / 2)
    places = [subgraph.customer_ids.index(outer) for outer in trained.learned_from]
    assert trained.purchases == np.isin(subgraph.customer, places).sum()
    np.testing.assert_allclose(np.linalg.norm(trained.customers, axis=1), 1, rtol=1e-5)
    assert share_of_own_taste(trained.customers, trained.articles) > 0.9


def test_those_learned_from_have_the_embedding_that_propagation_gives(
    subgraph: Subgraph, settings: TrainSettings, trained: TrainedModel
) -> None:
    assert trained.learned_from is not None
    places = [subgraph.customer_ids.index(outer) for outer in trained.learned_from]
    data = to_hetero(subgraph)
    training = Training(take_customers(data, np.array(places)), settings, data)
    assert training.network.state_dict().keys() == trained.weights.keys()
    for name, value in training.mean.state_dict().items():
        value.copy_(value.new_tensor(trained.weights[name]))
    customers, articles = training.embed()
    np.testing.assert_allclose(trained.customers[places], customers, atol=1e-5)
    np.testing.assert_allclose(trained.articles, articles, atol=1e-5)


def test_a_kept_model_embeds_as_it_did_and_others_purchases_change_nobody_else(
    subgraph: Subgraph, trained: TrainedModel
) -> None:
    kept = load_model(save_model(trained))
    assert kept.learned_from == trained.learned_from
    today = to_days(subgraph.until)
    again = embed_as_of(kept, subgraph, today)
    np.testing.assert_allclose(again.customers, trained.customers, atol=1e-6)
    stranger = next(outer for outer in subgraph.customer_ids if outer not in set(trained.learned_from or ()))
    number = subgraph.customer_ids.index(stranger)
    renamed = IdMap("zzz" if outer == stranger else outer for outer in subgraph.customer_ids)
    without_latent = embed_as_of(kept, replace(subgraph, customer_ids=renamed), today)
    np.testing.assert_allclose(without_latent.customers, again.customers, atol=1e-6)
    fewer = embed_as_of(kept, subgraph.where(subgraph.customer != number), today)
    others = np.arange(len(subgraph.customer_ids)) != number
    # what sells is counted in the whole shop, and a length shared by all articles with it: taste alone is compared
    taste = slice(0, trained.settings.dim - 2)
    np.testing.assert_allclose(fewer.customers[others, taste], again.customers[others, taste], atol=1e-6)
    assert not np.allclose(fewer.customers[number, taste], again.customers[number, taste])


def test_buyers_are_counted_as_a_set_of_each_window_s_customers(subgraph: Subgraph) -> None:
    purchases = list(zip(subgraph.customer.tolist(), subgraph.article.tolist(), subgraph.time.tolist(), strict=True))
    for today in (5, 40, to_days(subgraph.until)):
        found = count_buyers(subgraph, today, (3, 14, 100))
        for column, days in enumerate((3, 14, 100)):
            pairs = {(c, a) for c, a, day in purchases if today - days <= day < today}
            for article in range(len(subgraph.article_ids)):
                assert found[article, column] == sum(a == article for _, a in pairs)
