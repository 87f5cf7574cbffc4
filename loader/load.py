"""Load a folder's files into the graph: check them, pick the mode, write, report."""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as changed
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

import polars as pl
from filelock import FileLock, Timeout

from ..cypher.errors import HmrecError, LoadRunning, UserMistake
from ..cypher.foreign import ADVICE, Foreign, find_foreign
from ..cypher.graph import Graph
from ..cypher.local.disk_space import explain_full_disk
from ..cypher.local.server import LocalServer
from ..cypher.progress import Progress, silent
from .bulk import finish_bulk, load_by_bulk, store_size
from .constraints import check_schema, list_foreign_indexes
from .reading.parts import find_files
from .reading.tables import CleanTables, read_tables
from .report import REJECTS_FILE, REPORT_FILE, LoadReport, choose_report_folder, write_whole
from .schema import TRANSACTIONS, ReadRules
from .stream import Written, load_by_stream

LoadMode = Literal["auto", "bulk", "stream"]
"""How to load: `bulk` by neo4j-admin, `stream` over Bolt, or `auto`, which chooses."""
Confirm = Callable[[str], bool]
"""Called with a question; returns whether to go on."""
_WORK = "hmrec-load-"
_MAX_REASONS_SHOWN = 3
_DELETING, _REFILLING = "deleting", "refilling"  # how far a load by stream is that replaces the graph


class TooManyBadRows(UserMistake):
    """More rows break the rules than the user allows."""


def load_folder(
    folder: Path,
    *,
    server: LocalServer | None,
    graph: Graph | None,
    mode: LoadMode = "auto",
    replace: bool = False,
    check_only: bool = False,
    max_bad: float = 0.01,
    column_map: dict[str, str] | None = None,
    rules: ReadRules | None = None,
    report: Path | None = None,
    confirm: Confirm | None = None,
    progress: Progress = silent,
) -> LoadReport:
    """Load a data set into the graph.

    Equal rows of one load add up in `quantity`. A purchase that the graph has already keeps the larger quantity of
    the two, so that loading the same files again changes nothing. Customers and articles that only the transactions
    name are made without properties. Killed at any moment, the same call goes on.

    Parameters
    ----------
    folder : holds transactions_train, and customers and articles if there are any; or a .zip of them.
    server : the local server, if the graph is its; the bulk import needs it.
    graph : the open graph; None only with `check_only`.
    mode : bulk, stream, or auto to have it picked.
    replace : replace the graph by these files instead of adding them. Nodes and relationships of others stay.
    check_only : read and check, and change nothing.
    max_bad : the share of a table's rows that may break the rules, 0 to 1.
    column_map : the files' column names to hmrec's, e.g. `{"household_id": "customer_id"}`.
    rules : the first day that a date may be, article ids to leave out, and the files' encoding; None for the defaults.
    report : folder for the report and the rejected rows; None for `folder`, or, if that is read-only, hmrec's home.
    confirm : called with a question before `replace` deletes purchases from a database that also holds nodes of
        others; returns whether to go on. None refuses to delete them.
    progress : called with each step.

    Returns
    -------
    What was done; also written as load-report.json, and kept as (:Load) if anything changed.

    Raises
    ------
    UserMistake : a file, a column or an option is wrong, too many rows are bad, `replace` was not confirmed, or
        an index that is not hmrec's is in the way. Nothing has changed then.
    LoadRunning : another load is running on this server.
    HmrecError : the import or the server failed.
    """
    find_files(folder)
    if check_only:
        with _make_work_folder(None) as work:
            return _load(folder, work, None, None, "check", "nothing was to be changed", replace, max_bad,
                         column_map, rules, report, Foreign(), confirm, progress)  # fmt: skip
    if graph is None:
        raise HmrecError("No graph was given to load into.")
    with _claim(server, folder), _make_work_folder(server) as work:
        finish_bulk(graph)
        foreign = find_foreign(graph)
        chosen, why = _pick(server, graph, foreign, mode, replace)
        if chosen == "stream":
            check_schema(graph)
        return _load(folder, work, server, graph, chosen, why, replace, max_bad, column_map, rules, report,
                     foreign, confirm, progress)  # fmt: skip


def _load(
    folder: Path,
    work: Path,
    server: LocalServer | None,
    graph: Graph | None,
    mode: str,
    why: str,
    replace: bool,
    max_bad: float,
    column_map: dict[str, str] | None,
    rules: ReadRules | None,
    report: Path | None,
    foreign: Foreign,
    confirm: Confirm | None,
    progress: Progress,
) -> LoadReport:
    started, seconds, clock = _now(), {}, time.monotonic()

    def lap(step: str) -> None:
        nonlocal clock
        seconds[step] = round(time.monotonic() - clock, 3)
        clock = time.monotonic()

    width = graph.read_column("article_width")[0] if graph is not None and not replace else None
    tables = read_tables(folder, work, column_map=column_map, known_width=width or 0, rules=rules, progress=progress)
    target = choose_report_folder(report, folder, server.home if server else None)
    rejects = target / REJECTS_FILE
    if tables.rejects.height:
        write_whole(rejects, tables.rejects.write_csv)
    else:
        rejects.unlink(missing_ok=True)  # an earlier load's would mislead
    lap("reading and checking")
    _refuse_bad(tables, max_bad, rejects)
    _refuse_nothing(tables, replace)
    unfinished = _find_unfinished(graph, tables.fingerprint, replace) if graph is not None and mode == "stream" else {}
    result = LoadReport(
        id=str(unfinished.get("id") or uuid4().hex),
        folder=str(folder),
        fingerprint=tables.fingerprint,
        started=started,
        finished="",
        mode=mode,
        why=why,
        counts=tables.counts,
        bare_customers=tables.bare_customers,
        bare_articles=tables.bare_articles,
        lost_cells=tables.lost_cells,
        notes=(*tables.notes, *([f"{foreign.describe()}; {ADVICE}"] if foreign.others else [])),
        rejects_file=str(rejects) if tables.rejects.height else None,
    )
    scope: dict[str, object] = {}
    if mode == "bulk" and server is not None:
        changes = load_by_bulk(server, tables, result.to_properties(), progress)
        lap("importing")
        result = changed(result, changes=changes)
    elif mode == "stream" and graph is not None:
        begun = result.to_properties()
        if replace and not unfinished.get("replacing"):
            _confirm_replacing(foreign, confirm)
        with graph.claim(_describe_writer(folder)):
            if (replace and unfinished.get("replacing") != _REFILLING) or unfinished.get("replacing") == _DELETING:
                graph.write("record_load", load=begun | {"replacing": _DELETING})
                progress("Deleting the old graph", 0, None)
                graph.write("delete_graph", keep=result.id)
                graph.write("record_load", load=begun | {"replacing": _REFILLING})
                lap("deleting the old graph")
            written = load_by_stream(graph, tables, lambda: graph.write("record_load", load=begun), progress)
        result = changed(result, changes=written.counters)
        scope = _describe_scope(written, tables, goes_on=bool(unfinished))
        lap("writing")
    size = store_size(server.data) if server is not None and server.data.is_dir() else None
    result = changed(result, finished=_now(), seconds=seconds, store_bytes=size)
    if result.changes or unfinished or replace:
        with _reconnect(server if mode == "bulk" else None, graph) as open_graph:
            open_graph.write("record_load", load=result.to_properties() | {"replacing": None} | scope)
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_whole(target / REPORT_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    return result


def _describe_scope(written: Written, tables: CleanTables, goes_on: bool) -> dict[str, object]:
    """The days, customers and articles that a load may have changed, kept on its (:Load) for kept exports.

    A load that goes on does not know what the killed one had written of its files: then all days of the files are
    told, and the customers and articles are not.
    """
    if not goes_on:
        customers = None if written.customers is None else list(written.customers)
        days = [day.isoformat() for day in written.days]
        return {"days_written": days, "customers_written": customers, "articles_written": written.articles}
    in_files = tables.scan("purchases").select(pl.col("t_dat").unique().sort()).collect()["t_dat"]
    days = [day.isoformat() for day in in_files]
    return {"days_written": days, "customers_written": None, "articles_written": None}


def _describe_writer(folder: Path) -> str:
    return f"{folder} (since {_now()}, process {os.getpid()} on {platform.node()})"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _claim(server: LocalServer | None, folder: Path) -> Iterator[None]:
    """Hold the local server for this load alone.

    Raises
    ------
    LoadRunning : another load holds it; the message names it.
    """
    if server is None:
        yield
        return
    server.home.mkdir(parents=True, exist_ok=True)
    name = server.home / "load-running"
    try:
        with FileLock(server.home / ".load-lock", timeout=0):
            name.write_text(_describe_writer(folder), encoding="utf-8")
            yield
            name.unlink(missing_ok=True)
    except Timeout as error:
        first = name.read_text(encoding="utf-8") if name.is_file() else "another folder"
        raise LoadRunning(f"A load is running already: {first}.", "Wait until it is done.") from error


@contextmanager
def _make_work_folder(server: LocalServer | None) -> Iterator[Path]:
    """A folder for the clean tables, on the server's disk where it is local; what killed loads left there goes."""
    home = server.home if server is not None else None
    if home is not None:
        for left in home.glob(f"{_WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=home) as work:
        otherwise = f"set {'TMPDIR' if home is None else 'HMREC_HOME'} to a folder on another."
        with explain_full_disk(Path(work).parent, otherwise):
            yield Path(work)


@contextmanager
def _reconnect(server: LocalServer | None, graph: Graph | None) -> Iterator[Graph]:
    """The graph, by a new connection where the local server was started anew and may have other ports."""
    if server is not None:
        with Graph.connect(server.connection()) as fresh:
            yield fresh
    elif graph is not None:
        yield graph


def _find_unfinished(graph: Graph, fingerprint: str, replace: bool) -> dict[str, object]:
    """The load of these files that did not come to its end, if there is one; else nothing.

    Raises
    ------
    UserMistake : a load of other files was to replace the graph, and was cut off while it deleted the old one.
    """
    unfinished = [dict(load) for load in graph.read_column("unfinished_loads")]
    for load in unfinished:
        if load.get("replacing") and load.get("fingerprint") != fingerprint and not replace:
            raise UserMistake(
                f"The graph is not whole: a load of {load['folder']} was to replace it and was cut off.",
                "Run that load again, or give --replace to this one.",
            )
    return next((load for load in unfinished if load.get("fingerprint") == fingerprint), {})


def _confirm_replacing(foreign: Foreign, confirm: Confirm | None) -> None:
    """Ask before purchases are deleted from a database that hmrec shares.

    Raises
    ------
    UserMistake : the answer is no, or nobody can be asked.
    """
    if not (foreign.others and foreign.bought):
        return
    what = (
        f"--replace deletes hmrec's {foreign.own:,} nodes and {foreign.bought:,} purchases; the {foreign.others:,} "
        f"other nodes of this database (labels: {', '.join(foreign.labels)}) stay"
    )
    if confirm is None:
        raise UserMistake(f"{what}.", "If that is right, add --yes (in Python: confirm=lambda question: True).")
    if not confirm(f"{what}. Go on?"):
        raise UserMistake("Nothing was replaced, because the answer was no.")


def _describe_lost_by_bulk(graph: Graph, foreign: Foreign) -> str:
    """Return what the bulk import, which replaces the whole store, would lose of others; empty if there is nothing."""
    lost = [foreign.describe()] if foreign.others > 0 else []
    relationships = int(graph.read_rows("foreign_relationships")[1][0][0])
    if relationships:
        lost.append(f"{relationships:,} relationship{'s are' if relationships > 1 else ' is'} of types not hmrec's")
    if indexes := list_foreign_indexes(graph):
        lost.append(f"indexes are not hmrec's: {', '.join(indexes)}")
    return "; ".join(lost)


def _pick(server: LocalServer | None, graph: Graph, foreign: Foreign, mode: LoadMode, replace: bool) -> tuple[str, str]:
    """Return the mode, and why in a sentence."""
    if mode == "stream":
        return "stream", "as asked for"
    empty = foreign.own == 0
    if mode == "bulk":
        if server is None:
            raise UserMistake(
                "The bulk import needs the local server, and NEO4J_URI names another.", "Use --mode stream."
            )
        if not (empty or replace):
            raise UserMistake(
                "The bulk import replaces the graph, and this one is not empty.",
                "Use --replace, or --mode stream to add to it.",
            )
        if lost := _describe_lost_by_bulk(graph, foreign):
            raise UserMistake(
                f"The bulk import replaces the whole store, and {lost}.",
                "Use --mode stream, which keeps them.",
            )
        return "bulk", "as asked for"
    if server is None:
        return "stream", "the server is not hmrec's local one, so its store is out of reach"
    if empty or replace:
        if lost := _describe_lost_by_bulk(graph, foreign):
            return "stream", f"the bulk import would replace the whole store, and {lost}"
        return "bulk", "the graph is empty" if empty else "the graph is to be replaced"
    return "stream", "the graph is not empty, so the rows are added to it"


def _refuse_bad(tables: CleanTables, max_bad: float, rejects: Path) -> None:
    for table, count in tables.counts.items():
        if count.rejected > max_bad * count.read:
            reasons = tables.reasons[table][:_MAX_REASONS_SHOWN]
            told = "; ".join(f"{rows:,} because {reason} ({(value or '')[:40]!r})" for reason, rows, value in reasons)
            rest = len(tables.reasons[table]) - len(reasons)
            more = f"; {rest} other reason{'s' if rest > 1 else ''}" if rest else ""
            archive = " Take older dates with --earliest." if "neither before" in told else ""
            raise TooManyBadRows(
                f"{count.rejected:,} of {count.read:,} rows of {table} are bad, more than the {max_bad:.2%} allowed; "
                f"nothing was loaded: {told}{more}.",
                f"See {rejects}; mend the file, or allow more with --max-bad.{archive}",
            )


def _refuse_nothing(tables: CleanTables, replace: bool) -> None:
    count = tables.counts[TRANSACTIONS.stem]
    others = sum(other.loaded for other in tables.counts.values())
    if count.read == 0 and (replace or not others):  # a day's file may bring customers and articles alone
        raise UserMistake(
            f"{TRANSACTIONS.stem} has no rows; nothing was loaded.", "Check that the file is whole and ends its lines."
        )
    if replace and count.loaded == 0:
        raise UserMistake(
            f"None of the {count.read:,} rows of {TRANSACTIONS.stem} is a purchase; the graph was not replaced.",
            "See the report of --check.",
        )
