"""Peer recommenders, each with its package's defaults, as lists for the customers of a hold-out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from hmrec.graph_ml.candidates.learn_cf import learn_cf
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.candidates.user_based_cf import user_based_cf
from hmrec.graph_ml.evaluate.evaluation import Peer
from hmrec.graph_ml.export.subgraph import Integers, to_days
from hmrec.graph_ml.holdout.ranking import Truth, collect_pairs
from hmrec.graph_ml.holdout.split import HoldOut
from hmrec.graph_ml.torchrec.engine import train_tables
from implicit.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits
from torch_geometric.nn import LightGCN

FACTORS, LAYERS, NEIGHBOURS, HALF_LIFE = 64, 3, 50, 42.0
PYG_BATCH = 32_768
Scorer = Callable[[Integers], np.ndarray[Any, Any]]


def count_purchases(held: HoldOut, half_life: float | None = None) -> sp.csr_matrix:
    """Return [C, A], the number of purchases before the cut; a purchase `half_life` days old counts half."""
    before = held.before
    weight = before.quantity.astype(np.float32)
    if half_life is not None:
        weight = weight * np.float32(0.5) ** ((to_days(held.cut) - before.time) / np.float32(half_life))
    shape = (len(before.customer_ids), len(before.article_ids))
    counts = sp.csr_matrix((weight, (before.customer, before.article)), shape)
    counts.sum_duplicates()
    return counts


def rank_scores(score: Scorer, history: Integers, truths: Mapping[str, Truth], k: int) -> dict[str, Integers]:
    """Return the k articles with the largest scores; empty lists for customers without a history.

    Parameters
    ----------
    score : maps customers [m] to scores [m, A].
    history : [C], number of articles each customer bought before.
    truths : the customers and what they bought, by kind of purchases.
    k : length of the lists.
    """
    lists = {}
    for kind, truth in truths.items():
        lists[kind] = np.full((len(truth.customers), k), -1, dtype=np.int64)
        for begin in range(0, len(truth.customers), 100):
            rows = np.arange(begin, min(begin + 100, len(truth.customers)))
            rows = rows[history[truth.customers[rows]] > 0]
            if not len(rows):
                continue
            scores = score(truth.customers[rows])
            if truth.owned is not None:
                owned = truth.owned[truth.customers[rows]].tocoo()
                scores[owned.row, owned.col] = -np.inf
            best = np.argpartition(-scores, k, axis=1)[:, :k]
            order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
            lists[kind][rows] = np.take_along_axis(best, order, 1)
    return lists


def rank_by_implicit(make: Callable[[], Any], half_life: float | None = None) -> Peer:
    """Return a peer that fits a model of the package implicit to the counts of purchases."""

    def rank(held: HoldOut, truths: Mapping[str, Truth], k: int, _: Mapping[str, float]) -> dict[str, Integers]:
        counts = count_purchases(held, half_life)
        model = make()
        with threadpool_limits(1, "blas"):  # implicit runs its own threads and asks for this
            model.fit(counts, show_progress=False)
        lists = {}
        for kind, truth in truths.items():
            lists[kind] = np.full((len(truth.customers), k), -1, dtype=np.int64)
            rows = np.flatnonzero(np.diff(counts.indptr)[truth.customers] > 0)
            users = truth.customers[rows]
            found, _scores = model.recommend(users, counts[users], N=k, filter_already_liked_items=kind == "new")
            lists[kind][rows, : found.shape[1]] = found
        return lists

    return rank


class _TimeOver(Exception):
    """Raised when a model's training time is over."""


def rank_by_als_trained_as_long(
    held: HoldOut, truths: Mapping[str, Truth], k: int, seconds: Mapping[str, float]
) -> dict[str, Integers]:
    """Rank by implicit's ALS, with as many iterations as fit in gnn's training time, and at least its default of 15."""
    begun, done = time.monotonic(), 0

    def stop(iteration: int, *_: object) -> None:
        nonlocal done
        done = iteration + 1
        if done >= 15 and time.monotonic() - begun > seconds.get("gnn", 120.0):
            raise _TimeOver

    def make() -> Any:
        model = AlternatingLeastSquares(factors=FACTORS, random_state=0, iterations=100_000)
        fit = model.fit

        def fit_until_stopped(counts: sp.csr_matrix, show_progress: bool) -> None:
            with suppress(_TimeOver):
                fit(counts, show_progress=show_progress, callback=stop)

        model.fit = fit_until_stopped
        return model

    lists = rank_by_implicit(make)(held, truths, k, seconds)
    print(f"ALS: {done} iterations", flush=True)
    return lists


def rank_by_user_knn(held: HoldOut, truths: Mapping[str, Truth], k: int, _: Mapping[str, float]) -> dict[str, Integers]:
    """Rank by the 50 customers with the largest cosine of purchases, summing their articles by it; no recency."""
    pairs = collect_pairs(held.before)
    length = np.sqrt(np.maximum(np.diff(pairs.indptr), 1)).astype(np.float32)
    unit = (sp.diags(1 / length) @ pairs).tocsr()

    def score(customers: Integers) -> np.ndarray[Any, Any]:
        near = (unit[customers] @ unit.T).toarray()
        near[np.arange(len(customers)), customers] = 0
        least = -np.partition(-near, NEIGHBOURS, axis=1)[:, NEIGHBOURS - 1 : NEIGHBOURS]
        scores: np.ndarray[Any, Any] = np.asarray(sp.csr_matrix(np.where(near >= least, near, 0)) @ pairs.toarray())
        return scores

    return rank_scores(score, np.diff(pairs.indptr), truths, k)


def rank_by_pyg(
    held: HoldOut, truths: Mapping[str, Truth], k: int, seconds: Mapping[str, float]
) -> dict[str, Integers]:
    """Rank by PyG's LightGCN class on the same pairs: 64 dimensions, 3 layers, BPR, trained as long as gnn."""
    pairs = collect_pairs(held.before)
    (customer, article), customers = pairs.nonzero(), pairs.shape[0]
    positive = torch.from_numpy(np.stack([customer, article + customers]).astype(np.int64))  # [2, pairs]
    edges = torch.cat([positive, positive.flip(0)], dim=1)
    torch.manual_seed(0)
    model = LightGCN(sum(pairs.shape), FACTORS, LAYERS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    end = time.monotonic() + seconds.get("gnn", 120.0)
    steps = 0
    while time.monotonic() < end or not steps:
        batch = positive[:, torch.randint(positive.shape[1], (PYG_BATCH,))]
        negative = torch.stack([batch[0], torch.randint(customers, sum(pairs.shape), (PYG_BATCH,))])
        both = model(edges, torch.cat([batch, negative], dim=1)).chunk(2)
        loss = model.recommendation_loss(*both, node_id=torch.cat([batch, negative], dim=1).unique(), lambda_reg=1e-4)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
    print(f"PyG's LightGCN: {steps} steps, last loss {float(loss):.4f}", flush=True)
    with torch.no_grad():
        x = model.get_embedding(edges).numpy()
    return rank_scores(lambda users: x[users] @ x[customers:].T, np.diff(pairs.indptr), truths, k)


def rank_by_torchrec(held: HoldOut, truths: Mapping[str, Truth], k: int, _: Mapping[str, float]) -> dict[str, Integers]:
    """Rank by the cosine of TorchRec's embeddings, from two tables over two processes (`train --engine torchrec`)."""
    trained = train_tables(held.before)
    history = np.bincount(held.before.customer, minlength=len(held.before.customer_ids))
    return rank_scores(lambda users: trained.customers[users] @ trained.articles.T, history, truths, k)


def rank_by_neighbours_only(
    held: HoldOut, truths: Mapping[str, Truth], k: int, _: Mapping[str, float]
) -> dict[str, Integers]:
    """Rank by user_based_cf without the customer's own history, with the parameters for new articles."""
    snapshot = Snapshot.of(held.before, held.cut)
    given = learn_cf(held.before).parameters(new_only=True) | {"own_weight": 0.0}
    lists = {}
    for kind, truth in truths.items():
        found = user_based_cf(snapshot, truth.customers, k=k, new_only=kind == "new", **given)
        lists[kind] = np.full((len(truth.customers), k), -1, dtype=np.int64)
        lists[kind][found.row, np.arange(len(found.article)) - found.indptr[found.row]] = found.article
    return lists
