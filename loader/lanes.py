"""Send batches in parallel that never wait for each other's locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

import polars as pl


@dataclass(frozen=True)
class Batch:
    """Purchases of one lane of customers and one lane of articles. Batches that differ in both share no node."""

    customers: int
    articles: int
    purchases: pl.DataFrame

    def is_disjoint(self, other: Batch) -> bool:
        """Return whether the batches share no customer and no article."""
        return self.customers != other.customers and self.articles != other.articles


def split_into_lanes(purchases: pl.DataFrame, lanes: int) -> list[Batch]:
    """Split the purchases into lanes x lanes batches, by the numbers of the customers and articles."""
    laned = purchases.with_columns(
        customers=pl.col(":START_ID(Customer)") % lanes, articles=pl.col(":END_ID(Article)") % lanes
    )
    return [
        Batch(part["customers"][0], part["articles"][0], part) for part in laned.partition_by("customers", "articles")
    ]


def run_disjoint(batches: Iterable[Batch], work: Callable[[Batch], object], workers: int) -> None:
    """Run `work` on every batch, at most `workers` at once, never on two that share a customer or an article.

    The method is that of parallel matrix factorisation (Zhuang et al., FPSGD, RecSys 2013): free blocks of a grid.

    Raises
    ------
    Exception : raised by `work`; batches that have not started are dropped.
    """
    coming, waiting = iter(batches), list[Batch]()
    running: dict[Future[object], Batch] = {}
    with ThreadPoolExecutor(workers) as pool:
        while True:
            waiting += islice(coming, max(0, 2 * workers**2 - len(waiting)))
            for batch in list(waiting):
                if len(running) < workers and all(batch.is_disjoint(other) for other in running.values()):
                    waiting.remove(batch)
                    running[pool.submit(work, batch)] = batch
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                del running[done]
                done.result()
