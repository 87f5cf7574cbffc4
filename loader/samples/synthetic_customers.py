"""The synthetic shop's customers: their attributes and tastes, how much they buy, and on which days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..schema import CUSTOMERS
from .assortment import PERSONAS
from .synthetic_articles import (
    STYLES,
    TASTE_DIMENSIONS,
    WEEKS,
    Floats,
    Ints,
    Singles,
    demand_of_groups,
    index_group_of_departments,
)

DAYS = 734  # 2018-09-20 to 2020-09-22
FAVOURITES = 3
# First day, day after the last, factor: Black Fridays, summer sales, the sale of 2019-09-28, the closed shops of 2020
BUSY_DAYS = ((60, 68, 1.6), (424, 432, 1.7), (276, 292, 1.3), (640, 656, 1.3), (373, 374, 5.6), (540, 570, 0.75))
WITHOUT_PURCHASE = 9_699 / 1_371_980

# Rows that a customer with purchases has in the two years: cumulative share of customers, rows. Reported for H&M:
# quartiles 3, 9, 27, mean 23.3, 99th percentile about 170, maximum about 1,900 (first and third quartile not checked).
ROWS_CURVE = (
    (0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1),
    (0.6, 1.0, 1.4, 3.2, 9.0, 26.5, 60, 89, 172, 345, 650, 1950),
)


@dataclass(frozen=True)
class Shoppers:
    """What drives the customers' purchases; arrays of one entry per customer.

    Attributes
    ----------
    persona : position in PERSONAS.
    taste : [customers, TASTE_DIMENSIONS] of length 1, float32.
    online : probability that a basket is bought online.
    rows : number of rows.
    """

    persona: Ints
    taste: Singles
    online: Singles
    rows: Ints

    @property
    def size(self) -> int:
        """Number of customers."""
        return len(self.persona)


@dataclass(frozen=True)
class Baskets:
    """One customer's purchases of one day each, in order of day and customer: day (0 is 2018-09-20), customer, rows."""

    day: NDArray[np.int16]
    customer: NDArray[np.int32]
    rows: NDArray[np.int32]


def draw_shoppers(rng: np.random.Generator, count: int, transactions: int, styles: Singles) -> Shoppers:
    """Draw the customers and divide the rows among them."""
    persona = rng.choice(len(PERSONAS), count, p=[persona.share for persona in PERSONAS])
    taste = styles[rng.integers(0, STYLES, count)] + np.float32(0.5) * styles[rng.integers(0, STYLES, count)]
    taste += 0.25 * rng.standard_normal((count, TASTE_DIMENSIONS), np.float32)
    taste /= np.linalg.norm(taste, axis=1, keepdims=True)
    online = rng.beta(1.1, 0.5, count).astype(np.float32)
    return Shoppers(persona, taste, online, share_out_rows(rng, count, transactions))


def share_out_rows(rng: np.random.Generator, customers: int, transactions: int) -> Ints:
    """Return each customer's number of rows: H&M's curve, scaled to sum to exactly `transactions`."""
    rows = np.zeros(customers, np.int64)
    active = rng.permutation(customers)[: min(customers - round(customers * WITHOUT_PURCHASE), transactions)]
    below, curve = ROWS_CURVE
    on_curve = np.exp(np.interp((np.arange(len(active)) + 0.5) / len(active), below, np.log(curve)))
    beyond = np.maximum(on_curve - 1, 0) + 1e-9
    exact = beyond / beyond.sum() * (transactions - len(active))
    whole = np.floor(exact).astype(np.int64)
    missing = transactions - len(active) - int(whole.sum())
    whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    rows[active] = 1 + whole
    return rows


def draw_baskets(rng: np.random.Generator, shoppers: Shoppers) -> Baskets:
    """Draw days for the customers' rows: an active period each, visits within it, often a second visit soon after."""
    size = np.clip(np.exp(rng.normal(np.log(3.7), 0.55, shoppers.size)), 1, 15)
    visits = np.where(shoppers.rows > 0, np.clip(np.rint(shoppers.rows / size), 1, shoppers.rows), 0).astype(np.int64)
    owner = np.repeat(np.arange(shoppers.size, dtype=np.int32), visits)
    day = _draw_days(rng, owner, shoppers.size)
    rows = _fill_baskets(rng, shoppers.rows, visits)
    key = day.astype(np.int64) * shoppers.size + owner
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    first = order[starts]
    return Baskets(day[first], owner[first], np.add.reduceat(rows[order], starts).astype(np.int32))


def _draw_days(rng: np.random.Generator, owner: NDArray[np.int32], customers: int) -> NDArray[np.int16]:
    weight = _day_weights(rng)
    until = np.cumsum(weight / weight.sum()).astype(np.float32)
    start = rng.random(customers, np.float32)
    span = np.where(rng.random(customers) < 0.3, 1, 0.03 + 0.97 * rng.random(customers)).astype(np.float32)
    # A period that passes the end continues at the start, as if the customer came back. So no week is favoured.
    place = (start[owner] + span[owner] * rng.random(len(owner), np.float32)) % 1
    day = np.minimum(np.searchsorted(until, place, side="right"), DAYS - 1).astype(np.int16)
    again = np.roll(day, 1) + 1 + np.floor(10 * rng.standard_exponential(len(owner), np.float32)).astype(np.int16)
    follows = (owner == np.roll(owner, 1)) & (rng.random(len(owner), np.float32) < 0.35) & (again < DAYS)
    follows[:1] = False
    return np.where(follows, again, day).astype(np.int16)


def _day_weights(rng: np.random.Generator) -> Floats:
    """Return the weight of each day: summers, sales, the closed shops of spring 2020, weekdays, and noise."""
    day = np.arange(DAYS)
    week = week_of_day(day)
    year = 2 * np.pi * (day + 262 - 172) / 365.25  # 2018-09-20 is day 262 of its year; sales peak about day 172
    weight = 1 + 0.22 * np.cos(year) - 0.1 * day / DAYS
    weight *= np.array([1.0, 1.05, 1.1, 0.95, 0.9, 0.9, 0.95])[day % 7]
    weight *= np.exp(0.06 * rng.normal(size=WEEKS))[week] * np.exp(0.08 * rng.normal(size=DAYS))
    for begin, end, factor in BUSY_DAYS:
        weight[begin:end] *= factor
    return np.asarray(weight)


def _fill_baskets(rng: np.random.Generator, rows: Ints, visits: Ints) -> Ints:
    """Return each basket's rows, at least 1. A customer's first baskets get more than the last, so that sizes vary."""
    first = np.cumsum(visits) - visits
    filled = np.ones(int(visits.sum()), np.int64)
    step = 100_000
    for begin in range(0, len(rows), step):
        part = slice(begin, begin + step)
        extra = rows[part] - visits[part]
        span = np.repeat(visits[part], extra)
        visit = np.minimum((span * rng.random(len(span)) ** 1.5).astype(np.int64), span - 1)
        place = np.repeat(first[part], extra) + visit
        offset, until = int(first[part][0]), int(first[part][-1] + visits[part][-1])
        filled[offset:until] += np.bincount(place - offset, minlength=until - offset)
    return filled


def week_of_day(day: NDArray[np.signedinteger[Any]]) -> Ints:
    """Return the week of each day. Weeks end on Tuesdays, as the data do, so the first one is a day short."""
    return np.asarray((day + 1) // 7, np.int64)


def draw_favourites(rng: np.random.Generator, persona: Ints, demand: Floats) -> NDArray[np.int16]:
    """Draw the departments each customer likes, [customers, FAVOURITES], so that every department meets its demand.

    Parameters
    ----------
    rng : the source of random numbers.
    persona : [customers], the place of each one's persona in `PERSONAS`.
    demand : [departments], rows that each department should sell.
    """
    groups = index_group_of_departments()
    favourites = np.zeros((len(persona), FAVOURITES), np.int16)
    of_group = demand_of_groups()
    for place, each in enumerate(PERSONAS):
        mine = np.flatnonzero(persona == place)
        weight = np.array(each.groups)[groups] * demand / of_group[groups]
        if not weight.sum() > 0:
            weight = demand
        favourites[mine] = rng.choice(len(demand), (len(mine), FAVOURITES), p=weight / weight.sum())
    return favourites


def draw_ids(rng: np.random.Generator, count: int) -> pl.Series:
    """Draw distinct ids of 64 hexadecimal digits, sorted."""
    digits = np.frombuffer(rng.bytes(32 * count).hex().encode(), "S64")
    return pl.Series("id", np.sort(digits)).cast(pl.String)


def describe_customers(rng: np.random.Generator, shoppers: Shoppers, ids: pl.Series) -> pl.DataFrame:
    """Return the customers with H&M's columns and its shares of empty cells."""
    count = shoppers.size
    middle = np.array([persona.age for persona in PERSONAS])[shoppers.persona]
    spread = np.array([persona.spread for persona in PERSONAS])[shoppers.persona]
    age = np.clip(np.rint(rng.normal(middle, spread)), 16, 99)
    age = np.where(age < 17, rng.integers(16, 24, count), age)
    news = rng.random(count)
    reads = news < 0.348
    frequency = np.select([news < 0.34794, news < 0.34855, news < 0.3602], [1, 2, 3], 0)
    club = np.searchsorted(np.cumsum([0.92748, 0.06776, 0.00034]), rng.random(count), side="right")
    codes = max(1, round(count * 0.2572))
    code = np.minimum((codes * rng.random(count) ** 1.2).astype(np.int64), codes - 1)
    code = np.where(rng.random(count) < 0.0877, 0, code)  # one code covers every eleventh customer, as in H&M's file
    frame = pl.DataFrame(
        {
            "customer_id": ids,
            "reads": reads,
            "acts": reads & (rng.random(count) < 0.971),
            "club": club,
            "frequency": frequency,
            "age": age.astype(np.int64),
            "aged": rng.random(count) >= 0.01156,
            "postal_code": draw_ids(rng, codes).gather(code),
        }
    )
    return frame.with_columns(
        FN=pl.when("reads").then(pl.lit("1.0")),
        Active=pl.when("acts").then(pl.lit("1.0")),
        club_member_status=_name(pl.col("club"), ("ACTIVE", "PRE-CREATE", "LEFT CLUB", None)),
        fashion_news_frequency=_name(pl.col("frequency"), ("NONE", "Regularly", "Monthly", None)),
        age=pl.when("aged").then("age"),
    ).select(CUSTOMERS.column_names)


def _name(place: pl.Expr, names: tuple[str | None, ...]) -> pl.Expr:
    return place.replace_strict(dict(enumerate(names)), return_dtype=pl.String)
