"""Versions of the model, kept in the graph itself, so that every client can put one in force again."""

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


class UnknownVersion(UserMistake):
    """The graph has no version of that number, or has not kept its embeddings."""


@dataclass(frozen=True)
class Version:
    """A version that is or was in force: the (:Model)'s properties, and whether it can be put in force again."""

    model: dict[str, Any]
    kept: bool


def list_versions(graph: Graph, version: int | None = None) -> list[Version]:
    """Every version, newest first, or one alone.

    Parameters
    ----------
    graph : the graph of the versions.
    version : the number of the only version to list; None for all.
    """
    return graph.read_as(Version, "model_versions", version=version)


def find_version(graph: Graph, version: int) -> Version:
    """One version.

    Raises
    ------
    UnknownVersion : there is none of that number.
    """
    found = list_versions(graph, version)
    if not found:
        known = ", ".join(str(one.model["version"]) for one in list_versions(graph)[:10])
        raise UnknownVersion(
            f"The graph has no model version {version}.",
            f"It has: {known}." if known else "`hmrec train` makes the first one.",
        )
    return found[0]


def keep_model(graph: Graph, version: int, trained: TrainedModel, progress: Progress = silent) -> int:
    """Write a model's bytes into the graph, where nobody takes them for a version until it is put in force.

    Parameters
    ----------
    graph : the graph to write to.
    version : the version's number.
    trained : the model.
    progress : called with the parts written.

    Returns
    -------
    How many parts there are.
    """
    content = save_model(trained)
    begins = range(0, len(content), BYTES_A_PART)
    for part, begin in enumerate(begins):
        graph.write("keep_part", version=version, part=part, bytes=content[begin : begin + BYTES_A_PART])
        progress("Keeping the model in the graph", part + 1, len(begins))
    return len(begins)


def load_version(graph: Graph, version: int) -> TrainedModel:
    """A version's model, from the bytes that the graph has kept.

    Raises
    ------
    UnknownVersion : there is none of that number, or its bytes are kept no more.
    BadModel : the bytes are damaged.
    """
    if not find_version(graph, version).kept:
        kept = ", ".join(str(one.model["version"]) for one in list_versions(graph) if one.kept)
        raise UnknownVersion(
            f"The graph has not kept the embeddings of model version {version}.",
            f"It has those of {kept}." if kept else "`hmrec train` makes new ones.",
        )

    def read() -> bytes:
        parts = graph.stream("model_parts", fetch_size=2, version=version)
        return b"".join(bytes(content) for _, content in parts)

    return load_model(graph.read_with_retry(read))
