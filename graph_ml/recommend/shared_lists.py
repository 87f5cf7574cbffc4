"""Lists that many customers share, such as what is popular: queried once while the graph stays the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from threading import Lock
from typing import NamedTuple

from ...cypher.state import GraphState

DEPTH = 300
"""Least number of articles in a cached list. Each customer gets the first of them, without those they own."""

QUERIES_AT_ONCE = 4
"""Concurrent queries for one customer; more would only wait for each other on a few cores."""


class Row(NamedTuple):
    """A row of a recommender's query.

    Attributes
    ----------
    article_id : the recommended article.
    score : comparable only within one recommender.
    because : the reason, in words.
    """

    article_id: str
    score: float
    because: str


class SharedLists:
    """A cache of lists for one state of the graph; the least recently used ones are dropped first.

    Nothing is cached while a load is running, or if hmrec did not load the graph.

    Parameters
    ----------
    kept : greatest number of lists, about 80 kB each.
    """

    def __init__(self, kept: int = 1_000) -> None:
        self.kept = kept
        self._state: GraphState | None = None
        self._lists: OrderedDict[Hashable, list[Row]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """Return the number of cached lists."""
        return len(self._lists)

    def take(
        self,
        state: GraphState,
        key: Hashable,
        k: int,
        owned: Collection[str],
        fetch: Callable[[int], list[Row]],
    ) -> list[Row] | None:
        """Return the first `k` rows whose article is not `owned`; None if the cached list is too short for that.

        Parameters
        ----------
        state : the graph's state, read before anything else that the answer depends on.
        key : everything else that the list depends on.
        k : how many rows.
        owned : articles to leave out.
        fetch : returns the first rows of the list, as many as its argument says; they do not depend on the customer.
        """
        depth = max(DEPTH, 2 * k)
        key = (key, depth)
        with self._lock:
            found = self._lists.get(key) if state == self._state else None
            if found is not None:
                self._lists.move_to_end(key)
        if found is None:
            found = fetch(depth)
            self._keep(state, key, found)
        rows = [row for row in found if row.article_id not in owned][:k]
        return rows if len(rows) == k or len(found) < depth else None

    def _keep(self, state: GraphState, key: Hashable, rows: list[Row]) -> None:
        if not state.is_cacheable:
            return
        with self._lock:
            if state != self._state:
                self._state = state
                self._lists.clear()
            self._lists[key] = rows
            while len(self._lists) > self.kept:
                self._lists.popitem(last=False)
