"""The trained ranker: gradient-boosted trees that order candidates, and the parts of their scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...cypher.errors import HmrecError, UserMistake
from ...cypher.recommenders import find_method
from ..candidates.lists import take_largest
from ..export.subgraph import Integers
from .declare import KNOWN
from .features import FACTS, HISTORY_FEATURES, SUBJECTS, Matrix, name_features
from .forest import Forest
from .orders import BLEND, TREES, Choice, order_by_places

if TYPE_CHECKING:
    import lightgbm

STAGES = ((10, 60), (50, 24))
"""Pairs of n and m: the first n trees of the first forest choose m candidates of each customer for the next stage."""
COMPILE_FROM = 50_000
"""The number of candidates from which compiling the forests saves more time than it takes."""
ONE_AT_A_TIME = Lock()
"""LightGBM writes the depth of trees into them when it computes contributions: two threads at once can crash it."""


@dataclass(frozen=True)
class Explanation:
    """The parts of the scores of m candidates; each candidate's parts add up to its score.

    Attributes
    ----------
    sources : [m, sources], the part of each source.
    known : by the subjects in `KNOWN`, [m] each.
    baseline : [m], the mean score of candidates in training.
    """

    sources: npt.NDArray[np.float64]
    known: dict[str, npt.NDArray[np.float64]]
    baseline: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranker:
    """Trees that order candidates.

    Attributes
    ----------
    sources : the names of the trees' sources, in the order of their columns.
    trees : LightGBM's texts of the forests for all articles, and of those for articles not bought before. Each kind has
        several forests, grown from different seeds; their mean is the score.
    orders : how candidates are ordered, for all articles and for those not bought before: by the trees, or without them
        if something else was better on weeks held out.
    parameters : by source, the parameters of its query that training learned.
    """

    sources: tuple[str, ...]
    trees: tuple[tuple[str, ...], tuple[str, ...]]
    orders: tuple[Choice, Choice] = (Choice(), Choice())
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def boosters(self) -> tuple[list[lightgbm.Booster], list[lightgbm.Booster]]:
        """The forests as LightGBM's boosters."""
        import lightgbm

        everything, new = ([lightgbm.Booster(model_str=text) for text in texts] for texts in self.trees)
        return everything, new

    @cached_property
    def stages(self) -> tuple[dict[int, lightgbm.Booster], dict[int, lightgbm.Booster]]:
        """The first trees of the first forests, by their number, for `STAGES`.

        A booster keeps the number of trees of its last prediction, even while another thread predicts. So each of
        these boosters always predicts with all its trees.
        """
        import lightgbm

        everything, new = (
            {trees: lightgbm.Booster(model_str=boosters[0].model_to_string(num_iteration=trees)) for trees, _ in STAGES}
            for boosters in self.boosters
        )
        return everything, new

    @cached_property
    def forests(self) -> tuple[list[Forest], list[Forest]]:
        """The same trees, compiled for many candidates."""
        everything, new = ([Forest.of(booster) for booster in boosters] for boosters in self.boosters)
        return everything, new

    @property
    def is_current(self) -> bool:
        """Whether the trees use the features that this version computes."""
        known, wanted = self.boosters[0][0].feature_name(), name_features(self.sources)
        by_source = 2 * len(self.sources)  # in the order of the sources; older versions named them otherwise
        return len(known) == len(wanted) and known[:-by_source] == wanted[:-by_source]

    @cached_property
    def is_probability(self) -> tuple[bool, bool]:
        """Whether the sums of the trees are the log odds of a purchase."""
        everything, new = ("\nobjective=binary" in texts[0] for texts in self.trees)
        return everything, new

    def score(self, features: Matrix, row: Integers, new_only: bool, k: int = 12) -> npt.NDArray[np.float64]:
        """Return the scores of candidates; within one customer, higher is better.

        In `STAGES`, a few trees choose the best candidates of each customer. Then all trees order those. The lists are
        as good as if all trees scored all candidates (docs/decisions/0036), in a tenth of the time.

        Parameters
        ----------
        features : [m, features], rows of `compute_features`.
        row : [m], ascending: the customer of each.
        new_only : use the forests for articles not bought before.
        k : number of candidates per customer that must be in the right order.

        Returns
        -------
        [m]; -inf for candidates that an earlier stage dropped.
        """
        score, stage = self.score_in_stages(features, row, new_only, k)
        return np.where(stage == 0, score, -np.inf)

    def score_in_stages(
        self, features: Matrix, row: Integers, new_only: bool, k: int = 12
    ) -> tuple[npt.NDArray[np.float64], Integers]:
        """Return [m] and [m]: the scores of all candidates, and how many stages were to come when each was scored.

        A candidate that a stage dropped comes after all that it kept, and has the score of that stage. So long lists
        cost no more than short ones: only the `k` best need all trees.

        Parameters
        ----------
        features, row, new_only, k : as for `score`.
        """
        score, stage = np.full(len(features), -np.inf), np.zeros(len(features), dtype=np.int64)
        if not len(features):
            return score, stage
        order = self.orders[new_only].order
        if order != TREES:
            parts, rest = order_by_places(self._places(features), order, self.sources)
            summed: npt.NDArray[np.float64] = parts.sum(axis=1) + rest
            return summed, stage
        score_with = self._choose(new_only, len(features))
        left, row_of, columns = np.arange(len(features)), row, features.T
        for place, (trees, most) in enumerate(STAGES):
            most = max(most, 2 * k)
            if np.bincount(row_of).max() <= most:
                continue
            early = score_with(0, columns, trees)
            chosen = take_largest(row_of, early, most)
            score[left], stage[left] = early, len(STAGES) - place
            stage[left[chosen]] = 0
            left, row_of, columns = left[chosen], row_of[chosen], columns[:, chosen]
        score[left] = np.mean([score_with(place, columns, None) for place in range(len(self.trees[new_only]))], axis=0)
        return score, stage

    def _choose(self, new_only: bool, rows: int) -> Callable[[int, Matrix, int | None], npt.NDArray[np.float64]]:
        """Return a function that scores candidates: by compiled forests if there are many rows, else by LightGBM.

        Both compute the same sums. The function takes the number of a forest, columns [features, m], and the number of
        trees to use of the first forest; None for all.
        """
        forests = self.forests[new_only] if rows >= COMPILE_FROM else []
        is_probability = self.is_probability[new_only]

        def score_with(place: int, columns: Matrix, trees: int | None) -> npt.NDArray[np.float64]:
            if forests:
                total = forests[place].score(columns, trees)
            else:
                booster = self.boosters[new_only][place] if trees is None else self.stages[new_only][trees]
                total = np.asarray(booster.predict(columns.T, raw_score=True, num_threads=1))
            return _expit(total) if is_probability else total

        return score_with

    def attribute(self, features: Matrix, new_only: bool) -> npt.NDArray[np.float64]:
        """Return [m, sources + 1]: the part of the score of each source, and of everything else, by the first forest.

        That is enough to choose a reason: the forests differ only in their seeds, and each takes 13 ms for twelve
        articles. `explain` uses all of them.

        Parameters
        ----------
        features : [m, features], rows of `compute_features`.
        new_only : use the forests for articles not bought before.
        """
        number, order = len(self.sources), self.orders[new_only].order
        if order != TREES:
            return np.column_stack(order_by_places(self._places(features), order, self.sources))
        parts = self._contribute(features, new_only, 0)
        by_source = parts[:, -2 * number - 1 : -number - 1] + parts[:, -number - 1 : -1]
        return np.column_stack([by_source, parts[:, : -2 * number - 1].sum(axis=1)])

    def explain(self, features: Matrix, new_only: bool = False) -> Explanation:
        """Return the parts of the scores of candidates, by all forests of their kind; they add up to `score`.

        Where trees predict probabilities, their contributions add up to log odds. Each forest's contributions are then
        scaled by one factor, so that they add up to its probability. Source: the rescale rule of Shrikumar et al.,
        Learning important features through propagating activation differences, 2017.

        Parameters
        ----------
        features : [m, features], rows of `compute_features`.
        new_only : explain the scores among articles not bought before.
        """
        order = self.orders[new_only].order
        if order != TREES:
            parts, rest = order_by_places(self._places(features), order, self.sources)
            return Explanation(parts, {subject: np.zeros(len(features)) for subject in KNOWN}, rest)
        forests = [self._contribute(features, new_only, place) for place in range(len(self.trees[new_only]))]
        mean = np.mean([_to_probabilities(one) if self.is_probability[new_only] else one for one in forests], axis=0)
        own, number = len(HISTORY_FEATURES) + len(FACTS), len(self.sources)
        subjects = np.array(SUBJECTS)
        return Explanation(
            mean[:, own : own + number] + mean[:, own + number : -1],
            {subject: mean[:, :own][:, subjects == subject].sum(axis=1) for subject in KNOWN},
            mean[:, -1],
        )

    def _contribute(self, features: Matrix, new_only: bool, place: int) -> npt.NDArray[np.float64]:
        """Return [m, features + 1]: what each feature adds to a forest's sum, and the mean sum in training.

        Source: Lundberg et al., Consistent individualized feature attribution for tree ensembles, 2018.
        """
        booster, threads = self.boosters[new_only][place], choose_threads(len(features))
        with ONE_AT_A_TIME:
            return np.asarray(booster.predict(features, pred_contrib=True, num_threads=threads))

    def _places(self, features: Matrix) -> Matrix:
        """Return [m, sources]: the places of candidates in the lists of the sources; the last features."""
        return features[:, features.shape[1] - len(self.sources) :]

    def to_text(self) -> str:
        """Return the ranker as JSON, with a checksum."""
        parts = json.dumps(
            {"sources": self.sources, "trees": self.trees, "orders": self.orders, "parameters": self.parameters}
        )
        return json.dumps({"ranker": parts, "sha256": sha256(parts.encode()).hexdigest()})

    @classmethod
    def from_text(cls, text: str) -> Ranker:
        """Return the ranker that `to_text` wrote. A damaged text is refused, because LightGBM would crash on it.

        Raises
        ------
        HmrecError : the text is damaged, or is not a ranker.
        """
        try:
            whole = json.loads(text)
            if sha256(whole["ranker"].encode()).hexdigest() != whole["sha256"]:
                raise ValueError("the checksum differs")
            parts = json.loads(whole["ranker"])
            everything, new = parts["trees"]
            if not (isinstance(everything, list) and isinstance(new, list)):
                raise TypeError("one forest of each kind, as in older versions")
            sources = tuple(find_method(name).name for name in parts["sources"])  # older versions wrote the labels
            orders = tuple(_read_choice(*choice) for choice in parts.get("orders", ((), ())))  # older ones: the trees
            for order in orders:
                if order.order not in (TREES, BLEND, *sources):
                    raise ValueError("an unknown order")
            parameters = {
                find_method(name).name: dict(learned) for name, learned in parts.get("parameters", {}).items()
            }
            return cls(sources, (tuple(everything), tuple(new)), (orders[0], orders[1]), parameters)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, UserMistake) as error:
            raise HmrecError("The ranker stored in the graph cannot be read.", "Train again: hmrec train") from error


def _read_choice(order: str = TREES, why: str = "", value: float | None = None) -> Choice:
    """Return a choice as JSON holds it; older versions had no value, and the oldest nothing."""
    return Choice(str(order), str(why), None if value is None else float(value))


def _to_probabilities(parts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scale contributions [m, features + 1] to log odds, so that their sum is the probability; the last is the mean."""
    mean, change = parts[:, -1:], parts[:, :-1].sum(axis=1, keepdims=True)
    start = _expit(mean)
    slope = np.divide(_expit(mean + change) - start, change, out=start * (1 - start), where=np.abs(change) > 1e-9)
    return np.hstack([parts[:, :-1] * slope, start])


def _expit(log_odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.special import expit

    found: npt.NDArray[np.float64] = expit(log_odds)
    return found


def choose_threads(rows: int) -> int:
    """Return 1 for few rows, else 0 (a thread per core): LightGBM's threads spin while they wait for each other."""
    return 1 if rows < COMPILE_FROM else 0
