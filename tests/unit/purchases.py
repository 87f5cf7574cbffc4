"""Small subgraphs for tests."""

from __future__ import annotations

import numpy as np
from hmrec.graph_ml.export.subgraph import IdMap, Subgraph


def make_subgraph(rows: list[tuple[str, str, int]], quantity: int = 1) -> Subgraph:
    """Return a subgraph of purchases (customer, article, day), sorted as in an export."""
    customers, articles = IdMap(sorted({row[0] for row in rows})), IdMap(sorted({row[1] for row in rows}))
    rows = sorted(rows, key=lambda row: (row[0], row[2], row[1]))
    return Subgraph(
        customers,
        articles,
        np.array([customers.index(row[0]) for row in rows], dtype=np.int64),
        np.array([articles.index(row[1]) for row in rows], dtype=np.int64),
        np.array([row[2] for row in rows], dtype=np.int32),
        np.ones(len(rows), dtype=np.float32),
        np.full(len(rows), quantity, dtype=np.int32),
        np.ones(len(rows), dtype=np.int32),
    )


def make_two_tastes(seed: int = 0, weeks: int = 10) -> Subgraph:
    """Return some weeks of 60 customers who each buy 4 of their taste's 15 articles a week, and no others."""
    random = np.random.default_rng(seed)
    rows = {
        (f"c{customer:02}", f"a{15 * (customer % 2) + article:02}", 7 * week + int(random.integers(7)))
        for week in range(weeks)
        for customer in range(60)
        for article in random.permutation(15)[:4].tolist()
    }
    return make_subgraph([*rows, ("c00", "a00", 7 * weeks - 1)])
