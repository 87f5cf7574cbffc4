"""Compile the inner loops of candidate generation for many customers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast


@cache
def compile_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by numba, once per process; it releases the GIL."""
    import numba  # the import takes a second, as does the first call

    return cast("Callable[..., Any]", numba.njit(nogil=True)(function))
