"""The features of the ranker's candidates: counts, recency, rhythm, likeness, and where the sources found them.

There are two steps, so that the code that describes thousands of customers in training describes one customer from the
graph: facts about articles alone, which `hmrec train` writes on their nodes (article_history.py), and features from the
customer's own purchases (customer_history.py). Both files declare their features, and the order of columns is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers
from .article_history import ARTICLE_FACTS, ArticleHistory
from .customer_history import CUSTOMER_FEATURES, CustomerHistory

Matrix = npt.NDArray[np.float32]

FACTS = tuple(feature.name for feature in ARTICLE_FACTS)
HISTORY_FEATURES = tuple(feature.name for feature in CUSTOMER_FEATURES)
SUBJECTS = (*(feature.subject for feature in CUSTOMER_FEATURES), *(fact.subject for fact in ARTICLE_FACTS))
"""Which of `KNOWN` the first columns of `compute_features` are about."""


@dataclass(frozen=True)
class CandidateSet:
    """Articles that the sources propose to customers, each pair once, customer by customer.

    Attributes
    ----------
    customers : [n], numbers of customers.
    row : [m], ascending: the place in `customers`.
    article : [m], ascending within a row.
    score, place : [m, sources] float32: each source's score, and its place in the list from 1; NaN if the source did
        not propose the article.
    """

    customers: Integers
    row: Integers
    article: Integers
    score: Matrix
    place: Matrix

    @property
    def customer(self) -> Integers:
        """[m]: the numbers of the customers."""
        return self.customers[self.row]


def describe_articles(snapshot: Snapshot) -> Matrix:
    """Return [A, len(FACTS)]: the facts about every article, from purchases before the snapshot's day alone."""
    history = ArticleHistory(snapshot)
    return np.stack([feature.compute(history) for feature in ARTICLE_FACTS], axis=1).astype(np.float32)


def compute_features(snapshot: Snapshot, candidate_set: CandidateSet, facts: Matrix, cosine: Matrix) -> Matrix:
    """Return [m, len(OWN) + len(FACTS) + 2 * sources]: all features, a row for each candidate.

    Parameters
    ----------
    snapshot : has all purchases of the customers; those of others are not used.
    candidate_set : the pairs of customer and article.
    facts : [A, len(FACTS)], from `describe_articles`.
    cosine : [m], of the embeddings; NaN if one is missing.
    """
    part = snapshot.take(candidate_set.customers)
    repeat_gap = facts[candidate_set.article, FACTS.index("repeat_gap")]
    history = CustomerHistory(part, candidate_set.row, candidate_set.article, repeat_gap, cosine)
    known, sources = len(HISTORY_FEATURES) + len(FACTS), candidate_set.score.shape[1]
    described = np.empty(
        (known + 2 * sources, len(candidate_set.row)), dtype=np.float32
    )  # by columns: written in order
    for place, feature in enumerate(CUSTOMER_FEATURES):
        described[place] = feature.compute(history)
    for place, fact in enumerate(facts.T, len(HISTORY_FEATURES)):
        described[place] = fact[candidate_set.article]
    described[known : known + sources] = candidate_set.score.T
    described[known + sources :] = candidate_set.place.T
    return described.T


def name_features(sources: tuple[str, ...]) -> list[str]:
    """Return the names of `compute_features`' columns."""
    words = [source.replace(" ", "_") for source in sources]  # as LightGBM keeps them
    scores, places = [f"{source}_score" for source in words], [f"{source}_place" for source in words]
    return [*HISTORY_FEATURES, *FACTS, *scores, *places]
