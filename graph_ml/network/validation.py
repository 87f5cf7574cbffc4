"""Validation: periods held out of training, and the quality of lists for them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...cypher.errors import UserMistake
from ..export.subgraph import Mask, Subgraph, to_days
from ..holdout.metrics import average_precision
from ..holdout.ranking import Truth, make_truth, mark_hits, rank_by_cosine
from ..holdout.split import hold_out
from .trained_model import TrainSettings
from .weeks import weeks_of


class ValidationFold(NamedTuple):
    """A period held out: all purchases, its first day, and the truths of all and of new purchases in it."""

    subgraph: Subgraph
    day: int
    truths: tuple[Truth, Truth]

    @property
    def is_before(self) -> Mask:
        """Which purchases [num_edges] were made before the days."""
        is_before: Mask = self.subgraph.time < self.day
        return is_before

    @property
    def before(self) -> Subgraph:
        """The purchases before the period; not stored, because they are almost as large as all."""
        return self.subgraph.where(self.is_before)


def split_validation(subgraph: Subgraph, settings: TrainSettings) -> list[ValidationFold]:
    """Return the last periods, the latest first; none if there are too few weeks, or no purchases in them."""
    days = settings.validation_days
    if not days or weeks_of(subgraph) < 2:
        return []
    spans = (to_days(subgraph.until) - int(subgraph.time.min())) // days
    folds: list[ValidationFold] = []
    for ago in range(min(settings.validation_times, max(1, spans // 8))):
        try:
            held = hold_out(subgraph, days, ago)
        except UserMistake:  # no purchases, for example because the shop was closed
            continue
        truths = make_truth(held, new_only=False), make_truth(held, new_only=True)
        if len(truths[0].customers):
            folds.append(ValidationFold(subgraph, to_days(held.cut), truths))
    return folds


def sum_precision(vectors: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], truth: Truth) -> float:
    """Return the sum over a truth's customers of the average precision of the 12 nearest articles."""
    owned = None if truth.owned is None else truth.owned[truth.customers]
    ranked = rank_by_cosine(vectors[0][truth.customers], vectors[1], 12, owned)
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).sum()) if len(ranked) else 0.0
