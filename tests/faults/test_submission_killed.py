"""`recommend --all` killed with SIGKILL: the file is the old one or complete, and the next run continues."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from hmrec.graph_ml.recommend.submission import write_lists

from tests.faults.children import count_repeats, draw_moments, kill_after

CUSTOMERS = [f"customer {n:05}" for n in range(20_000)]
CHILD = """
import sys, time
from pathlib import Path
from tests.faults.test_submission_killed import write
print("begins", flush=True)
write(Path(sys.argv[1]), float(sys.argv[2]))
"""


def write(out: Path, pause: float = 0.0) -> int:
    """Write the file, with a pause in each batch."""

    def predict(begin: int, end: int) -> list[list[str]]:
        time.sleep(pause)
        return [[" ".join(f"{place * n % 105_542:010}" for n in range(12))] for place in range(begin, end)]

    return write_lists(out, "the settings", CUSTOMERS, predict, at_once=500)


def start_writing(out: Path) -> subprocess.Popen[str]:
    """Start a process that writes the file."""
    command = [sys.executable, "-c", CHILD, str(out), "0.02"]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def test_a_killed_run_leaves_the_old_or_the_new_file_and_the_next_run_continues(tmp_path: Path) -> None:
    chance, kills = draw_moments(), count_repeats(2)
    out, whole = tmp_path / "submission.csv", tmp_path / "whole.csv"
    assert write(whole) == len(CUSTOMERS)
    for kill in range(kills):
        out.write_text("old")
        seconds = (kill + chance.random()) / kills  # a run takes 0.8 s of pauses, plus the writing
        killed = kill_after(start_writing(out), seconds)
        found = out.read_bytes()
        assert found == whole.read_bytes() or (killed and found == b"old")  # the kill may come after the last step
        left = sum(file.stat().st_size for file in tmp_path.glob("*.partial"))
        asked = write(out)
        assert out.read_bytes() == whole.read_bytes()
        if found == b"old":
            assert asked / len(CUSTOMERS) <= 1.05 - left / whole.stat().st_size  # at most one batch twice
        assert sorted(tmp_path.iterdir()) == [out, whole]
