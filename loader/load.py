"""Load a folder's files into the graph: check them, choose the mode, write, report."""

from __future__ import annotations

import json
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

from ..cypher.claim import name_writer
from ..cypher.errors import HmrecError, LoadRunning, UserMistake
from ..cypher.foreign import ADVICE, Foreign, find_foreign
from ..cypher.graph import Graph
from ..cypher.local.disk_space import explain_full_disk
from ..cypher.local.server import LocalServer
from ..cypher.plans import renew_plans
from ..cypher.progress import Progress, silent
from ..cypher.state import read_counts
from .bulk import finish_bulk, load_by_bulk, store_size
from .constraints import check_schema, list_foreign_indexes
from .reading.parts import find_files
from .reading.tables import CleanTables, read_tables
from .report import REJECTS_FILE, REPORT_FILE, LoadReport, choose_report_folder, write_whole
from .schema import ARTICLES, TRANSACTIONS, ReadRules, Table
from .stream import Written, load_by_stream

LoadMode = Literal["auto", "bulk", "stream"]
"""How to load: `bulk` by neo4j-admin, `stream` over Bolt, or `auto`, which chooses."""
Confirm = Callable[[str], bool]
"""Called with a question; returns whether to continue."""
_WORK = "hmrec-load-"
_MAX_REASONS_SHOWN = 3
_DELETING, _REFILLING = "deleting", "refilling"  # progress of a streaming load with --replace


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
    articles_only: bool = False,
    report: Path | None = None,
    confirm: Confirm | None = None,
    progress: Progress = silent,
) -> LoadReport:
    """Load a data set into the graph.

    Equal rows of one load add up in `quantity`. A purchase that is already in the graph keeps the larger quantity, so
    loading the same files again changes nothing. Customers and articles that only the transactions name are created
    without properties. If the process is killed, the same call continues the load.

    Parameters
    ----------
    folder : contains transactions_train, and optionally customers and articles; or a .zip of them.
    server : the local server, if the graph is on it; the bulk import needs it.
    graph : the open graph; None only with `check_only`.
    mode : bulk, stream, or auto to choose one.
    replace : replace the graph by these files instead of adding them. Nodes and relationships of other software are
        kept.
    check_only : read and check, and change nothing.
    max_bad : the share of a table's rows that may break the rules, 0 to 1.
    column_map : the files' column names to hmrec's, e.g. `{"household_id": "customer_id"}`.
    rules : the first day that a date may be, article ids to leave out, and the files' encoding; None for the defaults.
    articles_only : load the articles alone, by stream; the folder needs no other file.
    report : folder for the report and the rejected rows; None for `folder`, or, if that is read-only, hmrec's home.
    confirm : called with a question before hmrec's nodes are deleted from a shared database; returns whether to
        continue. None to refuse.
    progress : called at each step.

    Returns
    -------
    What was done; also written as load-report.json, and stored as (:Load) if anything changed.

    Raises
    ------
    UserMistake : a file, a column or an option is wrong, too many rows are bad, `replace` was not confirmed, or a
        foreign index conflicts with hmrec's. Nothing has changed then.
    LoadRunning : another load is running on this server.
    HmrecError : the import or the server failed.
    """
    find_files(folder, ARTICLES if articles_only else TRANSACTIONS)
    if articles_only and (replace or mode == "bulk"):
        raise UserMistake("Only articles are loaded, so the graph's purchases cannot be replaced.", "Use mode stream.")
    if check_only:
        with _make_work_folder(None) as work:
            return _load(folder, work, None, None, "check", "checks only, changes nothing", replace, max_bad,
                         column_map, rules, articles_only, report, Foreign(), confirm, progress)  # fmt: skip
    if graph is None:
        raise HmrecError("There is no graph to load into.")
    with _claim(server, folder), _make_work_folder(server) as work:
        finish_bulk(graph)
        foreign = find_foreign(graph)
        chosen, why = _choose_mode(server, graph, foreign, mode, replace)
        if articles_only:
            chosen, why = "stream", "only articles are loaded"
        if chosen == "stream":
            check_schema(graph)
        return _load(folder, work, server, graph, chosen, why, replace, max_bad, column_map, rules, articles_only,
                     report, foreign, confirm, progress)  # fmt: skip


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
    articles_only: bool,
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
    tables = read_tables(folder, work, column_map=column_map, known_width=width or 0, rules=rules,
                         articles_only=articles_only, progress=progress)  # fmt: skip
    target = choose_report_folder(report, folder, server.home if server else None)
    rejects = target / REJECTS_FILE
    if tables.rejects.height:
        write_whole(rejects, tables.rejects.write_csv)
    else:
        rejects.unlink(missing_ok=True)  # of an earlier load
    lap("reading and checking")
    _refuse_bad(tables, max_bad, rejects)
    _refuse_nothing(tables, replace, ARTICLES if articles_only else TRANSACTIONS)
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
        started_load = result.to_properties()
        if replace and not unfinished.get("replacing"):
            _confirm_replacing(foreign, confirm)
        with graph.claim(name_writer(str(folder))):
            if (replace and unfinished.get("replacing") != _REFILLING) or unfinished.get("replacing") == _DELETING:
                graph.write("record_load", load=started_load | {"replacing": _DELETING})
                progress("Deleting the old graph", 0, None)
                graph.write("delete_graph", keep=result.id)
                graph.write("record_load", load=started_load | {"replacing": _REFILLING})
                lap("deleting the old graph")
            written = load_by_stream(graph, tables, lambda: graph.write("record_load", load=started_load), progress)
        if unfinished or _is_mostly_new(graph, written):
            progress("Sampling indexes", 0, None)
            if refusal := renew_plans(graph):
                result = changed(result, notes=(*result.notes, refusal))
        result = changed(result, changes=written.counters)
        scope = _describe_scope(written, tables, is_continued=bool(unfinished))
        lap("writing")
    size = store_size(server.data) if server is not None and server.data.is_dir() else None
    result = changed(result, finished=_now(), seconds=seconds, store_bytes=size)
    if result.changes or unfinished or replace:
        with _reconnect(server if mode == "bulk" else None, graph) as open_graph:
            open_graph.write("record_load", load=result.to_properties() | {"replacing": None} | scope)
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_whole(target / REPORT_FILE, lambda path: path.write_text(text, encoding="utf-8"))
    return result


def _is_mostly_new(graph: Graph, written: Written) -> bool:
    """Return whether a load created at least half as many relationships as the graph has purchases."""
    created = written.counters.get("relationships_created", 0)
    return created > 0 and 2 * created >= read_counts(graph).bought


def _describe_scope(written: Written, tables: CleanTables, is_continued: bool) -> dict[str, object]:
    """Return the days, customers and articles that a load may have changed, stored on its (:Load) for cached exports.

    A continued load does not know what the killed one had written. Its scope is all days of the files, and no list of
    customers or articles; with returns, which change purchases of earlier days, all days.
    """
    if not is_continued:
        customers = None if written.customers is None else list(written.customers)
        days = [day.isoformat() for day in written.days]
        return {"days_written": days, "customers_written": customers, "articles_written": written.articles}
    if tables.has_returns:
        return {"days_written": None, "customers_written": None, "articles_written": None}
    in_files = tables.scan("purchases").select(pl.col("t_dat").unique().sort()).collect()["t_dat"]
    days = [day.isoformat() for day in in_files]
    return {"days_written": days, "customers_written": None, "articles_written": None}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _claim(server: LocalServer | None, folder: Path) -> Iterator[None]:
    """Lock the local server for this load.

    Raises
    ------
    LoadRunning : another load has the lock; the message names it.
    """
    if server is None:
        yield
        return
    server.home.mkdir(parents=True, exist_ok=True)
    name = server.home / "load-running"
    try:
        with FileLock(server.home / ".load-lock", timeout=0):
            name.write_text(name_writer(str(folder)), encoding="utf-8")
            yield
            name.unlink(missing_ok=True)
    except Timeout as error:
        first = name.read_text(encoding="utf-8") if name.is_file() else "another folder"
        raise LoadRunning(f"A load is already running: {first}.", "Wait until it is done.") from error


@contextmanager
def _make_work_folder(server: LocalServer | None) -> Iterator[Path]:
    """Create a folder for the clean tables, on a local server's disk; delete those of killed loads."""
    home = server.home if server is not None else None
    if home is not None:
        for left in home.glob(f"{_WORK}*"):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=home) as work:
        otherwise = f"set {'TMPDIR' if home is None else 'HMREC_HOME'} to a folder on another disk."
        with explain_full_disk(Path(work).parent, otherwise):
            yield Path(work)


@contextmanager
def _reconnect(server: LocalServer | None, graph: Graph | None) -> Iterator[Graph]:
    """Yield the graph; after a restart of the local server, by a new connection, as its ports may have changed."""
    if server is not None:
        with Graph.connect(server.connection()) as reconnected:
            yield reconnected
    elif graph is not None:
        yield graph


def _find_unfinished(graph: Graph, fingerprint: str, replace: bool) -> dict[str, object]:
    """Return the unfinished load of these files, or an empty dict.

    Raises
    ------
    UserMistake : a load of other files was interrupted while it replaced the graph.
    """
    unfinished = [dict(load) for load in graph.read_column("unfinished_loads")]
    for load in unfinished:
        if load.get("replacing") and load.get("fingerprint") != fingerprint and not replace:
            raise UserMistake(
                f"The graph is incomplete: a load of {load['folder']} was interrupted while replacing it.",
                "Run that load again, or add --replace to this one.",
            )
    return next((load for load in unfinished if load.get("fingerprint") == fingerprint), {})


def _confirm_replacing(foreign: Foreign, confirm: Confirm | None) -> None:
    """Ask before deleting purchases from a database that hmrec shares.

    Raises
    ------
    UserMistake : the answer is no, or there is no one to ask.
    """
    if not (foreign.others and foreign.bought):
        return
    what = (
        f"--replace deletes hmrec's {foreign.own:,} nodes and {foreign.bought:,} purchases; the {foreign.others:,} "
        f"other nodes of this database (labels: {', '.join(foreign.labels)}) are kept"
    )
    if confirm is None:
        raise UserMistake(f"{what}.", "If that is right, add --yes (in Python: confirm=lambda question: True).")
    if not confirm(f"{what}. Continue?"):
        raise UserMistake("The answer was no, so nothing was replaced.")


def _describe_lost_by_bulk(graph: Graph, foreign: Foreign) -> str:
    """Return what a bulk import, which replaces the whole store, would delete of other software; empty if nothing."""
    lost = [foreign.describe()] if foreign.others > 0 else []
    relationships = int(graph.read_rows("foreign_relationships")[1][0][0])
    if relationships:
        lost.append(f"{relationships:,} relationship{'s are' if relationships > 1 else ' is'} of types not hmrec's")
    if indexes := list_foreign_indexes(graph):
        lost.append(f"indexes are not hmrec's: {', '.join(indexes)}")
    return "; ".join(lost)


def _choose_mode(
    server: LocalServer | None, graph: Graph, foreign: Foreign, mode: LoadMode, replace: bool
) -> tuple[str, str]:
    """Return the mode and the reason."""
    if mode == "stream":
        return "stream", "requested"
    empty = foreign.own == 0
    if mode == "bulk":
        if server is None:
            raise UserMistake(
                "The bulk import needs the local server, but NEO4J_URI points to another.", "Use --mode stream."
            )
        if not (empty or replace):
            raise UserMistake(
                "The bulk import replaces the graph, but the graph is not empty.",
                "Add --replace, or use --mode stream to add to the graph.",
            )
        if lost := _describe_lost_by_bulk(graph, foreign):
            raise UserMistake(
                f"The bulk import replaces the whole store, but {lost}.",
                "Use --mode stream, which keeps them.",
            )
        return "bulk", "requested"
    if server is None:
        return "stream", "the server is not hmrec's local one"
    if empty or replace:
        if lost := _describe_lost_by_bulk(graph, foreign):
            return "stream", f"the bulk import would replace the whole store, but {lost}"
        return "bulk", "the graph is empty" if empty else "the graph is replaced"
    return "stream", "the graph is not empty, so rows are added to it"


def _refuse_bad(tables: CleanTables, max_bad: float, rejects: Path) -> None:
    for table, count in tables.counts.items():
        if count.rejected > max_bad * count.read:
            reasons = tables.reasons[table][:_MAX_REASONS_SHOWN]
            listed = "; ".join(f"{rows:,} because {reason} ({(value or '')[:40]!r})" for reason, rows, value in reasons)
            rest = len(tables.reasons[table]) - len(reasons)
            more = f"; {rest} other reason{'s' if rest > 1 else ''}" if rest else ""
            archive = " Accept older dates with --earliest." if "neither before" in listed else ""
            raise TooManyBadRows(
                f"{count.rejected:,} of {count.read:,} rows of {table} are bad, more than the {max_bad:.2%} allowed; "
                f"nothing was loaded: {listed}{more}.",
                f"See {rejects}; fix the file, or allow more with --max-bad.{archive}",
            )


def _refuse_nothing(tables: CleanTables, replace: bool, required: Table) -> None:
    count = tables.counts[required.stem]
    others = sum(other.loaded for other in tables.counts.values())
    if count.read == 0 and (replace or not others):  # a day's files may add only customers and articles
        raise UserMistake(
            f"{required.stem} has no rows; nothing was loaded.",
            "Check that the file is complete and that its lines end.",
        )
    if replace and count.loaded == 0:
        raise UserMistake(
            f"None of the {count.read:,} rows of {TRANSACTIONS.stem} is a purchase; the graph was not replaced.",
            "See the report of --check.",
        )
