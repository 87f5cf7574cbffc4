"""Purchases are sorted by five keys, ties included."""

from __future__ import annotations

import numpy as np
from hmrec.graph_ml.export.read_purchases import NodeFinder, Purchases


def draw_purchases(count: int, seed: int) -> Purchases:
    random = np.random.default_rng(seed)
    customer, article, time, quantity, channel = random.integers(0, 5, (5, count)).astype(np.int32)
    price = random.choice(np.array([0.5, 0.25, np.nan], dtype=np.float32), count)
    return Purchases(customer, article, time + 18_000, price, quantity, channel)


def test_the_sort_order_is_customer_day_article_price_channel() -> None:
    for seed, count in ((0, 2000), (1, 50), (2, 1), (3, 0)):
        drawn = draw_purchases(count, seed)
        order = np.lexsort((drawn.channel, drawn.price, drawn.article, drawn.time, drawn.customer))
        for name, column in vars(drawn.sort()).items():
            np.testing.assert_array_equal(column, getattr(drawn, name)[order], err_msg=name)


def test_a_node_is_found_by_id_or_is_minus_one() -> None:
    assert NodeFinder(np.array([30, 10, 20]))(np.array([10, 20, 30, 5, 40])).tolist() == [1, 2, 0, -1, -1]
    assert NodeFinder(np.zeros(0, dtype=np.int64))(np.array([1])).tolist() == [-1]
