"""Metrics, compared with values by hand, a naive computation and PyTorch Geometric."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hmrec.graph_ml.holdout.metrics import METRICS, average_precision, hit_rate, ndcg, precision, recall
from hmrec.graph_ml.holdout.ranking import Truth, make_truth, mark_hits
from hmrec.graph_ml.holdout.split import hold_out
from torch_geometric.metrics import LinkPredMAP, LinkPredNDCG, LinkPredPrecision, LinkPredRecall

from tests.unit.purchases import make_subgraph

HITS = np.array([[True, False, True, False]])  # positions 1 and 3 of 4


def test_average_precision_by_hand() -> None:
    # precision 1/1 at position 1 and 2/3 at position 3, over the 3 articles bought
    assert average_precision(HITS, np.array([3])) == pytest.approx([(1 + 2 / 3) / 3])


def test_average_precision_divides_by_k_if_more_was_bought() -> None:
    assert average_precision(HITS, np.array([50])) == pytest.approx([(1 + 2 / 3) / 4])
    assert average_precision(np.ones((1, 4), dtype=bool), np.array([50])) == pytest.approx([1.0])


@pytest.mark.parametrize(
    ("bought", "listed", "expected"),
    [
        ("a", "abcdefghijkl", 1.0),
        ("a", "bcdefghijkla", 1 / 12),  # the last position counts
        ("m", "abcdefghijklm", 0.0),  # the thirteenth does not
        ("abc", "abc", 1.0),  # a short list is as good if it contains all
        ("abcd", "axbxcx", (1 + 2 / 3 + 3 / 5) / 4),
        ("abcdefghijklmno", "abcdefghijkl", 1.0),  # 15 bought: min(m, 12)
        ("abcdefghijklmno", "xabcdefghijk", sum(n / (n + 1) for n in range(1, 12)) / 12),
    ],
)
def test_map_at_12_as_kaggle_defines_it(bought: str, listed: str, expected: float) -> None:
    pairs = sp.csr_matrix(np.isin(list("abcdefghijklmnopqrstuvwxyz"), list(bought))[None, :].astype(float))
    truth = Truth(np.array([0]), pairs, None, np.array([len(bought)]))
    ranked = np.full((1, 12), -1)
    places = [ord(letter) - ord("a") for letter in listed[:12]]
    ranked[0, : len(places)] = places
    assert average_precision(mark_hits(ranked, truth), truth.relevant) == pytest.approx([expected])


def test_customers_without_held_out_purchases_are_excluded_from_the_mean() -> None:
    rows = [("ann", "x", 0), ("bob", "x", 0), ("eve", "y", 0), ("ann", "x", 9), ("eve", "z", 9), ("eve", "z", 8)]
    held = hold_out(make_subgraph(rows), 7)
    truth = make_truth(held, new_only=False)
    names = [held.before.customer_ids.id(int(customer)) for customer in truth.customers]
    assert names == ["ann", "eve"]  # not bob
    assert truth.relevant.tolist() == [1, 1]  # z, bought twice, is one article
    ranked = np.tile([held.before.article_ids.index("x")], (2, 1))
    assert average_precision(mark_hits(ranked, truth), truth.relevant).mean() == pytest.approx(1 / 2)


def test_precision_and_recall_by_hand() -> None:
    assert precision(HITS, np.array([3])) == pytest.approx([2 / 4])
    assert recall(HITS, np.array([3])) == pytest.approx([2 / 3])


def test_ndcg_by_hand() -> None:
    best = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(HITS, np.array([3])) == pytest.approx([(1 + 1 / math.log2(4)) / best])
    assert ndcg(np.ones((1, 4), dtype=bool), np.array([9])) == pytest.approx([1.0])


def test_hit_rate_by_hand() -> None:
    assert hit_rate(np.array([[False, True], [False, False]]), np.array([1, 1])).tolist() == [1.0, 0.0]


def test_an_empty_list_scores_zero() -> None:
    for metric in METRICS.values():
        assert metric(np.zeros((1, 12), dtype=bool), np.array([4])).tolist() == [0.0]


def kaggle_average_precision(bought: set[int], listed: list[int], k: int) -> float:
    """Compute AP@12 literally as Kaggle words it, article by article."""
    score, found = 0.0, 0
    for place, article in enumerate(listed[:k], start=1):
        if article in bought:
            found += 1
            score += found / place
    return score / min(len(bought), k)


@pytest.mark.parametrize("k", [1, 5, 12])
def test_all_metrics_equal_a_naive_computation_and_pytorch_geometric(k: int) -> None:
    random = np.random.default_rng(5)
    listed = [random.permutation(40)[:k].tolist() for _ in range(200)]
    bought = [set(random.permutation(40)[: random.integers(1, 20)].tolist()) for _ in range(200)]
    hits = np.array([[article in own for article in row] for row, own in zip(listed, bought, strict=True)])
    relevant = np.array([len(own) for own in bought])
    naive = {
        "map": [kaggle_average_precision(own, row, k) for row, own in zip(listed, bought, strict=True)],
        "precision": [len(own & set(row)) / k for row, own in zip(listed, bought, strict=True)],
        "recall": [len(own & set(row)) / len(own) for row, own in zip(listed, bought, strict=True)],
        "ndcg": [
            sum(1 / math.log2(place + 2) for place, article in enumerate(row) if article in own)
            / sum(1 / math.log2(place + 2) for place in range(min(len(own), k)))
            for row, own in zip(listed, bought, strict=True)
        ],
        "hit_rate": [float(bool(own & set(row))) for row, own in zip(listed, bought, strict=True)],
    }
    for name, metric in METRICS.items():
        assert metric(hits, relevant) == pytest.approx(naive[name]), name
    edges = torch.tensor([[customer, article] for customer, own in enumerate(bought) for article in own]).T
    peers = {"map": LinkPredMAP, "precision": LinkPredPrecision, "recall": LinkPredRecall, "ndcg": LinkPredNDCG}
    for name, peer_class in peers.items():
        peer = peer_class(k)
        peer.update(torch.tensor(listed), edges)
        assert METRICS[name](hits, relevant).mean() == pytest.approx(float(peer.compute()), abs=1e-6), name
