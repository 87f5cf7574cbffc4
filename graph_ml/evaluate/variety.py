"""How varied a method's lists are, beyond their accuracy: inside a list, over departments, over articles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..export.subgraph import Integers, Subgraph

_AT_ONCE = 1_000  # lists, whose pairs of articles are compared at once
_DEPARTMENT = "Department"


@dataclass(frozen=True)
class Variety:
    """Figures of a method's lists for one hold-out period; NaN if there is nothing to count.

    Attributes
    ----------
    diversity : mean over the lists of 1 - the mean likeness of two articles: the share of their attributes that are
        equal. 0: all alike; 1: nothing in common.
    departments : mean number of different departments in a list.
    department_coverage : share of the departments sold before the period that are in any list.
    gini : of the number of lists that each article sold before is in; 0: all equally often, 1: one article has all.
    """

    diversity: float
    departments: float
    department_coverage: float
    gini: float


@dataclass(frozen=True)
class Kinds:
    """What articles are.

    Attributes
    ----------
    codes : [A, attributes] int64, the attribute node of each kind; -1 if the article has none.
    department : [A] int64, of its department; -1 if it has none.
    """

    codes: Integers
    department: Integers

    @classmethod
    def of(cls, subgraph: Subgraph) -> Kinds:
        """Return the kinds of a subgraph's articles."""
        number = len(subgraph.article_ids)
        columns = {label: np.full(number, -1, dtype=np.int64) for label in (*subgraph.attributes, _DEPARTMENT)}
        for label, attribute in subgraph.attributes.items():
            article, node = attribute.edge_index
            columns[label][article] = node
        return cls(np.stack(list(columns.values()), axis=1), columns[_DEPARTMENT])


def measure_variety(kinds: Kinds, buyers: Integers, ranked: Integers) -> Variety:
    """Return how varied lists are.

    Sources: intra-list diversity, Ziegler et al., Improving recommendation lists through topic diversification, WWW
    2005; Gini index, Fleder and Hosanagar, Blockbuster culture's next rise or fall, Management Science 2009.

    Parameters
    ----------
    kinds : what the articles are.
    buyers : [A], number of customers who bought each article before the period.
    ranked : [n, k], the lists, padded with negative numbers.
    """
    ranked = ranked[(ranked >= 0).any(axis=1)]
    if not len(ranked):
        return Variety(*(float("nan"),) * 4)
    parts = [_compare(kinds, ranked[begin : begin + _AT_ONCE]) for begin in range(0, len(ranked), _AT_ONCE)]
    unlike, departments = (np.concatenate(values) for values in zip(*parts, strict=True))
    sold = np.flatnonzero(buyers > 0)
    known = np.unique(kinds.department[sold])
    known = known[known >= 0]
    reached = np.intersect1d(kinds.department[ranked[ranked >= 0]], known)
    exposure = np.sort(np.bincount(ranked[ranked >= 0], minlength=len(buyers))[sold])
    place, total = np.arange(1, len(sold) + 1), exposure.sum()
    gini = 2 * (place * exposure).sum() / (len(sold) * total) - (len(sold) + 1) / len(sold) if total else float("nan")
    compared = unlike[~np.isnan(unlike)]
    return Variety(
        float(compared.mean()) if len(compared) else float("nan"),
        float(departments.mean()),
        len(reached) / len(known) if len(known) else float("nan"),
        float(gini),
    )


def _compare(kinds: Kinds, ranked: Integers) -> tuple[npt.NDArray[np.float64], Integers]:
    """Return [n] and [n]: 1 - the mean likeness of two articles (NaN for fewer), and the number of departments."""
    listed = ranked >= 0
    same = np.zeros((*ranked.shape, ranked.shape[1]))
    for codes in kinds.codes.T:
        found = np.where(listed, codes[ranked], -1)
        same += (found[:, :, None] == found[:, None, :]) & (found >= 0)[:, :, None]
    number = listed.sum(axis=1)
    pairs = number * (number - 1)
    itself = np.einsum("nii->n", same)
    with np.errstate(invalid="ignore", divide="ignore"):
        unlike = 1 - (same.sum(axis=(1, 2)) - itself) / (pairs * kinds.codes.shape[1])
    department = np.sort(np.where(listed, kinds.department[ranked], -1), axis=1)
    is_first = np.diff(department, axis=1, prepend=-1) > 0
    return unlike, (is_first & (department >= 0)).sum(axis=1)
