"""Articles never sold before, in the departments the customer buys from."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .lists import Candidates
from .snapshot import Snapshot
from .taste import rank_by_taste


@batch_recommender
def new_arrivals(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    half_life: float,
    departments: int,
) -> Candidates:
    """Return what was never sold in each customer's departments, as the query `new_arrivals` does."""

    def rate() -> sp.csr_matrix:
        received = find_unsold(snapshot, snapshot.related.get("new_arrivals"))
        place = np.repeat(received.indptr[1:], np.diff(received.indptr)) - np.arange(received.nnz)
        received.data = 1 / place  # from the highest number
        return received

    return rank_by_taste(snapshot, customers, ("new_arrivals",), rate, k, new_only, half_life, departments)


def find_unsold(snapshot: Snapshot, listed: sp.csr_matrix | None = None) -> sp.csr_matrix:
    """Return [departments, A], 1 for the department's articles that nobody bought and that may be recommended.

    Parameters
    ----------
    snapshot : the purchases, and which articles may be recommended.
    listed : [departments, A], the articles to choose from; None for all of the department.
    """
    within = snapshot.incidence("Department").T.tocsr() if listed is None else listed
    unsold = snapshot.mask_scores(snapshot.purchases_by_article == 0)
    found = (within @ sp.diags(unsold)).tocsr()
    found.eliminate_zeros()
    found.sort_indices()
    return found
