"""The target weeks of a training: the graph before each week, and the purchases in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from ..export.subgraph import Integers, Subgraph, to_days
from ..holdout.ranking import collect_pairs
from ..holdout.split import WEEK
from .dated_graph import DatedGraph, GraphBuilder, weight_articles
from .trained_model import TrainSettings

LEAST_WEEKS = 5  # minimum number of target weeks
UNIFORM_SHARE = 0.1  # share of the negatives drawn uniformly, so that articles never sold are also drawn


@dataclass(frozen=True)
class TargetWeek:
    """Purchases to predict, and the graph to predict them from; with several processes, of the own customers.

    Attributes
    ----------
    graph : the graph before the week.
    targets : [C, A], 1 if bought in the week.
    new : [C, A], 1 if bought in the week and not before.
    owned : [C, A], 1 if bought before, by customers with targets.
    customers : the customers with targets.
    chance : [A], the probability that a draw of a negative is this article, from the purchases of all processes.
    """

    graph: DatedGraph
    targets: sp.csr_matrix
    new: sp.csr_matrix
    owned: sp.csr_matrix
    customers: Integers
    chance: npt.NDArray[np.float64]


def plan_target_weeks(own: Subgraph, weeks: int, until: int, builder: GraphBuilder) -> list[TargetWeek]:
    """Return the last weeks with purchases before and in them, the latest first; if none, all purchases as one target.

    Parameters
    ----------
    own : the own customers' purchases.
    weeks : maximum number of weeks.
    until : the day after the last purchase of all customers, as days since 1970-01-01.
    builder : builds the graphs.
    """
    planned = []
    for week in range(1, weeks + 1):
        cut = until - WEEK * week
        before, after = own.where(own.time < cut), own.where((own.time >= cut) & (own.time < cut + WEEK))
        edges = builder.processes.add(torch.tensor([before.num_edges, after.num_edges], device="cpu"))
        if int(edges.min()):
            planned.append(_make_target_week(before, after, cut, builder))
    return planned or [_make_target_week(own, own, until, builder)]


def count_target_weeks(subgraph: Subgraph, settings: TrainSettings) -> int:
    """Return how many of the last weeks are target weeks.

    These are as many as have `target_customers` customers in total, but at least `LEAST_WEEKS`, if there are as many. A
    small shop has few customers a week, and training on few weeks would overfit. At most half of all weeks are target
    weeks, because the first weeks have few purchases before them.
    """
    weeks = weeks_of(subgraph)
    most = min(settings.target_weeks, weeks - 1, max(LEAST_WEEKS, weeks // 2))
    if most <= LEAST_WEEKS:
        return max(most, 0)
    ago = (to_days(subgraph.until) - 1 - subgraph.time) // WEEK
    recent = ago < most
    seen = np.unique(ago[recent].astype(np.int64) * len(subgraph.customer_ids) + subgraph.customer[recent])
    together = np.cumsum(np.bincount(seen // len(subgraph.customer_ids), minlength=most))
    return int(np.clip(np.searchsorted(together, settings.target_customers) + 1, LEAST_WEEKS, most))


def weeks_of(subgraph: Subgraph) -> int:
    """Return how many whole weeks the purchases cover."""
    return (to_days(subgraph.until) - int(subgraph.time.min())) // WEEK


def _make_target_week(before: Subgraph, after: Subgraph, day: int, builder: GraphBuilder) -> TargetWeek:
    graph = builder.build(before, day)
    targets = collect_pairs(after)
    is_target = np.diff(targets.indptr) > 0
    owned = collect_pairs(before.where(is_target[before.customer]))  # batches have no other customers
    new = (targets - targets.multiply(owned)).tocsr()
    new.eliminate_zeros()
    sold = builder.processes.add(torch.from_numpy(weight_articles(before, day, builder.settings))).numpy()
    weight = sold**builder.settings.popularity
    chance = (1 - UNIFORM_SHARE) * weight / weight.sum() + UNIFORM_SHARE / len(weight)
    return TargetWeek(graph, targets, new, owned, np.flatnonzero(is_target), chance)
