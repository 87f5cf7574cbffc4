"""No later purchase or view changes a candidate or a feature: property tests over shops with all that features read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from hmrec.graph_ml.candidates.nearest import Vectors
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.subgraph import Attribute, Subgraph, Views, to_date
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.features import CandidateSet, describe_articles, name_features
from hmrec.graph_ml.ranker.sources import BY_EMBEDDING, SOURCES
from hmrec.loader.schema import ATTRIBUTES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.purchases import make_subgraph

CUSTOMERS, ARTICLES, DAYS = 20, 30, 90
START = 18_000
NAMES = name_features((*(source.name for source in SOURCES), BY_EMBEDDING.name))


def make_shop(seed: int, rows: int) -> Subgraph:
    """Return a shop with ages, prices, two channels, and articles with every kind of attribute node."""
    random = np.random.default_rng(seed)
    bought = {
        (f"c{random.integers(CUSTOMERS):02}", f"a{random.integers(ARTICLES) ** 2 // ARTICLES:02}", int(day))
        for day in START + random.integers(DAYS, size=rows)
    }
    bought |= {(f"c{n:02}", f"a{n:02}", START) for n in range(CUSTOMERS)}
    bought |= {(f"c{n:02}", f"launched last {n}", START + DAYS) for n in range(3)}
    shop = make_subgraph(list(bought))
    articles = np.arange(len(shop.article_ids))
    events = START + random.integers(DAYS + 3, size=rows)
    views = Views.of(
        random.integers(len(shop.customer_ids), size=rows),
        random.integers(len(shop.article_ids), size=rows),
        events.astype(np.int32),
        random.random(rows) < 0.2,
    )
    nodes = {attribute: 2 + place % 5 for place, attribute in enumerate(ATTRIBUTES)}
    return replace(
        shop,
        views=views,
        price=random.uniform(1, 5, shop.num_edges).astype(np.float32),
        channel=random.integers(1, 3, shop.num_edges).astype(np.int32),
        customers=pl.DataFrame({
            "customer_id": list(shop.customer_ids),
            "age": [None if n % 4 == 0 else 20.0 + 3 * n for n in range(len(shop.customer_ids))],
            "club_member_status": ["ACTIVE" if n % 3 else None for n in range(len(shop.customer_ids))],
        }),
        attributes={
            attribute.label: Attribute(
                attribute.relationship,
                tuple(range(number)),
                np.stack([articles, random.integers(number, size=len(articles))]),
            )
            for attribute, number in nodes.items()
        },
    )  # fmt: skip


def change_future(shop: Subgraph, cut: int, seed: int) -> Subgraph:
    """Return the shop with other articles, prices and channels from that day on, and some of those purchases gone.

    The views of those days are of other articles and customers, and of the other kind.
    """
    random = np.random.default_rng(seed)
    later = shop.time >= cut
    number = int(later.sum())
    article, price, channel = shop.article.copy(), shop.price.copy(), shop.channel.copy()
    article[later] = random.integers(len(shop.article_ids), size=number)
    price[later] = random.uniform(10, 20, number)
    channel[later] = 3 - channel[later]
    views, before = shop.views, shop.views.before(cut)
    after = views.where(views.time >= cut)
    views = Views.of(
        np.append(before.customer, random.integers(len(shop.customer_ids), size=len(after))),
        np.append(before.article, random.integers(len(shop.article_ids), size=len(after))),
        np.append(before.time, after.time),
        np.append(before.is_cart, ~after.is_cart),
    )
    changed = replace(shop, article=article, price=price, channel=channel, views=views)
    return changed.where(~later | (random.random(len(later)) < 0.5))


def embed(before: Subgraph) -> Vectors:
    """Return embeddings from these purchases only."""
    pairs = np.zeros((len(before.customer_ids), len(before.article_ids)), dtype=np.float32)
    pairs[before.customer, before.article] = 1
    return Vectors(pairs, np.eye(pairs.shape[1], dtype=np.float32))


def describe(shop: Subgraph, cut: int) -> tuple[CandidateSet, npt.NDArray[Any]]:
    """Return all customers' candidates and features as of a day, from a snapshot of the whole shop."""
    snapshot, vectors = Snapshot.of(shop, to_date(cut)), embed(shop.where(shop.time < cut))
    context = RankingContext(snapshot, describe_articles(snapshot), vectors, SOURCES)
    return next(context.describe(np.arange(len(shop.customer_ids))))


@settings(max_examples=30, derandomize=True)
@given(st.integers(0, 10_000), st.integers(30, 600), st.integers(START + 20, START + DAYS - 1))
def test_no_later_purchase_or_view_changes_a_candidate_or_a_feature(seed: int, rows: int, cut: int) -> None:
    shop = make_shop(seed, rows)
    (one, features), (other, changed) = describe(shop, cut), describe(change_future(shop, cut, seed), cut)
    assert (one.row == other.row).all()
    assert (one.article == other.article).all()
    assert features.shape[1] == len(NAMES)
    for name, column, after in zip(NAMES, features.T, changed.T, strict=True):
        np.testing.assert_equal(after, column, err_msg=name)


def test_every_feature_is_known_for_some_candidate_of_the_shops() -> None:
    """Else the property above would say nothing about it."""
    features = np.concatenate([describe(make_shop(seed, 600), START + DAYS - 1)[1] for seed in range(3)])
    unknown = {name for name, column in zip(NAMES, features.T, strict=True) if np.isnan(column).all()}
    assert unknown <= {"by_attributes_score", "by_attributes_place"}  # of customers without purchases
