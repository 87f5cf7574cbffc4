"""The local graph in one file, and back: neo4j-admin's dump and load, so that any Neo4j can read the file, too."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import DiskFull, HmrecError, UserMistake
from ..graph import Graph
from ..progress import Progress, silent
from ..result_file import ResultFile, copy_into, find_result_file
from ..state import read_counts
from .disk_space import LEAST_FREE, explain_full_disk
from .server import LocalServer

_SHARE = re.compile(r"data: ([\d.]+)%")
_BYTES = re.compile(r"^Bytes: (\d+)$")
_DUMP = "neo4j.dump"  # the name that neo4j-admin gives to the database's dump


@dataclass(frozen=True)
class BackupReceipt:
    """What a backup or a restore did.

    Attributes
    ----------
    file : the backup.
    bytes : its size.
    customers, articles, bought : what the graph in it holds.
    seconds : how long it took, the server's stop and start among it.
    running : whether the server runs now, as it did before.
    """

    file: str
    bytes: int
    customers: int
    articles: int
    bought: int
    seconds: float
    running: bool


def back_up(server: LocalServer, file: Path, force: bool = False, progress: Progress = silent) -> BackupReceipt:
    """Write the whole graph of the local server into a file, which has its name only when it is whole.

    The server is stopped meanwhile and runs again afterwards if it ran before. Killed at any moment, an older file of
    that name is as it was, the graph too, and the next command that needs the server starts it.

    Parameters
    ----------
    server : the local server, installed.
    file : where to.
    force : replace a file that is there.
    progress : told the share of the graph written, in percent.

    Raises
    ------
    UserMistake : the file is there already, or its folder is not.
    LoadRunning : a load or a write-back is under way; the message names it.
    HmrecError : neo4j-admin failed, or the disk is full; nothing was changed.
    """
    target = _check_target(file, force)
    _require_installed(server)
    begun = time.monotonic()
    ran = server.find_process() is not None
    server.start(progress)
    with Graph.connect(server.connection()) as graph, graph.claim("a backup"):
        counts = _count(graph)
    path = target.path
    folder = server.home / "backup.partial" if target.is_stream else path.with_name(f"{path.name}.partial")
    with server.stopped(restart=ran, progress=progress):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            with explain_full_disk(folder.parent, "name a file on another."):
                for line in server.admin("database", "dump", "neo4j", f"--to-path={folder}"):
                    _tell(line, "Writing the backup", progress)
                with (folder / _DUMP).open("rb+") as dump:
                    os.fsync(dump.fileno())
                size = (folder / _DUMP).stat().st_size
                if target.is_stream:
                    copy_into(target, folder / _DUMP)
                else:
                    target.end(folder / _DUMP)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return BackupReceipt(str(target.name), size, *counts, time.monotonic() - begun, ran)


def restore(server: LocalServer, file: Path, progress: Progress = silent) -> BackupReceipt:
    """Replace the local server's graph by the one in a backup, once that is unpacked and found consistent.

    The server answers from the old graph until then. Killed at any moment, the graph is the old or the new one, whole.
    User and password stay: they are no part of a backup.

    Parameters
    ----------
    server : the local server; installed first if it is not.
    file : what `back_up` or `neo4j-admin database dump` wrote.
    progress : told the share of the backup read, in percent.

    Raises
    ------
    UserMistake : the file is not there, or no backup.
    LoadRunning : a load or a write-back is under way; the message names it.
    HmrecError : the backup is damaged or the disk full; the graph is as it was.
    """
    file = file.expanduser().absolute()
    with file.open("rb") as stream:
        if stream.read(4) not in (b"DZV1", b"DGV1"):  # neo4j-admin's two kinds of dump, zstd and gzip
            raise UserMistake(f"{file} is no backup of a Neo4j database.", "`hmrec db backup FILE` writes one.")
    begun = time.monotonic()
    server.install(progress)
    ran = server.find_process() is not None
    fresh = server.home / "data-restore"
    try:
        with _claim(server if ran else None):
            server.end_admin(fresh)
            shutil.rmtree(fresh, ignore_errors=True)
            _unpack(server, file, fresh, progress)
        server.exchange_data(fresh, progress)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(fresh.with_name(f"{fresh.name}-conf"), ignore_errors=True)
    with Graph.connect(server.connection()) as graph:
        counts = _count(graph)
    if not ran:
        server.stop(progress)
    return BackupReceipt(str(file), file.stat().st_size, *counts, time.monotonic() - begun, ran)


def _check_target(file: Path, force: bool) -> ResultFile:
    target = find_result_file(file.expanduser().absolute())
    if target.is_stream:
        return target
    if not target.path.parent.is_dir():
        raise UserMistake(f"There is no folder {target.path.parent}.", "Make it first, or name a file elsewhere.")
    if target.path.exists() and not force:
        raise UserMistake(f"{target.name} is there already.", "--force replaces it.")
    return target


def _require_installed(server: LocalServer) -> None:
    if not server.is_installed:
        raise UserMistake("There is no local server yet, so nothing to back up.", "`hmrec db start` installs one.")


@contextmanager
def _claim(server: LocalServer | None) -> Iterator[None]:
    """Let nobody load or write back meanwhile, where a server runs."""
    if server is None:
        yield
        return
    with Graph.connect(server.connection()) as graph, graph.claim("a restore"):
        yield


def _unpack(server: LocalServer, file: Path, fresh: Path, progress: Progress) -> None:
    """Load the backup into a folder beside the data and let Neo4j check it: every record, index and count."""
    words = ("database", "load", "neo4j", "--from-stdin")
    try:
        with explain_full_disk(server.home, "set HMREC_HOME to a folder on another."):
            for line in server.admin(*words, "--info", data=fresh, source=file):
                if match := _BYTES.match(line):
                    _require_space(int(match[1]), server.home)
            for line in server.admin(*words, "--overwrite-destination=true", data=fresh, source=file):
                _tell(line, "Reading the backup", progress)
            for _ in server.admin("database", "check", "neo4j", f"--report-path={fresh}", data=fresh):
                progress("Checking the backup", 0, None)
    except DiskFull:
        raise
    except HmrecError as error:
        raise HmrecError(f"The backup {file} is damaged ({error.message}).", "The graph is as it was.") from error


def _require_space(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + LEAST_FREE:
        raise DiskFull(
            f"The graph in the backup takes {needed / 1e9:.2f} GB; the disk of {folder} has {free / 1e9:.2f} GB left.",
            "Free some, or set HMREC_HOME to a folder on another disk.",
        )


def _count(graph: Graph) -> tuple[int, int, int]:
    counts = read_counts(graph)
    return counts.customers, counts.articles, counts.bought


def _tell(line: str, step: str, progress: Progress) -> None:
    if match := _SHARE.search(line):
        progress(step, float(match[1]), 100)
