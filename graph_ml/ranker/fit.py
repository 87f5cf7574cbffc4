"""Train gradient-boosted trees on earlier weeks to order the candidates of all sources.

Each week is seen as of its first day: candidates, facts and embeddings come from earlier purchases only. The labels are
the purchases in the week. Source of the objective: Burges, From RankNet to LambdaRank to LambdaMART, 2010. Source of
the trees: Ke et al., LightGBM, NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ...cypher.errors import UserMistake
from ...cypher.progress import Progress, silent
from ...cypher.recommenders import Method, find_method
from ..candidates.lists import look_up
from ..export.subgraph import Integers, Subgraph
from ..holdout.metrics import FEWEST
from ..holdout.ranking import collect_pairs
from ..holdout.split import WEEK, HoldOut, hold_out
from .context import CUSTOMERS_AT_ONCE, EmbedAsOf, RankingContext
from .features import (
    HISTORY_FEATURES,
    Matrix,
    name_features,
)
from .forest import MAX_LEAVES
from .orders import BLEND, TREES, Choice, Trial, choose_order
from .ranker import Ranker, choose_threads
from .sources import SOURCES, drop_unseen, name_sources

if TYPE_CHECKING:
    from lightgbm.callback import CallbackEnv

COMPARED = 1_000  # customers per week whose candidates are kept whole, to compare orders on: 250 MB
MANY_CANDIDATES = 200_000  # in all weeks: from here on, one week is enough to compare orders on
COLLECTING, CHOOSING, GROWING = (
    "Ranker: collecting candidates of earlier weeks",
    "Ranker: comparing trees with single sources",
    "Ranker: growing trees",
)


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
    subgraph : all purchases, exported with `SubgraphSpec(isolated=True)`, and the views for lists from `first_day` on
        (`add_views`).
    embed : returns embeddings as of each week's first day. Its network must be trained only on purchases before
        `first_day(subgraph, settings)`. None to train without embeddings.
    settings : settings of the training; None for the defaults.
    sources : the recommenders that propose candidates; `drop_unseen` leaves some out.
    progress : receives the weeks, then the trees.

    Returns
    -------
    The ranker; None if no candidate was ever bought, as in a shop of two weeks.
    """
    settings, sources = settings or RankSettings(), drop_unseen(subgraph, sources)
    names = name_sources(sources, embed is not None)
    weeks = collect_weeks(subgraph, embed, settings, sources, progress)
    if not any(week.bought.any() for week in weeks):
        return None
    chosen = [
        _choose_order(weeks, names, settings, new_only, _share(progress, CHOOSING, kind, 2))
        for kind, new_only in enumerate((False, True))
    ]
    learned = {source.name: dict(source.parameters) for source in sources if source != find_method(source.name)}
    return Ranker(names, grow_trees(weeks, names, settings, progress), (chosen[0], chosen[1]), learned)


def collect_weeks(
    subgraph: Subgraph,
    embed: EmbedAsOf | None,
    settings: RankSettings,
    sources: tuple[Method, ...] = SOURCES,
    progress: Progress = silent,
) -> list[TrainingWeek]:
    """Return the candidates of the last weeks, each week as of its first day.

    Parameters
    ----------
    subgraph, embed, settings, sources, progress : as for `train_ranker`.
    """
    weeks: list[TrainingWeek] = []
    for ago in range(settings.weeks):
        try:
            held = hold_out(subgraph, WEEK, ago)
        except UserMistake:
            break
        compared = COMPARED if sum(len(week.bought) for week in weeks) < MANY_CANDIDATES / 2 else 0
        show = _share(progress, COLLECTING, ago, settings.weeks)
        weeks.append(_collect_week(held, embed, settings, sources, compared, show))
        progress(COLLECTING, ago + 1, settings.weeks)
    return weeks


def grow_trees(
    weeks: list[TrainingWeek], names: tuple[str, ...], settings: RankSettings, progress: Progress = silent
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the forests for all articles and for new ones, as `Ranker.trees`.

    Parameters
    ----------
    weeks : the candidates, at least one of which was bought.
    names : the names of the sources, in the order of the columns.
    settings : settings of the training.
    progress : receives the trees.
    """
    everything, new = (
        _grow(weeks, names, settings, new_only, _share(progress, GROWING, int(new_only), 2))
        for new_only in (False, True)
    )
    return everything, new or everything


def first_day(subgraph: Subgraph, settings: RankSettings) -> int:
    """Return the first day of the ranker's weeks, as days since 1970-01-01."""
    weeks = min(settings.weeks, max(1, (int(subgraph.time.max()) - int(subgraph.time.min())) // WEEK))
    return int(subgraph.time.max()) + 1 - WEEK * weeks


class _Sample(NamedTuple):
    """All candidates of some customers of a week, to compare orders on.

    Attributes
    ----------
    features, bought, row : of each candidate [m]; the row is its customer's, from 0.
    relevant : number of articles that each customer bought in the week, all of them and those not bought before.
    """

    features: Matrix
    bought: npt.NDArray[np.bool_]
    row: Integers
    relevant: tuple[Integers, Integers]


class TrainingWeek(NamedTuple):
    """The candidates of a week.

    Attributes
    ----------
    features : [m, features], rows of `compute_features`.
    bought : [m], whether the candidate was bought in that week.
    customer : [m], the customer of each.
    sample : all candidates of some customers; None if the week is not used to compare orders.
    """

    features: Matrix
    bought: npt.NDArray[np.bool_]
    customer: Integers
    sample: _Sample | None = None


def _share(progress: Progress, step: str, before: int, total: int) -> Callable[[float], None]:
    """Return a function that reports how much of one of a step's equal parts is done, from 0 to 1."""
    progress(step, before, total)
    return lambda done: progress(step, before + done, total)


def _collect_week(
    held: HoldOut,
    embed: EmbedAsOf | None,
    settings: RankSettings,
    sources: tuple[Method, ...],
    compared: int,
    show: Callable[[float], None],
) -> TrainingWeek:
    """Collect a week's candidates, and those of up to `compared` customers whole."""
    targets = collect_pairs(held.after)
    customers = np.flatnonzero(np.diff(targets.indptr))
    customers = np.sort(np.random.default_rng(settings.seed).permutation(customers)[: settings.customers])
    context = RankingContext.of(held, embed, sources)
    random = np.random.default_rng(settings.seed)
    new = (targets - targets.multiply(collect_pairs(held.before))).tocsr()
    new.eliminate_zeros()
    parts: list[TrainingWeek] = []
    samples: list[_Sample] = []
    for candidate_set, features in context.describe(customers):
        bought = look_up(targets, candidate_set.customer, candidate_set.article) > 0
        if len(samples) * CUSTOMERS_AT_ONCE < compared:
            relevant = [np.diff(pairs[candidate_set.customers].indptr).astype(np.int64) for pairs in (targets, new)]
            samples.append(_Sample(features, bought, candidate_set.row, (relevant[0], relevant[1])))
        # Customers without a purchase among their candidates teach no order.
        has_hit = np.bincount(candidate_set.row, bought, minlength=len(candidate_set.customers)) > 0
        candidates = np.bincount(candidate_set.row, minlength=len(candidate_set.customers))
        drawn = random.random(len(bought)) * candidates[candidate_set.row] < settings.negatives
        kept = has_hit[candidate_set.row] & (bought | drawn)
        parts.append(TrainingWeek(features[kept], bought[kept], candidate_set.customer[kept]))
        show(len(parts) * CUSTOMERS_AT_ONCE / max(len(customers), len(parts) * CUSTOMERS_AT_ONCE))
    columns = ("features", "bought", "customer")
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return TrainingWeek(**joined, sample=_join_samples(samples) if samples else None)


def _join_samples(samples: list[_Sample]) -> _Sample:
    begins = np.cumsum([0, *(len(sample.relevant[0]) for sample in samples)])
    return _Sample(
        np.concatenate([sample.features for sample in samples]),
        np.concatenate([sample.bought for sample in samples]),
        np.concatenate([sample.row + begin for sample, begin in zip(samples, begins, strict=False)]),
        (
            np.concatenate([sample.relevant[0] for sample in samples]),
            np.concatenate([sample.relevant[1] for sample in samples]),
        ),
    )


def _choose_order(
    weeks: list[TrainingWeek],
    names: tuple[str, ...],
    settings: RankSettings,
    new_only: bool,
    show: Callable[[float], None],
) -> Choice:
    """Return the order that is best on weeks that the trees did not see.

    Trees of the other weeks predict each week; if there are many candidates, only the last week.
    """
    rows = sum(len(week.bought) for week in weeks)
    tested = [week for week in (weeks if rows < MANY_CANDIDATES else weeks[:1]) if week.sample is not None]
    tested = tested if len(weeks) > 1 else []
    trials = []
    for number, week in enumerate(tested):
        others = [other for other in weeks if other is not week]
        part = (number, len(tested))
        texts = _grow(
            others,
            names,
            settings.model_copy(update={"forests": 1}),
            new_only,
            lambda done, part=part: show((part[0] + done) / part[1]),  # type: ignore[misc]
        )
        if texts:
            trials.append(_make_trial(week, names, texts[0], new_only))
    customers = sum(len(trial.relevant) for trial in trials)
    return choose_order(trials, names, TREES if customers >= FEWEST else BLEND)


def _make_trial(week: TrainingWeek, names: tuple[str, ...], text: str, new_only: bool) -> Trial:
    """Return what a week's sample is compared by, with the scores of trees that did not see the week."""
    import lightgbm

    assert week.sample is not None  # noqa: S101  of a week that was collected
    features, bought, row, relevant = week.sample
    counts = relevant[new_only]
    kept = (counts > 0)[row]
    if new_only:
        kept &= features[:, HISTORY_FEATURES.index("days_bought")] == 0
    renumbered = np.cumsum(counts > 0) - 1
    features = features[kept]
    booster = lightgbm.Booster(model_str=text)
    # The number of trees is not chosen here: 5 of 20 won on one forest, and lost half on the next week.
    trees = np.asarray(booster.predict(features, raw_score=True, num_threads=1))
    places = features[:, features.shape[1] - len(names) :]
    return Trial(renumbered[row[kept]], places, bought[kept], counts[counts > 0], trees)


def _grow(
    weeks: list[TrainingWeek],
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


def _keep_customers_with_hits(week: TrainingWeek, new_only: bool) -> TrainingWeek:
    """Keep the candidates, or only the new ones, of customers who bought one of them."""
    kept = np.ones(len(week.bought), dtype=bool)
    if new_only:
        kept = week.features[:, HISTORY_FEATURES.index("days_bought")] == 0
    with_hits = np.unique(week.customer[kept & week.bought])
    kept &= np.isin(week.customer, with_hits)
    return TrainingWeek(week.features[kept], week.bought[kept], week.customer[kept])
