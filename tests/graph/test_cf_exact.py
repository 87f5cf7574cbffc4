"""User-based CF in Cypher, compared with an independent computation by scipy's sparse matrices."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
import scipy.sparse as sp
from hmrec.cypher.graph import Graph
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_journey

CUT = dt.date(2017, 12, 25)
CUSTOMERS = 60
Floats = npt.NDArray[np.float64]

EVERYTHING = {"articles": 10**6, "buyers": 10**9, "pool": 10**6, "candidates": 10**6}
TEXTBOOK = {
    "half_life": None,
    "similarity_half_life": None,
    "damping": 0.0,
    "neighbours": 30,
    "own_weight": 0.0,
    **EVERYTHING,
}
WEIGHTED = {"half_life": 42.0, "similarity_half_life": 42.0, "damping": 1.0, "neighbours": 50, "own_weight": 2.0}
WEIGHTED |= EVERYTHING
SAMPLED = {"half_life": 42.0, "similarity_half_life": 42.0, "damping": 1.0, "neighbours": 20, "own_weight": 2.0}
SAMPLED |= {"articles": 15, "buyers": 40, "pool": 40, "candidates": 25}
LASTING = SAMPLED | {"half_life": 14.0, "similarity_half_life": None}
CHANGING = SAMPLED | {"half_life": None, "similarity_half_life": 120.0}


@dataclass(frozen=True)
class Purchases:
    """The data of the reference: ids in order, and a row for each BOUGHT with the positions of its ids."""

    customers: list[str]
    articles: list[str]
    bought: pl.DataFrame  # c, a, t_dat


@pytest.fixture(scope="module")
def purchases(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Purchases:
    folder = tmp_path_factory.mktemp("journey")
    write_journey(folder, households=CUSTOMERS)
    load_folder(folder, server=None, graph=module_graph)
    texts = {"customer_id": pl.String, "article_id": pl.String}
    rows = pl.read_csv(folder / "transactions_train.csv", schema_overrides=texts, try_parse_dates=True).unique()
    customers = sorted(rows["customer_id"].unique().to_list())
    articles = sorted(rows["article_id"].unique().to_list())
    bought = rows.select(
        "t_dat",
        c=pl.col("customer_id").replace_strict({v: i for i, v in enumerate(customers)}),
        a=pl.col("article_id").replace_strict({v: i for i, v in enumerate(articles)}),
    )
    return Purchases(customers, articles, bought)


def reference(
    data: Purchases,
    customer: int,
    *,
    similarity: str,
    half_life: float | None,
    similarity_half_life: float | None,
    damping: float,
    neighbours: int,
    own_weight: float,
    articles: int,
    buyers: int,
    pool: int,
    candidates: int,
    as_of: dt.date | None,
) -> dict[str, float]:
    """Compute scores by article id from the formula in the query's header."""
    until = as_of or data.bought["t_dat"].max() + dt.timedelta(days=1)  # type: ignore[operator]
    frame = data.bought.filter(pl.col("t_dat") < until)
    c, a = frame["c"].to_numpy(), frame["a"].to_numpy()
    age = (pl.Series([until])[0] - frame["t_dat"]).dt.total_days().to_numpy()
    shape = (len(data.customers), len(data.articles))

    def matrix(rows: npt.NDArray[Any], half_life: float | None) -> Any:
        decay = np.ones(len(rows)) if half_life is None else 0.5 ** (age[rows] / half_life)
        weights = sp.csr_matrix((decay, (c[rows], a[rows])), shape)
        weights.sum_duplicates()
        if half_life is None:
            weights.data[:] = 1
        return weights

    weights, tastes = (matrix(np.arange(len(c)), half) for half in (half_life, similarity_half_life))
    rarity = 1 / np.log(2 + np.bincount(a, minlength=shape[1])) ** damping
    mine, my_taste = (both[[customer]].toarray().ravel() for both in (weights, tastes))
    anchors = sorted(np.flatnonzero(mine), key=lambda i: (-round(mine[i], 12), data.articles[i]))[:articles]
    kept = [np.flatnonzero(a == anchor) for anchor in anchors]
    for place, rows in enumerate(kept):
        if len(rows) > buyers:
            oldest = np.sort(age[rows])[buyers - 1]
            kept[place] = rows[age[rows] <= oldest]
    shared = matrix(np.concatenate(kept), similarity_half_life) @ (my_taste * rarity)
    own_shared = float((my_taste[anchors] ** 2 * rarity[anchors]).sum())
    squares = np.asarray(tastes.multiply(tastes).sum(axis=1)).ravel()
    mine_squared = squares[customer]

    def compare(product: float, squared: float) -> float:
        if similarity == "cosine":
            return product / math.sqrt(mine_squared * squared)
        if similarity == "jaccard":
            return float(product / (mine_squared + squared - product))
        return float(product / min(mine_squared, squared))

    others = [i for i in np.flatnonzero(shared > 0) if i != customer]
    if len(others) > pool:
        least = sorted((shared[i] for i in others), reverse=True)[pool - 1]
        others = [i for i in others if shared[i] >= least * (1 - 1e-12)]
    count = np.bincount(c, minlength=shape[0])
    others = sorted(others, key=lambda i: (-float(f"{shared[i] / math.sqrt(count[i]):.11e}"), data.customers[i]))[
        :candidates
    ]
    similar = {i: compare(shared[i], squares[i]) for i in others}
    nearest = sorted(similar, key=lambda i: (-round(similar[i], 12), data.customers[i]))[:neighbours]
    score: Floats = own_weight * compare(own_shared, mine_squared) * mine
    for i in nearest:
        score = score + similar[i] * weights[[i]].toarray().ravel()
    return {data.articles[i]: float(score[i]) for i in np.flatnonzero(score > 0)}


def assert_same(found: list[tuple[str, float]], expected: dict[str, float], k: int) -> None:
    """Check that scores and order are the same; articles of equal score may be in either order."""
    best = sorted(expected.items(), key=lambda item: (-item[1], item[0]))[:k]
    assert len(found) == len(best)
    for (article, score), (_, wanted) in zip(found, best, strict=True):
        assert math.isclose(score, wanted, rel_tol=1e-9)
        assert math.isclose(score, expected[article], rel_tol=1e-9)


@pytest.mark.parametrize("similarity", ["cosine", "jaccard", "overlap"])
@pytest.mark.parametrize(
    ("parameters", "as_of"),
    [
        (TEXTBOOK, None),
        (TEXTBOOK, CUT),
        (WEIGHTED, None),
        (SAMPLED, None),
        (SAMPLED, CUT),
        (LASTING, CUT),
        (CHANGING, None),
    ],
    ids=[
        "textbook",
        "textbook as of a day",
        "weighted",
        "sampled",
        "sampled as of a day",
        "lasting tastes",
        "changing tastes",
    ],
)
def test_cf_equals_scipy_for_all_customers_and_for_some_in_every_variant(
    module_graph: Graph, purchases: Purchases, parameters: dict[str, Any], as_of: dt.date | None, similarity: str
) -> None:
    assert len(purchases.customers) == CUSTOMERS
    known = set(purchases.bought.filter(pl.col("t_dat") < (as_of or dt.date.max))["c"].unique().to_list())
    whole = (parameters, as_of, similarity) == (TEXTBOOK, None, "cosine")
    for customer, customer_id in list(enumerate(purchases.customers))[:: 1 if whole else 10]:
        given = {"similarity": similarity, "as_of": as_of, **parameters}
        found = module_graph.read("user_based_cf", customer_id=customer_id, **given)
        expected = reference(purchases, customer, **given) if customer in known else {}
        assert_same(list(zip(found["article_id"], found["score"], strict=True)), expected, 12)
    assert len(known) > 0.9 * CUSTOMERS


def test_binary_jaccard_and_overlap_equal_those_of_sets(module_graph: Graph, purchases: Purchases) -> None:
    sets = {row[0]: set(row[1]) for row in purchases.bought.group_by("c").agg("a").rows()}
    formulas = {
        "cosine": lambda x, y: len(x & y) / math.sqrt(len(x) * len(y)),
        "jaccard": lambda x, y: len(x & y) / len(x | y),
        "overlap": lambda x, y: len(x & y) / min(len(x), len(y)),
    }
    for similarity, formula in formulas.items():
        near = {n: formula(sets[0], sets[n]) for n in sets if n and sets[0] & sets[n]}
        given = {**TEXTBOOK, "neighbours": 10**6, "similarity": similarity}
        found = module_graph.read("user_based_cf", customer_id=purchases.customers[0], k=100, **given)
        assert len(found) == 100
        for article_id, score in zip(found["article_id"], found["score"], strict=True):
            article = purchases.articles.index(article_id)
            assert math.isclose(score, sum(s for n, s in near.items() if article in sets[n]), rel_tol=1e-9)
