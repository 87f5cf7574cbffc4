"""Write segments to the graph: a new version is complete before readers see it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...cypher.claim import name_writer
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.limits import SEED, SEGMENTS
from ...cypher.progress import Progress, silent
from ..export.kept import export_kept
from ..export.subgraph import Integers, Mask, Subgraph, SubgraphSpec
from ..write_back.write import let_readers_finish
from .cluster import Segmentation, find_nearest, make_segments
from .taste import Taste, describe_by_groups, read_groups, read_taste

_AT_ONCE = 20_000  # customers in a transaction


@dataclass(frozen=True)
class SegmentReceipt:
    """The result of writing segments.

    Attributes
    ----------
    version : the number of the segments in force.
    segments : how many there are.
    customers : number of customers who got a segment.
    seconds : total duration.
    """

    version: int
    segments: int
    customers: int
    seconds: float


def find_segments(graph: Graph, k: int = SEGMENTS, seed: int = SEED, progress: Progress = silent) -> Segmentation:
    """Return segments of the graph's customers, without writing them.

    Customers are grouped by their embeddings, or by their shares of purchases by department if no model is in force.

    Parameters
    ----------
    graph : the graph to read.
    k : number of segments, at least 2.
    seed : of the random starts.
    progress : receives the steps.

    Raises
    ------
    UserMistake : the graph has no purchases, or fewer than `k` customers differ.
    """
    subgraph, taste, groups = _read(graph, progress)
    progress("Grouping customers", 0, None)
    return make_segments(subgraph, groups, taste, k, seed)


def write_segments(
    graph: Graph, k: int = SEGMENTS, seed: int = SEED, progress: Progress = silent
) -> tuple[SegmentReceipt, Segmentation]:
    """Group the customers and write the segments, which replace the previous ones.

    Readers see the previous segments until the new ones are complete. A run that was killed changes nothing that they
    see; the next one removes what it left.

    Parameters
    ----------
    graph : the graph to change.
    k, seed : as for `find_segments`.
    progress : receives the number of customers.

    Raises
    ------
    UserMistake : as for `find_segments`.
    LoadRunning : a load or a write-back is running on this graph.
    """
    begun = time.monotonic()
    with _claim(graph):
        graph.write("tidy_segments")  # of a killed run
        subgraph, taste, groups = _read(graph, progress)
        progress("Grouping customers", 0, None)
        found = make_segments(subgraph, groups, taste, k, seed)
        version = int(graph.read_column("next_segments")[0])
        graph.write("create_segments", version=version, segments=_to_rows(found))
        written = _write_members(graph, version, subgraph, found.of_customer, _names(found), progress)
        graph.write("activate_segments", version=version)
        let_readers_finish(graph)
        graph.write("tidy_segments")
    return SegmentReceipt(version, len(found.segments), written, round(time.monotonic() - begun, 3)), found


def add_to_segments(graph: Graph, progress: Progress = silent) -> SegmentReceipt:
    """Put customers without a segment into that of the nearest centre; the others keep theirs.

    Parameters
    ----------
    graph : the graph to change.
    progress : receives the number of customers.

    Raises
    ------
    UserMistake : there are no segments, or they were made from another model's embeddings.
    LoadRunning : a load or a write-back is running on this graph.
    """
    begun = time.monotonic()
    with _claim(graph):
        stored = graph.read_as(_Stored, "segment_centres")
        if not stored:
            raise UserMistake("The graph has no segments.", "`hmrec segments --write` makes them.")
        subgraph, taste, groups = _read(graph, progress)
        source = tuple(stored[0].source)
        if stored[0].by == "departments":
            taste = describe_by_groups(subgraph, groups, source)
        elif (taste.by, taste.source) != (stored[0].by, source):
            raise UserMistake(
                "The segments were made from the embeddings of another model.", "Run `hmrec segments --write`."
            )
        known: Mask = np.asarray(~np.isnan(taste.vectors).any(axis=1))
        for (outer,) in graph.stream("customers_in_segments"):
            if outer in subgraph.customer_ids:
                known[subgraph.customer_ids.index(outer)] = False
        of_customer = np.full(len(known), -1)
        if known.any():
            centres = np.array([one.centre for one in stored])
            of_customer[known] = find_nearest(taste.vectors[known].astype(np.float64), centres)
        version = stored[0].version
        written = _write_members(graph, version, subgraph, of_customer, [one.name for one in stored], progress)
        graph.write("count_segments", version=version)
    return SegmentReceipt(version, len(stored), written, round(time.monotonic() - begun, 3))


@dataclass(frozen=True)
class _Stored:
    version: int
    name: str
    by: str
    source: list[str]
    centre: list[float]


def _read(graph: Graph, progress: Progress) -> tuple[Subgraph, Taste, Any]:
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    groups = read_groups(graph, subgraph)
    return subgraph, read_taste(graph, subgraph, groups), groups


def _claim(graph: Graph) -> AbstractContextManager[None]:
    return graph.claim(name_writer("segments are being written"))


def _names(found: Segmentation) -> list[str]:
    return [segment.name for segment in found.segments]


def _to_rows(found: Segmentation) -> list[dict[str, Any]]:
    """Return the properties of the (:Segment) nodes."""
    return [
        {
            "name": segment.name,
            "size": segment.size,
            "traits": list(segment.traits),
            "centre": list(segment.centre),
            "by": found.taste.by,
            "source": list(found.taste.source),
        }
        for segment in found.segments
    ]


def _write_members(
    graph: Graph, version: int, subgraph: Subgraph, of_customer: Integers, names: list[str], progress: Progress
) -> int:
    """Write the customers' relationships to their segments; return how many have one."""
    chosen = np.flatnonzero(of_customer >= 0)
    for begin in range(0, len(chosen), _AT_ONCE):
        part = chosen[begin : begin + _AT_ONCE].tolist()
        ids = [subgraph.customer_ids.id(number) for number in part]
        graph.write(
            "write_segment_members", version=version, customers=ids, segments=[names[of_customer[one]] for one in part]
        )
        progress("Writing segments", min(begin + _AT_ONCE, len(chosen)), len(chosen))
    return len(chosen)
