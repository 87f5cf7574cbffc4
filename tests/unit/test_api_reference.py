"""The site builds, and its reference describes every public name of the modules that it lists."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
DIRECTIVE = re.compile(r"^::: (\S+)$", re.MULTILINE)
IMPORT = re.compile(r"^\s*(?:from (hmrec[\w.]*) import|import (hmrec[\w.]*))", re.MULTILINE)
IDENTIFIERS = [name for page in PAGES for name in DIRECTIVE.findall(page.read_text(encoding="utf-8"))]


def find_source(name: str) -> Path | None:
    """Return the file of a module, by the name that it installs as; None if there is none."""
    path = ROOT.joinpath(*name.split(".")[1:])
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


MODULES = {name: source for name in IDENTIFIERS if (source := find_source(name))}


def list_public(source: Path) -> dict[str, ast.stmt]:
    """Return what a module defines under a public name; of a package, what it imports for others."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    found: dict[str, ast.stmt] = {}
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            found[statement.name] = statement
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            found |= dict.fromkeys(names, statement)
    if "__all__" in found:
        for imported in [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1]:
            defined = list_public(source.parent.joinpath(*str(imported.module).split(".")).with_suffix(".py"))
            found |= {alias.name: defined[alias.name] for alias in imported.names}
    return {name: statement for name, statement in found.items() if not name.startswith("_")}


def list_methods(statement: ast.stmt) -> Iterator[ast.FunctionDef]:
    """Yield the public methods and properties of a class."""
    for part in statement.body if isinstance(statement, ast.ClassDef) else ():
        if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
            yield part


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation") / "site"
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(folder)], cwd=ROOT,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def described(site: Path) -> set[str]:
    """The names in the site's inventory, which other sites link to."""
    _, _, _, _, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}


def test_the_site_builds_without_a_warning(site: Path) -> None:
    assert (site / "cookbook" / "index.html").is_file()


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_of_a_module_is_described(module: str, described: set[str]) -> None:
    public = list_public(MODULES[module])
    names = [module, *(f"{module}.{name}" for name in public)]
    names += [f"{module}.{name}.{part.name}" for name, found in public.items() for part in list_methods(found)]
    assert [name for name in names if name not in described] == []


def test_the_reference_names_only_what_exists(described: set[str]) -> None:
    assert len(MODULES) > 30
    assert [name for name in IDENTIFIERS if name not in described] == []


def test_modules_that_users_are_shown_to_import_are_described() -> None:
    texts = [page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))]
    notebook = json.loads((ROOT / "docs" / "hmrec.ipynb").read_text(encoding="utf-8"))
    texts += ["".join(cell["source"]) for cell in notebook["cells"]]
    shown = {first or second for text in texts for first, second in IMPORT.findall(text)}
    assert {"hmrec.cypher", "hmrec.cypher.errors", "hmrec.graph_ml.recommend"} <= shown
    assert shown - set(MODULES) == set()
