"""The route that sets stock and availability."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...cypher.day import Day
from ...cypher.graph import Graph
from ...loader.stock import load_stock_rows
from .body import describe_body, read_json
from .candidates import RecommendationCache


class StockRow(BaseModel):
    """The availability of an article; null removes a value, and what a row leaves out stays as it was."""

    model_config = ConfigDict(extra="forbid")

    article_id: str = Field(min_length=1, max_length=1000, description="Whole, with its leading zeros")
    stock: Annotated[int, Field(strict=True)] | None = Field(default=None, description="At 0 or less, it is sold out")
    available: Annotated[bool, Field(strict=True)] | None = Field(default=None, description="false: it is not sold")
    available_from: Day | None = Field(default=None, description="First day on which it is sold")
    available_until: Day | None = Field(default=None, description="Last day on which it is sold")


class RejectedRow(BaseModel):
    """An invalid row."""

    line: int = Field(description="Index of the row, from 0")
    column: str | None
    value: str | None
    reason: str


class StockReceipt(BaseModel):
    """What the rows changed, as `hmrec stock` prints it."""

    read: int = Field(description="Number of rows")
    merged: int = Field(description="Rows whose id occurs again; the last row of an id counts")
    rejected: int = Field(description="Invalid rows; their articles stay as they were")
    articles: int = Field(description="Articles of the rows that the graph has")
    changed: int = Field(description="Articles whose availability changed")
    unknown: int = Field(description="Articles of the rows that the graph does not have")
    missing: list[str] = Field(description="Ids of some of them")
    rejects: list[RejectedRow] = Field(description="The first rejected rows")


_STOCK_ROW, _STOCK_ROWS = TypeAdapter(StockRow), TypeAdapter(list[StockRow])


def make_stock_routes(graph: Graph, candidates: RecommendationCache) -> APIRouter:
    """Return the route that sets stock; the parameters are those of `make_writing_routes`."""
    routes = APIRouter()

    @routes.post(
        "/stock", tags=["write"], openapi_extra=describe_body(_STOCK_ROW, "Articles, each with what is to be set")
    )
    async def set_stock(
        request: Request,
        max_bad: Annotated[float, Query(ge=0, le=1, description="Share of the rows that may be invalid")] = 0.01,
    ) -> StockReceipt:
        """Set the stock and availability of articles, all rows or none, as `hmrec stock` does."""
        rows = [row.model_dump(exclude_unset=True) for row in await read_json(request, _STOCK_ROWS)]
        report = await run_in_threadpool(load_stock_rows, graph, rows, max_bad=max_bad)
        candidates.forget_state()
        return StockReceipt.model_validate(report.to_dict())

    return routes
