"""Download Neo4j Community and Neo4j Browser from Maven Central: the files of `server.lock`, checked by SHA-256.

For hmrec's developers: `python -m hmrec.cypher.local.install` resolves the versions below and rewrites the lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ..errors import InstallFailed
from ..progress import Progress, silent

NEO4J_VERSION = "2026.05.0"
COMPONENTS = (
    f"org.neo4j:neo4j:{NEO4J_VERSION}",
    f"org.neo4j.app:neo4j-server:{NEO4J_VERSION}",
    f"org.neo4j:neo4j-import-tool:{NEO4J_VERSION}",
    f"org.neo4j:neo4j-slf4j-provider:{NEO4J_VERSION}",
    "org.neo4j.client:neo4j-browser:5.24.0",
)
LOCK = Path(__file__).with_name("server.lock")
ATTEMPTS = 3


@dataclass(frozen=True)
class LockedJar:
    """One library: Maven coordinates and the SHA-256 of its file."""

    group: str
    artifact: str
    version: str
    classifier: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name in a Maven repository."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{suffix}.jar"


def read_lock(path: Path = LOCK) -> list[LockedJar]:
    """Return the libraries of the lock file, one per line: `group:artifact:version[:classifier] sha256`."""
    jars = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            coordinates, sha256 = line.split()
            group, artifact, version, *classifier = coordinates.split(":")
            jars.append(LockedJar(group, artifact, version, "".join(classifier), sha256))
    return jars


def _is_complete(file: Path, sha256: str) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _fetch(jar: LockedJar, folder: Path) -> None:
    """Download one library into `folder`, unless a complete copy is there."""
    target = folder / jar.filename
    if _is_complete(target, jar.sha256):
        return
    import requests
    from jgo.maven import MavenContext

    cache = folder / ".maven"
    artifact = (
        MavenContext(repo_cache=cache, timeout=60)
        .project(jar.group, jar.artifact)
        .at_version(jar.version)
        .artifact(jar.classifier)
    )
    cause = ""
    for _ in range(ATTEMPTS):
        try:
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            fetched = artifact.resolve()
        except (requests.RequestException, OSError, RuntimeError) as error:
            cause = type(error).__name__
            continue
        if _is_complete(fetched, jar.sha256):
            os.replace(fetched, target)
            return
        cause = "its checksum is not the expected one"
    raise InstallFailed(
        f"{jar.filename} could not be downloaded from Maven Central ({cause}).",
        "Check the network and the proxy settings (HTTPS_PROXY), then try again: complete files are kept.",
    )


def install_libraries(folder: Path, progress: Progress = silent) -> None:
    """Download the server's libraries (about 175 MB) into `folder`, which exists only when complete.

    Parameters
    ----------
    folder : destination of the `*.jar` files.
    progress : called with the number of files done.

    Raises
    ------
    InstallFailed : a file cannot be downloaded or has another checksum.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(folder.name + ".lock")):
        if not folder.is_dir():
            _install_locked(folder, progress)


def _install_locked(folder: Path, progress: Progress) -> None:
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    jars = read_lock()
    step = f"Downloading Neo4j {NEO4J_VERSION}"
    with ThreadPoolExecutor(max_workers=8) as pool:
        tasks = [pool.submit(_fetch, jar, partial) for jar in jars]
        try:
            for done, task in enumerate(as_completed(tasks), start=1):
                task.result()
                progress(step, done, len(jars))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    shutil.rmtree(partial / ".maven", ignore_errors=True)
    os.replace(partial, folder)


def unpack_browser(libraries: Path, folder: Path) -> None:
    """Unpack Neo4j Browser (46 MB) into `folder`/browser, so that hmrec can add its own files.

    The server serves the first `browser` folder of its class path; files cannot be added to a library.

    Parameters
    ----------
    libraries : folder of the server's `*.jar` files.
    folder : exists only when complete; another version's files are replaced.
    """
    jar = next(libraries.glob("neo4j-browser-*.jar"))
    mark = folder / jar.name
    if mark.is_file():
        return
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(jar) as archive:
        archive.extractall(partial, [name for name in archive.namelist() if name.startswith("browser/")])
    (partial / jar.name).touch()
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)


def write_lock(path: Path = LOCK) -> None:
    """Resolve `COMPONENTS` with all their dependencies, download them, and write the lock file."""
    import jgo

    environment = jgo.build("+".join(COMPONENTS))
    if environment.lockfile is None:
        raise InstallFailed("jgo wrote no lock file.")
    lines = sorted(
        ":".join(filter(None, (d.groupId, d.artifactId, d.version, d.classifier))) + f" {d.sha256}"
        for d in environment.lockfile.dependencies
    )
    head = f"# Neo4j {NEO4J_VERSION} Community and Neo4j Browser: every library of the local server and its SHA-256.\n"
    path.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_lock()
