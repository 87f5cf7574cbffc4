"""Embeddings of customers and articles, and their cosines."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..export.subgraph import Integers


class Vectors(NamedTuple):
    """Embeddings as of a day: [C, dim] and [A, dim] float32, to be compared by cosine; NaN where there is none."""

    customers: npt.NDArray[np.float32]
    articles: npt.NDArray[np.float32]


def cosine_of(vectors: Vectors, customer: Integers, article: Integers) -> npt.NDArray[np.float32]:
    """[m]: the cosine of each pair, NaN where one has no embedding; the embeddings have length 1.

    Fastest where a customer's pairs stand together: each run of them is one product.
    """
    found = np.empty(len(customer), dtype=np.float32)
    begins = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])[: len(customer)])
    for begin, end in pairwise([*begins.tolist(), len(customer)]):
        found[begin:end] = vectors.articles[article[begin:end]] @ vectors.customers[customer[begin]]
    return found
