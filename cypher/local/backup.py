"""Back up the local graph to one file and restore it, by neo4j-admin's dump and load; any Neo4j can read the file."""

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
_DUMP = "neo4j.dump"  # neo4j-admin's name for the database's dump


@dataclass(frozen=True)
class BackupReceipt:
    """The result of a backup or a restore.

    Attributes
    ----------
    file : the backup.
    bytes : its size.
    customers, articles, bought : the size of the graph in it.
    seconds : duration, including the server's stop and start.
    running : whether the server is running, as before.
    """

    file: str
    bytes: int
    customers: int
    articles: int
    bought: int
    seconds: float
    running: bool


def back_up(server: LocalServer, file: Path, force: bool = False, progress: Progress = silent) -> BackupReceipt:
    """Write the local server's graph to a file, which appears only when it is complete.

    The server is stopped during the backup, and restarted if it was running. If the process is killed, the graph and an
    older file of that name are unchanged. The next command that needs the server starts it.

    Parameters
    ----------
    server : the local server, installed.
    file : the destination.
    force : replace an existing file.
    progress : called with the share of the graph written, in percent.

    Raises
    ------
    UserMistake : the file exists already, or its folder does not exist.
    LoadRunning : a load or a write-back is running; the message names it.
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
            with explain_full_disk(folder.parent, "choose a file on another disk."):
                for line in server.admin("database", "dump", "neo4j", f"--to-path={folder}"):
                    _report_share(line, "Writing the backup", progress)
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
    """Replace the local server's graph by the one in a backup, after unpacking it and checking its consistency.

    The server answers from the old graph until then. If the process is killed, the graph is the complete old or new
    one. User and password are kept: they are not part of a backup.

    Parameters
    ----------
    server : the local server; installed first if needed.
    file : written by `back_up` or `neo4j-admin database dump`.
    progress : called with the share of the backup read, in percent.

    Raises
    ------
    UserMistake : the file does not exist, or is not a backup.
    LoadRunning : a load or a write-back is running; the message names it.
    HmrecError : the backup is damaged or the disk full; the graph is unchanged.
    """
    file = file.expanduser().absolute()
    with file.open("rb") as stream:
        if stream.read(4) not in (b"DZV1", b"DGV1"):  # neo4j-admin's two kinds of dump, zstd and gzip
            raise UserMistake(f"{file} is not a backup of a Neo4j database.", "`hmrec db backup FILE` writes one.")
    begun = time.monotonic()
    server.install(progress)
    ran = server.find_process() is not None
    new_data = server.home / "data-restore"
    try:
        with _claim(server if ran else None):
            server.end_admin(new_data)
            shutil.rmtree(new_data, ignore_errors=True)
            _unpack(server, file, new_data, progress)
        server.exchange_data(new_data, progress)
    finally:
        shutil.rmtree(new_data, ignore_errors=True)
        shutil.rmtree(new_data.with_name(f"{new_data.name}-conf"), ignore_errors=True)
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
        raise UserMistake(
            f"The folder {target.path.parent} does not exist.", "Create it first, or choose another file."
        )
    if target.path.exists() and not force:
        raise UserMistake(f"{target.name} already exists.", "--force replaces it.")
    return target


def _require_installed(server: LocalServer) -> None:
    if not server.is_installed:
        raise UserMistake("There is no local server to back up.", "`hmrec db start` installs one.")


@contextmanager
def _claim(server: LocalServer | None) -> Iterator[None]:
    """Prevent loads and write-backs during the block, if a server is running."""
    if server is None:
        yield
        return
    with Graph.connect(server.connection()) as graph, graph.claim("a restore"):
        yield


def _unpack(server: LocalServer, file: Path, new_data: Path, progress: Progress) -> None:
    """Load the backup into a folder next to the data, and let Neo4j check every record, index and count."""
    words = ("database", "load", "neo4j", "--from-stdin")
    try:
        with explain_full_disk(server.home, "set HMREC_HOME to a folder on another disk."):
            for line in server.admin(*words, "--info", data=new_data, source=file):
                if match := _BYTES.match(line):
                    _require_space(int(match[1]), server.home)
            for line in server.admin(*words, "--overwrite-destination=true", data=new_data, source=file):
                _report_share(line, "Reading the backup", progress)
            for _ in server.admin("database", "check", "neo4j", f"--report-path={new_data}", data=new_data):
                progress("Checking the backup", 0, None)
    except DiskFull:
        raise
    except HmrecError as error:
        raise HmrecError(f"The backup {file} is damaged ({error.message}).", "The graph is unchanged.") from error


def _require_space(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + LEAST_FREE:
        raise DiskFull(
            f"The graph in the backup takes {needed / 1e9:.2f} GB; the disk of {folder} has {free / 1e9:.2f} GB free.",
            "Free disk space, or set HMREC_HOME to a folder on another disk.",
        )


def _count(graph: Graph) -> tuple[int, int, int]:
    counts = read_counts(graph)
    return counts.customers, counts.articles, counts.bought


def _report_share(line: str, step: str, progress: Progress) -> None:
    if match := _SHARE.search(line):
        progress(step, float(match[1]), 100)
