"""User-based CF in Cypher is held against an independent computation with scipy's sparse matrices."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp
from hmrec.cypher.graph import Graph
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_journey

CUT = dt.date(2017, 12, 25)


@dataclass(frozen=True)
class Purchases:
    """Everything the reference needs: ids in order, purchases and BOUGHTs."""

    customers: list[str]
    articles: list[str]
    frame: pl.DataFrame  # c, a, t_dat: one line a purchase
    edges: pl.DataFrame  # a, t_dat: one line a BOUGHT, so equal purchases once


@pytest.fixture(scope="module")
def purchases(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Purchases:
    folder = tmp_path_factory.mktemp("journey")
    write_journey(folder, households=150)
    load_folder(folder, server=None, graph=module_graph)
    texts = {"customer_id": pl.String, "article_id": pl.String}
    rows = pl.read_csv(folder / "transactions_train.csv", schema_overrides=texts, try_parse_dates=True)
    customers = sorted(rows["customer_id"].unique().to_list())
    articles = sorted(rows["article_id"].unique().to_list())
    numbered = rows.select(
        "t_dat",
        "price",
        c=pl.col("customer_id").replace_strict({v: i for i, v in enumerate(customers)}),
        a=pl.col("article_id").replace_strict({v: i for i, v in enumerate(articles)}),
    )
    return Purchases(customers, articles, numbered.drop("price"), numbered.unique().drop("c", "price"))


def reference(
    data: Purchases,
    customer: int,
    *,
    half_life: float | None,
    neighbours: int,
    own_weight: float,
    articles: int,
    candidates: int,
    as_of: dt.date | None,
) -> dict[str, float]:
    """Scores by article id, straight from the formula in the query's header."""
    frame = data.frame if as_of is None else data.frame.filter(pl.col("t_dat") < as_of)
    c, a, t = (frame[name].to_numpy() for name in ("c", "a", "t_dat"))
    today = t[c == customer].max()
    age = (today - t).astype("timedelta64[D]").astype(float)
    decay = np.ones(len(age)) if half_life is None else 0.5 ** (age / half_life)
    shape = (len(data.customers), len(data.articles))
    weights = sp.csr_matrix((decay, (c, a)), shape)
    rarity = 1 / np.log(2 + edges_by_article(data, as_of))
    mine = weights[[customer]].toarray().ravel()
    order = sorted(np.flatnonzero(mine), key=lambda i: (-mine[i], data.articles[i]))[:articles]
    probe = np.zeros_like(mine)
    probe[order] = mine[order] * rarity[order] ** 2
    shared = weights @ probe
    self_similarity = float((mine[order] ** 2 * rarity[order] ** 2).sum() / (mine**2).sum())
    lengths = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)).ravel())
    others = [i for i in np.flatnonzero(shared > 0) if i != customer]
    others = sorted(others, key=lambda i: (-shared[i], data.customers[i]))[:candidates]
    similarity = {i: shared[i] / (lengths[customer] * lengths[i]) for i in others}
    nearest = sorted(similarity, key=lambda i: (-similarity[i], data.customers[i]))[:neighbours]
    score = own_weight * self_similarity * mine
    for i in nearest:
        score = score + similarity[i] * weights[[i]].toarray().ravel()
    return {data.articles[i]: float(score[i]) for i in np.flatnonzero(score > 0)}


def edges_by_article(data: Purchases, as_of: dt.date | None) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How many BOUGHT an article has: distinct customer, day and price (there is one sales channel)."""
    frame = data.edges if as_of is None else data.edges.filter(pl.col("t_dat") < as_of)
    return np.bincount(frame["a"].to_numpy(), minlength=len(data.articles)).astype(float)


def assert_same(found: list[tuple[str, float]], expected: dict[str, float], k: int) -> None:
    """The same scores in the same order; articles of equal score may stand either way round."""
    best = sorted(expected.items(), key=lambda item: (-item[1], item[0]))[:k]
    assert len(found) == len(best)
    for (article, score), (_, wanted) in zip(found, best, strict=True):
        assert math.isclose(score, wanted, rel_tol=1e-9)
        assert math.isclose(score, expected[article], rel_tol=1e-9)


TEXTBOOK = {
    "half_life": None,
    "neighbours": 30,
    "own_weight": 0.0,
    "articles": 100_000,
    "candidates": 100_000,
}
DEFAULTS = {"half_life": 42.0, "neighbours": 50, "own_weight": 4.0, "articles": 50, "candidates": 200}


@pytest.mark.parametrize("as_of", [None, CUT], ids=["now", "as of a day"])
@pytest.mark.parametrize("parameters", [TEXTBOOK, DEFAULTS], ids=["textbook", "defaults"])
def test_cf_equals_scipy_for_50_random_customers(
    module_graph: Graph, purchases: Purchases, parameters: dict[str, Any], as_of: dt.date | None
) -> None:
    drawn = np.random.default_rng(20).choice(len(purchases.customers), 50, replace=False)
    compared = 0
    for customer in drawn:
        if (
            as_of is not None
            and not purchases.frame.filter((pl.col("c") == customer) & (pl.col("t_dat") < as_of)).height
        ):
            continue
        found = module_graph.read("user_based_cf", customer_id=purchases.customers[customer], as_of=as_of, **parameters)
        expected = reference(purchases, int(customer), as_of=as_of, **parameters)
        assert_same(list(zip(found["article_id"], found["score"], strict=True)), expected, 12)
        compared += 1
    assert compared >= 45


def test_new_only_leaves_out_what_was_bought_and_keeps_the_rest_in_order(
    module_graph: Graph, purchases: Purchases
) -> None:
    for customer in purchases.customers[:10]:
        everything = module_graph.read("user_based_cf", customer_id=customer, k=10_000)
        owned = set(module_graph.read("last_purchases", customer_id=customer, k=100_000)["article_id"])
        new = module_graph.read("user_based_cf", customer_id=customer, k=12, new_only=True)
        assert list(new["article_id"]) == [a for a in everything["article_id"] if a not in owned][:12]


def test_later_purchases_change_nothing_as_of_a_day(module_graph: Graph, purchases: Purchases) -> None:
    from tests.conftest import run_text

    names = ["user_based_cf", "popular", "popular_in_segment", "own_repurchases"]
    customer = purchases.customers[3]
    before = {name: module_graph.read(name, customer_id=customer, as_of=CUT).to_dict() for name in names}
    run_text(
        module_graph,
        "MATCH (c:Customer) WITH c ORDER BY c.customer_id LIMIT 40 MATCH (a:Article)<-[:BOUGHT]-() "
        "WITH c, a ORDER BY a.article_id LIMIT 400 "
        "CREATE (c)-[:BOUGHT {t_dat: date('2017-12-25'), price: 1.0, sales_channel_id: 9, quantity: 3}]->(a)",
    )
    try:
        after = {name: module_graph.read(name, customer_id=customer, as_of=CUT).to_dict() for name in names}
    finally:
        run_text(module_graph, "MATCH ()-[b:BOUGHT {sales_channel_id: 9}]->() DELETE b")
    assert after == before
    assert all(len(rows["article_id"]) for rows in before.values())
