"""Metrics of ranked lists at k: each function is the formula, and returns one number per customer.

Every function takes `hits` [customers, k] bool: whether the article at each position of the list was bought in the days
held out. Shorter lists are padded with false. `relevant` [customers] is the number of different articles that the
customer bought in those days, at least 1. As at Kaggle, customers without any are excluded beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Hits = npt.NDArray[np.bool_]
"""[customers, k] bool: whether the article at each position was bought."""
Counts = npt.NDArray[np.int64]
"""[customers] int64."""
Scores = npt.NDArray[np.float64]
"""[customers] float64."""
LENGTH = 12
"""Length of the lists by which training compares settings on earlier weeks."""
FEWEST = 50
"""Number of lists from which training compares settings; with fewer, the defaults stay."""


def average_precision(hits: Hits, relevant: Counts) -> Scores:
    """AP@k = 1 / min(m, k) * sum over positions i of precision@i * hit_i; its mean over customers is Kaggle's MAP@12.

    Source: https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations/overview/evaluation
    """
    k = hits.shape[1]
    precision_at = hits.cumsum(1) / np.arange(1, k + 1)
    return _float((precision_at * hits).sum(1) / np.minimum(relevant, k))


def precision(hits: Hits, relevant: Counts) -> Scores:
    """Precision@k = hits / k. Source: Manning et al., Introduction to Information Retrieval, 2008, chapter 8."""
    return _float(hits.sum(1) / hits.shape[1])


def recall(hits: Hits, relevant: Counts) -> Scores:
    """Recall@k = hits / m. Source: Manning et al., Introduction to Information Retrieval, 2008, chapter 8."""
    return _float(hits.sum(1) / relevant)


def ndcg(hits: Hits, relevant: Counts) -> Scores:
    """NDCG@k = (sum of hit_i / log2(i + 1)) / (the same sum for a list that starts with all min(m, k) hits).

    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, TOIS 2002, with gains of 0 and 1.
    """
    k = hits.shape[1]
    discount = 1 / np.log2(np.arange(2, k + 2))
    best = np.concatenate([[0.0], discount.cumsum()])[np.minimum(relevant, k)]
    return _float((hits * discount).sum(1) / best)


def hit_rate(hits: Hits, relevant: Counts) -> Scores:
    """HR@k = 1 if any position of the list is a hit. Source: Deshpande and Karypis, Item-based top-N, TOIS 2004."""
    return _float(hits.max(1))


METRICS: Mapping[str, Callable[[Hits, Counts], Scores]] = {
    "map": average_precision,
    "precision": precision,
    "recall": recall,
    "ndcg": ndcg,
    "hit_rate": hit_rate,
}
"""The metrics by name, in the order of tables."""


def _float(values: npt.NDArray[Any]) -> Scores:
    return values.astype(np.float64)
