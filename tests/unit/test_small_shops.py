"""Shops of any shape, from one purchase up, can be trained on, and their customers get recommendations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.features import Feature, FeatureKind, FeatureSpec
from hmrec.graph_ml.export.subgraph import Attribute, Subgraph
from hmrec.graph_ml.holdout.split import HoldOut
from hmrec.graph_ml.hybrid import make_ranking_context, train_hybrid
from hmrec.graph_ml.network.trained_model import TrainedModel, TrainSettings
from hmrec.graph_ml.ranker.fit import RankSettings
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.purchases import make_subgraph

FEATURES = FeatureSpec(
    customers=(Feature("age", FeatureKind.number), Feature("club_member_status", FeatureKind.category)),
    articles=(Feature("department_no", FeatureKind.category),),
)
QUICK = TrainSettings(epochs=2, negatives=32, target_weeks=3)
QUICK_RANKER = RankSettings(rounds=3, weeks=2, forests=2)


@st.composite
def draw_shops(draw: st.DrawFn) -> Subgraph:
    """Draw a shop of 1 to 300 purchases: few or many customers, articles and days, with or without node properties."""
    rows, customers, articles, days = (draw(st.integers(1, most)) for most in (300, 60, 60, 120))
    random = np.random.default_rng(draw(st.integers(0, 1_000)))
    bought = {
        (f"c{random.integers(customers):02}", f"a{random.integers(articles):02}", 18_000 + int(random.integers(days)))
        for _ in range(rows)
    }
    if draw(st.booleans()):  # no repeated purchases
        bought = {row[:2]: row for row in sorted(bought)}.values()  # type: ignore[assignment]
    shop = make_subgraph(list(bought))
    return shop if draw(st.booleans()) else with_properties(shop)


def with_properties(shop: Subgraph) -> Subgraph:
    """Return the shop with ages of some customers, and articles linked to departments and products."""
    customers, articles = list(shop.customer_ids), list(shop.article_ids)
    ages = [20.0 + n if n % 3 else None for n in range(len(customers))]
    numbers = np.arange(len(articles))
    attributes = {
        label: Attribute(relationship, tuple(range(nodes)), np.stack([numbers, numbers % nodes]))
        for label, relationship, nodes in (
            ("Department", "IN_DEPARTMENT", min(3, len(articles))),
            ("Product", "VARIANT_OF", len(articles)),
        )
    }
    return replace(
        shop,
        customers=pl.DataFrame({
            "customer_id": customers, "age": pl.Series(ages, dtype=pl.Float64),
            "club_member_status": ["ACTIVE"] * len(customers), "postal_code": customers,
        }),
        articles=pl.DataFrame({"article_id": articles, "department_no": (numbers % 3).astype(str)}),
        attributes=attributes,
        features=FEATURES,
    )  # fmt: skip


def check(shop: Subgraph, dim: int = 64) -> TrainedModel:
    """Train both models and recommend to all customers."""
    trained, rank = train_hybrid(shop, QUICK.model_copy(update={"dim": dim}), QUICK_RANKER)
    for vectors, ids in ((trained.customers, shop.customer_ids), (trained.articles, shop.article_ids)):
        assert vectors.shape == (len(ids), dim)
        assert np.isfinite(vectors).all()
    assert np.linalg.norm(trained.customers[np.unique(shop.customer)], axis=1) == pytest.approx(1, abs=1e-4)
    if rank is not None:
        assert rank.facts.shape[0] == len(shop.article_ids)
        context = make_ranking_context(HoldOut(shop.until, shop, shop), trained, rank.ranker)
        ranked = context.rank(rank.ranker, np.arange(len(shop.customer_ids)), 12, new_only=False)
        assert (ranked[np.unique(shop.customer), 0] >= 0).all()
    else:
        assert Snapshot.of(shop).cut
    return trained


@settings(max_examples=25, derandomize=True)
@given(draw_shops())
def test_any_shop_trains(shop: Subgraph) -> None:
    check(shop)


DAY = 18_000
SHOPS = {
    "one purchase": [("c", "a", DAY)],
    "one customer": [("c", f"a{n}", DAY + n) for n in range(40)],
    "one article": [(f"c{n}", "a", DAY + n) for n in range(40)],
    "one article by all customers each week": [(f"c{n}", "a", DAY + 7 * week) for n in range(9) for week in range(9)],
    "one day": [(f"c{n % 12}", f"a{n % 7}", DAY) for n in range(84)],
    "two days a year apart": [("c", "a", DAY), ("d", "b", DAY + 365)],
    "three rows": [("c1", "1", DAY), ("c2", "2", DAY + 1), ("c1", "2", DAY + 2)],
}


@pytest.mark.parametrize("name", SHOPS)
@pytest.mark.parametrize("dim", [4, 64])
def test_the_smallest_shops_train(name: str, dim: int) -> None:
    shop = make_subgraph(SHOPS[name])
    check(shop, dim)
    check(with_properties(shop), dim)
