"""How long steps tell how far they are, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float, "float | None"], None]
"""Called with the step in words, how much is done, and the total (None where nobody knows)."""


def silent(step: str, done: float, total: float | None) -> None:
    """A `Progress` that says nothing."""
