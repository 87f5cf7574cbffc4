"""Each decision record has its four parts and a date, and is listed in the index."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_a_number_a_date_and_four_parts(record: Path) -> None:
    title, _, dated = record.read_text(encoding="utf-8").splitlines()[:3]
    assert re.fullmatch(rf"# {record.name[:4]}: .+", title)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d(, revised \d{4}-\d\d-\d\d)?", dated)
    parts = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
    assert parts == ["Context", "Options", "Decision", "Consequences"]


def test_records_are_numbered_without_a_gap() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_the_index_lists_every_record_with_its_title_and_date() -> None:
    lines = []
    for record in RECORDS:
        title, _, dated = record.read_text(encoding="utf-8").splitlines()[:3]
        lines.append(f"| [{title[2:6]} {title[8:]}]({record.name}) | {dated[:10]} |")
    index = (FOLDER / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[.*$", index, re.MULTILINE) == lines
