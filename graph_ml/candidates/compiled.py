"""Inner loops that are worth compiling where much is asked at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast


@cache
def compile_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function compiled by numba, once a process; it lets other threads run meanwhile."""
    import numba  # takes a second, and the first call another one

    return cast("Callable[..., Any]", numba.njit(nogil=True)(function))
