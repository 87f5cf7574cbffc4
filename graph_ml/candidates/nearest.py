"""Candidates by embedding: what the vector index finds, computed exactly and for many customers at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..export.subgraph import Integers
from ..holdout.ranking import rank_by_product
from .lists import Candidates
from .snapshot import Snapshot


class Vectors(NamedTuple):
    """Embeddings as of a day, [C, dim] and [A, dim] float32, compared by cosine; NaN if there is none."""

    customers: npt.NDArray[np.float32]
    articles: npt.NDArray[np.float32]


def gnn(
    snapshot: Snapshot, vectors: Vectors, customers: Integers, k: int = 12, *, new_only: bool = False
) -> Candidates:
    """Return the articles nearest to each customer's embedding, as the query gnn does with the vector index.

    Customers without an embedding get no list, and articles without one are in none.
    """

    def make() -> tuple[Integers, npt.NDArray[np.float32], tuple[Any, ...]]:
        known = ~np.isnan(vectors.articles[:, 0])
        known &= True if snapshot.only is None else snapshot.only
        places = np.flatnonzero(known)
        return places, np.ascontiguousarray(vectors.articles[places].T), (vectors, snapshot.only)  # keeps the ids valid

    places, articles, _ = snapshot.keep(("gnn", id(vectors), id(snapshot.only)), make)
    whose = np.flatnonzero(~np.isnan(vectors.customers[customers, 0]))
    owned = snapshot.leave_out(customers[whose], new_only)
    if owned is not None and len(places) < owned.shape[1]:
        owned = owned[:, places]
    found = rank_by_product(vectors.customers[customers[whose]], articles, k, owned)
    row, place = np.nonzero(found >= 0)
    article, row = places[found[row, place]], whose[row]
    score = cosine_of(vectors, customers[row], article).astype(np.float64)
    order = np.lexsort((article, -score, row))
    indptr = np.append(0, np.cumsum(np.bincount(row, minlength=len(customers))))
    return Candidates(indptr, article[order], score[order])


def cosine_of(vectors: Vectors, customer: Integers, article: Integers) -> npt.NDArray[np.float32]:
    """Return the cosine of each pair, [m], for unit vectors; NaN if one has no embedding.

    It is fastest if each customer's pairs are adjacent, because each run is one product.
    """
    found = np.empty(len(customer), dtype=np.float32)
    begins = np.flatnonzero(np.append(True, customer[1:] != customer[:-1])[: len(customer)])
    for begin, end in pairwise([*begins.tolist(), len(customer)]):
        found[begin:end] = vectors.articles[article[begin:end]] @ vectors.customers[customer[begin]]
    return found
