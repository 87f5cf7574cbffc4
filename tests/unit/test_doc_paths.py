"""The files named in the documentation exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
NAMED = re.compile(r"`((?:benchmarks|cli|cypher|docs|graph_ml|loader|tests)/[\w/.-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_in_a_page_exist(page: Path) -> None:
    named = [name for name in NAMED.findall(page.read_text(encoding="utf-8")) if not re.search("NAME|NNNN", name)]
    assert [name for name in named if not (ROOT / name).exists()] == []
