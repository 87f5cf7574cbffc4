"""How candidates are ordered: by the trees, by one source, or by a blend of all sources; and which is best.

A ranker learns noise from few purchases. So its training compares these orders on earlier weeks, and uses the best one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..candidates.lists import place_within
from ..export.subgraph import Integers
from ..holdout.metrics import FEWEST, LENGTH, average_precision

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.float32]

TREES, BLEND = "trees", "blend"
SMOOTHING = 60.0
"""Added to a place before it is inverted. Source: Cormack et al., Reciprocal rank fusion, SIGIR 2009."""


class Choice(NamedTuple):
    """The order of one kind of articles.

    Attributes
    ----------
    order : `TREES`, `BLEND` or the name of a source.
    why : what was measured, in one sentence; empty if nothing was.
    value : MAP@12 of the order on the weeks held out; None if nothing was measured.
    """

    order: str = TREES
    why: str = ""
    value: float | None = None


class Trial(NamedTuple):
    """The candidates of customers in a week that an order is tested on.

    Attributes
    ----------
    row : [m], ascending: the customer of each candidate, from 0.
    places : [m, sources], the place of each candidate in each source's list, from 1; NaN if it is not there.
    bought : [m], whether it was bought in the week.
    relevant : [n], number of articles that each customer bought; customers without any are left out.
    trees : [m], the score by trees that were grown without this week.
    """

    row: Integers
    places: Places
    bought: npt.NDArray[np.bool_]
    relevant: Integers
    trees: Floats


def order_by_places(places: Places, order: str, sources: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Return the part of each source in the scores, [m, sources], and the rest of the scores, [m].

    A candidate's score by the blend is the sum of 1 / (60 + place) over the sources that propose it. By a single
    source, candidates that it does not propose follow those that it proposes, in the order of the blend.

    Parameters
    ----------
    places : [m, sources], as of `Trial`.
    order : `BLEND` or the name of a source.
    sources : the names of the columns.
    """
    parts = np.nan_to_num(1 / (SMOOTHING + places.astype(np.float64)), nan=0.0)
    rest = np.zeros(len(places))
    if order != BLEND:
        column = sources.index(order)
        proposed = parts[:, column] > 0
        parts[np.ix_(proposed, np.arange(len(sources)) != column)] = 0
        rest[~proposed] = -1.0
    return parts, rest


def choose_order(trials: list[Trial], sources: tuple[str, ...], default: str) -> Choice:
    """Return the order that is best on weeks held out.

    Of many orders, the best is often best by chance. So the default stays if there are fewer than `FEWEST` customers.
    Trees stay unless another order is better by half the standard error of the difference.

    Parameters
    ----------
    trials : the weeks; may be empty.
    sources : the names of the sources.
    default : the order if no other is better: `TREES`, or `BLEND` if there are too few customers to compare on.
    """
    found = _measure(trials, sources)
    if not found:
        return Choice(default)
    order, value = _choose(found, default)
    others = sorted((name for name in found if name != order), key=lambda name: -found[name].mean())
    compared = [name for name in (TREES, BLEND) if name != order]
    compared += [name for name in others if name not in compared][:1]
    figures = ", ".join(f"{name} {found[name].mean():.4f}" for name in compared)
    why = f"MAP@{LENGTH} on weeks held out, {len(value):,} customers: {order} {value.mean():.4f}, {figures}"
    return Choice(order, why, float(value.mean()))


def _choose(found: Mapping[str, Floats], default: str) -> tuple[str, Floats]:
    chosen = max(found, key=lambda name: (found[name].mean(), name == default))
    difference = found[chosen] - found[default]
    margin = difference.std() / np.sqrt(len(difference)) / 2 if default != BLEND else 0.0
    if len(difference) < FEWEST or difference.mean() < margin:
        chosen = default
    return chosen, found[chosen]


def _measure(trials: list[Trial], sources: tuple[str, ...]) -> dict[str, Floats]:
    """Return the average precision of each customer of all trials, by order."""
    found: dict[str, list[Floats]] = {}
    for trial in trials:
        if not len(trial.relevant):
            continue
        for order in (BLEND, *sources):
            parts, rest = order_by_places(trial.places, order, sources)
            found.setdefault(order, []).append(_score_lists(trial, parts.sum(axis=1) + rest))
        found.setdefault(TREES, []).append(_score_lists(trial, trial.trees))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _score_lists(trial: Trial, score: Floats) -> Floats:
    """Return the average precision [n] of the lists by a score."""
    place = place_within(trial.row, score)
    first = np.flatnonzero(place < LENGTH)
    hits = np.zeros((len(trial.relevant), LENGTH), dtype=np.bool_)
    hits[trial.row[first], place[first]] = trial.bought[first]
    precision: Floats = average_precision(hits, trial.relevant)
    return precision
