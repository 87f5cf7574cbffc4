"""The report of a load, as text, as JSON and for the (:Load) node."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..cypher.errors import UserMistake
from ..cypher.result_file import write_result
from .reading.purchases import TableCount
from .schema import TRANSACTIONS

REPORT_FILE = "load-report.json"
"""The report's name in its folder."""
REJECTS_FILE = "rejects.csv"
"""The name of the file of rejected rows, beside the report."""


@dataclass(frozen=True)
class LoadReport:
    """What a load did.

    Attributes
    ----------
    id : of the (:Load) node; a continued load has the id of the killed one.
    folder, fingerprint : what was loaded, and SHA-256 over the files.
    started, finished : ISO 8601, UTC.
    mode : bulk, stream or check.
    why : the reason for that mode, in a few words.
    counts : by table: rows read = loaded + merged + rejected + returned + left_out.
    lost_cells : by table and column, number of optional cells that broke their rule and have no value.
    bare_customers, bare_articles : number of nodes that only the transactions name.
    changes : changes in the graph, under Neo4j's counter names; empty if there are none.
    notes : problems of the files that were handled.
    seconds : by step.
    store_bytes : the store's size, if it is on this machine.
    rejects_file : the file of rejected rows, if there are any.
    """

    id: str
    folder: str
    fingerprint: str
    started: str
    finished: str
    mode: str
    why: str
    counts: dict[str, TableCount]
    bare_customers: int = 0
    bare_articles: int = 0
    changes: dict[str, int] = field(default_factory=dict)
    lost_cells: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    store_bytes: int | None = None
    rejects_file: str | None = None

    @property
    def rows_per_second(self) -> int | None:
        """Transactions read per second of the whole load."""
        total = sum(self.seconds.values())
        return round(self.counts[TRANSACTIONS.stem].read / total) if total else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return asdict(self) | {"rows_per_second": self.rows_per_second}

    def to_properties(self) -> dict[str, str | int]:
        """Return the report as properties of the (:Load) node; an unfinished load has no report yet."""
        plain = {name: getattr(self, name) for name in ("id", "folder", "fingerprint", "started", "finished", "mode")}
        counts = {
            f"{table}_{name}": value for table, count in self.counts.items() for name, value in asdict(count).items()
        }
        whole = {"store_bytes": self.store_bytes} if self.store_bytes is not None else {}
        if not self.finished:
            del plain["finished"]
            return plain | counts
        return plain | counts | whole | {"report": json.dumps(self.to_dict())}

    def summary(self) -> str:
        """Return the report as a few lines of text."""
        lines = [f"Mode: {self.mode} ({self.why})."]
        for table, count in self.counts.items():
            lines.append(
                f"{table}: {count.read:,} read, {count.loaded:,} loaded, {count.merged:,} merged into equal rows, "
                f"{count.rejected:,} rejected"
                + (f", {count.returned:,} returned" if count.returned else "")
                + (f", {count.left_out:,} left out" if count.left_out else "")
            )
        if self.bare_customers or self.bare_articles:
            lines.append(f"Only named by purchases: {self.bare_customers:,} customers, {self.bare_articles:,} articles")
        lines += self.notes
        if self.rejects_file:
            lines.append(f"The rejected rows are in {self.rejects_file}")
        if self.mode == "stream" and not self.changes:
            lines.append("The graph already contained everything: nothing changed")
        if self.seconds:
            steps = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in self.seconds.items())
            lines.append(
                f"Took {sum(self.seconds.values()):.1f} s ({steps}); {self.rows_per_second or 0:,} transactions/s"
            )
        if self.store_bytes:
            lines.append(f"The store takes {self.store_bytes / 1e6:,.0f} MB")
        return "\n".join(lines)


def choose_report_folder(wanted: Path | None, folder: Path, home: Path | None) -> Path:
    """Return the report's folder: the requested one, else the loaded one, else hmrec's home or the working folder.

    Parameters
    ----------
    wanted : the folder that the user names, created if missing; None to choose one.
    folder : the folder or .zip that is loaded.
    home : the folder of the local server; None if another server is used.

    Raises
    ------
    UserMistake : it cannot be created.
    """
    other = home if home is not None and home.is_dir() else Path.cwd()
    data_folder = folder if folder.is_dir() else folder.parent
    target = wanted or (data_folder if os.access(data_folder, os.W_OK) else other)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserMistake(f"The report's folder {target} cannot be created ({error.strerror}).") from error
    return target


def write_whole(target: Path, write: Callable[[Path], object]) -> None:
    """Write the report or the rejected rows with `write`, completely or not at all.

    Parameters
    ----------
    target : the file.
    write : called with the path to write to; the file gets its name afterwards.

    Raises
    ------
    UserMistake : the file cannot be written.
    """
    try:
        write_result(target, write)
    except OSError as error:
        why = error.strerror or error  # polars' errors have only a text
        raise UserMistake(f"{target} cannot be written ({why}).", "Choose another folder with --report.") from error
