"""The routes of the HTTP service. Each one parses the request, calls one library function, and returns the answer."""

from __future__ import annotations

from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Response
from fastapi import Path as PathParameter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ...cypher.articles import read_names
from ...cypher.customers import find_customers, read_profile
from ...cypher.graph import Graph
from ...graph_ml.recommend.explain import ExplanationOptions
from ...graph_ml.recommend.request import Request
from ...graph_ml.recommend.values import list_properties, list_values
from ...loader.properties import find_property
from ..terminal.show import records
from .access import make_access_route
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
from .audience import make_audience_routes
from .candidates import RecommendationCache
from .drawing import draw_explanation
from .events import make_event_routes
from .experiments import make_experiment_routes, make_experiment_writing
from .failures import answer_failures
from .forget import make_forget_routes
from .guard import guard_routes, require_writing
from .images import name_sites
from .impressions import ImpressionLog
from .metrics import Measured, Metrics
from .outcomes import make_outcome_routes
from .parameters import LONGEST_ID, ArticleId, CustomerId, ShownPreferences
from .rules import add_rule_routes, make_rule_writing
from .segments import make_segment_routes
from .shop import make_shop_routes
from .shopping import make_shopping_routes
from .showing import Showing
from .stock import make_stock_routes

PAGE = Path(__file__).with_name("page")
POLICY = (
    "default-src 'self'; style-src 'self'; img-src {images}; object-src 'none'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
FAILURES: dict[int | str, dict[str, Any]] = {
    status.value: {"model": Failure, "description": description}
    for status, description in (
        (HTTPStatus.BAD_REQUEST, "The request cannot be carried out as given"),
        (HTTPStatus.UNAUTHORIZED, "The token is missing or wrong"),
        (HTTPStatus.FORBIDDEN, "The token may not do this"),
        (HTTPStatus.NOT_FOUND, "The graph has no such customer, article, property or value"),
        (HTTPStatus.CONFLICT, "The embedding, the ranker or the stored list is missing"),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large"),
        (HTTPStatus.MISDIRECTED_REQUEST, "The host name of the request is not one of this machine"),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "A parameter is invalid"),
        (HTTPStatus.BAD_GATEWAY, "Neo4j failed"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "Neo4j is unavailable"),
    )
}

K = Annotated[int, Query(ge=1, le=1000, description="How many articles")]
IncludeUnavailable = Annotated[
    bool, Query(description="Include articles that are out of stock or not sold on that day")
]


def make_app(
    graph: Graph,
    token: str = "",
    kept: int = 20_000,
    write_token: str = "",
    image_url: str = "",
    impressions: ImpressionLog | None = None,
    explore: float = 0.0,
) -> FastAPI:
    """Create the service for an open graph, which it only reads unless a token for writing or a log of lists is given.

    `app.state.recommender` answers the requests.

    Parameters
    ----------
    graph : the graph; it may be shared.
    token : token that requests must send; empty if the service answers only requests from its own machine.
    kept : greatest number of recommendations to cache while the graph stays the same.
    write_token : token that requests must send to write; empty if nobody may write.
    image_url : address of an article's picture, with {article_id} or {image_url} in it; empty for no pictures.
    impressions : logs the lists that are shown; None logs only those of requests that ask for it, and of experiments.
    explore : share of the places of logged lists to fill at random.
    """
    impressions = ImpressionLog(graph) if impressions is None else impressions
    app = FastAPIOffline(
        title="hmrec", version=version("hmrec"), redoc_url=None, favicon_url="/page/icon.svg",
        description="Recommendations from a graph of purchases, each with its reason.",
        lifespan=impressions.close_at_the_end,
    )  # fmt: skip
    candidates = RecommendationCache(graph, kept)
    app.state.recommender = candidates.recommender
    may_log = bool(write_token) or impressions.share > 0
    showing = Showing(candidates, impressions, explore, takes_part=may_log)
    metrics = Metrics(candidates, impressions)
    app.add_middleware(Measured, metrics=metrics)
    answer_failures(app)
    app.include_router(make_routes(graph, showing, metrics, token, write_token))
    app.include_router(make_writing_routes(graph, candidates, token, write_token))
    # The last of all: its /articles/{article_id} takes what is left below /articles/.
    app.include_router(make_shop_routes(graph, candidates, token, write_token, image_url, responses=FAILURES))
    app.mount("/page", StaticFiles(directory=PAGE), name="page")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        policy = POLICY.format(images=name_sites(image_url))
        return FileResponse(PAGE / "index.html", headers={"Content-Security-Policy": policy})

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


def make_writing_routes(graph: Graph, candidates: RecommendationCache, token: str, write_token: str) -> APIRouter:
    """Return the routes that write, all behind the guard for writing.

    Parameters
    ----------
    graph : the graph.
    candidates : the service's cache, which must notice each write at once.
    token, write_token : as for `make_app`.
    """
    routes = guard_routes(token, write_token, FAILURES, writes=True)
    for make in (make_stock_routes, make_rule_writing, make_event_routes, make_experiment_writing, make_forget_routes):
        routes.include_router(make(graph, candidates))
    return routes


def make_routes(graph: Graph, showing: Showing, metrics: Metrics, token: str, write_token: str) -> APIRouter:
    """Return the routes that show data, all behind the guard."""
    recommender = showing.candidates.recommender

    async def require_write_token(request: HttpRequest) -> None:
        await require_writing(request, token, write_token)

    routes = guard_routes(token, write_token, FAILURES)

    @routes.get("/recommend/{customer_id:path}", response_model=Recommendation, tags=["recommend"])
    async def recommend_articles(
        http: HttpRequest, customer_id: CustomerId, preferences: Annotated[ShownPreferences, Query()]
    ) -> Response:
        """Return articles for a customer, each with its reason, as `hmrec recommend` prints them."""
        request = Request(customer_id=customer_id, **preferences.model_dump(exclude={"log"}))
        if preferences.log:
            await require_write_token(http)
        log = showing.impressions.draw(preferences.log)
        answer = showing.find(request, log) or await run_in_threadpool(showing.recommend, request, log)
        return Response(answer, media_type="application/json")

    @routes.get("/similar/{article_id:path}", tags=["recommend"])
    def similar_articles(article_id: ArticleId, k: K = 12, include_unavailable: IncludeUnavailable = False) -> Similar:
        """Return the articles nearest to an article by embedding; 409 if there are no embeddings."""
        found = recommender.similar(article_id, k=k, include_unavailable=include_unavailable)
        return Similar.model_validate({"article_id": article_id, "articles": records(found)})

    @routes.get("/explain/{customer_id:path}/{article_id}", tags=["recommend"])
    def explain_score(
        customer_id: CustomerId, article_id: ArticleId, asked: Annotated[ExplanationOptions, Query()]
    ) -> Explanation | RankerExplanation:
        """Return the parts of an article's score, as `hmrec explain` prints them."""
        if asked.by == "hybrid":
            request = Request(customer_id=customer_id, **asked.model_dump(exclude={"by"}))
            by_ranker = recommender.explain_ranked(request, article_id)
            return RankerExplanation.model_validate({
                "customer_id": customer_id,
                "article_id": article_id,
                "score": float(by_ranker["part"].sum()),
                "parts": records(by_ranker),
            })  # fmt: skip
        evidence = recommender.explain(
            customer_id, article_id,
            as_of=asked.as_of, new_only=asked.new_only, include_unavailable=asked.include_unavailable,
        )  # fmt: skip
        name = read_names(graph, [article_id])[0]
        parts = records(evidence)
        return Explanation.model_validate({
            "customer_id": customer_id,
            "article_id": article_id,
            "score": float(evidence["part"].sum()),
            "parts": parts,
            "drawing": draw_explanation(customer_id, article_id, parts, name),
        })  # fmt: skip

    routes.include_router(make_shopping_routes(recommender, showing, require_write_token))

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

    add_rule_routes(routes, recommender)
    routes.include_router(make_access_route(write_token))

    @routes.get("/metrics", tags=["operation"], response_class=Response)
    def show_metrics() -> Response:
        """Show request counts, times and cache hits, in Prometheus's text format."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    routes.include_router(make_audience_routes(recommender))
    routes.include_router(make_segment_routes(graph))
    routes.include_router(make_outcome_routes(graph))
    routes.include_router(make_experiment_routes(graph))
    return routes
