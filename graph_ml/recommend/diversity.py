"""Make a ranked list more diverse by maximal marginal relevance, for one customer and for all."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...loader.properties import SHORT_NAMES

ALIKE = tuple(dict.fromkeys(SHORT_NAMES.values()))
"""The properties by which articles are compared if there are no embeddings."""


@dataclass(frozen=True)
class Likeness:
    """How similar articles are.

    Attributes
    ----------
    table : [A, dim] float32: unit vectors, NaN if an article has none; or [A, len(ALIKE)] int64: codes of the values of
        `ALIKE`, -1 if an article has no value.
    """

    table: npt.NDArray[Any]

    @classmethod
    def by_attributes(cls, articles: Sequence[str], values: Mapping[str, Mapping[str, Hashable]]) -> Likeness:
        """Return the likeness by attributes.

        Parameters
        ----------
        articles : ids, by number.
        values : by property, the value of each article that has one.
        """
        table = np.full((len(articles), len(ALIKE)), -1, dtype=np.int64)
        for column, name in enumerate(ALIKE):
            known, codes = values.get(name, {}), dict[Hashable, int]()
            for row, article in enumerate(articles):
                if article in known:
                    table[row, column] = codes.setdefault(known[article], len(codes))
        return cls(table)

    def compare(self, articles: Sequence[int]) -> npt.NDArray[np.float64]:
        """Return [n, n], 0 to 1: the cosine of two embeddings, at least 0; or the share of equal attributes.

        An article without an embedding is similar to no other; values that both lack are not equal.

        Parameters
        ----------
        articles : [n], their numbers.
        """
        rows = self.table[list(articles)]
        if rows.dtype.kind == "f":
            rows = np.nan_to_num(rows.astype(np.float64))
            cosines: npt.NDArray[np.float64] = np.clip(rows @ rows.T, 0, 1)
            return cosines
        same = (rows[:, None, :] == rows[None, :, :]) & (rows >= 0)[:, None, :]
        shares: npt.NDArray[np.float64] = same.mean(axis=2)
        return shares


def diversify(likeness: npt.NDArray[np.float64], diversity: float) -> list[int]:
    """Return the order of a ranked list by maximal marginal relevance.

        next = argmax over the rest of (1 - diversity) * (1 - place / n) - diversity * max likeness to those before

    Places count from 0; of equals, the first comes first. The best article stays the first.

    Source: Carbonell and Goldstein, The use of MMR, diversity-based reranking, SIGIR 1998, with places as relevance,
    because scores do not compare between methods.

    Parameters
    ----------
    likeness : [n, n], 0 to 1, of the articles in their order.
    diversity : 0 (the order stays) to 1 (only likeness counts).
    """
    number = len(likeness)
    if not diversity:
        return list(range(number))
    relevance = (1 - diversity) * (1 - np.arange(number) / max(1, number))
    most, is_left = np.zeros(number), np.ones(number, dtype=np.bool_)
    order: list[int] = []
    for _ in range(number):
        score = np.where(is_left, np.round(relevance - diversity * most, 9), -np.inf)
        best = int(score.argmax())
        order.append(best)
        is_left[best] = False
        most = np.maximum(most, likeness[best])
    return order
