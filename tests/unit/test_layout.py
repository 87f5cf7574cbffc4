"""Tables fit any terminal: as one table, as several, or as a block for each row."""

from __future__ import annotations

import pytest
from hmrec.cli.terminal.layout import BETWEEN, Column, choose_widths, print_columns, split_columns
from hypothesis import given, settings
from hypothesis import strategies as st

CELLS = st.lists(st.text("ab  -", max_size=30), min_size=1, max_size=3)


@settings(max_examples=50)
@given(st.lists(CELLS, min_size=1, max_size=5), st.integers(20, 120))
def test_a_table_is_as_wide_as_the_terminal_at_most_and_cuts_no_word(texts: list[list[str]], width: int) -> None:
    columns = [Column("name", cells) for cells in texts]
    widths = choose_widths(columns, width)
    if widths is None:
        assert sum(column.least for column in columns) + BETWEEN * len(columns) + 1 > width
    else:
        assert sum(widths) + BETWEEN * len(columns) + 1 <= width
        assert all(column.least <= chosen for column, chosen in zip(columns, widths, strict=True))


def test_figures_that_do_not_fit_continue_in_another_table_with_the_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"figure{n}" for n in range(9)]
    columns = [Column("method", ["popular"]), *(Column(name, ["0.1234"], numeric=True) for name in names)]
    parts = list(split_columns(columns, 40))
    assert [column.heading for part in parts for column in part[1:]] == names
    assert all(part[0].heading == "method" for part in parts)
    monkeypatch.setenv("COLUMNS", "40")
    print_columns(columns, "A title that is longer than the terminal is wide")
    printed = capsys.readouterr().out
    assert all(len(line) <= 40 for line in printed.splitlines())
    assert all(name in printed for name in names)


def test_texts_that_do_not_fit_become_blocks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    print_columns([Column("customer_id", ["c" * 27]), Column("because", ["bought this and that and more of it"])])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["customer_id  " + "c" * 27, "because      bought this and that and", "             more of it", ""]
