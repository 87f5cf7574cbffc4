"""Versions of the model, stored in the graph itself, so that every client can use one again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..network.model_file import load_model, save_model
from ..network.trained_model import TrainedModel

KEPT_VERSIONS = 3
"""How many versions keep their bytes in the graph."""
BYTES_A_PART = 4 << 20
"""Bytes of a (:ModelPart) at most."""


NETWORK = "LightGCN"
"""The name of a version with a network, which can embed new nodes."""


class UnknownVersion(UserMistake):
    """The graph has no such version, or no longer stores its embeddings."""


@dataclass(frozen=True)
class Version:
    """A version that is or was in use: the properties of its (:Model), and whether it is stored for use again."""

    model: dict[str, Any]
    kept: bool


def list_versions(graph: Graph, version: int | None = None) -> list[Version]:
    """Return all versions, newest first, or only one.

    Parameters
    ----------
    graph : the graph of the versions.
    version : the number of the only version to list; None for all.
    """
    return graph.read_as(Version, "model_versions", version=version)


def find_version(graph: Graph, version: int) -> Version:
    """Return one version.

    Raises
    ------
    UnknownVersion : there is no such version.
    """
    found = list_versions(graph, version)
    if not found:
        known = ", ".join(str(one.model["version"]) for one in list_versions(graph)[:10])
        raise UnknownVersion(
            f"The graph has no model version {version}.",
            f"It has: {known}." if known else "`hmrec train` makes the first one.",
        )
    return found[0]


def store_model(graph: Graph, version: int, trained: TrainedModel, progress: Progress = silent) -> int:
    """Store a model's bytes in the graph; they are not a version until its (:Model) is created.

    Parameters
    ----------
    graph : the graph to write to.
    version : the version's number.
    trained : the model.
    progress : called with the parts written.

    Returns
    -------
    The number of parts.
    """
    content = save_model(trained)
    begins = range(0, len(content), BYTES_A_PART)
    for part, begin in enumerate(begins):
        graph.write("keep_part", version=version, part=part, bytes=content[begin : begin + BYTES_A_PART])
        progress("Storing the model in the graph", part + 1, len(begins))
    return len(begins)


def load_version(graph: Graph, version: int) -> TrainedModel:
    """Return a version's model from the bytes stored in the graph.

    Raises
    ------
    UnknownVersion : there is no such version, or its bytes are no longer stored.
    BadModel : the bytes are damaged.
    """
    if not find_version(graph, version).kept:
        stored = ", ".join(str(one.model["version"]) for one in list_versions(graph) if one.kept)
        raise UnknownVersion(
            f"The graph no longer stores the embeddings of model version {version}.",
            f"It stores those of {stored}." if stored else "`hmrec train` makes new ones.",
        )

    def read() -> bytes:
        parts = graph.stream("model_parts", fetch_size=2, version=version)
        return b"".join(bytes(content) for _, content in parts)

    return load_model(graph.read_with_retry(read))
