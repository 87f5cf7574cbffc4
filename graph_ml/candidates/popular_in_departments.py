"""Articles that sell now in the departments the customer buys from."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates
from .snapshot import Snapshot
from .taste import rank_by_taste


@batch_recommender
def popular_in_departments(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    days: int,
    departments: int,
) -> Candidates:
    """Return what sells now in each customer's departments, as the query `popular_in_departments` does."""

    def rate() -> sp.csr_matrix:
        return snapshot.incidence("Department").T @ sp.diags(snapshot.count_since(days).astype(np.float64))

    key = ("popular_in_departments", days)
    listed = snapshot.related.get("popular_in_departments")
    return rank_by_taste(snapshot, customers, key, rate, k, new_only, half_life, departments, listed)
