"""A cache of recommendations, valid while the graph stays the same."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

from ...cypher.graph import Graph
from ...cypher.state import GraphState, read_state
from ...graph_ml.recommend import Recommender, Request
from ..terminal.show import records
from .answers import Recommendation

STATE_CHECK_SECONDS = 1.0  # seconds for which a state that was read is taken to hold


class RecommendationCache:
    """Answers to requests as JSON, each computed once for a state of the graph.

    Nothing is cached while a load is running, or if hmrec did not load the graph.

    Parameters
    ----------
    graph : the graph to read.
    kept : greatest number of cached answers, about 3 kB each; the least recently used ones are dropped first.
    """

    def __init__(self, graph: Graph, kept: int = 20_000) -> None:
        self.graph = graph
        self.recommender = Recommender(graph)
        self.kept = kept
        self.hits = self.misses = 0
        self._state: GraphState | None = None
        self._read_at = float("-inf")
        self._answers: OrderedDict[Request, bytes] = OrderedDict()  # all of them of `_state`
        self._lock = Lock()

    def __len__(self) -> int:
        """Return the number of cached answers."""
        return len(self._answers)

    @property
    def is_fresh(self) -> bool:
        """Whether the state that was read last is taken to hold."""
        return time.monotonic() - self._read_at < STATE_CHECK_SECONDS

    def state(self) -> GraphState:
        """Return the graph's state, at most a second old.

        One thread reads it again after a second; until it has, the others get the state that was read before.
        """
        with self._lock:
            known = self._state
            if known is not None and self.is_fresh:
                return known
            self._read_at = time.monotonic()
        found = read_state(self.graph)
        with self._lock:
            if found != self._state:
                self._state = found
                self._answers.clear()
        return found

    def find(self, request: Request) -> bytes | None:
        """Return the cached answer if the graph's state is fresh; never reads the graph."""
        with self._lock:
            answer = self._answers.get(request) if self.is_fresh else None
            if answer is not None:
                self.hits += 1
                self._answers.move_to_end(request)
        return answer

    def recommend(self, request: Request) -> bytes:
        """Return the answer to a request, a `Recommendation` as JSON: the cached one, or a new one from the graph.

        Raises
        ------
        HmrecError : as `Recommender.recommend`.
        """
        state = self.state()
        answer = self.find(request)
        if answer is None:
            answer = self.compute(request)
            with self._lock:
                self.misses += 1
                if state.is_cacheable and state == self._state:
                    self._answers[request] = answer
                    while len(self._answers) > self.kept:
                        self._answers.popitem(last=False)
        return answer

    def compute(self, request: Request) -> bytes:
        """Return the answer to a request from the graph."""
        found = self.recommender.recommend(request)
        answer = Recommendation.model_validate({
            "customer_id": found.customer_id,
            "method": found.method,
            "note": found.note,
            "articles": records(found.articles),
        })  # fmt: skip
        return answer.model_dump_json().encode()
