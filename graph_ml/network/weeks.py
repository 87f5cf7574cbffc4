"""The weeks that a network learns to foresee: the graph before each, and what was bought in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from ..export.features import FeatureEncoder
from ..export.subgraph import Integers, Subgraph, to_days
from ..holdout.ranking import collect_pairs
from ..holdout.split import WEEK
from .model import NodeFeatures, add_up, build_adjacency

if TYPE_CHECKING:
    from .trained_model import TrainSettings

LEAST_WEEKS = 5  # to foresee, however many customers each has
EVEN = 0.1  # share of the negatives drawn evenly, so that what never sold is among them, too


Degree = npt.NDArray[np.float64] | None
"""[attribute nodes]: the sums of the weights of all their edges, if not all are in a subgraph; else None."""


@dataclass(frozen=True)
class DatedGraph:
    """The graph as it stood on a day.

    Attributes
    ----------
    day : the first one that it does not know, as days since 1970-01-01.
    adjacency : [N, N], customers, articles and attribute nodes.
    known : [N, 1] float32, 1 for nodes with a purchase before that day and for attribute nodes.
    sold : [A, windows] float32, log(1 + buyers of an article in the last days).
    """

    day: int
    adjacency: Tensor
    known: Tensor
    sold: Tensor


@dataclass(frozen=True)
class Task:
    """Purchases to foresee, and the graph to foresee them from.

    Attributes
    ----------
    graph : the graph before them.
    targets : [C, A], 1 where bought.
    new : [C, A], 1 where bought and not bought before.
    owned : [C, A], 1 where bought before, by customers with targets.
    customers : those with targets.
    chance : [A], of each article to be drawn as not bought.
    """

    graph: DatedGraph
    targets: sp.csr_matrix
    new: sp.csr_matrix
    owned: sp.csr_matrix
    customers: Integers
    chance: npt.NDArray[np.float64]


def plan_tasks(
    subgraph: Subgraph, settings: TrainSettings, shop: Subgraph | None = None, degree: Degree = None
) -> list[Task]:
    """The last weeks, each with the graph before it; without enough of them, the graph's own purchases.

    `shop` has the purchases of all customers, later ones among them; None: the subgraph has them.
    """
    until = to_days(subgraph.until)
    tasks = []
    for week in range(1, count_target_weeks(subgraph, settings) + 1):
        cut = until - WEEK * week
        before = subgraph.where(subgraph.time < cut)
        after = subgraph.where((subgraph.time >= cut) & (subgraph.time < cut + WEEK))
        if before.num_edges and after.num_edges:
            tasks.append(_look_ahead(before, after, cut, settings, shop, degree))
    return tasks or [_look_ahead(subgraph, subgraph, until, settings, shop, degree)]


def count_target_weeks(subgraph: Subgraph, settings: TrainSettings) -> int:
    """How many of the last weeks are to be foreseen.

    As many as have `target_customers` together, at most half of all weeks, for the first have little before them; but
    `LEAST_WEEKS` where there are as many. A small shop has few customers a week, and learns the same ones by heart.
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


def _look_ahead(
    before: Subgraph, after: Subgraph, today: int, settings: TrainSettings, shop: Subgraph | None, degree: Degree
) -> Task:
    graph, sold = take_graph(before, today, settings, shop, degree), weigh_articles(before, today, settings)
    return make_task(graph, before, after, sold, settings)


def make_task(
    graph: DatedGraph, before: Subgraph, after: Subgraph, sold: npt.NDArray[np.float64], settings: TrainSettings
) -> Task:
    """What of `after` is to be foreseen from `before`; `sold` [A] is how much of each article all customers bought."""
    targets = collect_pairs(after)
    is_target = np.diff(targets.indptr) > 0
    owned = collect_pairs(before.where(is_target[before.customer]))  # of nobody else is it asked
    new = (targets - targets.multiply(owned)).tocsr()
    new.eliminate_zeros()
    weight = sold**settings.popularity
    chance = (1 - EVEN) * weight / weight.sum() + EVEN / len(weight)
    return Task(graph, targets, new, owned, np.flatnonzero(is_target), chance)


def weigh_articles(before: Subgraph, today: int, settings: TrainSettings) -> npt.NDArray[np.float64]:
    """[A]: the sum of what the purchases of each article weigh."""
    weight = weigh(before, today, settings.half_life)
    sold: npt.NDArray[np.float64] = np.bincount(before.article, weight, len(before.article_ids)).astype(np.float64)
    return sold


def take_graph(
    subgraph: Subgraph, today: int, settings: TrainSettings, shop: Subgraph | None = None, degree: Degree = None
) -> DatedGraph:
    """The graph of purchases that all happened before `today` (days since 1970-01-01), for propagation.

    An article's buyers are counted in `shop`, of whose purchases before that day the subgraph has those of some
    customers; None: it has all.
    """
    num_customers, num_articles = len(subgraph.customer_ids), len(subgraph.article_ids)
    adjacency = join_nodes(subgraph, today, settings, degree=degree)
    known = torch.zeros(len(adjacency), 1)
    known[torch.from_numpy(np.unique(subgraph.customer))] = 1
    known[torch.from_numpy(np.unique(subgraph.article)) + num_customers] = 1
    known[num_customers + num_articles :] = 1
    if not settings.features:
        known[:] = 1
    buyers = count_buyers(shop or subgraph, today, settings.windows)
    return DatedGraph(today, adjacency, known, torch.from_numpy(buyers).log1p())


def join_nodes(
    subgraph: Subgraph, today: int, settings: TrainSettings, power: float = 0.5, degree: Degree = None
) -> Tensor:
    """[N, N]: the adjacency of purchases that all happened before `today`; `power` as of `build_adjacency`."""
    return build_adjacency(
        subgraph.customer,
        subgraph.article,
        weigh(subgraph, today, settings.half_life),
        (len(subgraph.customer_ids), len(subgraph.article_ids)),
        weigh_attributes(subgraph, settings),
        settings.most,
        power,
        degree,
    )


def measure_degrees(subgraph: Subgraph, today: int, settings: TrainSettings) -> npt.NDArray[np.float64]:
    """[A]: the sum of the weights of each article's edges in `take_graph`'s graph."""
    weight, shape = weigh(subgraph, today, settings.half_life), (len(subgraph.customer_ids), len(subgraph.article_ids))
    degree = np.asarray(add_up(subgraph.customer, subgraph.article, weight, shape, settings.most).sum(0)).ravel()
    attributes = weigh_attributes(subgraph, settings)
    return degree if attributes is None else degree + np.asarray(attributes.sum(1)).ravel()


def count_buyers(subgraph: Subgraph, today: int, windows: Sequence[int]) -> npt.NDArray[np.float32]:
    """[A, windows]: how many different customers bought each article in the last so many days before `today`."""
    counts = np.zeros((len(subgraph.article_ids), len(windows)), dtype=np.float32)
    if not windows:
        return counts
    last = np.flatnonzero((subgraph.time < today) & (subgraph.bought_again >= today))  # of each pair by then
    article, time = subgraph.article[last], subgraph.time[last]
    for column, days in enumerate(windows):
        counts[:, column] = np.bincount(article[time >= today - days], minlength=len(counts))
    return counts


def collect_features(subgraph: Subgraph, encoders: Mapping[str, FeatureEncoder]) -> tuple[NodeFeatures, ...]:
    """What customers and articles tell about themselves, as far as there are encoders for it."""
    found = []
    for kind, frame, first in (
        ("customer", subgraph.customers, 0),
        ("article", subgraph.articles, len(subgraph.customer_ids)),
    ):
        if kind in encoders:
            encoded = encoders[kind].encode(frame)
            found.append(NodeFeatures(first, encoded.numbers, encoded.codes, encoded.sizes))
    return tuple(found)


def count_nodes(subgraph: Subgraph, settings: TrainSettings) -> int:
    """How many nodes the adjacency has."""
    attributes = sum(len(attribute.keys) for attribute in subgraph.attributes.values()) if settings.attributes else 0
    return len(subgraph.customer_ids) + len(subgraph.article_ids) + attributes


def weeks_of(subgraph: Subgraph) -> int:
    """How many whole weeks the purchases cover."""
    return (to_days(subgraph.until) - int(subgraph.time.min())) // WEEK


def weigh(subgraph: Subgraph, today: int, half_life: float | None) -> npt.NDArray[np.float64]:
    """[num_edges]: quantity * 0.5 ^ (age / half_life); the quantity alone without a half-life."""
    quantity = subgraph.quantity.astype(np.float64)
    if half_life is None:
        return quantity
    weight: npt.NDArray[np.float64] = quantity * 0.5 ** ((today - subgraph.time) / half_life)
    return weight


def weigh_attributes(subgraph: Subgraph, settings: TrainSettings) -> sp.csr_matrix | None:
    """[A, T]: the same weight for each edge from an article to an attribute node."""
    if not settings.attributes or not subgraph.attributes:
        return None
    parts = [
        sp.csr_matrix(
            (np.full(edges.shape[1], settings.attributes), edges), (len(subgraph.article_ids), len(attribute.keys))
        )
        for attribute in subgraph.attributes.values()
        for edges in (attribute.edge_index,)
    ]
    return sp.hstack(parts, format="csr")
