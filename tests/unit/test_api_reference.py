"""The site builds, its links lead somewhere, and its reference describes every public name of the modules it lists."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import hmrec
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
def site() -> Path:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [ROOT / ".ci" / "docs"], capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": path}
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return ROOT / "site"


class _Page(HTMLParser):
    """What a page of the site links to and loads, and its anchors."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors = {""}
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        else:
            self.loaded += [given[name] for name in ("href", "src") if name in given]


@pytest.fixture(scope="module")
def described(site: Path) -> set[str]:
    """The names in the site's inventory, which other sites link to."""
    _, _, _, _, packed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    return {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}


def test_every_page_is_built_and_in_the_navigation(site: Path) -> None:
    docs = ROOT / "docs"
    pages = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    built = {re.sub("(^|/)index$", "", page.removesuffix(".md")) for page in pages}
    assert {str(page.parent.relative_to(site)) for page in site.rglob("index.html")} == {page or "." for page in built}
    navigation = json.dumps(tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"])
    listed = re.findall(r'"([\w/-]+\.md)"', navigation)
    assert sorted(listed) == sorted(page for page in pages if not page.startswith("decisions/0"))


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    """Zensical checks links between pages, but not pictures, and not what its own theme links to."""
    pages = {file.resolve(): _Page(file) for file in site.rglob("*.html") if file.name != "404.html"}
    missing = []
    for file, page in pages.items():
        assert [link for link in page.loaded if "://" in link or link.startswith("//")] == [], file
        for link in page.links + page.loaded:
            name, _, anchor = unquote(link).partition("#")
            if "://" in link or link.startswith(("mailto:", "data:")):
                continue
            target = (file.parent / name.partition("?")[0]).resolve() if name else file
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (target in pages and anchor not in pages[target].anchors):
                missing.append((str(file.relative_to(site)), link))
    assert missing == []


@pytest.mark.parametrize(
    ("words", "found"),
    [("out of stock", "filters/"), ("uninstall", "operations/#uninstall"), ("docker", "operations/#docker")],
)
def test_a_reader_finds_it_by_the_search(words: str, found: str, site: Path) -> None:
    entries = json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]
    assert found in [entry["location"] for entry in entries if words in entry["title"].lower()]


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
    assert {"hmrec", "hmrec.graph_ml.recommend"} <= shown
    assert shown - {"hmrec"} - set(MODULES) == set()


def test_the_reference_describes_what_import_hmrec_offers(described: set[str]) -> None:
    page = (ROOT / "docs" / "api" / "hmrec.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`hmrec\.(\w+)`", page)) - {"graph_ml"} == set(hmrec.__all__)
    found = {name: getattr(hmrec, name) for name in hmrec.__all__ if name != "__version__"}
    assert {name for name, value in found.items() if f"{value.__module__}.{value.__name__}" not in described} == set()
