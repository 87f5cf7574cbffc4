"""Cache an export as files, and read it from there as long as the graph has not changed.

A copy is a folder named by a hash of what it depends on: the database, its loads, the numbers of nodes and purchases,
and the `SubgraphSpec`. It is written under another name and renamed when it is complete, so a killed process leaves no
incomplete copy. After loads, a copy of all purchases is brought up to date with what they wrote (`update.py`). A change
by hand that leaves these numbers the same goes unnoticed; pass `fresh` then.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from filelock import FileLock

from ...cypher.errors import NoHome
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.settings import ServerSettings, find_cache_folder
from ...cypher.state import read_state
from .read_subgraph import export_subgraph
from .subgraph import Attribute, IdMap, Subgraph, SubgraphSpec
from .update import can_update, update_subgraph

_FORMAT = 3  # raised when the files or the meaning of the export change
MAX_COPIES = 3
"""The number of copies to keep; those used last stay."""
_WAIT_SECONDS = 60.0  # for another process to write a copy; after that, the export is not cached
ARRAYS = ("customer", "article", "time", "price", "quantity", "channel")
"""The arrays of a `Subgraph`; each has its own file."""
_FRAMES = ("customers", "articles")
FACTS = "facts.json"
"""The file of a copy that says what it depends on."""
INCOMPLETE = "writing-"
"""The prefix of copies that are still being written."""


class _DamagedCopy(Exception):
    """A cached copy whose files differ from what was written."""


@dataclass(frozen=True)
class _Version:
    """What an export depends on: the database, the time when each load finished (by its id), and the counts."""

    database: str
    loads: dict[str, str | None]
    customers: int
    articles: int
    bought: int
    events: int = 0  # how often events changed purchases


def export_kept(
    graph: Graph,
    spec: SubgraphSpec | None = None,
    progress: Progress = silent,
    *,
    fresh: bool = False,
    folder: Path | None = None,
) -> Subgraph:
    """Return what `export_subgraph` returns: from the cached copy if the graph is unchanged, else from the graph.

    An export that is read from the graph is cached. A copy from before some loads is brought up to date if the loads
    recorded what they wrote.

    Parameters
    ----------
    graph, spec, progress : as in `export_subgraph`.
    fresh : read the graph in any case.
    folder : folder of the copies; None for `exports` in HMREC_HOME, or else in the user's cache folder.

    Returns
    -------
    A subgraph whose arrays may be mapped from files; writing to them does not change the files.
    """
    spec = spec or SubgraphSpec()
    try:
        folder = folder or find_folder()
    except NoHome as error:
        _warn(graph, f"{error.message} Neither exports nor checkpoints of a training can be saved. {error.hint}")
        return graph.read_with_retry(lambda: export_subgraph(graph, spec, progress))
    version, finished = _read_version(graph)
    copy = folder / _name_copy(version, spec)
    if finished and not fresh and copy.is_dir():
        try:
            subgraph = _read_copy(copy, spec)
        except _DamagedCopy:
            progress("The cached export is damaged; reading the graph again", 0, None)
        else:
            progress("Reading the cached export", 1, 1)
            return subgraph

    def read() -> Subgraph:
        updated = _update_copy(graph, spec, version, folder, progress) if finished and not fresh else None
        return updated or export_subgraph(graph, spec, progress)

    subgraph = graph.read_with_retry(read)
    if finished and _read_version(graph)[0] == version:  # no load began in the meantime
        try:
            _write_to_cache(subgraph, copy, version, spec)
        except (OSError, pl.exceptions.PolarsError):
            _warn(graph, f"The export cannot be cached in {folder}: it is full, in use, or not writable.")
    return subgraph


def _warn(graph: Graph, sentence: str) -> None:
    if graph.notify is not None:
        graph.notify(sentence)


def find_folder() -> Path:
    """Return the folder of the cached exports.

    Raises
    ------
    NoHome : the user has no home directory, and HMREC_HOME is not set.
    """
    settings = ServerSettings()
    chosen = "home" in settings.model_fields_set
    return (settings.home if chosen else find_cache_folder()) / "exports"


def remove_copies(customer_id: str, folder: Path | None = None) -> int:
    """Remove the copies that hold a customer, and those that are incomplete or damaged; return how many.

    Parameters
    ----------
    customer_id : the customer.
    folder : folder of the copies; None for that of `find_folder`.

    Raises
    ------
    NoHome : as in `find_folder`.
    """
    folder = folder or find_folder()
    if not folder.is_dir():
        return 0
    removed = 0
    with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=_WAIT_SECONDS):
        for entry in folder.iterdir():
            try:
                ids = pl.read_parquet(entry / "customers.parquet", columns=["customer_id"], memory_map=False)
                holds = not (entry / FACTS).is_file() or customer_id in ids["customer_id"]
            except (OSError, pl.exceptions.PolarsError):
                holds = True
            if holds and entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
                removed += 1
    return removed


def _read_version(graph: Graph) -> tuple[_Version, bool]:
    """Return the version of the graph now, and whether all loads have finished."""
    state = read_state(graph)
    loads = {load.id: load.finished for load in state.loads}
    return _Version(
        state.database, loads, state.customers, state.articles, state.bought, state.events
    ), state.is_settled


def _name_copy(version: _Version, spec: SubgraphSpec) -> str:
    known = json.dumps([_FORMAT, vars(version), spec.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()[:32]


def _update_copy(
    graph: Graph, spec: SubgraphSpec, version: _Version, folder: Path, progress: Progress
) -> Subgraph | None:
    """Return the newest earlier copy, brought up to date; None if there is none, or it cannot be updated."""
    if not can_update(spec) or not folder.is_dir():
        return None
    found = list(_find_earlier(folder, spec, version))
    if not found:
        return None
    copy, then = max(found, key=lambda earlier: (len(earlier[1].loads), earlier[1].events))
    try:
        cached = _read_copy(copy, spec)
    except _DamagedCopy:
        return None
    loads = [load for load in version.loads if load not in then.loads]
    events_since = then.events if then.events != version.events else None
    customers = len(cached.customer_ids) + version.customers - then.customers
    articles = len(cached.article_ids) + version.articles - then.articles
    sizes = (customers, articles) if spec.isolated else None
    updated = update_subgraph(graph, cached, spec, loads, progress, events_since=events_since, sizes=sizes)
    return updated if updated is not None and _counts_agree(cached, then, updated, version, spec) else None


def _find_earlier(folder: Path, spec: SubgraphSpec, version: _Version) -> Iterator[tuple[Path, _Version]]:
    """Yield the copies of this database and part whose loads are all in the graph, and their versions."""
    wanted = [_FORMAT, spec.model_dump(mode="json")]
    for entry in folder.iterdir():
        try:
            facts = json.loads((entry / FACTS).read_text(encoding="utf-8"))
            then = _Version(**facts["version"])
            same = facts["asked"] == wanted and then.database == version.database
            if same and then.loads.items() <= version.loads.items() and then.events <= version.events:
                yield entry, then
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not a copy, or one of another format


def _counts_agree(cached: Subgraph, then: _Version, updated: Subgraph, now: _Version, spec: SubgraphSpec) -> bool:
    """Return whether the counts grew as those of the graph; otherwise it was also changed by hand."""
    grown = [updated.num_edges - cached.num_edges]
    counted = [now.bought - then.bought]
    if spec.isolated:
        grown += [
            len(updated.customer_ids) - len(cached.customer_ids),
            len(updated.article_ids) - len(cached.article_ids),
        ]
        counted += [now.customers - then.customers, now.articles - then.articles]
    return grown == counted


def _write_to_cache(subgraph: Subgraph, copy: Path, version: _Version, spec: SubgraphSpec) -> None:
    """Write a complete copy or none, and remove the oldest if there are too many."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    lock = copy.parent.with_name(f".{copy.parent.name}.lock")
    with FileLock(lock, timeout=_WAIT_SECONDS):  # one process at a time: incomplete copies found here were abandoned
        for left in copy.parent.glob(f"{INCOMPLETE}*"):
            shutil.rmtree(left, ignore_errors=True)
        _write_copy(subgraph, copy, version, spec)
        _remove_old(copy)


def _write_copy(subgraph: Subgraph, copy: Path, version: _Version, spec: SubgraphSpec) -> None:
    work = Path(tempfile.mkdtemp(prefix=INCOMPLETE, dir=copy.parent))  # readable only by its owner: it holds purchases
    try:
        for name in ARRAYS:
            np.save(work / f"{name}.npy", getattr(subgraph, name))
        for name in _FRAMES:
            getattr(subgraph, name).write_parquet(work / f"{name}.parquet")
        attributes = {}
        for label, attribute in subgraph.attributes.items():
            np.save(work / f"attribute-{label}.npy", attribute.edge_index)
            attributes[label] = [attribute.relationship, attribute.keys]
        sums = {file.name: _sum(file) for file in sorted(work.iterdir())}
        asked = [_FORMAT, spec.model_dump(mode="json")]
        facts = {"asked": asked, "version": vars(version), "attributes": attributes, "sums": sums}
        (work / FACTS).write_text(json.dumps(facts), encoding="utf-8")
        shutil.rmtree(copy, ignore_errors=True)  # it is damaged, or --fresh replaces it
        work.rename(copy)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _read_copy(copy: Path, spec: SubgraphSpec) -> Subgraph:
    try:
        facts = json.loads((copy / FACTS).read_text(encoding="utf-8"))
        if any(_sum(copy / name) != expected for name, expected in facts["sums"].items()):
            raise _DamagedCopy
        # "c": pages are read on demand, and changes to them stay in memory
        arrays = {name: np.load(copy / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
        frames = {name: pl.read_parquet(copy / f"{name}.parquet", memory_map=False, glob=False) for name in _FRAMES}
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
    """Return a checksum; it takes a second per gigabyte."""
    total = 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            total = zlib.crc32(block, total)
    return total


def _remove_old(newest: Path) -> None:
    """Remove all copies but the newest and those last used; a time of use in the future, from a wrong clock, is old."""
    ages = {}
    for entry in newest.parent.iterdir():
        if entry != newest and entry.is_dir():
            used = entry.stat().st_mtime
            ages[entry] = used if used <= time.time() else 0.0
    for entry in sorted(ages, key=lambda e: -ages[e])[MAX_COPIES - 1 :]:
        shutil.rmtree(entry, ignore_errors=True)
