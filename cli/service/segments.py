"""The routes about segments of customers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel, Field

from ...cypher.catalogue import find_query
from ...cypher.graph import Graph
from ...graph_ml.recommend.customers import read_segment, read_segment_customers
from ..terminal.show import records
from .answers import Found
from .parameters import LONGEST_ID

SegmentName = Annotated[str, PathParameter(max_length=LONGEST_ID, description="The segment's name")]


class SegmentSummary(BaseModel):
    """A segment of customers."""

    name: str
    customers: int
    share: float = Field(description="Of all customers in a segment")
    traits: list[str] = Field(description="What its customers buy more often than all customers")


class SegmentDetails(SegmentSummary):
    """A segment of customers, with how it was made."""

    mean_age: float | None = Field(description="Missing if no age is known")
    grouped_by: str = Field(description="`embeddings` or `departments`")
    created: str


class SegmentList(BaseModel):
    """The segments in force, the largest first."""

    segments: list[SegmentSummary]


def make_segment_routes(graph: Graph) -> APIRouter:
    """Return the routes, to be included behind the guard."""
    routes = APIRouter(tags=["customers"])

    @routes.get("/segments")
    def list_segments() -> SegmentList:
        """List the segments of customers, as `hmrec segments list` prints them."""
        return SegmentList.model_validate({"segments": records(graph.read("segments"))})

    @routes.get("/segments/{name:path}/customers")
    def list_segment_customers(
        name: SegmentName,
        k: Annotated[int, Query(ge=1, le=1000, description="Number of customers")] = find_query(
            "segment_customers"
        ).default("k"),
    ) -> Found:
        """List customers of a segment, as `hmrec segments customers` prints them: the most purchases first."""
        return Found.model_validate({"customers": records(read_segment_customers(graph, name, k=k))})

    @routes.get("/segments/{name:path}")
    def show_segment(name: SegmentName) -> SegmentDetails:
        """Show a segment of customers, as `hmrec segments show` prints it."""
        return SegmentDetails.model_validate(records(read_segment(graph, name))[0])

    return routes
