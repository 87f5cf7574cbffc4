"""How long steps tell how far they are, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float, "float | None"], None]
"""Called with the step in words, how much is done, and the total (None where nobody knows)."""

DETAIL = " \N{MIDDLE DOT} "
"""Between the step and what else is told of it, such as a loss, which changes while the step stays the same."""


def silent(step: str, done: float, total: float | None) -> None:
    """A `Progress` that says nothing."""
