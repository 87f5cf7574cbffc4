"""What became of a method's lists: its metrics by kind of purchases and length of history, with intervals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...cypher.recommenders import METHODS
from ..export.subgraph import Integers
from ..holdout.intervals import bootstrap_interval
from ..holdout.metrics import METRICS, Counts, Hits, Scores, average_precision
from ..holdout.ranking import Truth, collect_pairs, mark_hits
from ..holdout.split import HoldOut

EVERYONE = "with history"
SEGMENTS = {EVERYONE: (1, None), "cold": (0, 0), "1-5": (1, 5), "6-20": (6, 20), "more": (21, None)}
"""Customers by how many purchases they made before the cut: from, to."""

BASELINES = tuple(method.name for method in METHODS if method.is_baseline)


@dataclass(frozen=True)
class Known:
    """What lists are weighed by, of the purchases before the days held out; counted once for all methods.

    Attributes
    ----------
    history : [C], how many purchases each customer made.
    buyers : [A], how many customers bought each article.
    """

    history: Counts
    buyers: Counts


def count_known(held: HoldOut) -> Known:
    """Count what was known before the days held out."""
    history = np.bincount(held.before.customer, minlength=len(held.before.customer_ids))
    return Known(history, collect_pairs(held.before).getnnz(axis=0))


@dataclass(frozen=True)
class WeekOutcome:
    """One method's lists for one stretch of days held out.

    Attributes
    ----------
    customers : [n], whose lists.
    history : [n], how many purchases each made before.
    hits, relevant : [n, k] and [n], as the metrics take them.
    coverage : share of the articles sold before that are in any list of a customer with a history.
    novelty : mean over those lists' places of -log2(share of customers who bought the article before), in bits.
    """

    customers: Integers
    history: Counts
    hits: Hits
    relevant: Counts
    coverage: float
    novelty: float


def weigh_lists(known: Known, ranked: Integers, truth: Truth) -> WeekOutcome:
    """Hold a method's lists against what was bought.

    Parameters
    ----------
    known : what was known before.
    ranked : [n, k], the lists, a row for each of the truth's customers.
    truth : what counts.

    Novelty as in Zhou et al., Solving the apparent diversity-accuracy dilemma, PNAS 2010 (self-information).
    """
    history, buyers = known.history[truth.customers], known.buyers
    listed = ranked[history > 0]
    listed = listed[listed >= 0]
    listed = listed[buyers[listed] > 0]
    customers = max(1, int((known.history > 0).sum()))
    return WeekOutcome(
        truth.customers,
        history,
        mark_hits(ranked, truth),
        truth.relevant,
        len(np.unique(listed)) / max(1, int((buyers > 0).sum())),
        float(-np.log2(buyers[listed] / customers).mean()) if len(listed) else float("nan"),
    )


@dataclass(frozen=True)
class Outcome:
    """A method's lists over all weeks, the latest first."""

    method: str
    purchases: str
    seconds: float
    weeks: tuple[WeekOutcome, ...]

    def of(self, segment: str) -> tuple[Hits, Counts, Integers]:
        """Hits, relevant and customers of a segment, all weeks one below the other."""
        low, high = SEGMENTS[segment]
        kept = [(w.history >= low) & (w.history <= (high if high is not None else w.history)) for w in self.weeks]
        hits, relevant, customers = (
            np.concatenate([getattr(week, name)[rows] for week, rows in zip(self.weeks, kept, strict=True)])
            for name in ("hits", "relevant", "customers")
        )
        return hits, relevant, customers

    def precisions(self, segment: str = EVERYONE) -> tuple[Scores, Integers]:
        """Average precision of each of the segment's customers and weeks, and the customers."""
        hits, relevant, customers = self.of(segment)
        return average_precision(hits, relevant), customers

    def probability_errors(self) -> tuple[float, float]:
        """RMSE and MAE of the probability that the article at a place of a list is bought.

        The probability is the share of hits at that place in the weeks before, so that the oldest week has none: with
        one week only both are not a number.
        """
        errors = []
        for number, week in enumerate(self.weeks[:-1]):
            earlier = np.concatenate([w.hits[w.history > 0] for w in self.weeks[number + 1 :]])
            errors.append((week.hits[week.history > 0] - earlier.mean(axis=0)).ravel())
        if not errors:
            return float("nan"), float("nan")
        error = np.concatenate(errors)
        return float(np.sqrt((error**2).mean())), float(np.abs(error).mean())


def tabulate(outcomes: list[Outcome], baselines: Collection[str] = BASELINES) -> pd.DataFrame:
    """A row for each method, kind of purchases and segment that has customers.

    Parameters
    ----------
    outcomes : what was measured.
    baselines : the methods among them, of which the best is what all are compared to.

    Returns
    -------
    method, purchases, segment, the means of `METRICS`, map_low and map_high (95 % bootstrap interval of the MAP),
    against (the baseline with the best MAP), difference, difference_low and difference_high (MAP minus
    its MAP, the same customers compared), coverage, novelty, rmse, mae (for customers with a history), customers,
    seconds.
    """
    rows = []
    kinds = {outcome.purchases for outcome in outcomes}
    rivals = {kind: _find_best_baseline(outcomes, kind, baselines) for kind in kinds}
    for outcome in outcomes:
        best = rivals[outcome.purchases]
        for segment in SEGMENTS:
            hits, relevant, customers = outcome.of(segment)
            if not len(hits) and segment != EVERYONE:
                continue
            values = average_precision(hits, relevant)
            means = {
                name: float(metric(hits, relevant).mean()) if len(hits) else 0.0 for name, metric in METRICS.items()
            }
            low, high = bootstrap_interval(values, customers)
            row = {"method": outcome.method, "purchases": outcome.purchases, "segment": segment, **means}
            row |= {"map_low": low, "map_high": high, **(_compare(outcome, best, segment) if best else {})}
            if segment == EVERYONE:
                row["coverage"] = float(np.mean([week.coverage for week in outcome.weeks]))
                row["novelty"] = float(np.mean([week.novelty for week in outcome.weeks]))
                row["rmse"], row["mae"] = outcome.probability_errors()
            rows.append(row | {"customers": len(np.unique(customers)), "seconds": outcome.seconds})
    return pd.DataFrame(rows)


def _find_best_baseline(outcomes: list[Outcome], purchases: str, baselines: Collection[str]) -> Outcome | None:
    """The baseline with the best MAP over all customers with a history; None where none was measured."""
    rivals = [o for o in outcomes if o.purchases == purchases and o.method in baselines]
    return max(rivals, key=lambda rival: rival.precisions()[0].sum(), default=None)


def _compare(outcome: Outcome, best: Outcome, segment: str) -> dict[str, str | float]:
    """The paired difference to the best baseline."""
    values, customers = outcome.precisions(segment)
    difference = values - best.precisions(segment)[0]
    low, high = bootstrap_interval(difference, customers)
    return {
        "against": best.method,
        "difference": float(difference.mean()) if len(difference) else 0.0,
        "difference_low": low,
        "difference_high": high,
    }
