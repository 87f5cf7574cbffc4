"""Request counts and times for Prometheus, and the headers of every response."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .candidates import RecommendationCache

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY")]


class Metrics:
    """The metrics of the service, in their own registry.

    Parameters
    ----------
    candidates : the cache whose hits and misses are reported.
    """

    def __init__(self, candidates: RecommendationCache) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("hmrec_requests", "Requests answered", ("path", "status"), registry=self.registry)
        self.seconds = Histogram(
            "hmrec_request_seconds", "Time from the start of the request to the end of the response", ("path",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_CacheCollector(candidates))


class _CacheCollector(Collector):
    def __init__(self, candidates: RecommendationCache) -> None:
        self.candidates = candidates

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        found = self.candidates
        return [
            CounterMetricFamily("hmrec_candidates_hits", "Recommendations taken from the cache", value=found.hits),
            CounterMetricFamily("hmrec_candidates_misses", "Recommendations computed", value=found.misses),
            GaugeMetricFamily("hmrec_candidates_kept", "Recommendations in the cache", value=len(found)),
        ]  # fmt: skip


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
