"""The candidates of many customers as of a day, with their features, and the lists that a ranker makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ...cypher.recommenders import Method
from ..candidates.gnn import gnn
from ..candidates.lists import THREADS, Candidates, place_within
from ..candidates.nearest import Vectors, cosine_of
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers, Subgraph
from ..holdout.split import HoldOut
from .features import HISTORY_FEATURES, CandidateSet, Matrix, compute_features, describe_articles
from .ranker import Ranker
from .sources import BY_EMBEDDING, collect_candidates

CUSTOMERS_AT_ONCE = 250  # the features of their candidates take 25 MB; above 32 MB, malloc asks the system each time

EmbedAsOf = Callable[[Subgraph, int], Vectors]
"""Returns embeddings as of a day. It takes the purchases before that day, and the day as days since 1970-01-01.

The network behind it must not have seen later purchases.
"""


@dataclass(frozen=True)
class RankingContext:
    """The data to collect, describe and rank candidates as of a day.

    Attributes
    ----------
    snapshot : the purchases before that day.
    facts : [A, facts], from `describe_articles`.
    vectors : the embeddings as of that day, or None.
    sources : the recommenders that propose candidates.
    """

    snapshot: Snapshot
    facts: Matrix
    vectors: Vectors | None
    sources: tuple[Method, ...]

    @classmethod
    def of(cls, held: HoldOut, embed: EmbedAsOf | None, sources: tuple[Method, ...]) -> RankingContext:
        """Return the context as of the first day held out."""
        snapshot = Snapshot.of(held.before, held.cut)
        vectors = embed(held.before, snapshot.cut) if embed else None
        return cls(snapshot, describe_articles(snapshot), vectors, sources)

    def describe(self, customers: Integers) -> Iterator[tuple[CandidateSet, Matrix]]:
        """Yield the customers' candidates and their features, `CUSTOMERS_AT_ONCE` customers at a time."""
        for begin in range(0, len(customers), CUSTOMERS_AT_ONCE):
            yield self._describe(customers[begin : begin + CUSTOMERS_AT_ONCE])

    def _describe(self, customers: Integers) -> tuple[CandidateSet, Matrix]:
        candidate_set = collect_candidates(
            self.snapshot, customers, self.sources, self._find_nearest if self.vectors else None
        )
        return candidate_set, compute_features(self.snapshot, candidate_set, self.facts, self._compare(candidate_set))

    def rank(self, ranker: Ranker, customers: Integers, k: int, new_only: bool) -> Integers:
        """Return [n, k]: each customer's best articles, padded with -1; `new_only` excludes those bought before."""
        return self.rank_with_scores(ranker, customers, k, new_only)[0]

    def rank_with_scores(
        self, ranker: Ranker, customers: Integers, k: int, new_only: bool, depth: int | None = None
    ) -> tuple[Integers, npt.NDArray[np.float64], Integers]:
        """Return [n, depth] each: the articles as of `rank`, their scores, and the source that ranks each highest.

        Parameters
        ----------
        ranker, customers, new_only : as for `rank`.
        k : how many articles all trees order; those after them are in the order of earlier stages.
        depth : length of the lists; None for k.
        """
        depth = k if depth is None else depth
        ranked = np.full((len(customers), depth), -1, dtype=np.int64)
        scores = np.zeros((len(customers), depth))
        sources = np.zeros((len(customers), depth), dtype=np.int64)

        def rank_batch(begin: int) -> None:
            candidate_set, features = self._describe(customers[begin : begin + CUSTOMERS_AT_ONCE])
            if new_only:
                candidate_set, features = keep_new(candidate_set, features)
            score, stage = ranker.score_in_stages(features, candidate_set.row, new_only, k)
            row, place, which = take_first(candidate_set, score, depth, stage)
            ranked[begin + row, place] = candidate_set.article[which]
            scores[begin + row, place] = score[which]
            sources[begin + row, place] = np.nan_to_num(candidate_set.place[which], nan=np.inf).argmin(axis=1)

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(THREADS) as pool:  # the pool has enough threads
            list(pool.map(rank_batch, range(0, len(customers), CUSTOMERS_AT_ONCE)))
        return ranked, scores, sources

    def _find_nearest(self, customers: Integers) -> Candidates:
        assert self.vectors is not None  # noqa: S101  only called if there are vectors
        return gnn(self.snapshot, customers, vectors=self.vectors, k=BY_EMBEDDING.candidates, new_only=True)

    def _compare(self, candidate_set: CandidateSet) -> Matrix:
        if self.vectors is None:
            return np.full(len(candidate_set.row), np.nan, dtype=np.float32)
        return cosine_of(self.vectors, candidate_set.customer, candidate_set.article)


def find_new(features: Matrix) -> Integers:
    """Return the numbers of the candidates that the customer never bought."""
    return np.flatnonzero(features[:, HISTORY_FEATURES.index("days_bought")] == 0)


def keep_new(candidate_set: CandidateSet, features: Matrix) -> tuple[CandidateSet, Matrix]:
    """Keep only candidates that the customer never bought."""
    new = find_new(features)
    return candidate_set.take(new), features[new]


def take_first(
    candidate_set: CandidateSet, score: npt.NDArray[np.float64], k: int, stage: Integers | None = None
) -> tuple[Integers, Integers, Integers]:
    """Return row, place from 0 and number of each customer's k best candidates.

    Equal scores are in the order of ids. Candidates with a score of -inf are left out.

    Parameters
    ----------
    candidate_set : the candidates.
    score : [m], of each.
    k : how many per customer.
    stage : [m], as of `Ranker.score_in_stages`: lower ones come first; None if all are of one.
    """
    place = place_within(candidate_set.row, score, stage)
    first = np.flatnonzero((place < k) & (score > -np.inf))
    first = first[np.lexsort((place[first], candidate_set.row[first]))]
    return candidate_set.row[first], place[first], first
