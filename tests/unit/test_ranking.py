"""Rankings by cosine and hits, compared with computations for one customer at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hmrec.graph_ml.holdout import ranking
from hmrec.graph_ml.holdout.ranking import collect_pairs, make_truth, mark_hits, rank_by_cosine
from hmrec.graph_ml.holdout.split import hold_out

from tests.unit.purchases import make_subgraph, make_two_tastes


@pytest.mark.parametrize("number", [30, 1_000])  # sorted completely, and by groups of articles
def test_ranking_by_cosine_ignores_vector_lengths(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(ranking, "SCORES_AT_ONCE", 3 * number)  # batches of three customers
    random = np.random.default_rng(0)
    customers, articles = (random.normal(size=(n, 6)).astype(np.float32) for n in (10, number))
    articles *= random.random((number, 1)).astype(np.float32) * 50 + 0.1
    cosine = customers @ articles.T / np.linalg.norm(customers, axis=1)[:, None] / np.linalg.norm(articles, axis=1)
    assert (rank_by_cosine(customers, articles, 5) == np.argsort(-cosine, axis=1)[:, :5]).all()


def test_owned_articles_are_excluded_and_short_lists_are_padded() -> None:
    owned = collect_pairs(make_subgraph([("c0", "a0", 1), ("c0", "a2", 1), ("c1", "a1", 1)]))
    vectors = np.eye(3, dtype=np.float32)
    ranked = rank_by_cosine(np.array([[3, 2, 1], [3, 2, 1]], dtype=np.float32), vectors, 3, owned)
    assert ranked.tolist() == [[1, -1, -1], [0, 2, -1]]


def test_truth_and_hits_equal_a_computation_with_sets() -> None:
    held = hold_out(make_two_tastes())
    before: dict[int, set[int]] = {}
    after: dict[int, set[int]] = {}
    for part, sets in ((held.before, before), (held.after, after)):
        for customer, article in zip(part.customer.tolist(), part.article.tolist(), strict=True):
            sets.setdefault(customer, set()).add(article)
    ranked = np.random.default_rng(0).integers(-1, 30, (60, 12))
    for new_only in (False, True):
        counts = {c: after[c] - (before[c] if new_only else set()) for c in after if c in before}
        truth = make_truth(held, new_only)
        assert truth.customers.tolist() == [c for c in sorted(counts) if counts[c]]
        assert truth.relevant.tolist() == [len(counts[c]) for c in truth.customers]
        hits = mark_hits(ranked[truth.customers], truth)
        assert hits.tolist() == [[a in counts[c] for a in ranked[c]] for c in truth.customers.tolist()]
