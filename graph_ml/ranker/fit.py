"""Learn to order the candidates of all sources, from earlier weeks, by gradient-boosted trees.

Each week is seen as it was on its first day: candidates, facts and embeddings are made from what was bought before, and
the labels are what was bought in it. Source of the objective: Burges, From RankNet to LambdaRank to LambdaMART, 2010;
of the trees: Ke et al., LightGBM, NeurIPS 2017.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit
from threadpoolctl import threadpool_limits

from ...cypher.errors import HmrecError, UserMistake
from ...cypher.progress import Progress, silent
from ...cypher.recommenders import Method, find_method
from ..candidates.gnn import gnn
from ..candidates.lists import THREADS, Candidates, look_up, place_within, take_largest
from ..candidates.nearest import Vectors, cosine_of
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers, Subgraph
from ..holdout.ranking import collect_pairs
from ..holdout.split import WEEK, HoldOut, hold_out
from .features import (
    FACTS,
    KNOWN,
    OWN,
    Matrix,
    Offers,
    choose_subject,
    describe_articles,
    describe_offers,
    name_features,
)
from .forest import MOST_LEAVES, Forest
from .sources import BY_EMBEDDING, SOURCES, gather_offers

if TYPE_CHECKING:
    import lightgbm
    from lightgbm.callback import CallbackEnv

CUSTOMERS_AT_ONCE = 250  # their offers' features take 25 MB: from 32 on each array is memory given anew by the system
STAGES = ((10, 60), (50, 24))
"""Pairs of n and m: the first n trees of the first forest choose m offers of each customer from those still left."""
FEW = 50_000
LOOKING, GROWING = "Ranker: looking at earlier weeks", "Ranker: growing trees"
ONE_AT_A_TIME = Lock()
"""Asked for contributions LightGBM writes into the trees how deep they are: two threads at once can end the process."""

EmbedAsOf = Callable[[Subgraph, int], Vectors]
"""Embeddings from the purchases before a day (days since 1970-01-01), all given; learned without any later one."""


class RankSettings(BaseModel):
    """How the ranker is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weeks: int = Field(default=4, ge=1, description="Last weeks to learn from, each as it was on its first day")
    customers: int = Field(default=5_000, ge=1, description="At most so many customers of each week")
    negatives: int = Field(default=120, ge=1, description="So many candidates not bought, of each customer")
    forests: int = Field(default=3, ge=1, description="So often trees are grown, from other seeds; their mean counts")
    rounds: int = Field(default=200, ge=1, description="Trees of each")
    learning_rate: float = Field(default=0.04, gt=0, description="What each tree counts")
    leaves: int = Field(default=31, ge=2, le=MOST_LEAVES, description="Leaves of a tree")
    least: int = Field(default=200, ge=1, description="Candidates in a leaf at least; fewer where there are few")
    l2: float = Field(default=10.0, ge=0, description="Pull of a leaf's value towards 0")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same trees on the same machine")


@dataclass(frozen=True)
class Explanation:
    """The parts of the scores of m candidates, which add up to them.

    Attributes
    ----------
    sources : [m, sources], by each source.
    known : by the names of `KNOWN`, [m] each.
    baseline : [m], what the trees expect of any candidate.
    """

    sources: npt.NDArray[np.float64]
    known: dict[str, npt.NDArray[np.float64]]
    baseline: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranker:
    """Trees that order candidates.

    Attributes
    ----------
    sources : names of those that the trees know, in the order of their columns.
    trees : LightGBM's texts of the forests for all articles, and of those for articles not bought before; of each kind
        several, grown from other seeds, whose mean is the score.
    """

    sources: tuple[str, ...]
    trees: tuple[tuple[str, ...], tuple[str, ...]]

    @cached_property
    def boosters(self) -> tuple[list[lightgbm.Booster], list[lightgbm.Booster]]:
        """The trees, ready to be asked."""
        import lightgbm

        everything, new = ([lightgbm.Booster(model_str=text) for text in texts] for texts in self.trees)
        return everything, new

    @cached_property
    def stages(self) -> tuple[dict[int, lightgbm.Booster], dict[int, lightgbm.Booster]]:
        """The first trees of the first forests alone, by how many, for `STAGES`.

        LightGBM keeps in a booster for how many of its trees it was asked last, also while another thread's question
        is answered: each of these is only ever asked for all that it has.
        """
        import lightgbm

        everything, new = (
            {trees: lightgbm.Booster(model_str=boosters[0].model_to_string(num_iteration=trees)) for trees, _ in STAGES}
            for boosters in self.boosters
        )
        return everything, new

    @cached_property
    def forests(self) -> tuple[list[Forest], list[Forest]]:
        """The same trees, to be asked about many offers."""
        everything, new = ([Forest.of(booster) for booster in boosters] for boosters in self.boosters)
        return everything, new

    @property
    def is_current(self) -> bool:
        """Whether the trees know the features that this version computes."""
        known, wanted = self.boosters[0][0].feature_name(), name_features(self.sources)
        by_source = 2 * len(self.sources)  # in the order of the sources, whatever they were called
        return len(known) == len(wanted) and known[:-by_source] == wanted[:-by_source]

    @cached_property
    def is_probability(self) -> tuple[bool, bool]:
        """Whether the sums of the trees are the log odds of a purchase."""
        everything, new = ("\nobjective=binary" in texts[0] for texts in self.trees)
        return everything, new

    def score(self, features: Matrix, row: Integers, new_only: bool, k: int = 12) -> npt.NDArray[np.float64]:
        """What the trees say of offers; more is better, within one customer.

        A few trees choose the best of each customer, in `STAGES`, and all trees order those: as good as asking all of
        everything (docs/decisions/0036), in a tenth of the time.

        Parameters
        ----------
        features : [m, features], rows of `describe_offers`.
        row : [m], ascending: whose offer each is.
        new_only : by the forests for articles not bought before.
        k : how many of each customer have to be in the right order.

        Returns
        -------
        [m]; -inf for what is not among the best.
        """
        score = np.full(len(features), -np.inf)
        if not len(features):
            return score
        ask = self._choose(new_only, len(features))
        left, row_of, columns = np.arange(len(features)), row, features.T
        for trees, most in STAGES:
            most = max(most, 2 * k)
            if np.bincount(row_of).max() <= most:
                continue
            chosen = take_largest(row_of, ask(0, columns, trees), most)
            left, row_of, columns = left[chosen], row_of[chosen], columns[:, chosen]
        score[left] = np.mean([ask(place, columns, None) for place in range(len(self.trees[new_only]))], axis=0)
        return score

    def _choose(self, new_only: bool, rows: int) -> Callable[[int, Matrix, int | None], npt.NDArray[np.float64]]:
        """Whom to ask about so many offers; both give the same sums, and the faster one has to be compiled first.

        It takes the number of a forest, columns [features, m], and how many trees of the first to ask; None for all.
        """
        forests = self.forests[new_only] if rows >= FEW else []
        is_probability = self.is_probability[new_only]

        def ask(place: int, columns: Matrix, trees: int | None) -> npt.NDArray[np.float64]:
            if forests:
                total = forests[place].score(columns, trees)
            else:
                booster = self.boosters[new_only][place] if trees is None else self.stages[new_only][trees]
                total = np.asarray(booster.predict(columns.T, raw_score=True, num_threads=1))
            return expit(total) if is_probability else total

        return ask

    def attribute(self, features: Matrix, new_only: bool) -> npt.NDArray[np.float64]:
        """[m, sources + 1]: how much of a score is due to each source, and to everything else, by the first forest.

        Enough to choose a reason: the others learned the same from other draws, and each takes as long, 13 ms for
        twelve articles. `explain` asks all of them.
        """
        parts, number = self._contribute(features, new_only, 0), len(self.sources)
        by_source = parts[:, -2 * number - 1 : -number - 1] + parts[:, -number - 1 : -1]
        return np.column_stack([by_source, parts[:, : -2 * number - 1].sum(axis=1)])

    def explain(self, features: Matrix) -> Explanation:
        """Return the parts of the scores of candidates [m, features], by all forests for all articles.

        Their sum is `score`, as the trees for all articles are not about probabilities.
        """
        mean = np.mean([self._contribute(features, False, place) for place in range(len(self.trees[False]))], axis=0)
        own, number = len(OWN) + len(FACTS), len(self.sources)
        subjects = np.array([choose_subject(name) for name in (*OWN, *FACTS)])
        return Explanation(
            mean[:, own : own + number] + mean[:, own + number : -1],
            {subject: mean[:, :own][:, subjects == subject].sum(axis=1) for subject in KNOWN},
            mean[:, -1],
        )

    def _contribute(self, features: Matrix, new_only: bool, place: int) -> npt.NDArray[np.float64]:
        """[m, features + 1]: what each feature adds to the sum of a forest's trees, and what they expect of anything.

        Source: Lundberg et al., Consistent individualized feature attribution for tree ensembles, 2018.
        """
        booster, threads = self.boosters[new_only][place], choose_threads(len(features))
        with ONE_AT_A_TIME:
            return np.asarray(booster.predict(features, pred_contrib=True, num_threads=threads))

    def to_text(self) -> str:
        """All of it as JSON, with a checksum."""
        parts = json.dumps({"sources": self.sources, "trees": self.trees})
        return json.dumps({"ranker": parts, "sha256": sha256(parts.encode()).hexdigest()})

    @classmethod
    def from_text(cls, text: str) -> Ranker:
        """A ranker that `to_text` wrote, unchanged: at half a text LightGBM ends the process.

        Raises
        ------
        HmrecError : it is not one.
        """
        try:
            whole = json.loads(text)
            if sha256(whole["ranker"].encode()).hexdigest() != whole["sha256"]:
                raise ValueError("the checksum is another")
            parts = json.loads(whole["ranker"])
            everything, new = parts["trees"]
            if not (isinstance(everything, list) and isinstance(new, list)):
                raise TypeError("one forest of each kind, as versions before had it")
            sources = tuple(find_method(name).name for name in parts["sources"])  # older versions wrote the labels
            return cls(sources, (tuple(everything), tuple(new)))
        except (ValueError, KeyError, TypeError, AttributeError, UserMistake) as error:
            raise HmrecError("The ranker kept in the graph cannot be read.", "Train again: hmrec train") from error


@dataclass(frozen=True)
class RankParts:
    """What `--method hybrid` needs besides embeddings.

    Attributes
    ----------
    ranker : the trees.
    facts : [A, facts] of the model's articles, as of the day after its last purchase.
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
    subgraph : the purchases, whole: exported with `SubgraphSpec(isolated=True)`.
    embed : embeddings as of each week's first day; they must come from a network that was trained on purchases before
        `first_day(subgraph, settings)` alone. None: without embeddings.
    settings : how; None for the defaults.
    sources : which ones propose candidates.
    progress : told the weeks.

    Returns
    -------
    The ranker; None where no candidate was ever bought, as in a shop of two weeks.
    """
    settings = settings or RankSettings()
    weeks = []
    for ago in range(settings.weeks):
        try:
            held = hold_out(subgraph, WEEK, ago)
        except UserMistake:
            break
        weeks.append(_look_at_week(held, embed, settings, sources, _share(progress, LOOKING, ago, settings.weeks)))
        progress(LOOKING, ago + 1, settings.weeks)
    names = tuple(source.name for source in sources) + ((BY_EMBEDDING.name,) if embed else ())
    if not any(week.bought.any() for week in weeks):
        return None
    everything, new = (
        _grow(weeks, names, settings, new_only, _share(progress, GROWING, kind, 2))
        for kind, new_only in enumerate((False, True))
    )
    return Ranker(names, (everything, new or everything))


def first_day(subgraph: Subgraph, settings: RankSettings) -> int:
    """The first day that the ranker's weeks have, as days since 1970-01-01."""
    weeks = min(settings.weeks, max(1, (int(subgraph.time.max()) - int(subgraph.time.min())) // WEEK))
    return int(subgraph.time.max()) + 1 - WEEK * weeks


class _Week(NamedTuple):
    """Candidates of a week: [m, features], [m] whether bought in it, [m] whose."""

    features: Matrix
    bought: npt.NDArray[np.bool_]
    customer: Integers


def _share(progress: Progress, step: str, before: int, total: int) -> Callable[[float], None]:
    """Return what shows how much of one of several equal parts of a step is done, from 0 to 1."""
    progress(step, before, total)
    return lambda done: progress(step, before + done, total)


def _look_at_week(
    held: HoldOut,
    embed: EmbedAsOf | None,
    settings: RankSettings,
    sources: tuple[Method, ...],
    show: Callable[[float], None],
) -> _Week:
    targets = collect_pairs(held.after)
    customers = np.flatnonzero(np.diff(targets.indptr))
    customers = np.sort(np.random.default_rng(settings.seed).permutation(customers)[: settings.customers])
    board = Board.of(held, embed, sources)
    random = np.random.default_rng(settings.seed)
    parts = []
    for offers, features in board.describe(customers):
        bought = look_up(targets, offers.customer, offers.article) > 0
        hopeful = np.bincount(offers.row, bought, minlength=len(offers.customers)) > 0  # the others teach no order
        candidates = np.bincount(offers.row, minlength=len(offers.customers))
        drawn = random.random(len(bought)) * candidates[offers.row] < settings.negatives
        kept = hopeful[offers.row] & (bought | drawn)
        parts.append(_Week(features[kept], bought[kept], offers.customer[kept]))
        show(len(parts) * CUSTOMERS_AT_ONCE / max(len(customers), len(parts) * CUSTOMERS_AT_ONCE))
    return _Week(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@dataclass(frozen=True)
class Board:
    """All that is needed to describe candidates as of a day.

    Attributes
    ----------
    snapshot : the purchases before it.
    facts : [A, facts], of `describe_articles`.
    vectors : the embeddings as of that day, or None.
    sources : who proposes.
    """

    snapshot: Snapshot
    facts: Matrix
    vectors: Vectors | None
    sources: tuple[Method, ...]

    @classmethod
    def of(cls, held: HoldOut, embed: EmbedAsOf | None, sources: tuple[Method, ...]) -> Board:
        """The board as of the first day that is held out."""
        snapshot = Snapshot.of(held.before, held.cut)
        vectors = embed(held.before, snapshot.cut) if embed else None
        return cls(snapshot, describe_articles(snapshot), vectors, sources)

    def describe(self, customers: Integers) -> Iterator[tuple[Offers, Matrix]]:
        """The offers to all customers and their features, a part of the customers at a time."""
        for begin in range(0, len(customers), CUSTOMERS_AT_ONCE):
            yield self._describe(customers[begin : begin + CUSTOMERS_AT_ONCE])

    def _describe(self, customers: Integers) -> tuple[Offers, Matrix]:
        offers = gather_offers(self.snapshot, customers, self.sources, self._find_nearest if self.vectors else None)
        return offers, describe_offers(self.snapshot, offers, self.facts, self._compare(offers))

    def rank(self, ranker: Ranker, customers: Integers, k: int, new_only: bool) -> Integers:
        """[n, k]: the best articles for each customer, -1 where there are no more."""
        ranked = np.full((len(customers), k), -1, dtype=np.int64)

        def rank_some(begin: int) -> None:
            offers, features = self._describe(customers[begin : begin + CUSTOMERS_AT_ONCE])
            if new_only:
                offers, features = keep_new(offers, features)
            score = ranker.score(features, offers.row, new_only, k)
            row, place, article = take_first(offers, score, k)
            ranked[begin + row, place] = article

        with threadpool_limits(1, "blas"), ThreadPoolExecutor(THREADS) as pool:  # our threads are enough
            list(pool.map(rank_some, range(0, len(customers), CUSTOMERS_AT_ONCE)))
        return ranked

    def _find_nearest(self, customers: Integers) -> Candidates:
        assert self.vectors is not None  # noqa: S101  gather_offers asks only then
        return gnn(self.snapshot, customers, vectors=self.vectors, k=BY_EMBEDDING.candidates, new_only=True)

    def _compare(self, offers: Offers) -> Matrix:
        if self.vectors is None:
            return np.full(len(offers.row), np.nan, dtype=np.float32)
        return cosine_of(self.vectors, offers.customer, offers.article)


def choose_threads(rows: int) -> int:
    """One for few rows, else as many as there are cores (0): LightGBM's threads wait for each other by spinning."""
    return 1 if rows < FEW else 0


def keep_new(offers: Offers, features: Matrix) -> tuple[Offers, Matrix]:
    """Those offers alone that the customer never bought."""
    new = features[:, OWN.index("days_bought")] == 0
    kept = Offers(offers.customers, offers.row[new], offers.article[new], offers.score[new], offers.place[new])
    return kept, features[new]


def take_first(offers: Offers, score: npt.NDArray[np.float64], k: int) -> tuple[Integers, Integers, Integers]:
    """Row, place from 0 and article of each customer's k best offers; equal scores in the order of ids."""
    place = place_within(offers.row, score)
    first = np.flatnonzero((place < k) & (score > -np.inf))
    first = first[np.lexsort((place[first], offers.row[first]))]
    return offers.row[first], place[first], offers.article[first]


def _grow(
    weeks: list[_Week],
    names: tuple[str, ...],
    settings: RankSettings,
    new_only: bool,
    show: Callable[[float], None],
) -> tuple[str, ...]:
    """Trees that order candidates, as LightGBM's text for each seed; nothing if none was bought.

    For all articles by LambdaRank. Where only new ones count, a list has a hit so seldom that LambdaRank learns little
    from it: there the trees learn the probability of a purchase (measured in docs/decisions/0026).
    """
    import lightgbm

    kept = [_keep_hopeful(week, new_only) for week in weeks]
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


def _keep_hopeful(week: _Week, new_only: bool) -> _Week:
    """The candidates that count, of customers who bought one of them."""
    kept = np.ones(len(week.bought), dtype=bool)
    if new_only:
        kept = week.features[:, OWN.index("days_bought")] == 0
    hopeful = np.unique(week.customer[kept & week.bought])
    kept &= np.isin(week.customer, hopeful)
    return _Week(week.features[kept], week.bought[kept], week.customer[kept])
