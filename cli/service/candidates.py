"""Recommendations kept for as long as the graph is the same."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from ...cypher.graph import Graph
from ...graph_ml.recommend import Recommender, Request
from ..terminal.show import records
from .answers import Recommendation

VERSION_CHECK_SECONDS = 1.0  # seconds for which a version read is taken to hold


@dataclass(frozen=True)
class Version:
    """What answers depend on: the newest load, when it finished (None: not yet), the model in force, and its age."""

    load: str | None
    finished: str | None
    model: int | None
    embedded: str | None


class RecommendationCache:
    """Answers to requests as JSON, each computed once for a version of the graph.

    Nothing is kept while a load is under way, nor in a graph whose purchases no load of hmrec's brought.

    Parameters
    ----------
    graph : the graph to ask.
    kept : how many answers to keep, about 3 kB each; those not asked for longest go first.
    """

    def __init__(self, graph: Graph, kept: int = 20_000) -> None:
        self.graph = graph
        self.recommender = Recommender(graph)
        self.kept = kept
        self.hits = self.misses = 0
        self._version, self._read_at = Version(None, None, None, None), float("-inf")
        self._answers: OrderedDict[tuple[Version, Request], bytes] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._answers)

    @property
    def is_fresh(self) -> bool:
        """Whether the version read last is taken to hold still."""
        return time.monotonic() - self._read_at < VERSION_CHECK_SECONDS

    def version(self) -> Version:
        """The graph's version, read anew every second, by one thread while the others go by what was read before."""
        with self._lock:
            is_fresh, self._read_at = self.is_fresh, time.monotonic() if not self.is_fresh else self._read_at
        if not is_fresh:
            keys, rows = self.graph.read_rows("graph_version")
            found = Version(**dict(zip(keys, rows[0], strict=True)))
            with self._lock:
                if found != self._version:
                    self._version = found
                    self._answers.clear()
        return self._version

    def find(self, request: Request) -> bytes | None:
        """The answer that is kept, if it surely is the graph's; asks nobody."""
        with self._lock:
            answer = self._answers.get((self._version, request)) if self.is_fresh else None
            if answer is not None:
                self.hits += 1
                self._answers.move_to_end((self._version, request))
        return answer

    def recommend(self, request: Request) -> bytes:
        """The answer to a request, a `Recommendation` as JSON; the one that is kept, else from the graph.

        Raises
        ------
        HmrecError : as `recommend`.
        """
        version = self.version()
        answer = self.find(request)
        if answer is None:
            answer = self.compute(request)
            with self._lock:
                self.misses += 1
                if version.finished and version == self._version:
                    self._answers[version, request] = answer
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
