"""The routes about audiences: the customers most likely to buy an article."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ...graph_ml.recommend import AudienceRequest, Recommender
from ...graph_ml.recommend.audience import AudienceFields, AudiencePreferences
from ..terminal.show import records
from .parameters import ArticleId


class AudienceCustomer(BaseModel):
    """A customer who is likely to buy the article, with the reason."""

    customer_id: str
    score: float = Field(description="Comparable only within one audience")
    because: str


class AudienceAnswer(BaseModel):
    """The customers most likely to buy an article, the most likely first."""

    note: str = Field(description="A sentence about an article that nobody bought yet, or about unknown ids, or empty")
    customers: list[AudienceCustomer]


def make_audience_routes(recommender: Recommender) -> APIRouter:
    """Return the routes, to be included behind the guard."""
    routes = APIRouter(tags=["audience"])

    def answer(request: AudienceRequest) -> AudienceAnswer:
        found = recommender.audience(request)
        return AudienceAnswer.model_validate({"note": found.note, "customers": records(found.customers)})

    @routes.get("/articles/{article_id:path}/audience")
    def show_audience(
        article_id: ArticleId,
        preferences: Annotated[AudiencePreferences, Query()],
    ) -> AudienceAnswer:
        """Return the customers most likely to buy an article, each with the reason, as `hmrec audience` prints them."""
        return answer(AudienceRequest(article=(article_id,), **preferences.model_dump()))

    @routes.get("/audience")
    def show_audience_of_several(fields: Annotated[AudienceFields, Query()]) -> AudienceAnswer:
        """Return the customers most likely to buy one of several articles, which count as one."""
        return answer(AudienceRequest(**fields.model_dump()))

    return routes
