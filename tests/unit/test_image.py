"""The image, compose and the workflows agree with the repository. The workflow `tests` builds the image."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hmrec.cli.main import app
from hmrec.cli.service.settings import ServiceSettings
from hmrec.cypher.settings import ConnectionSettings
from packaging.requirements import Requirement
from typer.testing import CliRunner

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read_instructions(name: str) -> list[str]:
    """Return what follows an instruction's name, with continued lines joined."""
    text = "\n".join(LINES).replace("\\\n", " ")
    return [line.removeprefix(f"{name} ").strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def test_the_image_has_every_package_and_what_the_build_reads() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    copied = {source for line in read_instructions("COPY") if "--from" not in line for source in line.split()[:-1]}
    packages = {folder.partition("/")[0] for folder in project["tool"]["setuptools"]["package-dir"].values()}
    read = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert copied == packages | read | {"image.lock"}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied


def test_the_lock_of_the_image_pins_what_hmrec_needs_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "image.lock").read_text(encoding="utf-8")
    assert "://" not in text
    (torch,) = re.findall(r"^# torch==(\S+)$", text, re.MULTILINE)
    entries = re.findall(r"^([a-z][\w.-]*)==(\S+)(.*\n(?: .*\n)+)", text, re.MULTILINE)
    assert all("--hash=sha256:" in rest for *_, rest in entries)
    pinned = {name: version for name, version, _ in entries} | {"torch": torch}
    assert len(entries) == len(pinned) - 1 == len(re.findall(r"^\w", text, re.MULTILINE))
    extras = project["project"]["optional-dependencies"]
    needed = [*project["project"]["dependencies"], *extras["serve"], *extras["excel"]]
    for one in map(Requirement, [*needed, *project["build-system"]["requires"]]):
        assert one.specifier.contains(pinned[one.name]), f"{one}: run .ci/lock"


def test_the_image_serves_as_a_user_without_rights() -> None:
    assert read_instructions("USER") == ["hmrec"]
    assert json.loads(read_instructions("ENTRYPOINT")[0]) == ["hmrec"]
    command = json.loads(read_instructions("CMD")[-1])
    shown = CliRunner().invoke(app, [command[0], "--help"], env={"COLUMNS": "200"}).output
    assert all(word in shown for word in command if word.startswith("--"))
    port = command[command.index("--port") + 1]
    assert read_instructions("EXPOSE") == [port]
    assert f"http://127.0.0.1:{port}/health" in read_instructions("HEALTHCHECK")[0]


def test_compose_passes_settings_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    service = compose["services"]["serve"]
    known = {f"NEO4J_{name.upper()}" for name in ConnectionSettings.model_fields}
    known |= {f"HMREC_{name.upper()}" for name in ServiceSettings.model_fields}
    assert set(service["environment"]) <= known
    assert list(service["depends_on"]) == ["neo4j"]
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert all(f"\n{name}=" in example for name in variables)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_runs_what_exists(file: Path) -> None:
    workflow: dict[Any, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"]["contents"] == "read"
    lines = [
        line for job in workflow["jobs"].values() for step in job["steps"] for line in step.get("run", "").splitlines()
    ]
    assert lines
    for line in lines:
        program = shlex.split(line)[0]
        if program.startswith(".ci/"):
            assert (ROOT / program).stat().st_mode & 0o100, program
    assert len(WORKFLOWS) == 3
