"""Request counts and times for Prometheus, and the headers of every response."""

from __future__ import annotations

import time
from datetime import datetime
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...cypher.errors import HmrecError
from ...cypher.state import GraphState
from ...graph_ml.refresh.check import Drift, measure
from .candidates import RecommendationCache
from .impressions import ImpressionLog

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
DRIFT_SECONDS = 300.0  # seconds for which measured drift is kept, even if the graph changes
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY")]


class Metrics:
    """The metrics of the service, in their own registry.

    Parameters
    ----------
    candidates : the cache whose hits and misses are reported.
    impressions : the log of shown lists that is reported.
    """

    def __init__(self, candidates: RecommendationCache, impressions: ImpressionLog) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("hmrec_requests", "Requests answered", ("path", "status"), registry=self.registry)
        self.seconds = Histogram(
            "hmrec_request_seconds", "Time from the start of the request to the end of the response", ("path",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_CacheCollector(candidates, impressions))
        self.registry.register(_DriftCollector(candidates))


class _CacheCollector(Collector):
    def __init__(self, candidates: RecommendationCache, impressions: ImpressionLog) -> None:
        self.candidates = candidates
        self.impressions = impressions

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        found, lists = self.candidates, self.impressions
        return [
            CounterMetricFamily("hmrec_candidates_hits", "Recommendations taken from the cache", value=found.hits),
            CounterMetricFamily("hmrec_candidates_misses", "Recommendations computed", value=found.misses),
            GaugeMetricFamily("hmrec_candidates_kept", "Recommendations in the cache", value=len(found)),
            CounterMetricFamily("hmrec_impressions_written", "Shown lists written to the graph", value=lists.written),
            CounterMetricFamily("hmrec_impressions_lost", "Shown lists that could not be logged", value=lists.lost),
            GaugeMetricFamily("hmrec_impressions_waiting", "Shown lists that wait to be written", value=len(lists)),
        ]  # fmt: skip


class _DriftCollector(Collector):
    """Reports what `hmrec check` measures without the quality. It is measured again when the graph has changed."""

    def __init__(self, candidates: RecommendationCache) -> None:
        self.candidates = candidates
        self._drift: Drift | None = None
        self._known: GraphState | None = None
        self._measured_at = float("-inf")
        self._lock = Lock()

    def collect(self) -> list[GaugeMetricFamily]:
        drift = self._read()
        if drift is None:
            return []
        unknown = GaugeMetricFamily(
            "hmrec_unknown_share", "Share of these that the model in force does not know", labels=["kind"]
        )
        for kind in ("customers", "articles", "purchases"):
            unknown.add_metric([kind], getattr(drift, kind))
        plain = {
            "hmrec_model_version": ("Version of the model in force", drift.model),
            "hmrec_training_age_days": ("Days of purchases since the training", drift.age),
            "hmrec_popularity_change": ("Change of the articles' sales since the training, 0 to 1", drift.popularity),
            "hmrec_popularity_change_usual": ("The same change in the month before the training's end", drift.usual),
            "hmrec_embedded_timestamp_seconds": (
                "When nodes last received embeddings",
                datetime.fromisoformat(drift.embedded).timestamp(),
            ),
        }
        return [unknown, *(GaugeMetricFamily(name, doc, value=value) for name, (doc, value) in plain.items())]

    def _read(self) -> Drift | None:
        """Return the drift; None if there is no model or no purchase, or if Neo4j does not answer."""
        with self._lock:
            try:
                state = self.candidates.state()
                if state != self._known and time.monotonic() - self._measured_at > DRIFT_SECONDS:
                    usable = state.model is not None and state.until is not None
                    self._drift = measure(self.candidates.graph, state) if usable else None
                    self._known, self._measured_at = state, time.monotonic()
            except HmrecError:  # the other metrics are needed most while Neo4j fails; /health says why
                return None
            return self._drift


class Measured:
    """ASGI middleware that measures each request by its route, so that ids never become labels."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count and time the response."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        try:
            await self.app(scope, receive, send_on)
        finally:
            path = getattr(scope.get("route"), "path_format", "other")
            self.metrics.requests.labels(path, status).inc()
            self.metrics.seconds.labels(path).observe(time.perf_counter() - begun)
