"""The routes for an article's page and for a cart: related articles, and what goes with a cart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from ...cypher.catalogue import find_query
from ...cypher.day import Day
from ...graph_ml.recommend import Recommender
from ...graph_ml.recommend.related import Kind
from ...graph_ml.recommend.request import MOST_IN_CART, MOST_OF_ONE, Request
from ...graph_ml.recommend.rule import LONGEST_NAME
from ...loader.impressions import ShownArticle
from ..terminal.show import records
from .answers import RecommendedArticle
from .body import describe_body, read_json
from .parameters import ArticleId, ShownPreferences
from .showing import Showing

RELATED = find_query("related")


class Related(BaseModel):
    """The articles related to an article, best first."""

    article_id: str
    kind: Kind
    version: int | None = Field(description="Version of the article relationships; null if computed from the purchases")
    note: str = Field(description="How old the relationships are")
    articles: list[RecommendedArticle]


class CartArticle(BaseModel):
    """An article of a cart."""

    model_config = ConfigDict(extra="forbid")

    article_id: str = Field(min_length=1, max_length=LONGEST_NAME)
    quantity: int = Field(default=1, ge=1, le=MOST_OF_ONE)


class CartRequest(ShownPreferences):
    """A cart, a customer or both, and the preferences of a recommendation."""

    articles: list[CartArticle | str] = Field(
        default_factory=list,
        max_length=MOST_IN_CART,
        description="The cart's articles: ids, `ID*2` for two, or objects; none for the customer's own list",
    )
    customer_id: str | None = Field(
        default=None, min_length=1, max_length=LONGEST_NAME, description="The customer, if known"
    )

    @model_validator(mode="after")
    def _is_for_somebody(self) -> CartRequest:
        if not self.articles and self.customer_id is None:
            raise ValueError("name a customer, articles of a cart, or both")
        return self


class CartRecommendation(BaseModel):
    """What goes with a cart, best first."""

    customer_id: str | None
    method: str
    note: str = Field(description="How old the article relationships are, or empty")
    articles: list[RecommendedArticle]
    scored_by: list[str] = Field(
        description="For each article, `cart`; `new_arrivals` if a rule added it, and empty if a rule pinned it"
    )
    impression_id: str | None = Field(
        default=None, description="Id of the logged list, to send with events; null if it was not logged"
    )


_CART = TypeAdapter(CartRequest)


def make_shopping_routes(
    recommender: Recommender, showing: Showing, require_writing: Callable[[HttpRequest], Awaitable[None]]
) -> APIRouter:
    """Return the routes; the caller puts them behind the guard.

    Parameters
    ----------
    recommender : answers the requests.
    showing : logs what is shown.
    require_writing : refuses requests that may not write.
    """
    routes = APIRouter(tags=["recommend"])

    @routes.get("/articles/{article_id:path}/related")
    def related_articles(
        article_id: ArticleId,
        kind: Annotated[Kind, Query(description="How they are related")] = Kind.complement,
        k: Annotated[int, Query(ge=1, le=RELATED.default("most"), description="How many articles")] = RELATED.default(
            "k"
        ),
        include_unavailable: Annotated[
            bool, Query(description="Include articles that are out of stock or not sold on that day")
        ] = False,
        as_of: Annotated[Day | None, Query(description="As the graph stood on this day")] = None,
    ) -> Related:
        """Return the articles that are related to an article, as `hmrec related` prints them."""
        found = recommender.related(article_id, kind=kind, k=k, include_unavailable=include_unavailable, as_of=as_of)
        return Related.model_validate(_to_answer(found))

    @routes.post(
        "/recommend",
        openapi_extra=describe_body(_CART, "A cart or a customer", is_list=False),
        response_model=CartRecommendation,
    )
    async def recommend_for_cart(request: HttpRequest) -> CartRecommendation | Response:
        """Return what goes with a cart, as `hmrec recommend --articles` prints it.

        Without articles, return what `GET /recommend/{customer_id}` returns. A body may have more ids than an address.
        """
        cart = await read_json(request, _CART)
        if cart.log:
            await require_writing(request)
        asked = Request.model_validate(cart.model_dump(exclude={"log"}))
        if not cart.articles:
            log = showing.impressions.draw(cart.log)
            own = await run_in_threadpool(showing.recommend, asked, log)
            return Response(own, media_type="application/json")
        found = await run_in_threadpool(recommender.recommend, asked)
        answer = CartRecommendation.model_validate(_to_answer(found))
        if showing.impressions.draw(cart.log):
            shown = [ShownArticle(article.article_id) for article in answer.articles]
            answer.impression_id = showing.log(answer.customer_id, answer.method, shown, answer.scored_by)
        return answer

    return routes


def _to_answer(found: Any) -> dict[str, Any]:
    """Return a result's fields, with its frame of articles as rows."""
    return {**vars(found), "articles": records(found.articles)}
