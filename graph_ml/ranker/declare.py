"""Declare a feature of the ranker: its name, its subject, and the function that computes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

History = TypeVar("History")
Column = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

CUSTOMER, ARTICLE, BOTH = "the customer", "the article", "the customer and the article"
KNOWN = {
    CUSTOMER: "facts about the customer alone: age, and how much, how often and how recently they buy",
    ARTICLE: "facts about the article alone: its sales and repeat sales, its price, and how new it is",
    BOTH: "the customer's own purchases of the article and of its kind, and the similarity of their embeddings",
}
"""The subjects of features, in words. The features of a source describe its list instead."""

SHARED_LABELS = ("Product", "ProductType", "Department")
"""The labels of attribute nodes that make two articles similar."""


@dataclass(frozen=True)
class Feature(Generic[History]):
    """A named column.

    Attributes
    ----------
    name : its name in LightGBM, and for facts also on the article nodes.
    compute : returns the column from a history; the history's properties cache what several features share.
    subject : a key of `KNOWN`.
    """

    name: str
    compute: Callable[[History], Column]
    subject: str


def divide(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> Floats:
    """Return above / below; NaN if `below` is not positive."""
    out = np.full(len(below), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out
