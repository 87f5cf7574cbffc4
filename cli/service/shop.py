"""The routes about the shop as a whole and about its articles, which the page's start and article views show."""

from __future__ import annotations

import time
from datetime import date
from threading import Lock
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ...cypher.articles import Card, find_articles, read_cards
from ...cypher.graph import Graph
from ...cypher.recommenders import METHODS
from ...cypher.shop import read_shop, read_weeks
from ...graph_ml.recommend.article import read_article
from ..terminal.show import records
from .candidates import RecommendationCache
from .guard import guard_routes
from .images import find_picture
from .parameters import LONGEST_ID, ArticleId, ListedId

WAIT = 20  # a shop that changes all the time is counted again after this many times as long as counting takes
MODEL = ("version", "name", "created", "since", "until", "purchases", "customers", "articles", "epochs",
         "validation_map_all", "validation_map_new", "ranker_all", "ranker_all_why", "ranker_new", "ranker_new_why",
         )  # fmt: skip


class Example(BaseModel):
    """A customer to try things on."""

    kind: str = Field(description="`few`, `typical`, `many` or `none`: how much they bought, among the shop's buyers")
    customer_id: str
    bought: int = Field(description="Number of purchases")


class MethodDescription(BaseModel):
    """A method of recommending."""

    name: str
    doc: str = Field(description="What it recommends, in a few words")


class ShopFigures(BaseModel):
    """The figures of the shop."""

    customers: int
    articles: int
    purchases: int = Field(description="Number of purchases; equal ones of a day count once")
    first: date | None = Field(description="Day of the first purchase")
    last: date | None = Field(description="Day of the last purchase")
    model: dict[str, Any] | None = Field(
        description="The model in force: version, days, sizes and quality (MAP@12 on weeks held out); null without one"
    )
    examples: list[Example]
    methods: list[MethodDescription]


class Week(BaseModel):
    """The sales of a week."""

    week: date = Field(description="Its Monday")
    purchases: int = Field(description="Units bought")
    articles: int = Field(description="Different articles bought")
    new_articles: int = Field(description="Those of them that were never bought before")
    new_purchases: int = Field(description="Units of these")


class Weeks(BaseModel):
    """The sales of each week, oldest first."""

    weeks: list[Week]


class ArticleCard(BaseModel):
    """The details of an article in a list; null if unknown."""

    article_id: str
    prod_name: str | None
    colour: str | None
    department: str | None
    product_type: str | None
    price: float | None = Field(description="Price of the latest sale")
    available: bool = Field(description="In stock, and sold on the day after the last purchase")
    stock: int | None
    image: str | None = Field(description="Address of a picture, if HMREC_IMAGE_URL is set")


class FoundArticles(BaseModel):
    """Articles found by a search, or the named ones in the given order."""

    articles: list[ArticleCard]


class ArticleWeek(BaseModel):
    """An article's sales in a week."""

    week: date = Field(description="Its Monday")
    purchases: int = Field(description="Units bought")
    buyers: int


class Article(ArticleCard):
    """An article: properties, price, availability, and who bought it."""

    attributes: dict[str, str | int | float | bool | date] = Field(description="Properties by H&M's column names")
    purchases: int = Field(description="Units bought, less those returned")
    buyers: int = Field(description="Customers who bought it")
    buyers_lately: int = Field(description="Those who bought it in the last 28 days")
    repeat_buyers: int = Field(description="Those who bought it on more than one day")
    repeat_share: float | None = Field(description="`repeat_buyers` of `buyers`, 0 to 1; null without buyers")
    first: date | None = Field(description="Day of its first sale")
    last: date | None = Field(description="Day of its last sale")
    weeks: list[ArticleWeek] = Field(description="Its sales by week, oldest first; weeks without a sale included")


class WeeksCache:
    """The shop's sales by week, which take long to count, counted once while the graph stays the same.

    Parameters
    ----------
    graph : the graph to read.
    candidates : knows the graph's state.
    """

    def __init__(self, graph: Graph, candidates: RecommendationCache) -> None:
        self.graph = graph
        self.candidates = candidates
        self._weeks: Weeks | None = None
        self._key: Any = None
        self._good_until = float("-inf")
        self._lock = Lock()

    def read(self) -> Weeks:
        """Return the sales by week. While one request counts, others get the earlier ones; without any, they wait."""
        earlier = self._weeks
        if not self._lock.acquire(blocking=earlier is None) and earlier is not None:
            return earlier  # waiting would hold the threads that answer other requests
        try:
            state = self.candidates.state()
            key = (state.database, state.newest_load, state.bought, state.until)
            begun = time.monotonic()
            if self._weeks is None or (key != self._key and begun > self._good_until):
                self._weeks = Weeks.model_validate({"weeks": records(read_weeks(self.graph))})
                self._key, ended = key, time.monotonic()
                self._good_until = ended + WAIT * (ended - begun)
            return self._weeks
        finally:
            self._lock.release()


def make_shop_routes(
    graph: Graph,
    candidates: RecommendationCache,
    token: str,
    write_token: str,
    image_url: str,
    responses: dict[int | str, dict[str, Any]],
) -> APIRouter:
    """Return the routes about the shop and its articles, all behind the guard.

    They come last: `/articles/{article_id}` takes every address below `/articles/` that has no route yet.

    Parameters
    ----------
    graph : the graph to read.
    candidates : knows the graph's state.
    image_url : the setting HMREC_IMAGE_URL.
    token, write_token, responses : as for `guard_routes`.
    """
    routes = guard_routes(token, write_token, responses)
    weeks_cache = WeeksCache(graph, candidates)

    def show(card: Card) -> dict[str, Any]:
        return {**card._asdict(), "image": find_picture(image_url, card)}

    @routes.get("/shop", tags=["shop"])
    def show_shop() -> ShopFigures:
        """Show the figures of the shop, the model in force, customers to try things on, and the methods."""
        shop = read_shop(graph)
        model = shop.model and {name: shop.model[name] for name in MODEL if name in shop.model}
        return ShopFigures.model_validate({
            "customers": shop.counts.customers,
            "articles": shop.counts.articles,
            "purchases": shop.counts.bought,
            "first": shop.first,
            "last": shop.last,
            "model": model,
            "examples": [one._asdict() for one in shop.examples],
            "methods": [{"name": method.name, "doc": method.doc} for method in METHODS],
        })  # fmt: skip

    @routes.get("/shop/weeks", tags=["shop"])
    def show_weeks() -> Weeks:
        """Show the shop's sales by week, as `hmrec report` plots them; counted once while the graph stays the same."""
        return weeks_cache.read()

    @routes.get("/articles", tags=["shop"])
    def search_articles(
        start: Annotated[str, Query(max_length=LONGEST_ID, description="First characters of the id")] = "",
        name: Annotated[str, Query(max_length=LONGEST_ID, description="Words of the name, or first letters")] = "",
        article_id: Annotated[
            tuple[ListedId, ...], Query(max_length=100, description="These articles instead of a search")
        ] = (),
        k: Annotated[int, Query(ge=1, le=1000, description="Number of articles")] = 20,
    ) -> FoundArticles:
        """Find articles by the first characters of their ids and by their names, or show the named ones."""
        ids = article_id or find_articles(graph, start, name, k=k)
        return FoundArticles.model_validate({"articles": [show(card) for card in read_cards(graph, ids)]})

    @routes.get("/articles/{article_id:path}", tags=["shop"])
    def show_article(
        article_id: ArticleId,
        weeks: Annotated[int, Query(ge=1, le=520, description="Number of weeks")] = 52,
    ) -> Article:
        """Show an article's properties, price, availability, buyers and sales by week."""
        found = read_article(graph, article_id, weeks=weeks)
        return Article.model_validate({
            **show(found.card),
            "attributes": found.properties,
            **found.buyers._asdict(),
            "repeat_share": found.buyers.repeat_share,
            "weeks": records(found.weeks),
        })  # fmt: skip

    return routes
