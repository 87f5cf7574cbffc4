"""Bring everything up to date, every night. Each step says what it did, and why.

Every step writes completely or not at all, and begins by asking whether it is needed. So a killed run is completed by
the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Notify, Progress, silent
from ...cypher.state import GraphState, read_state
from ...loader.load import load_folder
from ...loader.schema import TRANSACTIONS
from ..network.devices import DeviceName
from ..network.training import PRESETS
from ..recommend import Campaign, Request
from ..recommend.related import read_version
from ..recommend.stored import read_lists_version
from ..relate.relate import describe_source, relate
from ..stored.store import read_settings, store_lists
from ..train_shop import train_shop
from ..write_back.embed_new import embed_new
from ..write_back.versions import NETWORK, find_version
from .check import Drift, Limits, measure

NEEDS_TRAINING = ("drop", "age")
"""The limits of `check` beyond which the network and the ranker are trained again."""


class Step(NamedTuple):
    """A step of `refresh`.

    Attributes
    ----------
    name : `load`, `model`, `embeddings`, `relationships` or `lists`.
    done : whether it changed something; in a dry run, whether it would.
    text : what it did or would do, and why, in a sentence.
    """

    name: str
    done: bool
    text: str


class _Work(NamedTuple):
    """What a step would do and why, and the function that does it and returns a sentence; None if nothing is to do."""

    why: str
    run: Callable[[], str] | None = None


def refresh(
    graph: Graph,
    folder: Path | None = None,
    *,
    write: bool = False,
    max_age: int | None = None,
    limits: Limits | None = None,
    dry_run: bool = False,
    device: DeviceName = "auto",
    progress: Progress = silent,
    warn: Notify | None = None,
    tell: Callable[[Step], None] = lambda step: None,
) -> list[Step]:
    """Load the day's files, and bring the model, embeddings, article relationships and stored lists up to date.

    The network and the ranker are trained again only if the quality on the last week dropped by more than
    `limits.drop` since the training, or if the training is older than `max_age`. Nodes without an embedding then get
    one, and what was made from other purchases, or by another model, is made again.

    Parameters
    ----------
    graph : the graph.
    folder : files to load first, as `load_folder` does; None for none.
    write : store lists even if none are stored yet. Those that are stored are always brought up to date.
    max_age : train again if the last purchase is more than this many days later than the training's; None: the age does
        not matter.
    limits : `drop` of these decides; None for the defaults.
    dry_run : change nothing, and return what would be done with the graph as it is.
    device : where to train and embed.
    progress : receives the steps' progress.
    warn : called with a sentence if the checkpoint of a training cannot be written.
    tell : called with each step when it is done.

    Returns
    -------
    The steps, in order.

    Raises
    ------
    LoadRunning : a load or a write-back is running on this graph.
    UserMistake : the files are wrong; and as for the functions that the steps call.
    """
    limits = limits or Limits()
    if max_age is not None:
        limits = Limits.of(**limits.model_dump() | {"age": max_age})
    steps: list[Step] = []

    def take(name: str, work: _Work) -> None:
        if work.run is None:
            step = Step(name, False, f"nothing to do: {work.why}.")
        elif dry_run:
            step = Step(name, True, f"would run: {work.why}.")
        else:
            step = Step(name, True, f"{work.run()} Why: {work.why}.")
        steps.append(step)
        tell(step)

    if folder is not None:
        take("load", _Work(f"files are in {folder}", lambda: _load(graph, folder, progress)))
    state = read_state(graph)
    if state.until is None:
        if dry_run and folder is not None:
            return steps
        raise UserMistake("The graph has no purchases.", "Load some first: hmrec refresh DIR, or hmrec load DIR")
    drift = measure(graph, state, quality=True, progress=progress) if state.model is not None else None
    train = _plan_training(graph, state, drift, limits, max_age is not None, device, progress, warn)
    take("model", train)
    take("embeddings", _plan_embedding(graph, state, drift, train.run is not None, device, progress))
    is_planned = dry_run and any(step.done for step in steps)
    take("relationships", _plan_relating(graph, is_planned, progress))
    take("lists", _plan_lists(graph, write, is_planned, progress))
    return steps


def explain_training(drift: Drift, limits: Limits, by_age: bool) -> list[str]:
    """Return why the network should be trained again; empty if it should not.

    Parameters
    ----------
    drift : what `check` measured, with the quality.
    limits : the limits of `drop` and `age`.
    by_age : whether the age matters.
    """
    names = [name for name in NEEDS_TRAINING if by_age or name != "age"]
    return [one.describe() for one in drift.list_findings(limits) if one.is_exceeded and one.name in names]


def knows_purchases(model: Mapping[str, Any], until: date) -> bool:
    """Return whether the facts about articles include all purchases before a day.

    `until` of the model is written before the facts, so it says nothing after a kill. `embedded_until` is written last.

    Parameters
    ----------
    model : the properties of the (:Model).
    until : the day.
    """
    known = model.get("embedded_until") or model.get("trained_until") or model["until"]
    return date.fromisoformat(str(known)) >= until


def _load(graph: Graph, folder: Path, progress: Progress) -> str:
    report = load_folder(folder, server=None, graph=graph, progress=progress)
    count = report.counts[TRANSACTIONS.stem]
    rejected = f", {count.rejected:,} rejected" if count.rejected else ""
    return f"{count.read:,} purchases read{rejected}{'' if report.changes else '; the graph had them already'}."


def _plan_training(
    graph: Graph,
    state: GraphState,
    drift: Drift | None,
    limits: Limits,
    by_age: bool,
    device: DeviceName,
    progress: Progress,
    warn: Notify | None,
) -> _Work:
    if drift is None or state.model is None:
        return _Work("no model is in force; `hmrec train` trains the first one")
    if not _has_network(graph, drift.model):
        return _Work(f"model {drift.model} has only vectors; `hmrec embed --from` writes new ones")
    has_ranker = state.model.has_ranker
    if not (reasons := explain_training(drift, limits, by_age)):
        quality = drift.quality
        known = drift.why
        if quality is not None:
            known = f"MAP@12 of {quality.by} {quality.now:.4f}, {quality.trained:.4f} at training"
        return _Work(f"model {drift.model} is good enough ({known})")

    def run() -> str:
        settings, spec = PRESETS["default"]
        done = train_shop(
            graph, settings, spec, ranker=has_ranker, device=device, progress=progress, warn=warn
        )  # fmt: skip
        return done.receipt.describe(done.trained)

    return _Work("; ".join(reasons), run)


def _has_network(graph: Graph, version: int) -> bool:
    return find_version(graph, version).model.get("name") == NETWORK


def _plan_embedding(
    graph: Graph, state: GraphState, drift: Drift | None, is_trained: bool, device: DeviceName, progress: Progress
) -> _Work:
    if drift is None or state.model is None:
        return _Work("no model is in force")
    if is_trained:
        return _Work("the training embeds all customers and articles")
    if not _has_network(graph, drift.model):
        return _Work(f"model {drift.model} has no network to embed new ones")
    is_whole = knows_purchases(find_version(graph, drift.model).model, drift.until)
    if not (drift.customers or drift.articles) and is_whole:
        return _Work("all customers and articles have an embedding")

    def run() -> str:
        done = embed_new(graph, progress, device)
        return f"{done.customers:,} customers and {done.articles:,} articles were embedded."

    if drift.customers or drift.articles:
        return _Work("some customers or articles have no embedding", run)
    return _Work("the ranker's facts about articles are older than the last purchase", run)


def _plan_relating(graph: Graph, is_planned: bool, progress: Progress) -> _Work:
    known, state = read_version(graph), read_state(graph)

    def run() -> str:
        return relate(graph, progress).describe()

    if known is None:
        return _Work("the graph has no article relationships yet", run)
    if is_planned or known.state != describe_source(state, state.model):
        return _Work(f"version {known.version} was made from other purchases or by another model", run)
    return _Work(f"version {known.version} of the article relationships is up to date")


def _plan_lists(graph: Graph, write: bool, is_planned: bool, progress: Progress) -> _Work:
    known, state = read_lists_version(graph), read_state(graph)
    if known is None and not write:
        return _Work("no lists are stored; --write stores them")
    if known is not None and not is_planned and known.state == state.checksum:
        return _Work(f"version {known.version} of the stored lists is up to date")
    if known is not None and not known.campaign:
        return _Work(f"version {known.version} was stored with `--customers`, which only the same command can repeat")
    request, campaign = (Request(), Campaign()) if known is None else read_settings(known)

    def run() -> str:
        return store_lists(graph, request, campaign=campaign, progress=progress).describe()

    if known is None:
        return _Work("no lists are stored yet, and --write asks for them", run)
    return _Work(f"the graph or the model has changed since version {known.version}", run)
