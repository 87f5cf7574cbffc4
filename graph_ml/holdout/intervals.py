"""Bootstrap confidence intervals of means over customers."""

from __future__ import annotations

import numpy as np

from ..export.subgraph import Integers
from .metrics import Scores

DRAWS = 2000
"""The number of resamples by default."""
_NUMBERS_AT_ONCE = 8_000_000


def bootstrap_interval(
    values: Scores, customers: Integers, *, confidence: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile interval of the mean of `values`, resampling whole customers with replacement.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; resampled by customer as in Field
    and Welsh, Bootstrapping clustered data, JRSS B 2007.

    Parameters
    ----------
    values : [n], one number for each customer and week.
    customers : [n], the customer of each value; all weeks of a customer are drawn together.
    confidence : share of the resampled means between the bounds.
    draws : number of resamples.
    seed : the same seed gives the same bounds.
    """
    if not len(values):
        return float("nan"), float("nan")
    _, places = np.unique(customers, return_inverse=True)
    sums, counts = np.bincount(places, weights=values), np.bincount(places)
    random = np.random.default_rng(seed)
    means = []
    step = max(1, _NUMBERS_AT_ONCE // len(sums))
    for begin in range(0, draws, step):
        chosen = random.integers(0, len(sums), size=(min(step, draws - begin), len(sums)))
        means.append(sums[chosen].sum(1) / counts[chosen].sum(1))
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(np.concatenate(means), [tail, 100 - tail])
    return float(low), float(high)
