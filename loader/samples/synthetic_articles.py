"""The synthetic shop's articles: their attributes, their sales over the two years, and the weeks in which they sell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..schema import ARTICLES
from .assortment import (
    APPEARANCES,
    COLOUR_MASTERS,
    COLOUR_VALUES,
    COLOURS,
    DEPARTMENTS,
    DETAILS,
    FABRICS,
    FITS,
    GARMENT_GROUPS,
    INDEX_GROUPS,
    INDEXES,
    NAMES,
    PERSONAS,
    PRODUCT_TYPES,
    SEASONS,
    SLOGANS,
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

WEEKS = 105
FIRST_WEEK_OF_YEAR = 38  # of 2018-09-20
WEEKS_AFTER = 40
EVERGREEN = 400.0  # weeks of life of articles that never go out of stock
TASTE_DIMENSIONS = 8
STYLES = 12
EUROS_PER_UNIT = 590  # H&M's prices are euros divided by 590: 0.0169 is 9.99
PRICE_POINTS = np.array(
    [
        0.99, 1.99, 2.99, 3.99, 4.99, 5.99, 6.99, 7.99, 8.99, 9.99, 12.99, 14.99, 17.99, 19.99, 24.99, 29.99, 34.99,
        39.99, 49.99, 59.99, 69.99, 79.99, 99.99, 119.0, 149.0, 199.0, 249.0, 299.0, 349.0,
    ]
)  # fmt: skip

# Rows that an article sells in its life at H&M's scale: cumulative share of articles, rows. The quartiles are those
# commonly reported for H&M's file (14, 65, 286; not checked). The rest is fitted to the mean and the best seller.
SALES_CURVE = (
    (0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1),
    (1.0, 2.5, 6, 15, 65, 286, 760, 1250, 2950, 8600, 22000, 60000),
)
BEST_SELLER = 50_287 / 31_788_324
LOG_SALES_PER_APPEAL = 2.1  # spread of log sales on the curve over the spread of the drawn appeal
ARTICLES_A_DEPARTMENT = 250
LEAST_HEAD = 12  # a best seller sells at least this many times the mean, however few articles there are


@dataclass(frozen=True)
class Catalogue:
    """The articles, in order of department and product; arrays of one entry per article.

    Attributes
    ----------
    department : position in DEPARTMENTS, int64.
    product : 0, 1, 2...; variants of a product are consecutive.
    first_variant, variants : the product's first article, and its number of articles.
    colour, appearance, kind : positions in COLOURS, APPEARANCES and the department's types.
    taste : [articles, TASTE_DIMENSIONS] of length 1, float32; close to that of the customers who like the article.
    euros : full price.
    markdown : whether the price falls with age.
    launch : week of launch; negative before the data begin.
    life : weeks in which sales fall to a third.
    share : share of all rows, over the two years.
    """

    department: Ints
    product: Ints
    first_variant: Ints
    variants: Ints
    colour: Ints
    appearance: Ints
    kind: Ints
    taste: Singles
    euros: Floats
    markdown: NDArray[np.bool_]
    launch: Ints
    life: Floats
    share: Floats

    @property
    def size(self) -> int:
        """Number of articles."""
        return len(self.department)


def draw_catalogue(rng: np.random.Generator, count: int, styles: Singles) -> Catalogue:
    """Draw the articles.

    Parameters
    ----------
    rng : the source of random numbers.
    count : number of articles.
    styles : [STYLES, TASTE_DIMENSIONS], the centres of taste.
    """
    variants = np.minimum(rng.geometric(0.45, count), 12)
    products = int(np.searchsorted(np.cumsum(variants), count)) + 1
    variants = variants[:products]
    variants[-1] -= variants.sum() - count
    weight = _stock_departments(count)
    product_department = np.sort(rng.choice(len(DEPARTMENTS), products, p=weight))
    style = rng.integers(0, STYLES, products)

    of = np.repeat(np.arange(products), variants)
    first = np.repeat(np.cumsum(variants) - variants, variants)
    department = product_department[of]
    colour_weight = np.array([colour.weight for colour in COLOURS])
    colour = rng.choice(len(COLOURS), count, p=colour_weight / colour_weight.sum())
    pattern_weight = np.array([share for _, share in APPEARANCES.values()])
    appearance = rng.choice(len(APPEARANCES), products, p=pattern_weight / pattern_weight.sum())[of]
    kinds = np.array([len(d.types) for d in DEPARTMENTS])
    kind = np.floor(rng.random(products) * kinds[product_department]).astype(np.int64)[of]
    price_level = rng.normal(size=products)
    euros = np.array([d.euros for d in DEPARTMENTS])[product_department] * np.exp(0.35 * price_level - 0.14)
    euros = PRICE_POINTS[np.searchsorted((PRICE_POINTS[1:] + PRICE_POINTS[:-1]) / 2, euros)]

    colour_taste = rng.normal(size=(len(COLOURS), TASTE_DIMENSIONS))
    taste = styles[style][of] + (0.35 * rng.normal(size=(products, TASTE_DIMENSIONS)))[of] + 0.2 * colour_taste[colour]
    appeal = 0.8 * rng.normal(size=products)[of] + 0.7 * rng.normal(size=count) + 0.15 * (colour_weight[colour] > 9)
    groups = index_group_of_departments()
    stocked = np.bincount(groups, weight, minlength=len(INDEX_GROUPS))
    appeal += (np.log(demand_of_groups() / stocked) / LOG_SALES_PER_APPEAL)[groups[department]]
    place = _rank(appeal) / count
    evergreen = rng.random(count) < np.where(place > 0.998, 0.75, np.where(place > 0.95, 0.25, 0.04))
    evergreen[int(appeal.argmax())] = True  # so that every week has something to buy
    life = np.where(evergreen, EVERGREEN, np.exp(rng.normal(np.log(4.5) + 1.2 * place, 0.5)))
    launch = np.where(evergreen, -60, _draw_launches(rng, department, of, products))
    left = np.exp(-np.maximum(-launch, 0) / life)  # share of the life that remains when the data begin
    sales = np.empty(count)
    sales[np.argsort(appeal, kind="stable")] = _sales(count)
    share = _compress_head(np.where(evergreen, sales, sales * left))
    return Catalogue(
        department,
        of,
        first,
        np.repeat(variants, variants),
        colour,
        appearance,
        kind,
        _unit(taste),
        euros[of],
        (rng.random(products) < 0.7)[of],
        launch.astype(np.int64),
        life,
        share,
    )


def _stock_departments(count: int) -> Floats:
    """Return each department's share of the articles. A small shop has only the largest department of each kind."""
    weight = np.array([d.weight for d in DEPARTMENTS])
    groups = index_group_of_departments()
    garments = np.unique([d.garment_group for d in DEPARTMENTS], return_inverse=True)[1]
    order = np.argsort(-weight, kind="stable")
    leads = np.zeros(len(weight), np.int64)  # whether a department is the largest of its index group or garment group
    for kinds in (groups, garments):
        leads[order[np.unique(kinds[order], return_index=True)[1]]] = 1
    is_kept = np.zeros(len(weight), np.bool_)
    is_kept[np.lexsort((-weight, -leads))[: max(int(leads.sum()), count // ARTICLES_A_DEPARTMENT)]] = True
    share = np.where(is_kept, weight, 0)
    index_shares = np.array(
        [sum(i.articles for i in INDEXES.values() if i.group_name == name) for name in INDEX_GROUPS]
    )
    share *= (index_shares / index_shares.sum() / np.bincount(groups, share))[groups]
    return np.asarray(share)


def _draw_launches(rng: np.random.Generator, department: Ints, of: Ints, products: int) -> Ints:
    """Draw weeks of launch, a few weeks before the department's season; most variants of a product launch together."""
    weeks = np.arange(-20, WEEKS)
    launch = np.zeros(products, np.int64)
    product_department = np.zeros(products, np.int64)
    product_department[of] = department
    for place, each in enumerate(DEPARTMENTS):
        mine = np.flatnonzero(product_department == place)
        weight = season_of(each.season, weeks + 6)
        launch[mine] = rng.choice(weeks, len(mine), p=weight / weight.sum())
    late = launch[of] + rng.integers(1, 30, len(of))
    return np.where((rng.random(len(of)) < 0.25) & (late < WEEKS), late, launch[of])


def season_of(season: str, weeks: Ints) -> Floats:
    """Return the seasonal factor of demand for each week since 2018-09-20; its geometric mean over a year is 1."""
    peak, strength = SEASONS[season]
    return np.asarray(np.exp(strength * np.cos(2 * np.pi * (weeks + FIRST_WEEK_OF_YEAR - peak) / 52.18)))


def _sales(count: int) -> Floats:
    """Return the rows that each article sells in its whole life by H&M's curve, ascending."""
    below, rows = SALES_CURVE
    return np.asarray(np.exp(np.interp((np.arange(count) + 0.5) / count, below, np.log(rows))))


def _compress_head(sales: Floats) -> Floats:
    """Return shares of all rows, with the top compressed until the best seller has H&M's share."""
    head = max(BEST_SELLER, min(1.0, LEAST_HEAD / len(sales)))
    low, high = 0.0, 30.0
    for _ in range(60):
        middle = (low + high) / 2
        compressed = sales / (1 + sales / np.exp(middle))
        low, high = (middle, high) if compressed.max() / compressed.sum() < head else (low, middle)
    compressed = sales / (1 + sales / np.exp(high))
    return np.asarray(compressed / compressed.sum())


def weight_weeks(rng: np.random.Generator, catalogue: Catalogue, rows_a_week: Ints) -> Singles:
    """Return the expected sales of each article in each week, [WEEKS, articles]; a week sums to its rows.

    Launch, decay and season give each article its shape. Then columns are fitted to the articles' shares and rows to
    the weeks' volumes in turn (iterative proportional fitting). Weeks after the end of the data take their part of the
    shares; otherwise the latest launches would sell a whole life's pieces in the last days.
    """
    weights = np.zeros((WEEKS + WEEKS_AFTER, catalogue.size), np.float32)
    total = max(int(rows_a_week.sum()), 1)
    most = max(0.007, 40 / catalogue.size)
    for week in range(len(weights)):
        age = week - catalogue.launch
        shape = (1 - 0.45 * (age == 0)) * np.exp(-np.maximum(age, 0) / catalogue.life)
        shape[(age < 0) | ((age > 6 * catalogue.life) & (catalogue.life < EVERGREEN))] = 0
        season = np.array([season_of(d.season, np.array([week]))[0] for d in DEPARTMENTS])
        weights[week] = shape * season[catalogue.department] * np.exp(0.25 * rng.normal(size=catalogue.size))
    for _ in range(8):
        weights *= _divide(catalogue.share * total, weights.sum(axis=0, dtype=np.float64))
        for week, rows in enumerate(rows_a_week):
            factor = rows / max(float(weights[week].sum(dtype=np.float64)), 1e-30)
            weights[week] *= factor
            np.minimum(weights[week], most * rows, out=weights[week])
        weights[WEEKS:] *= factor
    return weights[:WEEKS]


def price_in_week(catalogue: Catalogue, week: int) -> Floats:
    """Return each article's price in euros in a week: full price, then three markdowns as it ages."""
    age = (week - catalogue.launch) / catalogue.life
    step = np.select([age < 1.2, age < 2.2, age < 3.5], [1.0, 0.8, 0.6], 0.4)
    return np.where(catalogue.markdown & (catalogue.life < EVERGREEN), catalogue.euros * step, catalogue.euros)


def number_articles(rng: np.random.Generator, catalogue: Catalogue) -> Ints:
    """Return the articles' ids as numbers: a product code that grows with the launch, then three digits per variant."""
    products = int(catalogue.product[-1]) + 1
    launch = np.full(products, WEEKS)
    np.minimum.at(launch, catalogue.product, catalogue.launch)
    codes = np.empty(products, np.int64)
    codes[np.argsort(launch, kind="stable")] = np.sort(rng.choice(890_000, products, replace=False)) + 108_775
    variant = np.arange(catalogue.size) - catalogue.first_variant + 1
    return np.asarray(codes[catalogue.product] * 1000 + variant)


def describe_articles(rng: np.random.Generator, catalogue: Catalogue, numbers: Ints) -> pl.DataFrame:
    """Return the articles with H&M's columns, sorted by id."""
    products = int(catalogue.product[-1]) + 1
    kinds = [[DEPARTMENTS[d].types[k] for k in range(len(DEPARTMENTS[d].types))] for d in range(len(DEPARTMENTS))]
    kind = [kinds[d][k] for d, k in zip(catalogue.department.tolist(), catalogue.kind.tolist(), strict=True)]
    names, descriptions = _draw_texts(rng, products)
    frame = pl.DataFrame({"number": numbers, "type": kind, "product": catalogue.product}).with_columns(
        pl.Series("department", catalogue.department),
        pl.Series("colour", catalogue.colour),
        pl.Series("appearance", catalogue.appearance),
    )
    texts = pl.DataFrame({"product": np.arange(products), "prod_name": names, "description": descriptions})
    joined = frame.join(texts, on="product", how="left", maintain_order="left")
    for key, table in (("department", _departments()), ("colour", _colours()), ("appearance", _appearances())):
        joined = joined.join(table, on=key, how="left", maintain_order="left")
    joined = joined.join(_types(), on="type", how="left", maintain_order="left")
    described = joined.with_columns(
        article_id=pl.col("number").cast(pl.String).str.zfill(10),
        product_code=pl.col("number") // 1000,
        product_type_name=pl.col("type"),
        prod_name=pl.col("prod_name") + " " + pl.col("type").str.split("/").list.first().str.to_lowercase(),
        detail_desc=pl.col("type") + " in " + pl.col("description"),
    )
    return described.sort("number").select(ARTICLES.hm_names)


def _draw_texts(rng: np.random.Generator, products: int) -> tuple[list[str], list[str | None]]:
    """Draw a name and a description for each product, without its type; 0.4 % have no description, as at H&M."""

    def pick(choice: tuple[str, ...]) -> list[str]:
        return [choice[i] for i in rng.integers(0, len(choice), products).tolist()]

    words = (NAMES, FITS, FABRICS, DETAILS, DETAILS, DETAILS, SLOGANS)
    parts = zip(*(pick(each) for each in words), strict=True)
    chance = rng.random(products).tolist()
    names: list[str] = []
    descriptions: list[str | None] = []
    for luck, (name, fit, fabric, one, two, three, slogan) in zip(chance, parts, strict=True):
        names.append(f"{fit} {name}".strip() if luck < 0.5 else f"{name} {fit}".strip())
        text = f"{fabric} with {one}, {two} and {three}."
        if 0.1 < luck < 0.15:
            text += f' Printed with the words "{slogan}" on the front.'
        descriptions.append(None if luck > 0.996 else text)
    return names, descriptions


def _types() -> pl.DataFrame:
    rows = [
        {"type": name, "product_type_no": number, "product_group_name": group}
        for name, (number, group) in PRODUCT_TYPES.items()
    ]
    return pl.DataFrame(rows)


def _departments() -> pl.DataFrame:
    sections = sorted({d.section for d in DEPARTMENTS})
    rows: list[dict[str, Any]] = []
    for place, d in enumerate(DEPARTMENTS):
        index = INDEXES[d.index]
        rows.append(
            {
                "department": place,
                "department_no": 1201 + 17 * place,
                "department_name": d.name,
                "index_code": d.index,
                "index_name": index.name,
                "index_group_no": index.group_no,
                "index_group_name": index.group_name,
                "section_no": 2 + sections.index(d.section),
                "section_name": d.section,
                "garment_group_no": GARMENT_GROUPS[d.garment_group],
                "garment_group_name": d.garment_group,
            }
        )
    return pl.DataFrame(rows)


def _colours() -> pl.DataFrame:
    rows = [
        {
            "colour": place,
            "colour_group_code": c.code,
            "colour_group_name": c.name,
            "perceived_colour_value_id": COLOUR_VALUES[c.value],
            "perceived_colour_value_name": c.value,
            "perceived_colour_master_id": COLOUR_MASTERS[c.master],
            "perceived_colour_master_name": c.master,
        }
        for place, c in enumerate(COLOURS)
    ]
    return pl.DataFrame(rows)


def _appearances() -> pl.DataFrame:
    rows = [
        {"appearance": place, "graphical_appearance_no": number, "graphical_appearance_name": name}
        for place, (name, (number, _)) in enumerate(APPEARANCES.items())
    ]
    return pl.DataFrame(rows)


def index_group_of_departments() -> Ints:
    """Return the position in INDEX_GROUPS of each department's index group."""
    return np.array([INDEX_GROUPS.index(INDEXES[d.index].group_name) for d in DEPARTMENTS])


def demand_of_groups() -> Floats:
    """Return each index group's share of the demand of all personas."""
    return np.asarray(np.sum([p.share * np.array(p.groups) for p in PERSONAS], axis=0))


def _rank(values: Floats) -> Floats:
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values))
    return ranks


def _unit(vectors: Floats) -> Singles:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _divide(above: Floats, below: Floats) -> Singles:
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=below > 0), np.float32)
