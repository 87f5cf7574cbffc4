"""Batches that run at once share no customer and no article, and every purchase is in one of them."""

from __future__ import annotations

import threading
import time

import polars as pl
import pytest
from hmrec.loader.lanes import Batch, run_disjoint, split_into_lanes


def some_purchases(count: int) -> pl.DataFrame:
    numbers = pl.Series(range(count), dtype=pl.Int64)
    return pl.DataFrame({":START_ID(Customer)": numbers // 3, ":END_ID(Article)": numbers * 7 % 50})


def test_every_purchase_is_in_one_batch_and_disjoint_batches_share_no_node() -> None:
    purchases = some_purchases(500)
    batches = split_into_lanes(purchases, 4)
    assert len(batches) == 16
    assert (
        pl.concat(b.purchases.select(purchases.columns) for b in batches)
        .sort(pl.all())
        .equals(purchases.sort(pl.all()))
    )
    for one in batches:
        for other in batches:
            if one.is_disjoint(other):
                for end in purchases.columns:
                    assert not set(one.purchases[end]) & set(other.purchases[end])


def test_concurrent_batches_share_no_node() -> None:
    running: list[Batch] = []
    seen: list[Batch] = []
    most = 0
    lock = threading.Lock()

    def work(batch: Batch) -> None:
        nonlocal most
        with lock:
            assert all(batch.is_disjoint(other) for other in running)
            running.append(batch)
            most = max(most, len(running))
        time.sleep(0.002)
        with lock:
            running.remove(batch)
            seen.append(batch)

    batches = [batch for _ in range(5) for batch in split_into_lanes(some_purchases(500), 4)]
    run_disjoint(iter(batches), work, 3)
    assert sorted(map(id, seen)) == sorted(map(id, batches))
    assert most == 3


def test_an_error_ends_the_run_and_drops_pending_batches() -> None:
    begun = []

    def work(batch: Batch) -> None:
        begun.append(batch)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_disjoint(iter(split_into_lanes(some_purchases(500), 4)), work, 2)
    assert len(begun) <= 4
