"""How long steps report their progress, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float, "float | None"], None]
"""Called with the step in words, how much is done, and the total (None if unknown)."""

Notify = Callable[[str], object]
"""Called with a sentence for the user, such as that a server does not answer."""

DETAIL = " \N{MIDDLE DOT} "
"""Between the step and details that change during it, such as a loss."""


def silent(step: str, done: float, total: float | None) -> None:
    """Ignore the progress: the default of functions that report it."""
