"""The network as of each hold-out period's first day: trained on the purchases before it, or a version's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress
from ..export.subgraph import to_days
from ..holdout.split import HoldOut
from ..network.devices import DeviceName, choose_device
from ..network.own_vectors import embed_again
from ..network.trained_model import TrainedModel, TrainSettings
from ..network.training import train
from ..write_back.versions import load_version

NetworkBefore = Callable[[HoldOut], TrainedModel]
"""Returns the network as of the first day held out. It is computed once and shared by the methods."""


def prepare_networks(
    graph: Graph,
    earliest: date,
    settings: TrainSettings | None,
    version: int | None,
    device: DeviceName,
    progress: Progress,
) -> NetworkBefore:
    """Return a function that returns the network as of a hold-out period's first day.

    Parameters
    ----------
    graph : the graph of the versions.
    earliest : the first day of the earliest period.
    settings : settings of the network; None for the defaults.
    version : use this version's network instead of training; None to train.
    device : where networks are trained.
    progress : receives the steps.

    Raises
    ------
    UserMistake : the version has seen the periods.
    UnknownVersion : the graph has no such version, or no longer stores its embeddings.
    """
    given = None if version is None else load_version(graph, version)
    if given is not None and given.until > earliest:
        raise UserMistake(
            f"Version {version} has seen purchases up to {given.until}; the days held out begin {earliest}.",
            "Evaluate it on later days, or train a version on earlier purchases (--until).",
        )
    networks: dict[date, TrainedModel] = {}

    def train_before(held: HoldOut) -> TrainedModel:
        if held.cut not in networks:
            networks[held.cut] = (
                train(held.before, settings, progress, device=device)
                if given is None
                else embed_again(given, held.before, to_days(held.cut), choose_device(device))
            )
        return networks[held.cut]

    return train_before
