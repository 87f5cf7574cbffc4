"""Recommendations kept for as long as the graph is the same."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import _CacheInfo, lru_cache
from typing import Any

from ...cypher.graph import Graph
from ...cypher.recommender import Method, recommend
from ..recommend import with_names
from ..show import records
from .answers import Recommendation

LOOK_AGAIN = 1.0  # seconds for which a version read is taken to hold


@dataclass(frozen=True)
class Version:
    """What answers depend on: the newest load, when it finished (None: not yet), and the model in force."""

    load: str | None
    finished: str | None
    model: int | None


@dataclass(frozen=True)
class Wish:
    """What was asked for; equal wishes get one answer."""

    customer_id: str
    k: int = 12
    method: Method = Method.auto
    new_only: bool = False
    department: str | None = None
    colour: str | None = None
    max_price: float | None = None
    in_season: int | None = None
    as_of: str | None = None


class Candidates:
    """Answers to wishes as JSON, each computed once for a version of the graph.

    Nothing is kept while a load is under way, nor in a graph whose purchases no load of hmrec's brought.

    Parameters
    ----------
    graph : the graph to ask.
    kept : how many answers to keep, about 3 kB each; those not asked for longest go first.
    """

    def __init__(self, graph: Graph, kept: int = 20_000) -> None:
        self.graph = graph
        self._version, self._read_at = Version(None, None, None), float("-inf")
        self._cached = lru_cache(kept)(lambda version, wish: self.compute(wish))

    def version(self) -> Version:
        """The graph's version, read anew every second."""
        now = time.monotonic()
        if now - self._read_at >= LOOK_AGAIN:
            keys, rows = self.graph.read_rows("graph_version")
            self._version, self._read_at = Version(**dict(zip(keys, rows[0], strict=True))), now
        return self._version

    def recommend(self, wish: Wish) -> bytes:
        """The answer to a wish, a `Recommendation` as JSON."""
        version = self.version()
        return self._cached(version, wish) if version.finished else self.compute(wish)

    def compute(self, wish: Wish) -> bytes:
        """The answer to a wish, from the graph."""
        given: dict[str, Any] = vars(wish).copy()
        found = recommend(self.graph, given.pop("customer_id"), **given)
        answer = Recommendation.model_validate({
            "customer_id": found.customer_id,
            "method": found.method,
            "note": found.note,
            "articles": records(with_names(self.graph, found.articles)),
        })  # fmt: skip
        return answer.model_dump_json().encode()

    def info(self) -> _CacheInfo:
        """Hits, misses and how many answers are kept."""
        return self._cached.cache_info()
