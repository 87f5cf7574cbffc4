"""Measure an experiment: each arm's hit rate and MAP, the difference from the first arm, and a check of the split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..holdout.intervals import bootstrap_interval, difference_interval
from ..recommend.experiment import Experiment, ExperimentBook
from .shown import ShownList, read_shown, score_lists

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
"""The confidence of the bounds of all differences together."""
SUSPICIOUS = 0.001
"""Below this p-value, the arms differ in size by more than chance explains."""
MEASURES = ("hit_rate", "map")
"""The measures of an arm, each with the bounds of its 95 % bootstrap interval over customers."""


@dataclass(frozen=True)
class ExperimentResult:
    """The results of an experiment.

    Attributes
    ----------
    experiment : the experiment.
    arms : a row for each arm: arm, customers (who were shown a list), counted (whose first list's window is over),
        hit_rate and map with their bounds, difference (of the hit rate from the first arm's), difference_low and
        difference_high (which are valid however often you look), verdict.
    sample_ratio : p-value of the chi-square test that the arms are of equal size; None without customers.
    """

    experiment: Experiment
    arms: pd.DataFrame
    sample_ratio: float | None

    @property
    def note(self) -> str:
        """A warning if the arms differ in size by more than chance explains; otherwise empty."""
        if self.sample_ratio is None or self.sample_ratio >= SUSPICIOUS:
            return ""
        return (
            f"The arms differ in size by more than chance explains (p = {self.sample_ratio:.1g}): lists of some arms "
            "were lost or not logged. Do not trust the comparison."
        )


def measure_experiment(
    graph: Graph, name: str, *, now: datetime | None = None, progress: Progress = silent
) -> ExperimentResult:
    """Return the results of an experiment: `compare_arms` of its shown lists.

    Parameters
    ----------
    graph : the open graph.
    name : the experiment.
    now : the time of the look; None for the present.
    progress : called with the number of lists read.

    Raises
    ------
    UnknownExperiment : there is none of that name.
    """
    experiment = ExperimentBook(graph).find(name)
    lists = read_shown(graph, window=experiment.window, experiment=name, progress=progress)
    return compare_arms(experiment, lists, now or datetime.now(UTC))


def compare_arms(experiment: Experiment, lists: Iterable[ShownList], now: datetime) -> ExperimentResult:
    """Compare the arms by each customer's first list, once its window is over.

    So each customer counts once, and what was counted never changes later: the sequential test needs both.

    Parameters
    ----------
    experiment : the experiment.
    lists : its lists, the earliest first.
    now : the time of the look.
    """
    import pandas as pd
    from scipy.stats import chisquare

    first: dict[str, ShownList] = {}
    for one in lists:
        if one.arm in experiment.arms:
            first.setdefault(one.customer_id, one)
    over = now - timedelta(days=experiment.window)
    exposed = Counter(one.arm for one in first.values())
    values: dict[str, dict[str, Any]] = {}
    rows = []
    confidence = 1 - (1 - CONFIDENCE) / (len(experiment.arms) - 1)  # all comparisons hold together
    for arm in experiment.arms:
        counted = [one for one in first.values() if one.arm == arm and one.shown_at <= over]
        hits = tuple(one.mark(one.bought) for one in counted)
        relevant = np.array([max(1, len(one.bought)) for one in counted], dtype=np.int64)
        values[arm] = {measure: score_lists(hits, relevant, measure) for measure in MEASURES}
        row: dict[str, Any] = {"arm": arm, "customers": exposed[arm], "counted": len(counted)}
        for measure, scores in values[arm].items():
            low, high = bootstrap_interval(scores, np.arange(len(scores)))
            row |= {measure: float(scores.mean()) if len(scores) else None}
            row |= {f"{measure}_low": low, f"{measure}_high": high}
        rows.append(row | _compare(values[arm]["hit_rate"], values[experiment.arms[0]]["hit_rate"], confidence))
    rows[0] |= {"difference": None, "difference_low": None, "difference_high": None, "verdict": "baseline"}
    found = [exposed[arm] for arm in experiment.arms]
    ratio = float(chisquare(found).pvalue) if sum(found) else None
    return ExperimentResult(experiment, pd.DataFrame(rows), ratio)


def _compare(scores: Any, first: Any, confidence: float) -> dict[str, Any]:
    low, high = difference_interval(scores, first, confidence=confidence)
    difference = float(scores.mean() - first.mean()) if len(scores) and len(first) else None
    verdict = "too early" if low != low else "better" if low > 0 else "worse" if high < 0 else "undecided"
    return {"difference": difference, "difference_low": low, "difference_high": high, "verdict": verdict}
