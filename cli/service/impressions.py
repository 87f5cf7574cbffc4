"""Log the lists that the service returns: a thread writes them in batches, after the service has answered."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi.concurrency import run_in_threadpool

from ...cypher.errors import HmrecError, LoadRunning, ServerUnavailable
from ...cypher.graph import Graph
from ...loader.impressions import KEPT_DAYS, Impression, record_impressions, remove_expired

MOST_WAITING = 10_000
"""The greatest number of lists that wait to be written; further ones are not logged until some are."""
BATCH = 500
"""The greatest number of lists in one transaction."""
PAUSE = 0.2  # seconds in which lists gather before a transaction
RETRY = 1.0  # seconds to wait while a load runs or Neo4j is unreachable
TIDY = 60.0  # seconds between two removals of expired lists
LAST_SECONDS = 5.0  # for what waits when the service stops
log = logging.getLogger("hmrec.service")


class ImpressionLog:
    """Writes shown lists into the graph, in a thread that starts with the first one.

    Parameters
    ----------
    graph : the graph to write.
    share : share of the answers to log, from 0 to 1.
    days : for how long lists are kept.

    Attributes
    ----------
    written, lost : how many lists were written; how many could not be logged or written.
    """

    def __init__(self, graph: Graph, share: float = 0.0, days: int = KEPT_DAYS) -> None:
        self.graph = graph
        self.share = share
        self.days = days
        self.written = self.lost = 0
        self._waiting: queue.Queue[Impression] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._tidied = float("-inf")

    def __len__(self) -> int:
        """Return the number of lists that wait to be written."""
        return self._waiting.unfinished_tasks

    @property
    def _is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def draw(self, wanted: bool | None) -> bool | None:
        """Return True if an answer is to be logged, False if it must not be, None if nobody asks for it.

        Parameters
        ----------
        wanted : what the request asks for; None leaves it to the share.
        """
        return True if wanted is None and random.random() < self.share else wanted

    def add(self, impression: Impression) -> bool:
        """Take a list to be written soon; return False if too many are waiting or the service is stopping."""
        try:
            if self._stopping.is_set():
                raise queue.Full
            self._waiting.put_nowait(impression)
        except queue.Full:
            self.lost += 1
            return False
        if not self._is_running:
            with self._lock:
                if not self._is_running:
                    self._thread = threading.Thread(target=self._run, name="impressions", daemon=True)
                    self._thread.start()
        return True

    def flush(self, seconds: float = LAST_SECONDS) -> bool:
        """Wait until all lists are written, for so many seconds at most; return whether they are."""
        until = time.monotonic() + seconds
        while len(self) and time.monotonic() < until:
            time.sleep(0.01)
        return not len(self)

    def close(self) -> None:
        """Write what waits, for a few seconds, and stop."""
        self._stopping.set()
        self.flush()

    @asynccontextmanager
    async def close_at_the_end(self, _: object) -> AsyncIterator[None]:
        """Write what waits when the service stops."""
        yield
        await run_in_threadpool(self.close)

    def _run(self) -> None:
        while True:
            batch = [self._waiting.get()]
            try:
                if not self._stopping.wait(PAUSE):
                    self._tidy()
                while len(batch) < BATCH and not self._waiting.empty():
                    batch.append(self._waiting.get_nowait())
                self._write(batch)
            finally:
                for _ in batch:
                    self._waiting.task_done()

    def _write(self, batch: list[Impression]) -> None:
        while True:
            try:
                self.written += record_impressions(self.graph, batch, days=self.days)
                return
            except (LoadRunning, ServerUnavailable):
                time.sleep(RETRY)
            except HmrecError as error:
                log.error("%d shown lists could not be logged: %s", len(batch), error.message)
                self.lost += len(batch)
                return

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied > TIDY:
            self._tidied = time.monotonic()
            try:
                remove_expired(self.graph, most=1)
            except HmrecError as error:
                log.warning("expired lists could not be removed: %s", error.message)
