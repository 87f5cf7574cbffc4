"""The route that forgets a customer."""

from __future__ import annotations

from threading import Lock

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ...cypher.graph import Graph
from ...graph_ml.forget import forget_customer
from .candidates import RecommendationCache
from .parameters import CustomerId


class RemovedPart(BaseModel):
    """What was removed in one place."""

    place: str
    count: int


class Forgotten(BaseModel):
    """What was removed about a customer."""

    customer_id: str
    removed: list[RemovedPart]
    not_reached: list[str] = Field(description="What must be removed by hand")
    node_stays: bool = Field(description="Whether relationships of other software keep the node, with its id alone")


def make_forget_routes(graph: Graph, candidates: RecommendationCache) -> APIRouter:
    """Return the route that forgets a customer; the parameters are those of `make_writing_routes`."""
    one_at_a_time = Lock()
    routes = APIRouter()

    @routes.delete("/customers/{customer_id:path}", tags=["write"])
    def forget(
        customer_id: CustomerId,
    ) -> Forgotten:
        """Remove what the graph and the service's machine hold about a customer, as `hmrec forget` does."""
        with one_at_a_time:  # a client has one claim
            receipt = forget_customer(graph, customer_id)
        candidates.forget_state()
        return Forgotten.model_validate(receipt.to_dict())

    return routes
