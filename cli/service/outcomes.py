"""The routes about what customers did after they were shown lists, and would have done after others."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from ...cypher.day import Day
from ...cypher.graph import Graph
from ...cypher.limits import LONGEST_WINDOW, WINDOW
from ...cypher.recommenders import list_evaluated
from ...graph_ml.evaluate.off_policy import measure_off_policy
from ...graph_ml.evaluate.shown import By, read_shown, tabulate_shown
from ..terminal.show import records
from .parameters import LONGEST_ID

MOST_MADE = 10_000
"""The greatest number of lists that a request makes to estimate other methods."""
Since = Annotated[Day | None, Query(description="Only lists shown on this day (UTC) or later")]
Until = Annotated[Day | None, Query(description="Only lists shown before this day")]
Window = Annotated[
    int, Query(ge=1, le=LONGEST_WINDOW, description="Days after a list is shown in which purchases and views count")
]


class OutcomeRow(BaseModel):
    """The measures of a group of shown lists; the bounds are those of 95 % bootstrap intervals over customers."""

    group: str | int = Field(description="The method, segment, place, day or arm")
    lists: int = Field(description="Number of lists shown")
    customers: int = Field(description="Number of customers who were shown them")
    hit_rate: float = Field(description="Share of lists from which an article was bought")
    hit_rate_low: float
    hit_rate_high: float
    precision: float = Field(description="Share of shown articles that were bought")
    precision_low: float
    precision_high: float
    map: float = Field(description="Mean average precision, with 0 for lists after which nothing was bought")
    map_low: float
    map_high: float
    click_rate: float = Field(description="Share of lists from which an article was viewed or put into the cart")
    click_rate_low: float
    click_rate_high: float


class Outcomes(BaseModel):
    """The measures of the lists that customers were shown, by group."""

    by: By
    window: int = Field(description="Days after a list is shown in which purchases and views count")
    outcomes: list[OutcomeRow]
    explored: int = Field(description="Number of lists from which /outcomes/off-policy can estimate other methods")


class EstimateRow(BaseModel):
    """The precision that a method's lists would have had; the bounds are those of 95 % bootstrap intervals."""

    method: str = Field(description="The method; in the first row `what was shown`, whose precision is measured")
    lists: int = Field(description="Number of explored lists")
    customers: int = Field(description="Number of customers who were shown them")
    ips: float = Field(description="By inverse propensities")
    ips_low: float
    ips_high: float
    snips: float | None = Field(description="The same, divided by `support`; null if no article could be shown")
    snips_low: float | None
    snips_high: float | None
    support: float = Field(description="Estimated share of the method's places whose articles could be shown")


class Estimates(BaseModel):
    """What customers would have bought from the lists of other methods."""

    estimates: list[EstimateRow]


def make_outcome_routes(graph: Graph) -> APIRouter:
    """Return the routes, to be included behind the guard."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/outcomes")
    def show_outcomes(
        since: Since = None,
        until: Until = None,
        by: Annotated[By, Query(description="What the lists are grouped by")] = "method",
        window: Window = WINDOW,
    ) -> Outcomes:
        """Show how often customers bought and viewed what they were shown, as `hmrec outcomes` prints it."""
        lists = read_shown(graph, since, until, window=window)
        found = records(tabulate_shown(lists, by).rename(columns={by: "group"}))
        explored = sum(one.explored for one in lists)
        return Outcomes.model_validate({"by": by, "window": window, "outcomes": found, "explored": explored})

    @routes.get("/outcomes/off-policy")
    def estimate_methods(
        method: Annotated[
            list[Annotated[str, Field(max_length=LONGEST_ID, json_schema_extra={"enum": list(list_evaluated())})]],
            Query(min_length=1, max_length=20, description="The method; may be repeated. Not `auto`"),
        ],
        since: Since = None,
        until: Until = None,
        window: Window = WINDOW,
    ) -> Estimates:
        """Estimate what customers would have bought from other methods' lists, as `hmrec outcomes --off-policy`."""
        table = measure_off_policy(graph, method, since, until, window=window, most=MOST_MADE)
        return Estimates.model_validate({"estimates": records(table)})

    return routes
