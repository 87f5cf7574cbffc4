"""Group customers by k-means, and name each group by what distinguishes it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.cluster.vq import kmeans2, vq

from ...cypher.errors import UserMistake
from ...cypher.limits import SEED, SEGMENTS
from ..export.subgraph import Integers, Subgraph
from .taste import Groups, Taste, count_purchases

Floats = npt.NDArray[np.float64]
"""An array of float64."""
_SAMPLE = 100_000  # customers that k-means looks at; the others go to the nearest centre
_STARTS = 5
_TRAITS = 3
_LIFT = 1.1  # below, "1.0 times as often" distinguishes nobody, however large the department


@dataclass(frozen=True)
class Segment:
    """A group of customers.

    Attributes
    ----------
    name : what distinguishes it; unique among the segments.
    size : number of customers.
    traits : what its customers buy more often than all customers, in words, the most distinguishing first.
    centre : [dim], the mean of its customers' vectors.
    """

    name: str
    size: int
    traits: tuple[str, ...]
    centre: tuple[float, ...]


@dataclass(frozen=True)
class Segmentation:
    """All customers with a known taste, grouped.

    Attributes
    ----------
    segments : the largest first.
    of_customer : [C] int64, the position of each customer's segment; -1 without a known taste.
    taste : what they were grouped by.
    """

    segments: tuple[Segment, ...]
    of_customer: Integers
    taste: Taste


def make_segments(
    subgraph: Subgraph, groups: Groups, taste: Taste, k: int = SEGMENTS, seed: int = SEED
) -> Segmentation:
    """Group customers into at most `k` segments. The same graph, k and seed give the same segments and names.

    k-means++ starts: Arthur and Vassilvitskii, SODA 2007. Of five starts, the one with the smallest squared distances
    is taken. A large shop is grouped by a sample of 100,000 customers.

    Parameters
    ----------
    subgraph : the purchases.
    groups : the departments of the articles, for the names.
    taste : a vector for each customer.
    k : number of segments.
    seed : of the random starts.

    Raises
    ------
    UserMistake : fewer than `k` customers differ from each other.
    """
    known = np.flatnonzero(~np.isnan(taste.vectors).any(axis=1))
    vectors = taste.vectors[known].astype(np.float64)
    random = np.random.default_rng(seed)
    sample = vectors if len(known) <= _SAMPLE else vectors[np.sort(random.choice(len(known), _SAMPLE, replace=False))]
    different = len(np.unique(sample, axis=0))
    if different < k:
        raise UserMistake(
            f"The customers have {different:,} different tastes, too few for {k:,} segments.", "Choose a smaller -k."
        )
    centres = _find_centres(sample, k, random)
    nearest = find_nearest(vectors, centres)
    sizes = np.bincount(nearest, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    place = np.full(len(centres), -1)
    place[order] = np.arange(len(order))
    of_customer = np.full(len(taste.vectors), -1)
    of_customer[known] = place[nearest]
    described = _describe(count_purchases(subgraph, groups), groups, of_customer, len(order))
    segments = tuple(
        Segment(name, int(sizes[number]), traits, tuple(centres[number].tolist()))
        for (name, traits), number in zip(described, order.tolist(), strict=True)
    )
    return Segmentation(segments, of_customer, taste)


def find_nearest(vectors: Floats, centres: Floats) -> Integers:
    """Return the position of the nearest centre of each vector, [n]."""
    nearest: Integers = vq(vectors, centres)[0].astype(np.int64)
    return nearest


def _find_centres(sample: Floats, k: int, random: np.random.Generator) -> Floats:
    """Return [k or fewer, dim], the centres of the best of several runs of k-means."""
    best, least = sample[:1], np.inf
    for _ in range(_STARTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty cluster, which is dropped
            centres, _ = kmeans2(sample, k, iter=50, minit="++", rng=random)
        squared = float((vq(sample, centres)[1] ** 2).sum())
        if squared < least:
            best, least = centres, squared
    return best


def _describe(
    counts: sp.csr_matrix, groups: Groups, of_customer: Integers, number: int
) -> list[tuple[str, tuple[str, ...]]]:
    """Return a unique name and the traits of each segment.

    A group distinguishes a segment by share * log(lift), its part of the Kullback-Leibler divergence of the segment's
    purchases from all purchases. The lift is the share of the segment's purchases divided by the share of all.
    """
    member = of_customer >= 0
    shape = (number, len(of_customer))
    inside = sp.csr_matrix((np.ones(int(member.sum())), (of_customer[member], np.flatnonzero(member))), shape)
    bought = np.asarray((inside @ counts).todense())
    shares = bought / np.maximum(1, bought.sum(axis=1, keepdims=True))
    overall = bought.sum(axis=0) / max(1.0, bought.sum())
    lift = np.divide(shares, overall, out=np.ones_like(shares), where=overall > 0)
    weight = shares * np.log(np.maximum(lift, 1e-12))
    found: list[tuple[str, tuple[str, ...]]] = []
    for row in range(number):
        order = np.argsort(-np.round(weight[row], 12), kind="stable")
        more = [place for place in order.tolist() if lift[row, place] > 1 and shares[row, place] > 0]
        best = [place for place in more if lift[row, place] >= _LIFT] or more
        names = [groups.names[place] for place in best[:_TRAITS]]
        facts = [(groups.names[place], lift[row, place], 100 * shares[row, place]) for place in best[:_TRAITS]]
        traits = tuple(f"{name} {times:.1f} times as often ({part:.0f} % of purchases)" for name, times, part in facts)
        found.append((_choose_name(names, {name for name, _ in found}, row), traits))
    return found


def _choose_name(names: list[str], taken: set[str], row: int) -> str:
    """Return the shortest list of names that no larger segment has; with a number if there is none."""
    for end in range(1, len(names) + 1):
        joined = " and ".join((", ".join(names[: end - 1]), names[end - 1])) if end > 1 else names[0]
        if joined not in taken:
            return joined
    return f"{names[0] if names else 'Segment'} {row + 1}"
