"""Metrics of a method's lists by kind of purchases and length of history, with confidence intervals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from ...cypher.recommenders import METHODS
from ..export.subgraph import Integers
from ..holdout.intervals import bootstrap_interval
from ..holdout.metrics import METRICS, Counts, Hits, Scores, average_precision
from ..holdout.ranking import Truth, collect_pairs, mark_hits
from ..holdout.split import HoldOut
from .variety import Kinds, Variety, measure_variety

ALL_CUSTOMERS = "with history"
"""The segment of all customers with purchases before the cut."""
SEGMENTS = {ALL_CUSTOMERS: (1, None), "cold": (0, 0), "1-5": (1, 5), "6-20": (6, 20), "more": (21, None)}
"""Customer segments by the number of purchases before the cut: lowest and highest."""

VARIETY = tuple(field.name for field in fields(Variety))
"""The names of the figures of `Variety`."""

BASELINES = tuple(method.name for method in METHODS if method.is_baseline)
"""The methods that others are compared with by default."""


@dataclass(frozen=True)
class HistoryCounts:
    """Counts of the purchases before the hold-out period, computed once for all methods.

    Attributes
    ----------
    history : [C], number of purchases of each customer.
    buyers : [A], number of customers who bought each article.
    kinds : what the articles are; None if the variety of lists is not measured.
    """

    history: Counts
    buyers: Counts
    kinds: Kinds | None = None


def count_history(held: HoldOut) -> HistoryCounts:
    """Count the purchases before the hold-out period."""
    history = np.bincount(held.before.customer, minlength=len(held.before.customer_ids))
    return HistoryCounts(history, collect_pairs(held.before).getnnz(axis=0), Kinds.of(held.before))


@dataclass(frozen=True)
class WeekOutcome:
    """Results of one method's lists for one hold-out period.

    Attributes
    ----------
    customers : [n], the customers of the lists.
    history : [n], number of purchases of each before the period.
    hits, relevant : [n, k] and [n], as the metrics take them.
    coverage : share of the articles sold before the period that are in a list of any customer with a history.
    novelty : mean over the articles of those lists of -log2(share of customers who bought it before), in bits.
    variety : of those lists; None if not measured.
    """

    customers: Integers
    history: Counts
    hits: Hits
    relevant: Counts
    coverage: float
    novelty: float
    variety: Variety | None = None


def score_lists(known: HistoryCounts, ranked: Integers, truth: Truth) -> WeekOutcome:
    """Compare a method's lists with what was bought.

    Novelty as in Zhou et al., Solving the apparent diversity-accuracy dilemma, PNAS 2010 (self-information).

    Parameters
    ----------
    known : counts of the purchases before the period.
    ranked : [n, k], the lists, a row for each of the truth's customers.
    truth : the purchases that count.
    """
    history, buyers = known.history[truth.customers], known.buyers
    lists = ranked[history > 0]
    listed = lists[lists >= 0]
    listed = listed[buyers[listed] > 0]
    customers = max(1, int((known.history > 0).sum()))
    return WeekOutcome(
        truth.customers,
        history,
        mark_hits(ranked, truth),
        truth.relevant,
        len(np.unique(listed)) / max(1, int((buyers > 0).sum())),
        float(-np.log2(buyers[listed] / customers).mean()) if len(listed) else float("nan"),
        None if known.kinds is None else measure_variety(known.kinds, buyers, lists),
    )


@dataclass(frozen=True)
class Outcome:
    """Results of one method's lists over all hold-out periods, the latest first."""

    method: str
    purchases: str
    seconds: float
    weeks: tuple[WeekOutcome, ...]

    def of(self, segment: str) -> tuple[Hits, Counts, Integers]:
        """Return hits, relevant counts and customers of a segment, with all periods concatenated.

        Parameters
        ----------
        segment : a name of `SEGMENTS`.

        Returns
        -------
        [n, k] bool, [n] int64 and [n] int64, a row for each customer and period.
        """
        low, high = SEGMENTS[segment]
        kept = [(w.history >= low) & (w.history <= (high if high is not None else w.history)) for w in self.weeks]
        hits, relevant, customers = (
            np.concatenate([getattr(week, name)[rows] for week, rows in zip(self.weeks, kept, strict=True)])
            for name in ("hits", "relevant", "customers")
        )
        return hits, relevant, customers

    def precisions(self, segment: str = ALL_CUSTOMERS) -> tuple[Scores, Integers]:
        """Return the average precision for each customer and period of the segment, and the customers.

        Parameters
        ----------
        segment : a name of `SEGMENTS`.

        Returns
        -------
        [n] float64 and [n] int64.
        """
        hits, relevant, customers = self.of(segment)
        return average_precision(hits, relevant), customers

    def probability_errors(self) -> tuple[float, float]:
        """Return RMSE and MAE of the predicted probability that the article at each position is bought.

        The probability is the share of hits at that position in earlier periods. The oldest period has none, so both
        are NaN if there is only one period.
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
    """Return a row for each method, kind of purchases and customer segment that has customers.

    Parameters
    ----------
    outcomes : the results to tabulate.
    baselines : every method is compared with the best of these.

    Returns
    -------
    method, purchases, segment, the means of `METRICS`, map_low and map_high (95 % bootstrap interval of the MAP),
    against (the baseline with the best MAP), difference, difference_low and difference_high (MAP minus the
    baseline's, paired by customer), coverage, novelty, the figures of `Variety`, rmse, mae (over customers with a
    history), customers, seconds.
    """
    rows = []
    kinds = {outcome.purchases for outcome in outcomes}
    best_baselines = {kind: _find_best_baseline(outcomes, kind, baselines) for kind in kinds}
    for outcome in outcomes:
        best = best_baselines[outcome.purchases]
        for segment in SEGMENTS:
            hits, relevant, customers = outcome.of(segment)
            if not len(hits) and segment != ALL_CUSTOMERS:
                continue
            values = average_precision(hits, relevant)
            means = {
                name: float(metric(hits, relevant).mean()) if len(hits) else 0.0 for name, metric in METRICS.items()
            }
            low, high = bootstrap_interval(values, customers)
            row = {"method": outcome.method, "purchases": outcome.purchases, "segment": segment, **means}
            row |= {"map_low": low, "map_high": high, **(_compare(outcome, best, segment) if best else {})}
            if segment == ALL_CUSTOMERS:
                row["coverage"] = float(np.mean([week.coverage for week in outcome.weeks]))
                row["novelty"] = float(np.mean([week.novelty for week in outcome.weeks]))
                row |= _average_variety(outcome)
                row["rmse"], row["mae"] = outcome.probability_errors()
            rows.append(row | {"customers": len(np.unique(customers)), "seconds": outcome.seconds})
    return pd.DataFrame(rows)


def _average_variety(outcome: Outcome) -> dict[str, float]:
    """Return the means of the figures of `Variety` over the periods; empty if they were not measured."""
    found = [asdict(week.variety) for week in outcome.weeks if week.variety is not None]
    return {name: float(np.mean([one[name] for one in found])) for name in VARIETY} if found else {}


def _find_best_baseline(outcomes: list[Outcome], purchases: str, baselines: Collection[str]) -> Outcome | None:
    """Return the baseline with the best MAP over all customers with a history; None if no baseline was measured."""
    measured = [o for o in outcomes if o.purchases == purchases and o.method in baselines]
    return max(measured, key=lambda outcome: outcome.precisions()[0].sum(), default=None)


def _compare(outcome: Outcome, best: Outcome, segment: str) -> dict[str, str | float]:
    """Return the paired difference to the best baseline, with its interval."""
    values, customers = outcome.precisions(segment)
    difference = values - best.precisions(segment)[0]
    low, high = bootstrap_interval(difference, customers)
    return {
        "against": best.method,
        "difference": float(difference.mean()) if len(difference) else 0.0,
        "difference_low": low,
        "difference_high": high,
    }
