"""Articles embedded embeddings are nearest to the customer's, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..export.subgraph import Integers
from ..holdout.ranking import rank_by_product
from .batch_recommender import batch_recommender
from .lists import Candidates
from .nearest import Vectors, cosine_of
from .snapshot import Snapshot


@batch_recommender
def gnn(snapshot: Snapshot, customers: Integers, *, vectors: Vectors, k: int, new_only: bool) -> Candidates:
    """Return the articles nearest to each customer's embedding, exactly; the query `gnn` uses the vector index.

    Customers without an embedding have no list, and articles without one are in none.
    """

    def make() -> tuple[Integers, npt.NDArray[np.float32], tuple[Any, ...]]:
        known = ~np.isnan(vectors.articles[:, 0])
        known &= True if snapshot.only is None else snapshot.only
        places = np.flatnonzero(known)
        # The cache refers to both objects, so that no other object gets their ids, which are in the key.
        return places, np.ascontiguousarray(vectors.articles[places].T), (vectors, snapshot.only)

    places, articles, _ = snapshot.cached(("gnn", id(vectors), id(snapshot.only)), make)
    embedded = np.flatnonzero(~np.isnan(vectors.customers[customers, 0]))
    owned = snapshot.owned_to_exclude(customers[embedded], new_only)
    if owned is not None and len(places) < owned.shape[1]:
        owned = owned[:, places]
    found = rank_by_product(vectors.customers[customers[embedded]], articles, k, owned)
    row, place = np.nonzero(found >= 0)
    article, row = places[found[row, place]], embedded[row]
    score = cosine_of(vectors, customers[row], article).astype(np.float64)
    order = np.lexsort((article, -score, row))
    indptr = np.append(0, np.cumsum(np.bincount(row, minlength=len(customers))))
    return Candidates(indptr, article[order], score[order])
