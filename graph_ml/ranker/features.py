"""The features of the ranker's candidates: counts, recency, rhythm, similarity, and the sources' scores and places.

They are computed in two steps, so that training and a request for one customer share the code. Facts about articles
alone (article_history.py) are written on their nodes by `hmrec train`. Features from the customer's own purchases
(customer_history.py) are computed for each request. Both files declare their features in the order of the columns.
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
"""The subject in `KNOWN` of each of the first columns of `compute_features`."""


@dataclass(frozen=True)
class CandidateSet:
    """Articles that the sources propose to customers: each pair once, sorted by customer.

    Attributes
    ----------
    customers : [n], the numbers of the customers.
    row : [m], ascending: the position in `customers`.
    article : [m], ascending within a row.
    score, place : [m, sources] float32: each source's score, and the place in its list from 1; NaN if the source did
        not propose the article.
    """

    customers: Integers
    row: Integers
    article: Integers
    score: Matrix
    place: Matrix

    @property
    def customer(self) -> Integers:
        """[m], the customer of each candidate."""
        return self.customers[self.row]

    def take(self, kept: Integers) -> CandidateSet:
        """Return only the candidates with these numbers, ascending."""
        return CandidateSet(self.customers, self.row[kept], self.article[kept], self.score[kept], self.place[kept])


def describe_articles(snapshot: Snapshot) -> Matrix:
    """Return [A, len(FACTS)]: the facts about every article, only from purchases before the snapshot's day."""
    history = ArticleHistory(snapshot)
    return np.stack([feature.compute(history) for feature in ARTICLE_FACTS], axis=1).astype(np.float32)


def compute_features(snapshot: Snapshot, candidate_set: CandidateSet, facts: Matrix, cosine: Matrix) -> Matrix:
    """Return [m, len(HISTORY_FEATURES) + len(FACTS) + 2 * sources]: all features, a row for each candidate.

    Parameters
    ----------
    snapshot : holds all purchases of these customers; those of others are ignored.
    candidate_set : the candidates.
    facts : [A, len(FACTS)], from `describe_articles`.
    cosine : [m], the cosine of the embeddings; NaN if one is missing.
    """
    part = snapshot.take(candidate_set.customers)
    history = CustomerHistory(part, candidate_set.row, candidate_set.article, facts, cosine)
    known, sources = len(HISTORY_FEATURES) + len(FACTS), candidate_set.score.shape[1]
    # A row per feature, so that each is written to adjacent memory.
    described = np.empty((known + 2 * sources, len(candidate_set.row)), dtype=np.float32)
    for place, feature in enumerate(CUSTOMER_FEATURES):
        described[place] = feature.compute(history)
    for place, fact in enumerate(facts.T, len(HISTORY_FEATURES)):
        described[place] = fact[candidate_set.article]
    described[known : known + sources] = candidate_set.score.T
    described[known + sources :] = candidate_set.place.T
    return described.T


def name_features(sources: tuple[str, ...]) -> list[str]:
    """Return the names of `compute_features`' columns."""
    words = [source.replace(" ", "_") for source in sources]  # LightGBM stores names without spaces
    scores, places = [f"{source}_score" for source in words], [f"{source}_place" for source in words]
    return [*HISTORY_FEATURES, *FACTS, *scores, *places]
