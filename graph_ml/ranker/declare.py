"""How a feature of the ranker is declared: its name, what it is about, and the function that computes it."""

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
    CUSTOMER: "what is known of the customer alone: age, how much they buy, how often and how lately",
    ARTICLE: "what is known of the article alone: how it sells and to how many again, its price, how new it is",
    BOTH: "the customer's own purchases of the article and its kind, and how near their embeddings are",
}
"""What features are about, in words. Those of the sources are about each source's list."""

SHARED_LABELS = ("Product", "ProductType", "Department")
"""The kinds of attribute node by which articles are alike."""


@dataclass(frozen=True)
class Feature(Generic[History]):
    """A named column.

    Attributes
    ----------
    name : as LightGBM and the articles' nodes have it.
    compute : returns the column from a history, whose properties hold the work that several features share.
    subject : which of `KNOWN` it is about.
    """

    name: str
    compute: Callable[[History], Column]
    subject: str


def divide(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> Floats:
    """Return above / below, NaN where `below` is not above 0."""
    out = np.full(len(below), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out
