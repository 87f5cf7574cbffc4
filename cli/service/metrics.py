"""Counts and times of the requests, for Prometheus, and the headers that every answer has."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .candidates import Candidates

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY")]


class Metrics:
    """The service's metrics, in a registry of their own.

    Parameters
    ----------
    candidates : whose hits and misses are shown.
    """

    def __init__(self, candidates: Candidates) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("hmrec_requests", "Requests answered", ("path", "status"), registry=self.registry)
        self.seconds = Histogram(
            "hmrec_request_seconds", "From the request's head to the answer's end", ("path",),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_CandidatesCollector(candidates))


class _CandidatesCollector(Collector):
    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        found = self.candidates
        return [
            CounterMetricFamily("hmrec_candidates_hits", "Recommendations taken from the cache", value=found.hits),
            CounterMetricFamily("hmrec_candidates_misses", "Recommendations computed", value=found.misses),
            GaugeMetricFamily("hmrec_candidates_kept", "Recommendations in the cache", value=len(found)),
        ]  # fmt: skip


class Measured:
    """ASGI middleware that measures each request by its route, so that no id becomes a label."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; count and time the answer."""
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
