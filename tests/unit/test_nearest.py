"""Nearest articles by embedding, in memory: exact, ordered, and without articles that have no embedding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hmrec.graph_ml.candidates.gnn import gnn
from hmrec.graph_ml.candidates.nearest import Vectors
from hmrec.graph_ml.candidates.snapshot import Snapshot

from tests.unit.purchases import make_subgraph

NAN = float("nan")
SNAPSHOT = Snapshot.of(make_subgraph([("c0", "a0", 1), ("c1", "a1", 2), ("c2", "a2", 3), ("c2", "a3", 3)]))
VECTORS = Vectors(
    np.array([[1, 0], [NAN, NAN], [0, 1]], dtype=np.float32),
    np.array([[0.6, 0.8], [NAN, NAN], [1, 0], [0.6, 0.8]], dtype=np.float32),
)


def rank(snapshot: Snapshot, new_only: bool = False, k: int = 9) -> list[list[int]]:
    found = gnn(snapshot, np.arange(3), vectors=VECTORS, k=k, new_only=new_only)
    return [found.of(place)[0].tolist() for place in range(3)]


def test_the_nearest_articles_come_first_with_ties_in_order_of_ids() -> None:
    assert rank(SNAPSHOT) == [[2, 0, 3], [], [0, 3, 2]]
    assert rank(SNAPSHOT, k=1) in ([[2], [], [0]], [[2], [], [3]])


def test_owned_and_filtered_articles_are_excluded() -> None:
    assert rank(SNAPSHOT, new_only=True) == [[2, 3], [], [0]]
    assert rank(replace(SNAPSHOT, only=np.array([True, True, False, True]))) == [[0, 3], [], [0, 3]]
    assert rank(replace(SNAPSHOT, only=np.zeros(4, dtype=np.bool_))) == [[], [], []]
