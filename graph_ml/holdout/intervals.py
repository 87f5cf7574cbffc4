"""Confidence intervals over customers: of means by the bootstrap, and of differences as a confidence sequence."""

from __future__ import annotations

import numpy as np

from ..export.subgraph import Integers
from .metrics import Scores

DRAWS = 2000
"""The number of resamples by default."""
TIGHTEST = 10_000
"""The number of customers at which `difference_interval` is tightest by default."""
FEWEST_EACH = 100
"""The least number of customers on each side of a difference; with fewer, the limit is a poor approximation."""
_NUMBERS_AT_ONCE = 8_000_000


def bootstrap_interval(
    values: Scores,
    customers: Integers,
    *,
    per: Scores | None = None,
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile interval of the mean of `values`, resampling whole customers with replacement.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13; resampled by customer as in Field
    and Welsh, Bootstrapping clustered data, JRSS B 2007.

    Parameters
    ----------
    values : [n], one number for each customer and week.
    customers : [n], the customer of each value; all weeks of a customer are drawn together.
    per : [n]; the interval is that of sum(values) / sum(per) instead of the mean. None for the mean.
    confidence : share of the resampled means between the bounds.
    draws : number of resamples.
    seed : the same seed gives the same bounds.
    """
    if not len(values):
        return float("nan"), float("nan")
    _, places = np.unique(customers, return_inverse=True)
    sums, counts = np.bincount(places, weights=values), np.bincount(places, weights=per)
    random = np.random.default_rng(seed)
    means = []
    step = max(1, _NUMBERS_AT_ONCE // len(sums))
    for begin in range(0, draws, step):
        chosen = random.integers(0, len(sums), size=(min(step, draws - begin), len(sums)))
        with np.errstate(invalid="ignore"):  # 0 / 0 if none of the drawn customers counts
            means.append(sums[chosen].sum(1) / counts[chosen].sum(1))
    tail = 100 * (1 - confidence) / 2
    found = np.concatenate(means)
    low, high = np.percentile(found if per is None else found[~np.isnan(found)], [tail, 100 - tail])
    return float(low), float(high)


def difference_interval(
    one: Scores, other: Scores, *, confidence: float = 0.95, tightest: int = TIGHTEST
) -> tuple[float, float]:
    """Return bounds of mean(one) - mean(other) that are valid at all times at once, so that you may look at any time.

        difference ± sqrt(V * 2 (n r + 1) / (n r) * log(sqrt(n r + 1) / alpha))

    V is the variance of the difference, n the number of customers of both, and r the constant that makes the bounds
    tightest at n = `tightest`. If you stop as soon as 0 is outside, a difference that does not exist is found in at
    most the share alpha of the experiments, in the limit of many customers. NaN with fewer than `FEWEST_EACH`
    customers in one of the two, or if all values are equal.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence
    sequences, Annals of Statistics 2024, theorem 2.2 and its choice of rho; the mixture is that of Robbins, Statistical
    methods related to the law of the iterated logarithm, 1970, as in the mixture SPRT of Johari et al., Always valid
    inference, Operations Research 2022.

    Parameters
    ----------
    one, other : [n1] and [n2], a number for each customer; the customers of both must be different.
    confidence : 1 - alpha.
    tightest : number of customers of both at which the bounds are tightest; it must not depend on the data.
    """
    if min(len(one), len(other)) < FEWEST_EACH:
        return float("nan"), float("nan")
    variance = one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)
    if not variance:
        return float("nan"), float("nan")
    log_alpha = -2 * np.log(1 - confidence)
    mixed = (len(one) + len(other)) * (log_alpha + np.log(log_alpha + 1)) / tightest
    width = np.sqrt(variance * 2 * (mixed + 1) / mixed * np.log(np.sqrt(mixed + 1) / (1 - confidence)))
    difference = one.mean() - other.mean()
    return float(difference - width), float(difference + width)
