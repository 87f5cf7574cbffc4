"""Embeddings of customers and articles, and their cosines."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..export.subgraph import Integers


class Vectors(NamedTuple):
    """Embeddings as of a day, [C, dim] and [A, dim] float32, compared by cosine; NaN if there is none."""

    customers: npt.NDArray[np.float32]
    articles: npt.NDArray[np.float32]


def cosine_of(vectors: Vectors, customer: Integers, article: Integers) -> npt.NDArray[np.float32]:
    """Return the cosine of each pair, [m], for unit vectors; NaN if one has no embedding.

    It is fastest if each customer's pairs are adjacent, because each run is one product.
    """
    found = np.empty(len(customer), dtype=np.float32)
    begins = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])[: len(customer)])
    for begin, end in pairwise([*begins.tolist(), len(customer)]):
        found[begin:end] = vectors.articles[article[begin:end]] @ vectors.customers[customer[begin]]
    return found
