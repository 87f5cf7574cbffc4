"""A cache of recommendations, valid while the graph stays the same."""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock

from ...cypher.graph import Graph
from ...cypher.state import GraphState, read_state
from ...graph_ml.recommend import Recommender, Request
from ...graph_ml.recommend.stored import COLUMNS, METHOD, read_stored
from ..terminal.show import records
from .answers import Recommendation, RecommendedArticle, StoredLists

STATE_CHECK_SECONDS = 1.0  # seconds for which a state that was read is taken to hold


class RecommendationCache:
    """Answers to requests as JSON, each computed once for a state of the graph.

    Nothing is cached while a load is running, if hmrec did not load the graph, or if a request has a long list of ids.

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
        self._writes = 0  # of this service
        self._answers: OrderedDict[Request, bytes] = OrderedDict()  # all of them of `_state`
        self._lock = Lock()

    def __len__(self) -> int:
        """Return the number of cached answers."""
        return len(self._answers)

    @property
    def is_fresh(self) -> bool:
        """Whether the state that was read last is taken to hold."""
        return time.monotonic() - self._read_at < STATE_CHECK_SECONDS

    @property
    def fresh_state(self) -> GraphState | None:
        """The state that was read last; None if it must be read again."""
        return self._state if self.is_fresh else None

    @property
    def model_version(self) -> int | None:
        """Version of the model in force when the state was last read; None without one."""
        known = self._state
        return known.model_version if known is not None else None

    def state(self) -> GraphState:
        """Return the graph's state, at most a second old.

        One thread reads it again after a second; until it has, the others get the state that was read before.
        """
        with self._lock:
            known = self._state
            if known is not None and self.is_fresh:
                return known
            self._read_at = time.monotonic()
            writes = self._writes
        found = read_state(self.graph)
        with self._lock:
            if found != self._state and writes == self._writes:  # otherwise it may be older than the last write
                self._state = found
                self._answers.clear()
        return found

    def forget_state(self) -> None:
        """Read the graph's state again at the next request, because this service has written."""
        with self._lock:
            self._writes += 1
            self._read_at = float("-inf")

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
                if state.is_cacheable and state == self._state and request.is_small:
                    self._answers[request] = answer
                    while len(self._answers) > self.kept:
                        self._answers.popitem(last=False)
        return answer

    def compute(self, request: Request) -> bytes:
        """Return the answer to a request from the graph."""
        if request.stored:
            return self.read_stored(request)
        found = self.recommender.recommend(request)
        answer = Recommendation.model_validate({
            "customer_id": found.customer_id,
            "method": found.method,
            "note": found.note,
            "articles": records(found.articles),
            "scored_by": found.scored_by,
            "stored": found.stored and found.stored._asdict(),
        })  # fmt: skip
        return answer.model_dump_json().encode()

    def read_stored(self, request: Request) -> bytes:
        """Return a stored list as JSON: that of `Recommender.recommend`, without a frame and in half of the time."""
        found = read_stored(self.graph, request)
        answer = Recommendation(
            customer_id=str(request.customer_id),
            method=METHOD,
            note=found.note,
            articles=[RecommendedArticle(**dict(zip(COLUMNS, row, strict=True))) for row in found.rows],
            scored_by=list(found.scored_by),
            stored=StoredLists(**found.version._asdict()),
        )
        return answer.model_dump_json().encode()
