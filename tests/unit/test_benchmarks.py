"""The report of benchmarks.scale: a table with a row for each step, and plots, from results of different runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report, scale

PAGE = "before\n<!-- scale: begin -->\nold\n<!-- scale: end -->\nafter\n"


def make_results(share: float, bought: int, steps: dict[str, Any]) -> dict[str, Any]:
    counts = {"bought": bought, "customers": bought // 20, "seconds": 2.0, "peak_gib": 0.1, "cpu": 1.0}
    return {"share": share, "machine": "a machine", "load": 0.5, "steps": {"indexes": counts, **steps}}


def test_the_report_has_each_step_of_each_scale_and_only_replaces_its_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "DOCS", tmp_path)
    (tmp_path / "performance.md").write_text(PAGE)
    exporting = {"seconds": 2.5, "cpu": 1.25, "peak_gib": 0.5}
    large = {
        "export": {"cut_after": 90},
        "train": exporting,
        "all: gnn": {"cut_after": 90, "done": 5_000},
    }
    found = {"1": make_results(1, 1_000_000, large), "0.1": make_results(0.1, 100_000, {"export": exporting})}
    (tmp_path / "scale.json").write_text(json.dumps(found))
    scale.report(tmp_path / "scale.json")
    text = (tmp_path / "performance.md").read_text()
    assert text.startswith("before\n<!-- scale: begin -->\n")
    assert text.endswith("<!-- scale: end -->\nafter\n")
    assert "old" not in text
    for row in (
        "| step | 10 % | 100 % |",
        "| purchases | 100,000 | 1,000,000 |",
        "| export | 2.5 s (1.2), 0.50 GiB | cut after 90 s |",
        "| train | not run | 2.5 s (1.2), 0.50 GiB |",
        "| all: gnn | not run | 5,000 customers in 90 s |",
    ):
        assert row in text
    for plot in ("scale-seconds.svg", "scale-memory.svg"):
        drawn = (tmp_path / plot).read_text()
        assert drawn.count("<svg") == 1
        assert "train" in drawn


def test_a_page_without_the_section_is_not_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DOCS", tmp_path)
    (tmp_path / "performance.md").write_text("nothing")
    with pytest.raises(SystemExit, match="no section scale"):
        report.write_section("scale", ["new"])
    assert (tmp_path / "performance.md").read_text() == "nothing"


def test_a_step_runs_in_a_process_and_is_stopped_at_the_limit() -> None:
    found = scale.run_step(["-c", "print('words'); print('{\"peak_gib\": 0.25, \"seconds\": 3}')"], 60)
    assert found == {"peak_gib": 0.25, "seconds": 3}
    assert scale.run_step(["-c", "import time; time.sleep(60)"], 0.2) == {"cut_after": 0.2}
    with pytest.raises(SystemExit, match="failed"):
        scale.run_step(["-c", "raise SystemExit(3)"], 60)
    assert scale.run_step(["-c", "pass"], 60)["seconds"] < 60
