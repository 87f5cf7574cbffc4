"""Progress output if standard error is not a terminal."""

from __future__ import annotations

import re
import time

import pytest
from hmrec.cli.terminal import bars
from hmrec.cli.terminal.bars import Bars


def test_a_long_step_is_shown_even_if_it_reports_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bars, "PLAIN_SECONDS", 0.2)
    with Bars() as progress:
        progress("short", 0, None)
        progress("long", 0, None)
        time.sleep(0.3)
    assert re.fullmatch(r"long: 0\.\d s\n", capsys.readouterr().err)
