"""The routes about experiments: list and show them; start and stop them with the token for writing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as PathParameter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...cypher.graph import Graph
from ...cypher.limits import LONGEST_WINDOW, WINDOW
from ...graph_ml.evaluate.experiment import measure_experiment
from ...graph_ml.recommend.experiment import Experiment, ExperimentBook
from ..experiment import describe, to_dict
from .body import describe_body, read_json
from .candidates import RecommendationCache

Name = Annotated[str, PathParameter(max_length=100, description="The experiment's name")]


class NewExperiment(BaseModel):
    """An experiment to start."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    arms: list[str] = Field(description="The methods to compare; the first is the baseline")
    share: float = Field(default=100.0, gt=0, le=100, description="Percent of the customers that take part")
    salt: str = Field(default="", max_length=100, description="Hashed with a customer's id; empty for the name")
    window: int = Field(
        default=WINDOW, ge=1, le=LONGEST_WINDOW, description="Days after a list is shown in which purchases count"
    )


class ExperimentSummary(BaseModel):
    """An experiment."""

    name: str
    arms: list[str]
    share: float = Field(description="Percent of the customers that take part")
    salt: str
    window: int = Field(description="Days after a list is shown in which purchases count")
    started: datetime | None
    stopped: datetime | None = Field(description="Null while it is running")
    kept: str | None = Field(description="The method that became the service's default at its end")


class ListedExperiment(ExperimentSummary):
    """An experiment, and how many customers were shown its lists."""

    customers: int = Field(description="Customers who were shown its lists")


class Experiments(BaseModel):
    """The experiments, the newest first."""

    experiments: list[ListedExperiment]


class ArmResult(BaseModel):
    """The results of an arm; null if no customer is counted yet, or too few for bounds."""

    arm: str
    customers: int = Field(description="Customers who were shown a list")
    counted: int = Field(description="Those whose first list's window is over")
    hit_rate: float | None
    hit_rate_low: float | None
    hit_rate_high: float | None
    map: float | None
    map_low: float | None
    map_high: float | None
    difference: float | None = Field(description="Hit rate minus that of the first arm")
    difference_low: float | None = Field(description="The bounds are valid however often you look")
    difference_high: float | None
    verdict: str


class ExperimentDetails(ExperimentSummary):
    """An experiment and its results."""

    results: list[ArmResult]
    sample_ratio: float | None = Field(description="p-value of the test that the arms are of equal size")
    note: str = Field(description="A warning if they are not; otherwise empty")


class StartedExperiment(BaseModel):
    """The name of a started experiment."""

    started: str


class StoppedExperiment(BaseModel):
    """The name of a stopped experiment, and the method that it kept."""

    stopped: str
    kept: str | None


_NEW = TypeAdapter(NewExperiment)


def make_experiment_routes(graph: Graph) -> APIRouter:
    """Return the routes that show experiments, to be included behind the guard."""
    routes = APIRouter(tags=["experiments"])

    @routes.get("/experiments")
    def list_experiments() -> Experiments:
        """List the experiments, as `hmrec experiment list` prints them."""
        found = [describe(one) | {"customers": customers} for one, customers in ExperimentBook(graph).list()]
        return Experiments.model_validate({"experiments": found})

    @routes.get("/experiments/{name}")
    def show_experiment(name: Name) -> ExperimentDetails:
        """Show an experiment's results, as `hmrec experiment show` prints them."""
        return ExperimentDetails.model_validate(to_dict(measure_experiment(graph, name)))

    return routes


def make_experiment_writing(graph: Graph, candidates: RecommendationCache) -> APIRouter:
    """Return the routes that start and stop experiments; the parameters are those of `make_writing_routes`."""
    routes = APIRouter()

    @routes.post(
        "/experiments", tags=["experiments"], openapi_extra=describe_body(_NEW, "An experiment", is_list=False)
    )
    async def start_experiment(request: Request) -> StartedExperiment:
        """Start an experiment, as `hmrec experiment start` does."""
        experiment = Experiment.model_validate((await read_json(request, _NEW)).model_dump())
        await run_in_threadpool(ExperimentBook(graph).start, experiment)
        candidates.forget_state()
        return StartedExperiment(started=experiment.name)

    @routes.post("/experiments/{name}/stop", tags=["experiments"])
    def stop_experiment(
        name: Name,
        keep: Annotated[
            str | None, Query(max_length=100, description="The arm to make the default method, or `auto`")
        ] = None,
    ) -> StoppedExperiment:
        """Stop an experiment, as `hmrec experiment stop` does."""
        stopped = ExperimentBook(graph).stop(name, keep)
        candidates.forget_state()
        return StoppedExperiment(stopped=name, kept=stopped.kept)

    return routes
