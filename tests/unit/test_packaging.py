"""The wheel contains the repository's files."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from hmrec.cypher.local.install import LOCK, NEO4J_VERSION, read_lock

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    source = tmp_path_factory.mktemp("source") / "hmrec"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(source)]
    subprocess.run(build, check=True)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_has_every_query_and_the_lock_file(wheel: zipfile.ZipFile) -> None:
    tracked = subprocess.run(["git", "ls-files", "cypher"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    queries = {f"hmrec/{name}" for name in tracked.split() if name.endswith(".cypher")}
    names = set(wheel.namelist())
    assert len(queries) >= 20
    assert queries <= names
    assert "hmrec/cypher/local/server.lock" in names
    browser = {
        f"hmrec/{name}" for name in tracked.split() if name.startswith("cypher/browser/") and not name.endswith(".py")
    }
    assert len(browser) == 3
    assert browser <= names
    page = {f"hmrec/{file.relative_to(ROOT)}" for file in (ROOT / "cli" / "service" / "page").iterdir()}
    assert {"hmrec/cli/service/page/index.html", "hmrec/cli/service/page/cytoscape.LICENSE"} <= page <= names
    assert {f"hmrec/{package}/py.typed" for package in ("cypher", "loader", "graph_ml", "cli")} <= names
    assert {"hmrec/__init__.py", "hmrec/py.typed"} <= names
    assert [name for name in names if "hmrec.init" in name] == []


def test_the_wheel_contains_only_hmrec(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist() if ".dist-info" not in name} == {"hmrec"}


def test_every_dependency_has_a_lower_bound_and_stays_below_a_next_major() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    for line in project["dependencies"] + extras:
        assert line.startswith("hmrec[") or (">=" in line and ",<" in line), line


def test_the_lock_pins_the_version_that_compose_and_the_server_name() -> None:
    jars = read_lock()
    assert ("neo4j", NEO4J_VERSION) in {(jar.artifact, jar.version) for jar in jars}
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert len({jar.filename for jar in jars}) == len(jars)
    assert f"neo4j:{NEO4J_VERSION}-community" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert "://" not in LOCK.read_text(encoding="utf-8")
