"""What each department sells now and what it has not sold yet: the lists that its customers share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from ..candidates.lists import LISTED, Rankings
from ..candidates.new_arrivals import find_unsold
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers


@dataclass(frozen=True)
class DepartmentLists:
    """The lists of all departments.

    Attributes
    ----------
    days : the days whose purchases count.
    keys : the departments.
    sells : for each, the articles with the most purchases and their number, most first: [n] and [n].
    received : for each, the articles that nobody has bought, highest id first: [n].
    """

    days: int
    keys: tuple[str | int, ...]
    sells: list[tuple[Integers, Integers]]
    received: list[Integers]


def list_by_department(snapshot: Snapshot, days: int) -> DepartmentLists:
    """Return the `LISTED` best sellers of the last `days` days, and as many articles never sold, of each department.

    Parameters
    ----------
    snapshot : all purchases.
    days : as for the query `popular_in_departments`.
    """
    attribute = snapshot.attributes.get("Department")
    if attribute is None:
        return DepartmentLists(days, (), [], [])
    sold = (snapshot.incidence("Department").T @ sp.diags(snapshot.count_since(days).astype(np.float64))).tocsr()
    sold.eliminate_zeros()
    best, unsold = Rankings.of(sold, LISTED), find_unsold(snapshot)
    return DepartmentLists(
        days,
        attribute.keys,
        [(best.article[a:b], best.score[a:b].astype(np.int64)) for a, b in pairwise(best.indptr.tolist())],
        [unsold.indices[a:b][::-1][:LISTED].astype(np.int64) for a, b in pairwise(unsold.indptr.tolist())],
    )
