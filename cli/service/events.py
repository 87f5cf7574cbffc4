"""The route that records events."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field, TypeAdapter

from ...cypher.graph import Graph
from ...loader.events import Event, record_events
from .body import describe_body, read_json
from .candidates import RecommendationCache
from .failures import Refused

MAX_EVENTS = 10_000
"""The greatest number of events in a request; they are committed together."""


class RefusedEvent(BaseModel):
    """An event that was not recorded."""

    index: int = Field(description="Its place in the request, from 0")
    error: str = Field(description="What is wrong, in one sentence")


class EventsReceipt(BaseModel):
    """The result of recording events; the recorded ones are committed."""

    read: int = Field(description="Number of events")
    recorded: int = Field(description="New ones")
    repeated: int = Field(description="Known ones, which changed nothing")
    errors: list[RefusedEvent] = Field(description="Those that were not recorded")


_BODY: TypeAdapter[Any] = TypeAdapter(list[Any] | dict[str, Any])


def make_event_routes(graph: Graph, candidates: RecommendationCache) -> APIRouter:
    """Return the routes of events; the parameters are those of `make_writing_routes`."""
    routes = APIRouter()

    @routes.post("/events", tags=["write"], openapi_extra=describe_body(TypeAdapter(Event), "Events, or a single one"))
    async def add_events(
        request: Request,
        create: Annotated[bool, Query(description="Create unknown customers and articles; false: refuse them")] = True,
    ) -> EventsReceipt:
        """Record purchases, returns, views and additions to the cart, as `hmrec events` does.

        An event with a known id changes nothing. The answer comes after the commit.
        """
        body = await read_json(request, _BODY)
        events = body if isinstance(body, list) else [body]
        if len(events) > MAX_EVENTS:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The request has more than {MAX_EVENTS:,} events.",
                "Send them in several requests.",
            )
        receipt = await run_in_threadpool(record_events, graph, events, create=create)
        if receipt.recorded or receipt.repeated:
            candidates.forget_state()
        elif receipt.errors:
            first = receipt.errors[0].error
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, first, "No event of this request was recorded; see /docs.")
        return EventsReceipt.model_validate(receipt.to_dict())

    return routes
