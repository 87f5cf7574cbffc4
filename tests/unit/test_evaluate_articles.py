"""The metrics of customers ranked for an article."""

from __future__ import annotations

import numpy as np
import pytest
from hmrec.graph_ml.evaluate.articles import measure_ranking


def test_metrics_equal_their_naive_definitions() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        scores = random.integers(0, 5, 30).astype(float)
        is_buyer = random.random(30) < 0.2
        is_buyer[0] = True
        found = measure_ranking(scores, is_buyer, 10)
        order = sorted(range(30), key=lambda one: (-scores[one], one))[:10]
        hits = [bool(is_buyer[one] and scores[one] > 0) for one in order]
        precision = sum(sum(hits[: n + 1]) / (n + 1) for n in range(10) if hits[n]) / min(10, is_buyer.sum())
        pairs = [
            1.0 if scores[buyer] > scores[other] else 0.5 if scores[buyer] == scores[other] else 0.0
            for buyer in np.flatnonzero(is_buyer)
            for other in np.flatnonzero(~is_buyer)
        ]
        assert found == pytest.approx((precision, sum(hits) / is_buyer.sum(), np.mean(pairs)))


def test_customers_without_a_score_are_no_hits() -> None:
    assert measure_ranking(np.zeros(4), np.array([True, False, False, False]), 2) == (0.0, 0.0, 0.5)
