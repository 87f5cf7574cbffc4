"""Train a LightGCN to predict what customers buy next week: find the number of epochs, then train on all purchases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from ...cypher.progress import DETAIL, Progress, silent
from ..export.hetero import BOUGHT, get_encoders, select_purchases, take_customers, to_hetero, to_subgraph
from ..export.subgraph import Integers, Subgraph, SubgraphSpec, to_date
from .checkpoint import Checkpoint, make_key
from .devices import CPU, DeviceName, choose_device
from .epochs import START_POWERS, Training
from .fold_in import embed_shop
from .processes import ALONE, Processes
from .trained_model import Epoch, TrainedModel, TrainSettings
from .validation import ValidationFold, split_validation
from .wide import WideTraining, is_wide

Preset = Literal["default", "lightgcn"]
"""The name of a pair of settings in `PRESETS`."""

PRESETS: dict[Preset, tuple[TrainSettings, SubgraphSpec]] = {
    "default": (TrainSettings(), SubgraphSpec(isolated=True)),
    # as the source of this project trained: its rate, decay, dropout, epochs, loss and rows, on the purchases alone
    "lightgcn": (
        TrainSettings(
            layers=3, learning_rate=0.01, weight_decay=0.001, dropout=0.01, epochs=50, loss="softplus", beta=1.5,
            averaging=0, half_life=None, most=None, attributes=0, features=False, windows=(), new_share=0,
            spectral=False, target_weeks=0, validation_days=0,
        ),
        SubgraphSpec(rows=20_000),
    ),
}  # fmt: skip
"""By name, the settings of a training and the part of the graph that it learns from."""

_PREPARING = "Training: making the graphs of the weeks"
_STARTING = "Training: finding the best start"
_STEPS = {"search": "Training: finding the best epoch", "final": "Training on all purchases"}

_SEARCHED = "searched."  # the prefix, in a checkpoint, of the best weights of the search

_Begin = Callable[[HeteroData, TrainSettings, HeteroData], Training]


def train(
    data: HeteroData | Subgraph,
    settings: TrainSettings | None = None,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
    processes: Processes = ALONE,
    device: DeviceName = "auto",
) -> TrainedModel:
    """Learn an embedding for each customer and article, so that what a customer buys next has a large cosine.

    First the last weeks are held out to find the number of epochs: the epoch with the best lists for these weeks, from
    the graph before each, wins. The start values are chosen the same way, by one epoch each. Then the model is trained
    again for as many epochs on all purchases, because the last days say most about the next.
    Of a large shop a sample of customers is learned from (`most_purchases`). The others' embeddings, as those of
    customers who come later, are computed from what they bought.
    An interrupt (Ctrl-C) after the first epoch ends the training with the weights of the best epoch so far, over the
    graph of all purchases.

    Parameters
    ----------
    data : the graph, from `to_hetero` or `load_export`, or the subgraph to make it from.
    settings : how; None for the defaults.
    progress : called with the epochs, their loss and validation.
    checkpoint : where the state is kept while training runs; a training that was killed goes on from there, and ends as
        it would have ended. None: nothing is kept.
    processes : those that train together. Each calls this with the same subgraph and settings, and gets the same
        model. Several train on the whole graph, also of a shop that one would train by `WideTraining`.
    device : where to train, as for `choose_device`; several processes train on the CPU.

    Raises
    ------
    ProcessLost : one of several processes is gone.
    UserMistake : there are fewer customers than processes, several processes and dropout, or no such device.
    """
    settings = settings or TrainSettings()
    progress = progress if processes.rank == 0 else silent
    data = to_hetero(data) if isinstance(data, Subgraph) else data
    subgraph, place = to_subgraph(data), CPU if processes.size > 1 else choose_device(device)
    begin: _Begin = partial(Training, processes=processes, device=place)
    if processes.size == 1 and place.type != "mps" and is_wide(data, settings):  # Apple's have no sparse products
        begin = partial(WideTraining, device=place)
    record = _Record(checkpoint, make_key(subgraph, settings.model_dump_json()) if checkpoint else "", processes)
    drawn = draw_customers(subgraph, settings)
    base = data
    if drawn is not None:
        progress(f"Learning from {len(drawn):,} of {len(subgraph.customer_ids):,} customers", 0, None)
        base = take_customers(data, drawn)
    progress(_PREPARING, 0, None)
    found = _search(begin, base, settings, data, record, progress)
    settings, epochs, interrupted = found.settings, found.epochs, bool(found.interrupted)
    progress(_PREPARING, 0, None)
    training = begin(base, settings, data)
    if found.interrupted:
        training.mean.load_state_dict(found.interrupted)
    else:
        done, interrupted = _run_stage(training, "final", epochs, [], record, progress)
        epochs = done[-1].epoch
    customers, articles = training.embed()
    trained = TrainedModel(
        base["customer"].ids, base["article"].ids, customers, articles, settings, tuple(found.history), epochs,
        subgraph.since, subgraph.until, base[BOUGHT].num_edges, training.weights(),
        {label: attribute.keys for label, attribute in subgraph.attributes.items()} if settings.attributes else {},
        get_encoders(base) if settings.features else {}, interrupted,
    )  # fmt: skip
    del training  # graphs of all weeks
    if found.weights:
        before = replace(
            trained, customers=customers[:0], articles=articles[:0], weights=found.weights, until=found.until,
            learned_from=None if drawn is None else trained.customer_ids,
        )  # fmt: skip
        trained = replace(trained, before=before)
    if drawn is not None:
        progress("Embedding the other customers", 0, None)
        trained = embed_shop(trained, data, place)
    record.remove()
    return trained


def draw_customers(subgraph: Subgraph, settings: TrainSettings) -> Integers | None:
    """Draw the customers to learn from evenly; return their numbers, ascending, or None to learn from all.

    A part of the customers teaches as much about articles as all do, and a step over all of H&M's takes 9 s of
    processor time (both measured in docs/decisions/0029).

    Parameters
    ----------
    subgraph : the purchases.
    settings : `most_purchases` and `seed` decide.

    Returns
    -------
    [n] int64; None if all customers are learned from.
    """
    most, number = settings.most_purchases, len(subgraph.customer_ids)
    if most is None or subgraph.num_edges <= most:
        return None
    wanted = max(1, round(number * most / subgraph.num_edges))
    return np.sort(np.random.default_rng(settings.seed).permutation(number)[:wanted])


class _Found(NamedTuple):
    """What the search found: settings with the start power, the history, and how many epochs are best.

    `weights` are those of the best epoch, from purchases before the day `until`; empty if no week was held out.
    `interrupted` has the same as a process keeps them, if an interrupt ended the search; otherwise it is empty.
    """

    settings: TrainSettings
    history: list[Epoch]
    epochs: int
    interrupted: dict[str, Tensor]
    weights: dict[str, npt.NDArray[np.float32]]
    until: date


def _search(
    begin: _Begin, base: HeteroData, settings: TrainSettings, shop: HeteroData, record: _Record, progress: Progress
) -> _Found:
    """Find the start power and the number of epochs on held-out weeks; without any the settings stay as they are."""
    folds = split_validation(to_subgraph(base), settings)
    if not folds:
        return _Found(settings, [], settings.epochs, {}, {}, to_subgraph(base).until)
    training = begin(select_purchases(base, folds[-1].is_before), settings, shop)
    begun: list[Epoch] = []
    if settings.spectral and settings.start_power is None:
        if record.start_power is None:
            begun = [choose_start(training, folds, progress)]
            record.start_power = training.settings.start_power
            training.keep_best()
            record.save("search", training, begun)
        settings = settings.model_copy(update={"start_power": record.start_power})
    history, interrupted = _run_stage(training, "search", settings.epochs, folds, record, progress, begun)
    record.keep_searched(training)
    until = to_date(folds[-1].day)
    return _Found(
        settings, history, _best(history).epoch, training.best if interrupted else {}, record.searched_weights, until
    )


def choose_start(training: Training, folds: list[ValidationFold], progress: Progress = silent) -> Epoch:
    """Return the first epoch from the best of `START_POWERS`, after which the training stands.

    Parameters
    ----------
    training : at its start.
    folds : the weeks held out; the power with the best lists for them after one epoch wins.
    progress : called with the step.
    """
    best: tuple[Epoch, TrainSettings, dict[str, Tensor], dict[str, Any]] | None = None
    for done, power in enumerate(START_POWERS):
        progress(_STARTING, done, len(START_POWERS))
        if done:  # it stands at the first
            training.start(power)
        epoch = training.run_epoch(folds)
        if best is None or epoch.score > best[0].score:
            state = {name: value.clone() for name, value in training.tensors().items()}
            best = epoch, training.settings, state, dict(training.random.bit_generator.state)
    assert best is not None  # noqa: S101  START_POWERS is not empty
    epoch, training.settings, state, random = best
    training.load(state, random)
    return epoch


def _run_stage(
    training: Training,
    stage: str,
    epochs: int,
    folds: list[ValidationFold],
    record: _Record,
    progress: Progress,
    begun: Sequence[Epoch] = (),
) -> tuple[list[Epoch], bool]:
    """Run a stage from its last checkpoint to its end; return its epochs, and whether it was interrupted.

    `begun` has the epochs that the training has run already, where there is no checkpoint.
    """
    history = record.resume(stage, training) or list(begun)
    _show(stage, history, epochs, progress)
    try:
        while len(history) < epochs and not _is_over(history, training.settings, bool(folds)):
            epoch = training.run_epoch(folds)
            history.append(epoch)
            if _best(history) is epoch:
                training.keep_best()
            _show(stage, history, epochs, progress)
            record.save(stage, training, history)
    except KeyboardInterrupt:
        if not history:
            raise
        return history, True
    return history, False


def _show(stage: str, history: list[Epoch], epochs: int, progress: Progress) -> None:
    detail = f"{DETAIL}{history[-1].describe()}" if history else ""
    progress(f"{_STEPS[stage]}{detail}", len(history), epochs)


def _is_over(history: list[Epoch], settings: TrainSettings, validated: bool) -> bool:
    return validated and bool(history) and len(history) - _best(history).epoch >= settings.patience


def _best(history: list[Epoch]) -> Epoch:
    return max(history, key=lambda epoch: epoch.score)


class _Record:
    """The state of a training in its checkpoint, which the first process reads and writes for all."""

    def __init__(self, checkpoint: Checkpoint | None, key: str, processes: Processes) -> None:
        self.checkpoint, self.key, self.is_first = checkpoint, key, processes.rank == 0
        self.saved: tuple[dict[str, Any], dict[str, Tensor]] | None = None
        if checkpoint is not None:
            self.saved = processes.share(checkpoint.load(key) if self.is_first else None)  # type: ignore[assignment]
        self.searched: list[list[float]] = []
        self.searched_weights: dict[str, npt.NDArray[np.float32]] = {}
        self.start_power: float | None = self.saved[0]["start_power"] if self.saved else None

    def resume(self, stage: str, training: Training) -> list[Epoch]:
        """Restore the state that a training had in a stage; return its epochs so far."""
        if self.saved is None:
            return []
        facts, tensors = self.saved
        if stage == "search" and facts["stage"] == "final":  # over: its epochs are enough
            self.searched = facts["searched"]
            self.searched_weights = {
                name.removeprefix(_SEARCHED): value.numpy()
                for name, value in tensors.items()
                if name.startswith(_SEARCHED)
            }
            return [Epoch(*epoch) for epoch in facts["searched"]]
        if facts["stage"] != stage:
            return []
        self.searched = facts["searched"]
        training.load(tensors, facts["random"])
        training.epochs = len(facts["history"])
        return [Epoch(*epoch) for epoch in facts["history"]]

    def keep_searched(self, training: Training) -> None:
        """Keep the best weights of the search, if it has run in this process."""
        if training.best:
            self.searched_weights = training.weights(training.best)

    def save(self, stage: str, training: Training, history: list[Epoch]) -> None:
        """Write the state of a training."""
        epochs = [list(epoch) for epoch in history]
        if stage == "search":
            self.searched = epochs
        if self.checkpoint is None:
            return
        facts: dict[str, Any] = {
            "key": self.key, "stage": stage, "history": epochs, "searched": self.searched,
            "start_power": self.start_power, "random": training.random.bit_generator.state,
        }  # fmt: skip
        tensors = training.tensors()  # by all processes
        tensors |= {_SEARCHED + name: torch.from_numpy(value) for name, value in self.searched_weights.items()}
        if self.is_first:
            self.checkpoint.save(facts, tensors)

    def remove(self) -> None:
        """Remove the checkpoint: the training is over."""
        if self.checkpoint is not None and self.is_first:
            self.checkpoint.remove()
