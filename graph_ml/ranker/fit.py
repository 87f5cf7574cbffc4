"""Train gradient-boosted trees on earlier weeks to order the candidates of all sources.

Each week is seen as of its first day: candidates, facts and embeddings come from earlier purchases only. The labels are
the purchases in the week. Source of the objective: Burges, From RankNet to LambdaRank to LambdaMART, 2010. Source of
the trees: Ke et al., LightGBM, NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from threadpoolctl import threadpool_limits

from ...cypher.errors import UserMistake
from ...cypher.progress import Progress, silent
from ...cypher.recommenders import Method
from ..candidates.gnn import gnn
from ..candidates.lists import THREADS, Candidates, look_up, place_within
from ..candidates.nearest import Vectors, cosine_of
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers, Subgraph
from ..holdout.ranking import collect_pairs
from ..holdout.split import WEEK, HoldOut, hold_out
from .features import (
    HISTORY_FEATURES,
    CandidateSet,
    Matrix,
    compute_features,
    describe_articles,
    name_features,
)
from .forest import MAX_LEAVES
from .ranker import Ranker, choose_threads
from .sources import BY_EMBEDDING, SOURCES, collect_candidates

if TYPE_CHECKING:
    from lightgbm.callback import CallbackEnv

CUSTOMERS_AT_ONCE = 250  # the features of their candidates take 25 MB; above 32 MB, malloc asks the system each time
COLLECTING, GROWING = "Ranker: collecting candidates of earlier weeks", "Ranker: growing trees"

EmbedAsOf = Callable[[Subgraph, int], Vectors]
"""Returns embeddings as of a day. It takes the purchases before that day, and the day as days since 1970-01-01.

The network behind it must not have seen later purchases.
"""


class RankSettings(BaseModel):
    """Settings of the ranker's training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weeks: int = Field(default=4, ge=1, description="Number of last weeks to learn from, each as of its first day")
    customers: int = Field(default=5_000, ge=1, description="Maximum number of customers per week")
    negatives: int = Field(
        default=120, ge=1, description="Expected number of candidates per customer that were not bought"
    )
    forests: int = Field(default=3, ge=1, description="Number of forests; their seeds differ, their mean is the score")
    rounds: int = Field(default=200, ge=1, description="Number of trees per forest")
    learning_rate: float = Field(default=0.04, gt=0, description="Weight of each tree")
    leaves: int = Field(default=31, ge=2, le=MAX_LEAVES, description="Maximum number of leaves per tree")
    least: int = Field(default=200, ge=1, description="Minimum number of candidates per leaf; lower if there are few")
    l2: float = Field(default=10.0, ge=0, description="L2 regularisation of the leaf values")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same trees on the same machine")


@dataclass(frozen=True)
class RankParts:
    """What `--method hybrid` needs besides embeddings.

    Attributes
    ----------
    ranker : the trees.
    facts : [A, facts], about the model's articles, as of the day after its last purchase.
    """

    ranker: Ranker
    facts: Matrix


def train_ranker(
    subgraph: Subgraph,
    embed: EmbedAsOf | None = None,
    settings: RankSettings | None = None,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
) -> Ranker | None:
    """Learn from the last weeks which candidates are bought.

    Parameters
    ----------
    subgraph : all purchases, exported with `SubgraphSpec(isolated=True)`.
    embed : returns embeddings as of each week's first day. Its network must be trained only on purchases before
        `first_day(subgraph, settings)`. None to train without embeddings.
    settings : settings of the training; None for the defaults.
    sources : the recommenders that propose candidates.
    progress : receives the weeks, then the trees.

    Returns
    -------
    The ranker; None if no candidate was ever bought, as in a shop of two weeks.
    """
    settings = settings or RankSettings()
    weeks = []
    for ago in range(settings.weeks):
        try:
            held = hold_out(subgraph, WEEK, ago)
        except UserMistake:
            break
        weeks.append(_collect_week(held, embed, settings, sources, _share(progress, COLLECTING, ago, settings.weeks)))
        progress(COLLECTING, ago + 1, settings.weeks)
    names = tuple(source.name for source in sources) + ((BY_EMBEDDING.name,) if embed else ())
    if not any(week.bought.any() for week in weeks):
        return None
    everything, new = (
        _grow(weeks, names, settings, new_only, _share(progress, GROWING, kind, 2))
        for kind, new_only in enumerate((False, True))
    )
    return Ranker(names, (everything, new or everything))


def first_day(subgraph: Subgraph, settings: RankSettings) -> int:
    """Return the first day of the ranker's weeks, as days since 1970-01-01."""
    weeks = min(settings.weeks, max(1, (int(subgraph.time.max()) - int(subgraph.time.min())) // WEEK))
    return int(subgraph.time.max()) + 1 - WEEK * weeks


class _TrainingWeek(NamedTuple):
    """The candidates of a week: [m, features], [m] whether bought in that week, [m] the customer."""

    features: Matrix
    bought: npt.NDArray[np.bool_]
    customer: Integers


def _share(progress: Progress, step: str, before: int, total: int) -> Callable[[float], None]:
    """Return a function that reports how much of one of a step's equal parts is done, from 0 to 1."""
    progress(step, before, total)
    return lambda done: progress(step, before + done, total)


def _collect_week(
    held: HoldOut,
    embed: EmbedAsOf | None,
    settings: RankSettings,
    sources: tuple[Method, ...],
    show: Callable[[float], None],
) -> _TrainingWeek:
    targets = collect_pairs(held.after)
    customers = np.flatnonzero(np.diff(targets.indptr))
    customers = np.sort(np.random.default_rng(settings.seed).permutation(customers)[: settings.customers])
    context = RankingContext.of(held, embed, sources)
    random = np.random.default_rng(settings.seed)
    parts = []
    for candidate_set, features in context.describe(customers):
        bought = look_up(targets, candidate_set.customer, candidate_set.article) > 0
        # Customers without a purchase among their candidates teach no order.
        has_hit = np.bincount(candidate_set.row, bought, minlength=len(candidate_set.customers)) > 0
        candidates = np.bincount(candidate_set.row, minlength=len(candidate_set.customers))
        drawn = random.random(len(bought)) * candidates[candidate_set.row] < settings.negatives
        kept = has_hit[candidate_set.row] & (bought | drawn)
        parts.append(_TrainingWeek(features[kept], bought[kept], candidate_set.customer[kept]))
        show(len(parts) * CUSTOMERS_AT_ONCE / max(len(customers), len(parts) * CUSTOMERS_AT_ONCE))
    return _TrainingWeek(*(np.concatenate(column) for column in zip(*parts, strict=True)))


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
        ranked = np.full((len(customers), k), -1, dtype=np.int64)

        def rank_batch(begin: int) -> None:
            candidate_set, features = self._describe(customers[begin : begin + CUSTOMERS_AT_ONCE])
            if new_only:
                candidate_set, features = keep_new(candidate_set, features)
            score = ranker.score(features, candidate_set.row, new_only, k)
            row, place, article = take_first(candidate_set, score, k)
            ranked[begin + row, place] = article

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(THREADS) as pool:  # the pool has enough threads
            list(pool.map(rank_batch, range(0, len(customers), CUSTOMERS_AT_ONCE)))
        return ranked

    def _find_nearest(self, customers: Integers) -> Candidates:
        assert self.vectors is not None  # noqa: S101  only called if there are vectors
        return gnn(self.snapshot, customers, vectors=self.vectors, k=BY_EMBEDDING.candidates, new_only=True)

    def _compare(self, candidate_set: CandidateSet) -> Matrix:
        if self.vectors is None:
            return np.full(len(candidate_set.row), np.nan, dtype=np.float32)
        return cosine_of(self.vectors, candidate_set.customer, candidate_set.article)


def keep_new(candidate_set: CandidateSet, features: Matrix) -> tuple[CandidateSet, Matrix]:
    """Keep only candidates that the customer never bought."""
    new = features[:, HISTORY_FEATURES.index("days_bought")] == 0
    kept = CandidateSet(
        candidate_set.customers,
        candidate_set.row[new],
        candidate_set.article[new],
        candidate_set.score[new],
        candidate_set.place[new],
    )
    return kept, features[new]


def take_first(
    candidate_set: CandidateSet, score: npt.NDArray[np.float64], k: int
) -> tuple[Integers, Integers, Integers]:
    """Return row, place from 0 and article of each customer's k best candidates.

    Equal scores are in the order of ids. Candidates with a score of -inf are left out.
    """
    place = place_within(candidate_set.row, score)
    first = np.flatnonzero((place < k) & (score > -np.inf))
    first = first[np.lexsort((place[first], candidate_set.row[first]))]
    return candidate_set.row[first], place[first], candidate_set.article[first]


def _grow(
    weeks: list[_TrainingWeek],
    names: tuple[str, ...],
    settings: RankSettings,
    new_only: bool,
    show: Callable[[float], None],
) -> tuple[str, ...]:
    """Return a forest for each seed, as LightGBM's text; an empty tuple if no candidate was bought.

    For all articles, the trees learn by LambdaRank. Lists of new articles seldom have a hit, so LambdaRank learns
    little from them. For those, the trees learn the probability of a purchase (measured in docs/decisions/0026).
    """
    import lightgbm

    kept = [_keep_customers_with_hits(week, new_only) for week in weeks]
    kept = [week for week in kept if len(week.bought)]
    if not kept:
        return ()
    rows = sum(len(week.bought) for week in kept)
    parameters = {
        "objective": "binary" if new_only else "lambdarank",
        "lambdarank_truncation_level": 20,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": int(np.clip(rows // 2_000, 5, settings.least)),
        "lambda_l2": settings.l2,
        "feature_fraction": 0.3,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": choose_threads(rows),
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        np.concatenate([week.features for week in kept]),
        np.concatenate([week.bought for week in kept]).astype(np.int8),
        group=np.concatenate([np.unique(week.customer, return_counts=True)[1] for week in kept]),
        feature_name=name_features(names),
    )
    texts = list[str]()
    for seed in range(settings.seed, settings.seed + settings.forests):

        def show_round(now: CallbackEnv) -> None:
            show((len(texts) + (now.iteration + 1) / settings.rounds) / settings.forests)

        booster = lightgbm.train(parameters | {"seed": seed}, data, settings.rounds, callbacks=[show_round])
        texts.append(str(booster.model_to_string()))
    return tuple(texts)


def _keep_customers_with_hits(week: _TrainingWeek, new_only: bool) -> _TrainingWeek:
    """Keep the candidates, or only the new ones, of customers who bought one of them."""
    kept = np.ones(len(week.bought), dtype=bool)
    if new_only:
        kept = week.features[:, HISTORY_FEATURES.index("days_bought")] == 0
    with_hits = np.unique(week.customer[kept & week.bought])
    kept &= np.isin(week.customer, with_hits)
    return _TrainingWeek(week.features[kept], week.bought[kept], week.customer[kept])
