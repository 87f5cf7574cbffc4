"""A shop of which little was ever bought trains as any other, with the other articles beside the graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hmrec.graph_ml.export.features import Feature, FeatureKind, FeatureSpec
from hmrec.graph_ml.export.hetero import to_hetero
from hmrec.graph_ml.export.subgraph import Attribute, IdMap, Subgraph, to_days
from hmrec.graph_ml.network.checkpoint import Checkpoint
from hmrec.graph_ml.network.epochs import Training
from hmrec.graph_ml.network.fold_in import embed_as_of
from hmrec.graph_ml.network.losses import measure_loss
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.network.validation import split_validation
from hmrec.graph_ml.network.wide import WideTraining, is_wide

from tests.unit.purchases import make_two_tastes

SETTINGS = TrainSettings(dim=16, epochs=3, target_weeks=4, start_power=0.25)


def make_wide_shop(unsold: int = 300) -> Subgraph:
    """Two tastes, and many articles that nobody buys, numbered before and after those that are bought."""
    shop = make_two_tastes()
    bought = len(shop.article_ids)
    articles = bought + unsold
    first = unsold // 2
    number = np.arange(articles)
    department = np.where((number >= first) & (number < first + bought), (number - first) // 15, number % 4)
    ids = [f"{n:05}" for n in range(articles)]
    products = number // 3
    return replace(
        shop,
        article_ids=IdMap(ids),
        article=shop.article + first,
        customers=pl.DataFrame({
            "customer_id": list(shop.customer_ids), "age": [None if n % 5 == 0 else 20.0 + n for n in range(60)],
        }),
        articles=pl.DataFrame({"article_id": ids, "department_no": department.astype(str), "index_code": products % 5}),
        attributes={
            "Department": Attribute("IN_DEPARTMENT", tuple(range(4)), np.stack([number, department])),
            "Product": Attribute("VARIANT_OF", tuple(range(int(products.max()) + 1)), np.stack([number, products])),
        },
        features=FeatureSpec(
            customers=(Feature("age", FeatureKind.number),),
            articles=(Feature("department_no", FeatureKind.category), Feature("index_code", FeatureKind.category)),
        ),
    )  # fmt: skip


@torch.no_grad()
def stir(training: Training) -> None:
    """Give the network weights by chance, so that nothing is 0 that need not be."""
    generator = torch.Generator().manual_seed(5)
    for value in training.network.parameters():
        value.add_(torch.randn(value.shape, generator=generator) * 0.1)
    training.mean.load_state_dict(training.network.state_dict())


def test_a_shop_is_wide_where_most_articles_were_never_bought() -> None:
    assert is_wide(to_hetero(make_wide_shop(300)), SETTINGS)
    assert not is_wide(to_hetero(make_wide_shop(20)), SETTINGS)
    assert not is_wide(to_hetero(make_wide_shop(300)), SETTINGS.model_copy(update={"layers": 3}))
    assert not is_wide(to_hetero(make_two_tastes()), SETTINGS)


@pytest.mark.parametrize("weeks", [0, 4])
def test_embeddings_are_those_of_the_whole_graph(weeks: int) -> None:
    shop = make_wide_shop()
    training = WideTraining(to_hetero(shop), SETTINGS.model_copy(update={"target_weeks": weeks}))
    stir(training)
    training.epochs = 1
    trained = replace(train(shop, SETTINGS), weights=training.weights())
    whole = embed_as_of(trained, shop, to_days(shop.until))
    customers, articles = training.embed()
    np.testing.assert_allclose(customers, whole.customers, atol=1e-5)
    # the last number is the root of a small difference
    np.testing.assert_allclose(articles[:, :-1], whole.articles[:, :-1], atol=1e-5)
    np.testing.assert_allclose(articles[:, -1], whole.articles[:, -1], atol=1e-3)


def test_scores_and_gradients_are_those_of_the_whole_graph() -> None:
    shop = make_wide_shop()
    wide, whole = WideTraining(to_hetero(shop), SETTINGS), Training(to_hetero(shop), SETTINGS)
    stir(wide)
    weights = {name: torch.from_numpy(value) for name, value in wide.weights().items()}
    whole.network.load_state_dict(weights)
    bought = np.flatnonzero(wide.unsold.bought)
    order = np.append(bought, wide.unsold.others)  # as the wide one numbers articles
    for one, other in zip(wide.weeks, whole.weeks, strict=True):
        np.testing.assert_allclose(one.chance, other.chance[order])
        assert (one.targets != other.targets[:, order]).nnz == 0
        batch = one.customers
        scores, expected = wide.score_batch(one, batch), whole.score_batch(other, batch)
        article = np.arange(0, len(order), 2)
        torch.testing.assert_close(scores.of_all(article), expected.of_all(order[article]), atol=1e-4, rtol=1e-4)
    for training, week, places in ((wide, one, article), (whole, other, order[article])):
        training.optimizer.zero_grad()
        torch.autograd.backward((training.score_batch(week, batch).of_all(places) ** 2).mean())
    for name, parameter in wide.network.named_parameters():
        gradient = dict(whole.network.named_parameters())[name].grad
        if not parameter.numel():
            continue
        assert parameter.grad is not None
        assert gradient is not None
        if name == "embedding":
            kept = np.concatenate([np.ones(60, dtype=np.bool_), wide.unsold.bought, wide.unsold.in_graph])
            gradient = gradient[torch.from_numpy(kept)]
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=1e-3)


def test_a_wide_shop_learns_its_tastes(tmp_path: Path) -> None:
    shop = make_wide_shop()
    assert split_validation(shop, SETTINGS)
    settings = SETTINGS.model_copy(update={"epochs": 8})
    trained = train(shop, settings)
    assert trained.articles.shape == (330, 16)
    assert trained.best is not None
    assert trained.best.map_all > 0.2
    again = train(shop, settings, checkpoint=Checkpoint(tmp_path / "training.safetensors", every=0))
    np.testing.assert_array_equal(again.articles, trained.articles)


def test_the_loss_of_a_wide_shop_is_finite_whatever_is_drawn() -> None:
    training = WideTraining(to_hetero(make_wide_shop(2_000)), SETTINGS)
    week = training.weeks[0]
    scores = training.score_batch(week, week.customers)
    loss = measure_loss(scores, week, week.customers, SETTINGS, training.random)
    assert torch.isfinite(loss)
