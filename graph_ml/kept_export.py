"""Keep an export as files, and take it from there while the graph has not changed since.

A copy is a folder named by a hash of what it depends on: the database, its loads, the numbers of nodes and purchases,
and the `SubgraphSpec`. It is written under another name and renamed once it is whole, so that a process that is killed
leaves no half of one. A graph that was changed by hand with the same numbers left looks unchanged: ask for `fresh`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import polars as pl

from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from ..cypher.settings import ServerSettings
from .export import Attribute, IdMap, Subgraph, SubgraphSpec, export_subgraph

FORM = 1  # of the files; raised when they or the export's meaning change
MOST_COPIES = 3
STALE_SECONDS = 24 * 3600  # a folder that is being written and is older was left by a process that was killed
ARRAYS = ("customer", "article", "time", "price", "quantity", "channel")
FRAMES = ("customers", "articles")
FACTS, BEGUN = "facts.json", "writing-"


class _DamagedCopy(Exception):
    """A kept copy whose files are not as they were written."""


def export_kept(
    graph: Graph,
    spec: SubgraphSpec | None = None,
    progress: Progress = silent,
    *,
    fresh: bool = False,
    folder: Path | None = None,
) -> Subgraph:
    """As `export_subgraph`, from the kept copy where the graph is as it was then, and keeping one where it is not.

    Parameters
    ----------
    graph, spec, progress : as of `export_subgraph`.
    fresh : read the graph in any case.
    folder : of the copies; None for `exports` in HMREC_HOME, or in the user's cache folder.

    Returns
    -------
    A subgraph whose arrays may be mapped from files; writing into them changes no file.
    """
    spec, folder = spec or SubgraphSpec(), folder or find_folder()
    version = graph.read_rows("export_version")[1]
    finished = bool(version[0][2])
    copy = folder / _name_copy(version, spec)
    if finished and not fresh and copy.is_dir():
        try:
            subgraph = _read_copy(copy, spec)
        except _DamagedCopy:
            progress("The kept export is damaged: reading the graph anew", 0, None)
        else:
            progress("Reading the kept export", 1, 1)
            return subgraph
    subgraph = export_subgraph(graph, spec, progress)
    if finished and graph.read_rows("export_version")[1] == version:  # no load began meanwhile
        try:
            _keep(subgraph, copy)
        except OSError:
            progress("The export could not be kept: no room or no permission", 0, None)
    return subgraph


def find_folder() -> Path:
    """Where exports are kept."""
    settings = ServerSettings()
    chosen = "home" in settings.model_fields_set
    return (settings.home if chosen else Path(platformdirs.user_cache_dir("hmrec", appauthor=False))) / "exports"


def _name_copy(version: list[list[Any]], spec: SubgraphSpec) -> str:
    known = json.dumps([FORM, version, spec.model_dump(mode="json")])
    return hashlib.sha256(known.encode()).hexdigest()[:32]


def _keep(subgraph: Subgraph, copy: Path) -> None:
    """Write a copy, whole or not at all, and remove those that are too many."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=BEGUN, dir=copy.parent))  # its owner's alone: it holds purchases
    try:
        for name in ARRAYS:
            np.save(work / f"{name}.npy", getattr(subgraph, name))
        for name in FRAMES:
            getattr(subgraph, name).write_parquet(work / f"{name}.parquet")
        attributes = {}
        for label, attribute in subgraph.attributes.items():
            np.save(work / f"attribute-{label}.npy", attribute.edge_index)
            attributes[label] = [attribute.relationship, attribute.keys]
        sums = {file.name: _sum(file) for file in sorted(work.iterdir())}
        (work / FACTS).write_text(json.dumps({"attributes": attributes, "sums": sums}), encoding="utf-8")
        shutil.rmtree(copy, ignore_errors=True)  # a damaged one, or one that --fresh replaces
        work.rename(copy)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
        if not copy.is_dir():  # else another process has kept the same meanwhile
            raise
    _remove_old(copy.parent)


def _read_copy(copy: Path, spec: SubgraphSpec) -> Subgraph:
    try:
        facts = json.loads((copy / FACTS).read_text(encoding="utf-8"))
        if any(_sum(copy / name) != kept for name, kept in facts["sums"].items()):
            raise _DamagedCopy
        # "c": pages are read when they are needed, and what is written into them stays in memory
        arrays = {name: np.load(copy / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
        frames = {name: pl.read_parquet(copy / f"{name}.parquet", memory_map=False) for name in FRAMES}
        attributes = {
            label: Attribute(relationship, tuple(keys), np.load(copy / f"attribute-{label}.npy"))
            for label, (relationship, keys) in facts["attributes"].items()
        }
        os.utime(copy)
        return Subgraph(
            customer_ids=IdMap(frames["customers"]["customer_id"]),
            article_ids=IdMap(frames["articles"]["article_id"]),
            attributes=attributes,
            features=spec.features,
            customers=frames["customers"],
            articles=frames["articles"],
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        raise _DamagedCopy from error


def _sum(file: Path) -> int:
    """A checksum, a second for a gigabyte."""
    total = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            total = zlib.crc32(block, total)
    return total


def _remove_old(folder: Path) -> None:
    """Remove all copies but the ones last used, and what killed processes left."""
    ages = {}
    for entry in folder.iterdir():
        try:
            ages[entry] = entry.stat().st_mtime
        except OSError:
            continue  # removed by another process
    copies = [entry for entry in ages if not entry.name.startswith(BEGUN)]
    left = [e for e in ages if e.name.startswith(BEGUN) and ages[e] < time.time() - STALE_SECONDS]
    for entry in [*sorted(copies, key=lambda e: -ages[e])[MOST_COPIES:], *left]:
        shutil.rmtree(entry, ignore_errors=True)
