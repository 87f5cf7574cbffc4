"""Load a folder's files into the graph: check them, pick the road, write, report."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from ..cypher.errors import HmrecError, UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from ..cypher.server import LocalServer
from .bulk import load_by_bulk, store_size
from .read import CleanTables, TableCount, find_files, read_tables
from .stream import load_by_stream

Road = Literal["auto", "bulk", "stream"]
REPORT_FILE = "load-report.json"
REJECTS_FILE = "rejects.csv"


class TooManyBadRows(UserMistake):
    """More rows break the rules than the user allows."""


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes
    ----------
    road : bulk, stream, check or none, and `why`, a sentence.
    counts : by table: rows read = loaded + merged + rejected.
    bare_customers, bare_articles : how many only the transactions name.
    notes : mishaps of the files that were handled.
    seconds : by step.
    store_bytes : the store's size, where it is on this machine.
    rejects_file : where the rejected rows are, if there are any.
    """

    id: str
    folder: str
    started: str
    road: str
    why: str
    counts: dict[str, TableCount]
    bare_customers: int = 0
    bare_articles: int = 0
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    store_bytes: int | None = None
    rejects_file: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON, with rows per second of the transactions."""
        purchases = self.counts.get("transactions_train", TableCount(0, 0, 0, 0))
        total = sum(self.seconds.values())
        return asdict(self) | {"rows_per_second": round(purchases.read / total) if total else None}

    def summary(self) -> str:
        """The report in a few lines for people."""
        lines = [f"Road: {self.road} ({self.why})."]
        for table, count in self.counts.items():
            lines.append(
                f"{table}: {count.read:,} read, {count.loaded:,} loaded, {count.merged:,} merged into equal rows, "
                f"{count.rejected:,} rejected"
            )
        if self.bare_customers or self.bare_articles:
            lines.append(f"Only named by purchases: {self.bare_customers:,} customers, {self.bare_articles:,} articles")
        lines += self.notes
        if self.rejects_file:
            lines.append(f"The rejected rows are in {self.rejects_file}")
        if self.seconds:
            total = sum(self.seconds.values())
            steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in self.seconds.items())
            rows = self.counts["transactions_train"].read
            lines.append(f"Took {total:.1f} s ({steps}); {rows / total if total else 0:,.0f} transactions/s")
        if self.store_bytes:
            lines.append(f"The store takes {self.store_bytes / 1e6:,.0f} MB")
        return "\n".join(lines)


def load_folder(
    folder: Path,
    *,
    server: LocalServer | None,
    graph: Graph | None,
    road: Road = "auto",
    replace: bool = False,
    check_only: bool = False,
    max_bad: float = 0.01,
    column_map: dict[str, str] | None = None,
    report: Path | None = None,
    progress: Progress = silent,
) -> LoadReport:
    """Load a data set into the graph.

    Equal rows of one load add up in `quantity`. A purchase that the graph has already keeps the larger quantity of
    the two, so that loading the same files again changes nothing.

    Parameters
    ----------
    folder : holds transactions_train.csv, and customers.csv and articles.csv where there are any.
    server : the local server, if the graph is its; the bulk road needs it.
    graph : the open graph; None only with `check_only`.
    road : bulk, stream, or auto to have it picked.
    replace : replace the graph by these files instead of adding them.
    check_only : read and check, and change nothing.
    max_bad : the share of a table's rows that may break the rules.
    column_map : the files' column names to hmrec's.
    report : folder for the report and the rejected rows; None takes `folder`, or the working directory.
    progress : told each step.

    Raises
    ------
    UserMistake : a file, a column or an option is wrong, or too many rows are bad; nothing has changed then.
    """
    files = find_files(folder)
    begun, seconds = datetime.now(UTC), {}
    identity = uuid4().hex
    mark = fingerprint(files, column_map)
    chosen, why = ("check", "nothing was to be changed") if check_only else _pick(server, graph, road, replace)
    if chosen == "none":
        raise HmrecError("No graph was given to load into.")
    if graph is not None and not replace and (before := _same_load(graph, mark)):
        return before
    scratch = server.home if server is not None and server.home.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="hmrec-load-", dir=scratch) as work:
        clock = time.monotonic()

        def lap(step: str) -> None:
            nonlocal clock
            seconds[step] = time.monotonic() - clock
            clock = time.monotonic()

        tables = read_tables(folder, Path(work), column_map=column_map, progress=progress)
        lap("reading and checking")
        target = _report_folder(report, folder)
        rejects = target / REJECTS_FILE if tables.rejects.height else None
        if rejects is not None:
            _write_whole(rejects, tables.rejects.write_csv)
        _refuse_bad(tables, max_bad, rejects)
        properties = {
            "id": identity, "started": begun.isoformat(), "road": chosen, "folder": str(folder), "fingerprint": mark,
            **{f"{table}_{name}": value for table, count in tables.counts.items() for name, value in asdict(count).items()},
        }  # fmt: skip
        if chosen == "bulk" and server is not None:
            load_by_bulk(server, tables, properties, progress)
            lap("importing")
        elif chosen == "stream" and graph is not None:
            if replace:
                graph.write("delete_graph")
                lap("deleting the old graph")
            load_by_stream(graph, tables, progress)
            lap("writing")
    result = LoadReport(
        identity, str(folder), begun.isoformat(), chosen, why, tables.counts, tables.bare_customers, tables.bare_articles,
        tables.notes, {step: round(value, 3) for step, value in seconds.items()},
        store_size(server.data) if server is not None and server.data.is_dir() else None,
        str(rejects) if rejects else None,
    )  # fmt: skip
    if graph is not None and not check_only:
        whole = properties | {"finished": datetime.now(UTC).isoformat(), "report": json.dumps(result.to_dict())}
        graph.write("record_load", load=whole)
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"
    _write_whole(target / REPORT_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    return result


def fingerprint(files: dict[str, Path], column_map: dict[str, str] | None) -> str:
    """SHA-256 over the files' contents and how their columns are read."""
    digest = hashlib.sha256(json.dumps(column_map or {}, sort_keys=True).encode())
    for stem, file in sorted(files.items()):
        digest.update(stem.encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _pick(server: LocalServer | None, graph: Graph | None, road: Road, replace: bool) -> tuple[str, str]:
    """The road, and why in a sentence."""
    if graph is None:
        return "none", ""
    if road == "stream":
        return "stream", "as asked for"
    empty = int(graph.read("counts")["nodes"][0]) == 0
    if road == "bulk":
        if server is None:
            raise UserMistake("The bulk road needs the local server, and NEO4J_URI names another.", "Use --road stream.")
        if not (empty or replace):
            raise UserMistake(
                "The bulk road replaces the graph, and this one is not empty.", "Use --replace, or --road stream to add to it."
            )
        return "bulk", "as asked for"
    if server is None:
        return "stream", "the server is not hmrec's local one, so its store is out of reach"
    if empty or replace:
        return "bulk", "the graph is empty" if empty else "the graph is to be replaced"
    return "stream", "the graph is not empty, so the rows are added to it"


def _same_load(graph: Graph, mark: str) -> LoadReport | None:
    """The report of an earlier load of the same files, if the graph's newest load was that one and it is whole."""
    newest = graph.read("loads", k=1)
    if not len(newest):
        return None
    load = newest["load"][0]
    if load.get("fingerprint") != mark or "report" not in load:
        return None
    counts = graph.read("counts")
    report = json.loads(load["report"])
    if int(counts["bought"][0]) < report["counts"]["transactions_train"]["loaded"]:
        return None  # something was deleted since: load again
    report.pop("rows_per_second")
    report["counts"] = {table: TableCount(**count) for table, count in report["counts"].items()}
    report |= {"road": "none", "why": "the graph's newest load is of these same files", "seconds": {}}
    return LoadReport(**report | {"notes": tuple(report["notes"])})


def _refuse_bad(tables: CleanTables, max_bad: float, rejects: Path | None) -> None:
    for table, count in tables.counts.items():
        if count.read and count.rejected > max_bad * count.read:
            raise TooManyBadRows(
                f"{count.rejected:,} of {count.read:,} rows of {table} are bad, more than the {max_bad:.2%} allowed; "
                "nothing was loaded.",
                f"See {rejects}; mend the file, or allow more with --max-bad.",
            )


def _report_folder(report: Path | None, folder: Path) -> Path:
    target = report or (folder if os.access(folder, os.W_OK) else Path.cwd())
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserMistake(f"The report's folder {target} cannot be made ({error.strerror}).") from error
    return target


def _write_whole(target: Path, write: Callable[[Path], object]) -> None:
    partial = target.with_name(target.name + ".partial")
    write(partial)
    os.replace(partial, target)
