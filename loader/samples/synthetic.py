"""Write a synthetic H&M at any scale. docs/synthetic.md describes the model and compares its figures with H&M's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...cypher.errors import UserMistake
from ...cypher.progress import Progress, silent
from .assortment import DEPARTMENTS
from .sample_files import SampleReceipt, write_sample
from .synthetic_articles import (
    EUROS_PER_UNIT,
    STYLES,
    TASTE_DIMENSIONS,
    WEEKS,
    Catalogue,
    Floats,
    Ints,
    Singles,
    describe_articles,
    draw_catalogue,
    number_articles,
    price_in_week,
    weight_weeks,
)
from .synthetic_customers import (
    FAVOURITES,
    Baskets,
    Shoppers,
    describe_customers,
    draw_baskets,
    draw_favourites,
    draw_ids,
    draw_shoppers,
    week_of_day,
)

FIRST_DAY = date(2018, 9, 20)
MAX_CUSTOMERS, MAX_ARTICLES, MAX_TRANSACTIONS = 20_000_000, 1_000_000, 400_000_000
DRAWING, WRITING = "Drawing the synthetic shop", "Writing its transactions"

CANDIDATES = 6  # articles that a customer considers before buying one
SHARPNESS = 4.0  # weight of taste against chance in that choice
OWNED_ALREADY = np.float32(6.0)  # penalty for an article that the customer bought lately
LEAST = np.float32(1e-30)  # keeps the logarithm finite
FAVOURITE_DEPARTMENTS = np.array([0.42, 0.22, 0.14, 0.22])  # the customer's three favourites, then the whole shop
SAME_DEPARTMENT = 0.35  # share of a basket's rows in the department of its first row
# Rows after the first of a basket: equal rows (another size; 9.4 % of H&M's rows), and another colour of the last one.
EQUAL_ROWS, OTHER_COLOUR = 0.132, 0.06
BOUGHT_AGAIN = 0.035  # share of all other rows, if the article is still sold; 4.7 % in H&M's file
STEADY = 30.0  # smoothing in rows: the sales of articles with fewer are left to chance
REMEMBERED = 12  # purchases that a customer may repeat
CLOSED_SHOPS = (540, 590)  # spring of 2020, when nearly everything was bought online


@dataclass
class _Shop:
    """Everything a week's purchases are drawn from; `last` holds each customer's latest articles, -1 for none."""

    catalogue: Catalogue
    shoppers: Shoppers
    baskets: Baskets
    weights: Singles
    favourites: NDArray[np.int16]
    last: NDArray[np.int32]


@dataclass(frozen=True)
class _Purchases:
    """The rows of a week: day, customer and article (positions), price, and sales channel."""

    day: NDArray[np.int16]
    customer: NDArray[np.int32]
    article: Ints
    price: Floats
    channel: Ints


def write_synthetic(
    folder: Path, *, customers: int, articles: int, transactions: int, seed: int, progress: Progress = silent
) -> SampleReceipt:
    """Write the data of an invented fashion shop that behaves like H&M, from 2018-09-20 to 2020-09-22.

    The same sizes and seed give the same files. H&M's own size is 1,371,980 customers, 105,542 articles and 31,788,324
    transactions. The target figures are those of Kaggle's "H&M Personalized Fashion Recommendations".

    Parameters
    ----------
    folder : destination of customers.csv, articles.csv and transactions_train.csv; created if missing.
    customers, articles, transactions : number of rows of each file.
    seed : 0 or more.
    progress : receives the number of rows written.

    Raises
    ------
    UserMistake : a number is out of range, or the folder cannot be used.
    """
    _check_sizes(customers, articles, transactions, seed)
    begun = time.monotonic()
    description: dict[str, str | int | None] = {
        "sample": "synthetic",
        "customers": customers,
        "articles": articles,
        "transactions": transactions,
        "seed": seed,
    }
    with write_sample(folder, description) as target:
        shop_rng, texts_rng, weeks_rng = np.random.default_rng(seed).spawn(3)
        progress(DRAWING, 0, 3)
        shop = _draw_shop(shop_rng, customers, articles, transactions)
        progress(DRAWING, 1, 3)
        numbers = number_articles(texts_rng, shop.catalogue)
        describe_articles(texts_rng, shop.catalogue, numbers).write_csv(target.articles)
        progress(DRAWING, 2, 3)
        customer_ids = draw_ids(texts_rng, customers)
        describe_customers(texts_rng, shop.shoppers, customer_ids).write_csv(target.customers)
        article_ids = pl.Series(numbers).cast(pl.String).str.zfill(10)
        progress(DRAWING, 3, 3)
        written = 0
        with target.transactions.open("wb") as file:
            for purchases in _draw_weeks(weeks_rng, shop):
                _frame(purchases, customer_ids, article_ids).write_csv(file, include_header=written == 0)
                written += len(purchases.day)
                progress(WRITING, written, transactions)
    return SampleReceipt(folder, customers, articles, written, time.monotonic() - begun)


def _check_sizes(customers: int, articles: int, transactions: int, seed: int) -> None:
    bounds = (("customers", customers, MAX_CUSTOMERS), ("articles", articles, MAX_ARTICLES))
    for name, count, most in (*bounds, ("transactions", transactions, MAX_TRANSACTIONS)):
        if not 1 <= count <= most:
            raise UserMistake(f"The number of {name} must be from 1 to {most:,}, not {count:,}.")
    if seed < 0:
        raise UserMistake(f"The seed must be 0 or more, not {seed}.")


def _draw_shop(rng: np.random.Generator, customers: int, articles: int, transactions: int) -> _Shop:
    styles = rng.normal(size=(STYLES, TASTE_DIMENSIONS)).astype(np.float32)
    styles /= np.linalg.norm(styles, axis=1, keepdims=True)
    catalogue = draw_catalogue(rng, articles, styles)
    shoppers = draw_shoppers(rng, customers, transactions, styles)
    baskets = draw_baskets(rng, shoppers)
    rows_a_week = np.bincount(week_of_day(baskets.day), baskets.rows, minlength=WEEKS).astype(np.int64)
    weights = weight_weeks(rng, catalogue, rows_a_week)
    demand = _sales_of_departments(catalogue, weights.sum(axis=0, dtype=np.float64))
    favourites = draw_favourites(rng, shoppers.persona, demand)
    return _Shop(catalogue, shoppers, baskets, weights, favourites, np.full((customers, REMEMBERED), -1, np.int32))


def _draw_weeks(rng: np.random.Generator, shop: _Shop) -> Iterator[_Purchases]:
    """Yield the purchases week by week, in order of day and customer."""
    baskets = shop.baskets
    weeks = np.searchsorted(week_of_day(baskets.day), np.arange(WEEKS + 1)).tolist()
    usual = _sales_of_departments(shop.catalogue, shop.weights.mean(axis=0, dtype=np.float64))
    planned, sold = np.zeros(shop.catalogue.size), np.zeros(shop.catalogue.size)
    for week in range(WEEKS):
        part = slice(weeks[week], weeks[week + 1])
        rows = baskets.rows[part]
        if not len(rows):
            continue
        basket = np.repeat(np.arange(len(rows)), rows)
        is_first = np.diff(basket, prepend=-1) > 0
        customer = baskets.customer[part][basket]
        # Taste and repeats shift sales. Hold back an article ahead of its plan, so that the long tail stays H&M's.
        weights = shop.weights[week] * np.clip(((planned + STEADY) / (sold + STEADY)) ** 4, 0.3, 2)
        season = _sales_of_departments(shop.catalogue, weights) / np.maximum(usual, 1e-12)
        department = _choose_departments(rng, shop.favourites, customer, is_first, season)
        article = _choose_articles(rng, shop, customer, department, weights)
        again = _find_repeats(basket, article)
        anywhere = np.full(len(again), -1)
        article[again] = _choose_articles(rng, shop, customer[again], anywhere, weights)
        article = _repeat_purchases(rng, shop, customer, article, week)
        article = _fill_baskets(rng, shop, article, is_first, week)
        planned += shop.weights[week]
        sold += np.bincount(article, minlength=len(sold))
        shop.last[customer, rng.integers(0, REMEMBERED, len(customer))] = article
        day = baskets.day[part]
        by_chance = rng.random(len(rows)) < shop.shoppers.online[baskets.customer[part]]
        shut = (day >= CLOSED_SHOPS[0]) & (day < CLOSED_SHOPS[1]) & (rng.random(len(rows)) < 0.9)
        bonus = np.where(rng.random(len(rows)) < 0.06, 0.9, 1.0)
        euros = np.maximum(np.round(price_in_week(shop.catalogue, week)[article] * bonus[basket], 2), 1.0)
        channel = np.where(by_chance | shut, 2, 1)[basket]
        yield _Purchases(day[basket], customer, article, euros / EUROS_PER_UNIT, channel)


def _sales_of_departments(catalogue: Catalogue, weights: Floats) -> Floats:
    return np.bincount(catalogue.department, weights, minlength=len(DEPARTMENTS)).astype(np.float64)


def _choose_departments(
    rng: np.random.Generator,
    favourites: NDArray[np.int16],
    customer: NDArray[np.int32],
    is_first: NDArray[np.bool_],
    season: Floats,
) -> Ints:
    """Choose the department of each row, -1 for the whole shop; `season` is each department's sales over its mean."""
    liked = np.column_stack([favourites[customer], np.full(len(customer), -1, np.int16)])
    chance = np.cumsum(np.append(season, 1.0)[liked] * FAVOURITE_DEPARTMENTS, axis=1)
    choice = (chance < rng.random((len(customer), 1)) * chance[:, -1:]).sum(axis=1)
    choice = np.minimum(choice, FAVOURITES)
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(choice)), 0))
    choice = np.where(rng.random(len(choice)) < SAME_DEPARTMENT, choice[first], choice)
    return np.asarray(liked[np.arange(len(choice)), choice], np.int64)


def _choose_articles(
    rng: np.random.Generator, shop: _Shop, customer: NDArray[np.int32], department: Ints, weights: Floats
) -> Ints:
    """Draw a few articles by this week's sales, and choose the one closest to the customer's taste, plus noise."""
    until = np.cumsum(weights, dtype=np.float64)
    edges = np.append(0, until)[np.searchsorted(shop.catalogue.department, np.arange(len(DEPARTMENTS) + 1))]
    lowest = np.append(edges[:-1], 0.0)[department]
    width = np.append(edges[1:], until[-1])[department] - lowest
    last_sold = int(np.flatnonzero(weights)[-1])
    taste, owned = shop.shoppers.taste[customer], shop.last[customer]
    best = np.zeros(len(customer), np.int64)
    best_score = np.full(len(customer), -np.inf, np.float32)
    for _ in range(CANDIDATES):
        place = np.searchsorted(until, lowest + width * rng.random(len(customer)), side="right")
        candidate = np.minimum(place, last_sold)
        closeness = np.einsum("ij,ij->i", taste, shop.catalogue.taste[candidate])
        # Gumbel noise makes the choice a softmax over the candidates.
        score = np.float32(SHARPNESS) * closeness - np.log(rng.standard_exponential(len(customer), np.float32) + LEAST)
        score -= OWNED_ALREADY * (owned == candidate[:, np.newaxis]).any(axis=1)
        better = score > best_score
        best[better] = candidate[better]
        best_score[better] = score[better]
    return best


def _find_repeats(basket: Ints, article: Ints) -> Ints:
    """Find rows that repeat an earlier article of their basket, which would happen too often in small shops."""
    order = np.lexsort((article, basket))
    same = (np.diff(basket[order], prepend=-1) == 0) & (np.diff(article[order], prepend=-1) == 0)
    return np.asarray(order[same])


def _repeat_purchases(
    rng: np.random.Generator, shop: _Shop, customer: NDArray[np.int32], article: Ints, week: int
) -> Ints:
    """Replace some rows by an article that the customer has bought before, if it is still sold."""
    remembered = shop.last[customer, rng.integers(0, REMEMBERED, len(customer))]
    is_sold = (remembered >= 0) & (shop.weights[week][remembered] > 0)
    return np.where(is_sold & (rng.random(len(article)) < BOUGHT_AGAIN), remembered, article)


def _fill_baskets(rng: np.random.Generator, shop: _Shop, article: Ints, is_first: NDArray[np.bool_], week: int) -> Ints:
    """Replace some rows after a basket's first by the previous row's article, or by another colour of it."""
    catalogue = shop.catalogue
    luck = np.where(is_first, 1.0, rng.random(len(article)))
    before = np.roll(article, 1)
    variants = catalogue.variants[before]
    other = catalogue.first_variant[before] + (variants * rng.random(len(article))).astype(np.int64)
    is_turn = (luck >= EQUAL_ROWS) & (luck < EQUAL_ROWS + OTHER_COLOUR)
    is_sold = (other != before) & (shop.weights[week][other] > 0)
    article = np.where(is_turn & is_sold, other, article)
    origin = np.maximum.accumulate(np.where(luck < EQUAL_ROWS, 0, np.arange(len(article))))
    return article[origin]


def _frame(purchases: _Purchases, customer_ids: pl.Series, article_ids: pl.Series) -> pl.DataFrame:
    day = pl.Series(purchases.day.astype(np.int32) + (FIRST_DAY - date(1970, 1, 1)).days).cast(pl.Date)
    return pl.DataFrame(
        {
            "t_dat": day,
            "customer_id": customer_ids.gather(purchases.customer),
            "article_id": article_ids.gather(purchases.article),
            "price": purchases.price,
            "sales_channel_id": purchases.channel,
        }
    )
