"""The local Neo4j: install, start, stop, status. Needs neither Docker nor an installed Java."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout
from pydantic import SecretStr

from ..errors import HmrecError, InstallFailed, ServerUnavailable
from ..progress import Progress, silent
from ..settings import ConnectionSettings
from .admin import run_admin
from .home import USER, ServerHome
from .install import NEO4J_VERSION, install_libraries, unpack_browser
from .ports import find_free_port, find_listening_ports, is_answering

_SERVER_CLASS = "org.neo4j.server.Neo4jCommunity"
_ADMIN_CLASS = "org.neo4j.cli.AdminTool"
START_SECONDS = 180.0
"""Seconds to wait until a started server answers."""
STOP_SECONDS = 120.0
"""Seconds to wait until a server has stopped."""
_MAX_STARTS = 5  # if other processes take the ports
_PORT_TAKEN = ("PortBindException", "already in use")  # Neo4j's words


class _PortTaken(ServerUnavailable):
    """Another process took a port between its choice and its use."""


@dataclass(frozen=True)
class ServerStatus:
    """The local server's status; the addresses are its current ones, or those that it would start with."""

    installed: bool
    running: bool
    uri: str
    http: str
    user: str
    password_file: Path
    version: str
    home: Path
    pid: int | None


class LocalServer(ServerHome):
    """Neo4j Community in its own folder, listening on 127.0.0.1 only; parameters as in `ServerHome`."""

    # -- status -------------------------------------------------------------------------------------------

    def find_process(self) -> psutil.Process | None:
        """Return this home's running server, identified by its command line, as a process id may be stale."""
        mark = f"--home-dir={self.home}"
        for process in psutil.process_iter(["cmdline", "status"]):
            line = process.info["cmdline"] or []
            if mark in line and _SERVER_CLASS in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                return process
        return None

    def is_answering(self) -> bool:
        """Return whether the server is running and its ports are open; they open some time after the start."""
        process = self.find_process()
        return process is not None and self._owns_ports(process)

    def status(self) -> ServerStatus:
        """Return the server's current status."""
        process = self.find_process()
        bolt, http = self._ports()
        return ServerStatus(
            installed=self.is_installed,
            running=process is not None,
            uri=f"bolt://localhost:{bolt}",
            http=f"http://localhost:{http}",
            user=USER,
            password_file=self.password_file,
            version=NEO4J_VERSION,
            home=self.home,
            pid=process.pid if process else None,
        )

    def connection(self) -> ConnectionSettings:
        """Return the settings to connect to the server.

        Raises
        ------
        ServerUnavailable : it is not installed or not running.
        """
        if not self.is_installed:
            raise ServerUnavailable(
                "NEO4J_URI is not set, and the local Neo4j is not installed.",
                "`hmrec load DIR` and `hmrec demo` install it and load data; `hmrec db start` starts it empty.",
            )
        if self.find_process() is None:
            raise ServerUnavailable("The local Neo4j is not running.", "`hmrec db start` starts it.")
        return ConnectionSettings(
            uri=self.status().uri,
            username=USER,
            password=SecretStr(self.password_file.read_text(encoding="utf-8").strip()),
            database="neo4j",
        )

    # -- actions ------------------------------------------------------------------------------------------

    def install(self, progress: Progress = silent) -> None:
        """Download the programs and set a password, unless that is done already.

        Raises
        ------
        InstallFailed : the download failed or the folder cannot be written.
        """
        self._check_paths()
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InstallFailed(
                f"The folder {self.home} cannot be created ({error.strerror}).", "Set HMREC_HOME to another."
            ) from error
        with self._locked():
            try:
                install_libraries(self.libraries, progress)
                for folder in (self.data / "dbms", self.logs, self.configuration):
                    folder.mkdir(parents=True, exist_ok=True)
                self._write_password()
            except OSError as error:
                raise InstallFailed(
                    f"{error.filename or self.home} cannot be written ({error.strerror}).",
                    "Free disk space, or set HMREC_HOME to another folder.",
                ) from error

    def start(self, progress: Progress = silent, timeout: float = START_SECONDS) -> ServerStatus:
        """Start the server, unless it is running, and wait until it answers.

        Parameters
        ----------
        progress : called with the seconds waited.
        timeout : seconds to wait at most.

        Raises
        ------
        ServerUnavailable : it stopped at once or did not answer in time; the message quotes the log.
        """
        if not self.is_installed:
            self.install(progress)
        with self._locked():
            self._start(progress, timeout)
        return self.status()

    def _start(self, progress: Progress, timeout: float) -> None:
        process = self.find_process()
        if process is not None and self._is_stopping(process):  # a killed command had begun to stop it
            process.wait(timeout=STOP_SECONDS)
            process = None
        if process is None:
            self._check_paths()
            self.end_admin(self.data)  # of a killed backup: it locks the store
            self._finish_exchange()
            for _ in range(_MAX_STARTS - 1):
                try:
                    self._wait_until_answering(self._launch(), progress, timeout)
                except _PortTaken:  # another server started at the same time
                    continue
                return
            process = self._launch()
        self._wait_until_answering(process, progress, timeout)

    def stop(self, progress: Progress = silent, timeout: float = STOP_SECONDS) -> bool:
        """Stop the server, and wait until it has stopped; return False if it was not running.

        Parameters
        ----------
        progress : called with the seconds waited.
        timeout : seconds to wait at most.

        Raises
        ------
        HmrecError : it is still running after `timeout` seconds.
        """
        with self._locked():
            return self._stop(progress, timeout)

    def _stop(self, progress: Progress, timeout: float) -> bool:
        process = self.find_process()
        if process is None:
            return False
        self._stopping.write_text(str(process.pid), encoding="utf-8")
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        while self.find_process() is not None:  # before psutil 7.1, is_running() depends on the settable clock
            waited = time.monotonic() - begun
            if waited > timeout:
                raise HmrecError(
                    f"Neo4j (process {process.pid}) has not stopped after {timeout:.0f} seconds.",
                    "Run `hmrec db stop` again, or see `hmrec db logs`.",
                )
            progress("Stopping Neo4j", waited, None)
            try:
                process.wait(timeout=0.2)
            except psutil.TimeoutExpired:
                continue
        self._stopping.unlink(missing_ok=True)
        return True

    def _is_stopping(self, process: psutil.Process) -> bool:
        """Return whether this process is being stopped."""
        return self._stopping.is_file() and self._stopping.read_text(encoding="utf-8") == str(process.pid)

    def exchange_data(self, new_data: Path, progress: Progress = silent) -> None:
        """Replace the current graph by a complete new one, and start the server on it.

        After the first rename, the exchange always completes: if the process is killed, the next `start` finishes it.

        Parameters
        ----------
        new_data : a data folder written by `admin(..., data=new_data)`, on the same disk.
        progress : called while the server stops and starts.
        """
        with self._locked():  # one lock, so that no command starts the server on the old graph
            self._stop(progress, STOP_SECONDS)
            shutil.rmtree(self._ready, ignore_errors=True)
            os.replace(new_data, self._ready)
            self._start(progress, START_SECONDS)

    @property
    def _ready(self) -> Path:
        """The folder of a complete graph that is about to replace the current one."""
        return self.home / "data-ready"

    def _finish_exchange(self) -> None:
        if not self._ready.is_dir():
            return
        for part in ("databases", "transactions"):
            new_data, present = self._ready / part / "neo4j", self.data / part / "neo4j"
            if new_data.is_dir():
                shutil.rmtree(present, ignore_errors=True)
                present.parent.mkdir(parents=True, exist_ok=True)
                os.replace(new_data, present)
        shutil.rmtree(self._ready)

    @contextmanager
    def stopped(self, restart: bool, progress: Progress = silent) -> Iterator[None]:
        """Keep the server stopped while the block works on its data, which a clean stop has left consistent.

        No other command can start it meanwhile.

        Parameters
        ----------
        restart : whether to start it after the block, even if that fails.
        progress : called with the seconds waited.

        Raises
        ------
        ServerUnavailable : it did not start, before the block or after it.
        """
        with self._locked():
            self._start(progress, START_SECONDS)  # recovers from a crash, completes an exchange
            self._stop(progress, STOP_SECONDS)
            try:
                yield
            finally:
                if restart:
                    self._start(progress, START_SECONDS)

    def admin(
        self, *arguments: str, data: Path | None = None, heap: str = "1g", source: Path | None = None
    ) -> Iterator[str]:
        """Run neo4j-admin, and yield its lines of output.

        Parameters
        ----------
        arguments : as on its command line, e.g. `"database", "import", "full", ...`.
        data : the data folder to work on; None is the server's own, which must then be stopped.
        heap : Java heap.
        source : a file for its standard input.

        Raises
        ------
        HmrecError : it failed; the message has the cause.
        """
        data = data or self.data
        configuration = data.with_name(f"{data.name}-conf") if data != self.data else self.configuration
        self._write_configuration(configuration, data, self._ports())
        environment = _java_environment() | {"NEO4J_HOME": str(self.home), "NEO4J_CONF": str(configuration)}
        program = [*self._java(heap, heap), _admin_mark(data), _ADMIN_CLASS]
        yield from run_admin(program, arguments, environment, self.home, source)

    def end_admin(self, data: Path) -> None:
        """End a neo4j-admin that still works on `data` for a killed command."""
        for process in psutil.process_iter(["cmdline"]):
            if _admin_mark(data) in (process.info["cmdline"] or []):
                process.kill()
                process.wait(timeout=STOP_SECONDS)

    # -- internals ----------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.home / ".lock", timeout=START_SECONDS):
                yield
        except Timeout as error:
            raise HmrecError(
                f"Another command has been working on {self.home} for {START_SECONDS:.0f} seconds.",
                "Wait until it is done, or end it, and try again.",
            ) from error

    def _launch(self) -> psutil.Process:
        bolt, http = self._ports()  # the last ones, unless others are set, so that open Browsers stay connected
        if "bolt_port" in self.settings.model_fields_set:
            bolt = self.settings.bolt_port
        if "http_port" in self.settings.model_fields_set:
            http = self.settings.http_port
        bolt = find_free_port(bolt)
        http = find_free_port(http, taken=bolt)
        self._write_configuration(self.configuration, self.data, (bolt, http))
        unpack_browser(self.libraries, self.web)
        heap, _ = self.memory()
        command = [
            *self._java(heap, heap),
            _SERVER_CLASS,
            f"--home-dir={self.home}",
            f"--config-dir={self.configuration}",
        ]
        with (self.logs / "console.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=_java_environment(),
                start_new_session=True,
            )
        return psutil.Process(process.pid)

    def _wait_until_answering(self, process: psutil.Process, progress: Progress, timeout: float) -> None:
        begun = time.monotonic()
        while not self._owns_ports(process):
            waited = time.monotonic() - begun
            gone = not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
            if gone or waited > timeout:
                if gone and any(words in self._read_console() for words in _PORT_TAKEN):
                    raise _PortTaken(f"The ports of the local Neo4j were taken while it started: {self._last_words()}")
                how = "stopped at once" if gone else f"did not answer within {timeout:.0f} seconds"
                raise ServerUnavailable(
                    f"The local Neo4j {how}: {self._last_words()}", "`hmrec db logs` shows the whole log."
                )
            progress("Starting Neo4j", waited, None)
            time.sleep(0.1)

    def _owns_ports(self, process: psutil.Process) -> bool:
        """Return whether this process answers at its ports; another server at one of them does not count."""
        ports = self._ports()
        owned = find_listening_ports(process)
        return set(ports) <= owned if owned is not None else all(is_answering(port) for port in ports)

    def _read_console(self) -> str:
        return (self.logs / "console.log").read_text(encoding="utf-8", errors="replace")

    def _last_words(self) -> str:
        lines = self._read_console().splitlines()
        errors = [line for line in lines if "ERROR" in line or "Exception" in line or "Error" in line]
        return (errors or lines or ["its log is empty"])[-1].strip()[:300]


def _java_environment() -> dict[str, str]:
    """Return this process's environment, with a locale in which Java can use non-ASCII paths."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "")
    is_utf8 = locale.lower().replace("-", "").endswith("utf8")
    return dict(os.environ) if is_utf8 or os.name != "posix" else os.environ | {"LC_ALL": "C.UTF-8"}


def _admin_mark(data: Path) -> str:
    """Return the argument that identifies the neo4j-admin that works on `data`."""
    return f"-Dhmrec.data={data}"
