"""Progress of long steps, reported to any listener."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float, "float | None"], None]
"""Called with the step's name, the amount done, and the total (None if unknown)."""

Notify = Callable[[str], object]
"""Called with a sentence for the user, e.g. that a server does not answer."""

DETAIL = " \N{MIDDLE DOT} "
"""Separates the step's name from details that change, such as a loss."""


def silent(step: str, done: float, total: float | None) -> None:
    """Ignore progress: the default of functions that report it."""
