"""The submission file is complete or missing; a failed run continues, and a run with other settings starts again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.recommend.submission import write_lists

CUSTOMERS = [*(f"c{n:03}" for n in range(37)), "with, comma", 'with "quotes"', "with\nline", "zoë"]


class Broken(Exception):
    """The failure that ends a run."""


class Lists:
    """Distinct lists by customer; records which customers were predicted, and may fail."""

    def __init__(self, fails_at: int = 1000) -> None:
        self.predicted: list[int] = []
        self.fails_at = fails_at

    def __call__(self, begin: int, end: int) -> Iterator[list[str]]:
        for place in range(begin, end):
            if place == self.fails_at:
                raise Broken
            self.predicted.append(place)
            yield [f"a{place:03} a999"]


def write(out: Path, lists: Callable[[int, int], Iterator[list[str]]], settings: object = 12, at_once: int = 5) -> int:
    return write_lists(out, settings, CUSTOMERS, lists, at_once=at_once)


def leave_half(out: Path, fails_at: int = 23) -> Path:
    """Let a run fail, and return its partial file."""
    with pytest.raises(Broken):
        write(out, Lists(fails_at))
    (partial,) = out.parent.glob("*.partial")
    return partial


def test_a_file_is_complete_and_the_only_one_in_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "submission.csv"
    assert write(out, Lists()) == len(CUSTOMERS)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["customer_id", "prediction"]
    assert rows[1:] == [[customer, f"a{place:03} a999"] for place, customer in enumerate(CUSTOMERS)]
    assert list(out.parent.iterdir()) == [out]


def test_a_run_continues_where_a_failed_one_ended(tmp_path: Path) -> None:
    out, whole = tmp_path / "submission.csv", tmp_path / "whole.csv"
    out.write_text("of an earlier run")
    write(whole, Lists())
    leave_half(out)
    assert out.read_text() == "of an earlier run"
    lists = Lists()
    assert write(out, lists) == len(CUSTOMERS) - 20
    assert lists.predicted == list(range(20, len(CUSTOMERS)))  # in complete batches
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("cut", [0, 5, 24, 25, 26, 60, 100, 150])
def test_a_partial_line_is_written_again(cut: int, tmp_path: Path) -> None:
    out, whole = tmp_path / "submission.csv", tmp_path / "whole.csv"
    write(whole, Lists())
    partial = leave_half(out)
    partial.write_bytes(partial.read_bytes()[:cut])
    write(out, Lists())
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("damage", [b"c010", b"customer_id", b"\x00\xff", b'"'])
def test_lines_that_are_not_the_next_customers_are_discarded(damage: bytes, tmp_path: Path) -> None:
    out, whole = tmp_path / "submission.csv", tmp_path / "whole.csv"
    write(whole, Lists())
    partial = leave_half(out)
    partial.write_bytes(partial.read_bytes().replace(b"c012", damage))
    lists = Lists()
    write(out, lists)
    assert lists.predicted[0] == 10
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("changed", [{"settings": 13}, {"at_once": 6}])
def test_a_run_with_other_settings_starts_again(changed: dict[str, int], tmp_path: Path) -> None:
    out = tmp_path / "submission.csv"
    leave_half(out)
    assert write(out, Lists(), **changed) == len(CUSTOMERS)
    assert list(tmp_path.iterdir()) == [out]


def test_two_runs_cannot_write_the_same_file(tmp_path: Path) -> None:
    out = tmp_path / "submission.csv"
    partial = leave_half(out)
    before = partial.read_bytes()
    with FileLock(tmp_path / ".submission.csv.lock"), pytest.raises(UserMistake, match="Another run"):
        write(out, Lists())
    assert partial.read_bytes() == before
    assert not out.exists()
