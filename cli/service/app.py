"""The routes of the HTTP service. Each one parses the request, calls one library function, and returns the answer."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Response
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ...cypher.articles import read_names
from ...cypher.customers import find_customers, read_profile
from ...cypher.graph import Graph
from ...graph_ml.recommend.explain import ExplainedMethod
from ...graph_ml.recommend.request import Preferences, Request
from ...graph_ml.recommend.values import list_properties, list_values
from ...loader.properties import find_property
from ..terminal.show import records
from .answers import (
    Customer,
    Explanation,
    Failure,
    Found,
    Health,
    Properties,
    RankerExplanation,
    Recommendation,
    Similar,
    Values,
)
from .candidates import RecommendationCache
from .drawing import draw_explanation
from .failures import Refused, answer_failures
from .guard import make_guard, refuse_unknown_parameters
from .metrics import Measured, Metrics

PAGE = Path(__file__).with_name("page")
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
FAILURES: dict[int | str, dict[str, Any]] = {
    status.value: {"model": Failure, "description": description}
    for status, description in (
        (HTTPStatus.BAD_REQUEST, "The request cannot be carried out as given"),
        (HTTPStatus.UNAUTHORIZED, "The token is missing or wrong"),
        (HTTPStatus.NOT_FOUND, "The graph has no such customer, article, property or value"),
        (HTTPStatus.CONFLICT, "The embedding or the ranker is missing"),
        (HTTPStatus.MISDIRECTED_REQUEST, "The host name of the request is not one of this machine"),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "A parameter is invalid"),
        (HTTPStatus.BAD_GATEWAY, "Neo4j failed"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "Neo4j is unavailable"),
    )
}

LONGEST_ID = 1000
CustomerId = Annotated[str, PathParameter(max_length=LONGEST_ID, description="The customer's id")]
ArticleId = Annotated[str, PathParameter(max_length=LONGEST_ID, description="The article's id, with its leading zeros")]
K = Annotated[int, Query(ge=1, le=1000, description="How many articles")]
AsOf = Annotated[date | None, Query(description="Explain as the graph stood on this day")]
IncludeUnavailable = Annotated[
    bool, Query(description="Include articles that are out of stock or not sold on that day")
]


def make_app(graph: Graph, token: str = "", kept: int = 20_000) -> FastAPI:
    """Create the service for an open graph, which it only reads.

    Parameters
    ----------
    graph : the graph; it may be shared.
    token : token that requests must send; empty if the service answers only requests from its own machine.
    kept : greatest number of recommendations to cache while the graph stays the same.
    """
    app = FastAPIOffline(
        title="hmrec", version=version("hmrec"), redoc_url=None, favicon_url="/page/icon.svg",
        description="Recommendations from a graph of purchases, each with its reason.",
    )  # fmt: skip
    candidates = RecommendationCache(graph, kept)
    metrics = Metrics(candidates)
    app.add_middleware(Measured, metrics=metrics)
    answer_failures(app)
    app.include_router(make_routes(graph, candidates, metrics, token))
    app.mount("/page", StaticFiles(directory=PAGE), name="page")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": POLICY})

    @app.get("/health", responses={503: FAILURES[503], 502: FAILURES[502]}, tags=["operation"])
    def health() -> Health:
        """Show the state of the service and of the graph. Needs no token."""
        state = candidates.state()
        load, model = state.newest_load, state.model
        return Health(
            status="ok", version=version("hmrec"), neo4j=graph.server_version(),
            load=load.id if load else None, loading=load is not None and load.finished is None,
            model=model.version if model else None,
        )  # fmt: skip

    return app


def make_routes(graph: Graph, candidates: RecommendationCache, metrics: Metrics, token: str) -> APIRouter:
    """Return the routes that show data, all behind the guard."""
    recommender = candidates.recommender
    routes = APIRouter(
        dependencies=[Depends(make_guard(token)), Depends(refuse_unknown_parameters)], responses=FAILURES
    )

    @routes.get("/recommend/{customer_id:path}", response_model=Recommendation, tags=["recommend"])
    async def recommend_articles(customer_id: CustomerId, preferences: Annotated[Preferences, Query()]) -> Response:
        """Return articles for a customer, each with its reason, as `hmrec recommend` prints them."""
        request = Request(customer_id=customer_id, **preferences.model_dump())
        answer = candidates.find(request) or await run_in_threadpool(candidates.recommend, request)
        return Response(answer, media_type="application/json")

    @routes.get("/similar/{article_id:path}", tags=["recommend"])
    def similar_articles(article_id: ArticleId, k: K = 12, include_unavailable: IncludeUnavailable = False) -> Similar:
        """Return the articles nearest to an article by embedding; 409 if there are no embeddings."""
        found = recommender.similar(article_id, k=k, include_unavailable=include_unavailable)
        return Similar.model_validate({"article_id": article_id, "articles": records(found)})

    @routes.get("/explain/{customer_id:path}/{article_id}", tags=["recommend"])
    def explain_score(
        customer_id: CustomerId,
        article_id: ArticleId,
        by: Annotated[
            ExplainedMethod, Query(description="The score to explain: user-based CF's or the ranker's")
        ] = "user_based_cf",
        as_of: AsOf = None,
        include_unavailable: IncludeUnavailable = False,
        new_only: Annotated[
            bool, Query(description="For user_based_cf: explain the score in a list of new articles")
        ] = False,
    ) -> Explanation | RankerExplanation:
        """Return the parts of an article's score, as `hmrec explain` prints them."""
        if by == "hybrid" and new_only:
            raise Refused(
                HTTPStatus.CONFLICT,
                "new_only has no effect with by=hybrid: it explains the ranker's score for all articles.",
                "Leave out new_only, or explain by user_based_cf.",
            )
        if by == "hybrid":
            by_ranker = recommender.explain_by_ranker(
                customer_id, article_id, as_of=as_of, include_unavailable=include_unavailable
            )
            return RankerExplanation.model_validate({
                "customer_id": customer_id,
                "article_id": article_id,
                "score": float(by_ranker["part"].sum()),
                "parts": records(by_ranker),
            })  # fmt: skip
        evidence = recommender.explain(customer_id, article_id, as_of=as_of, new_only=new_only)
        name = read_names(graph, [article_id])[0]
        parts = records(evidence)
        return Explanation.model_validate({
            "customer_id": customer_id,
            "article_id": article_id,
            "score": float(evidence["part"].sum()),
            "parts": parts,
            "drawing": draw_explanation(customer_id, article_id, parts, name),
        })  # fmt: skip

    @routes.get("/customers", tags=["customers"])
    def search_customers(
        start: Annotated[str, Query(max_length=LONGEST_ID, description="First characters of the id")] = "",
        k: Annotated[int, Query(ge=1, le=1000, description="Number of customers")] = 20,
    ) -> Found:
        """Find customers by the first characters of their ids."""
        return Found.model_validate({"customers": records(find_customers(graph, start, k=k))})

    @routes.get("/customers/{customer_id:path}", tags=["customers"])
    def show_customer(
        customer_id: CustomerId,
        k: Annotated[int, Query(ge=1, le=10_000, description="Number of purchases, newest first")] = 1000,
    ) -> Customer:
        """Show a customer's attributes and latest purchases."""
        profile = read_profile(graph, customer_id, k=k)
        return Customer.model_validate({
            "customer_id": customer_id,
            "attributes": profile.attributes,
            "bought": profile.history.purchases,
            "articles": profile.history.articles,
            "first": profile.history.first,
            "last": profile.history.last,
            "purchases": records(profile.purchases),
        })  # fmt: skip

    @routes.get("/values", tags=["recommend"])
    def show_properties() -> Properties:
        """List the properties of articles that conditions can name, as `hmrec values` prints them."""
        return Properties.model_validate({"properties": records(list_properties(graph))})

    @routes.get("/values/{name}", tags=["recommend"])
    def show_values(
        name: Annotated[str, PathParameter(max_length=LONGEST_ID, description="The property, such as `department`")],
        k: Annotated[int, Query(ge=1, le=100_000, description="Number of values")] = 100,
    ) -> Values:
        """List the values of a property of articles, the most frequent first, as `hmrec values` prints them."""
        return Values.model_validate(
            {"property": find_property(name).name, "values": records(list_values(graph, name, k=k))}
        )

    @routes.get("/metrics", tags=["operation"], response_class=Response)
    def show_metrics() -> Response:
        """Show request counts, times and cache hits, in Prometheus's text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes
