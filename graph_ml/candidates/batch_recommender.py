"""Batch recommenders: each a function named as its query, in a file of that name, with the query's defaults."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from inspect import signature
from typing import Any, cast

from ...cypher.catalogue import find_query
from .lists import Candidates

BatchRecommender = Callable[..., Candidates]
"""Takes (snapshot, customers, *, k, new_only, ...) and returns a list for each customer."""


def batch_recommender(function: BatchRecommender) -> BatchRecommender:
    """Let a function take its keyword parameters' defaults from the header of the query that has its name.

    The batch version and the query then give the same lists, whatever defaults the header has.
    """
    names = [
        name for name, parameter in signature(function).parameters.items() if parameter.kind.name == "KEYWORD_ONLY"
    ]

    @wraps(function)
    def with_defaults(*arguments: Any, **given: Any) -> Candidates:
        declared = find_query(function.__name__).parameters
        defaults = {name: declared[name].default for name in names if name in declared}
        return function(*arguments, **(defaults | given))

    return with_defaults


@cache
def find_batch_recommender(name: str) -> BatchRecommender:
    """Return the batch version of the query of that name, from `candidates/NAME.py`."""
    return cast("BatchRecommender", getattr(import_module(f".{name}", __package__), name))
