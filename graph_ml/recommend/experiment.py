"""Experiments: customers are split into arms by a hash, and each arm gets the lists of its own method."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, field_validator
from pydantic import model_validator as validate_model

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.limits import LONGEST_WINDOW, WINDOW
from ...cypher.recommenders import find_method
from ...cypher.state import GraphState, read_state
from ...loader.events import prepare_for_events
from .request import Request, describe_invalid, keep_sentence

_AUTO = "auto"


class UnknownExperiment(UserMistake):
    """The graph has no experiment of that name."""


class Experiment(BaseModel):
    """An experiment, stored as a node (:Experiment): a comparison of methods, each for its part of the customers.

    Raises
    ------
    UserMistake : a field is invalid; the message names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\s/]([^\x00-\x1f/]*[^\s/])?$", description="Its name")
    arms: tuple[str, ...] = Field(
        min_length=2, max_length=10, description="The methods to compare; the first is the baseline"
    )
    share: float = Field(default=100.0, gt=0, le=100, description="Percent of the customers that take part")
    salt: str = Field(
        default="", max_length=100, description="Text that is hashed with a customer's id; empty for the name"
    )
    window: int = Field(
        default=WINDOW, ge=1, le=LONGEST_WINDOW, description="Days after a list is shown in which purchases count"
    )
    started: datetime | None = Field(default=None, description="When it began")
    stopped: datetime | None = Field(default=None, description="When it ended; null while it is running")
    kept: str | None = Field(default=None, description="The method that became the service's default at its end")
    kept_at: datetime | None = Field(default=None, description="When that was")

    @field_validator("arms")
    @classmethod
    def _are_methods(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            arms = tuple(find_method(name).name for name in names)
            if len(set(arms)) < len(arms):
                raise UserMistake("The arms of an experiment must be different methods.")
        except UserMistake as error:
            raise keep_sentence(error) from error
        return arms

    @validate_model(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, validate: ModelWrapValidatorHandler[Experiment]) -> Experiment:
        try:
            return validate(given)
        except ValidationError as error:
            raise UserMistake(*describe_invalid(error, _RULES, tuple(cls.model_fields))) from error

    @property
    def hashed_with(self) -> str:
        """The text that is hashed with a customer's id."""
        return self.salt or self.name

    def choose_arm(self, customer_id: str) -> str | None:
        """Return the method of a customer; None if the customer does not take part.

        The first eight bytes of SHA-256 of salt, null character and id are a number from 0 to 1. Customers below the
        share take part, in arms of equal width. So a customer's arm never changes.
        """
        digest = hashlib.sha256(f"{self.hashed_with}\0{customer_id}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64 * 100
        if place >= self.share:
            return None
        return self.arms[min(int(place / self.share * len(self.arms)), len(self.arms) - 1)]


_RULES = {
    "name": "An experiment's name must be 1 to 100 characters without a slash",
    "arms": "arms must be 2 to 10 different methods",
    "share": "share must be a percentage above 0 and at most 100",
    "salt": "salt must be text of at most 100 characters",
    "window": f"window must be a whole number of days from 1 to {LONGEST_WINDOW}",
}


class Assignment(NamedTuple):
    """A request as it is answered, and the experiment and arm that chose its method; None without one."""

    request: Request
    experiment: str | None = None
    arm: str | None = None


@lru_cache(maxsize=8)
def _read_experiments(texts: tuple[str, ...]) -> tuple[Experiment, ...]:
    found = []
    for text in texts:
        try:
            found.append(Experiment.model_validate(json.loads(text)))
        except UserMistake:  # written by hand or by another version
            continue
    return tuple(found)


def find_running(state: GraphState) -> Experiment | None:
    """Return the experiment that is running; None without one."""
    return next((one for one in _read_experiments(state.experiments) if one.stopped is None), None)


def find_default(state: GraphState) -> str:
    """Return the service's default method: the one that an experiment kept last, else `auto`."""
    kept = [(one.kept_at, one.kept) for one in _read_experiments(state.experiments) if one.kept and one.kept_at]
    return max(kept)[1] if kept else _AUTO


def assign(state: GraphState, request: Request, *, takes_part: bool = True) -> Assignment:
    """Return how the service answers a customer's request.

    A request for `auto` gets the method of the customer's arm in the running experiment, or the default method. Any
    other request, one for an earlier day and one for a stored list stay as they are.

    Parameters
    ----------
    state : the state of the graph.
    request : the request.
    takes_part : whether the service may log the lists of experiments; otherwise there are none for it.
    """
    is_open = request.chosen.name == _AUTO and request.as_of is None and not request.stored
    if not is_open or request.customer_id is None:
        return Assignment(request)
    running = find_running(state) if takes_part else None
    arm = running.choose_arm(request.customer_id) if running else None
    method = arm or find_default(state)
    chosen = request if method == _AUTO else request.model_copy(update={"method": method})
    return Assignment(chosen, running.name if running and arm else None, arm)


class ExperimentBook:
    """The experiments of a shop.

    Parameters
    ----------
    graph : an open graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def list(self) -> list[tuple[Experiment, int]]:
        """Return the experiments, the newest first, each with the number of customers who were shown its lists."""
        _, rows = self.graph.read_rows("experiments")
        return [(Experiment.model_validate(properties), customers) for properties, customers in rows]

    def find(self, name: str) -> Experiment:
        """Return the experiment of that name.

        Raises
        ------
        UnknownExperiment : there is none.
        """
        found = next((one for one, _ in self.list() if one.name == name), None)
        if found is None:
            raise UnknownExperiment(f"There is no experiment {name[:60]!r}.", "`hmrec experiment list` lists them.")
        return found

    def start(self, experiment: Experiment) -> None:
        """Start an experiment. A running service notices within a second.

        Raises
        ------
        UserMistake : one is running or has this name, or an arm needs a model that the graph does not have.
        """
        model = read_state(self.graph).model
        for arm in experiment.arms:
            lacking = arm == "hybrid" and not (model and model.has_ranker)
            if lacking or (find_method(arm).needs_embeddings and model is None):
                raise UserMistake(f"The arm {arm} needs a trained model.", "`hmrec train` trains one.")
        prepare_for_events(self.graph)
        row = experiment.model_dump(include={"name", "arms", "share", "window"})
        row |= {"arms": list(experiment.arms), "salt": experiment.hashed_with}
        if not self.graph.write("start_experiment", experiment=row).rows:
            _refuse(experiment.name, [one for one, _ in self.list()])

    def stop(self, name: str, keep: str | None = None) -> Experiment:
        """Stop an experiment, and return it. Stopping it again changes only what is kept.

        Parameters
        ----------
        name : the experiment.
        keep : the method to be the service's default from now on: an arm, or `auto`; None leaves the default as it is.

        Raises
        ------
        UnknownExperiment : there is none of that name.
        UserMistake : `keep` is neither an arm nor `auto`.
        """
        arms = (*self.find(name).arms, _AUTO)
        kept = None if keep is None else find_method(keep).name
        if kept is not None and kept not in arms:
            raise UserMistake(f"{kept} is not an arm of the experiment {name!r}.", f"Keep one of {', '.join(arms)}.")
        self.graph.write("stop_experiment", name=name, keep=kept)
        return self.find(name)


def _refuse(name: str, known: Sequence[Experiment]) -> None:
    running = next((one.name for one in known if one.stopped is None), "")
    if any(one.name == name for one in known):
        raise UserMistake(f"There is already an experiment {name!r}.", "Choose another name.")
    raise UserMistake(
        f"The experiment {running!r} is running.", f"One runs at a time: `hmrec experiment stop '{running}'` first."
    )
