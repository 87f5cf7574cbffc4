"""Articles that customers with similar attributes buy now."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .groups import UNKNOWN, rank_groups
from .lists import Candidates, Floats, look_up, row_numbers, select, take_top_k
from .snapshot import Snapshot

NEARBY = 200  # recent purchases of a post code; the few post codes with more are groups of their own
ELSEWHERE = -2  # stands for all other post codes


@batch_recommender
def by_attributes(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    days: int,
    age_span: float,
    purchases: int,
) -> Candidates:
    """Return what customers similar to each one buy now, as the query `by_attributes` does."""
    found = snapshot.window(days, purchases)
    buyer, article = snapshot.customer[found], snapshot.article[found]

    def know() -> Floats:
        codes = [snapshot.code(name) for name in ("club_member_status", "fashion_news_frequency", "postal_code")]
        return np.stack([np.nan_to_num(snapshot.age, nan=UNKNOWN), *codes], axis=1)

    def collect_buyers() -> tuple[Floats, Integers, Integers]:
        by_place = np.argsort(place[buyer], kind="stable")
        return np.column_stack([snapshot.age[buyer], known[buyer, 1:]]), by_place, place[buyer][by_place]

    def compare(of: Floats, others: Floats) -> Floats:
        """Return how alike customers (a row of `known` each, or one for all) and the buyers [n, 4] are."""
        differs = _compare_ages(of[..., 0], others[:, 0], age_span)
        for column in range(1, known.shape[1]):
            differs += (of[..., column] != UNKNOWN) & (of[..., column] != others[:, column])
        return np.exp2(-differs)

    def weigh(of: Floats) -> Floats:
        return snapshot.mask_scores(np.bincount(article, compare(of, buyers), minlength=snapshot.shape[1]))

    # There are many post codes (350,000 at H&M), and most have few recent purchases. Customers of those share a ranking
    # in which every buyer's post code differs from theirs. `add_nearby` then corrects for the few buyers whose post
    # code is the same. A post code with many purchases is a group of its own.
    def group() -> tuple[npt.NDArray[np.bool_], Floats]:
        bought_in = np.bincount(place[buyer][place[buyer] >= 0], minlength=int(place.max(initial=-1)) + 1)
        small = (place >= 0) & (np.append(bought_in, 0)[place] <= NEARBY)
        return small, np.column_stack([known[:, :3], np.where(small, ELSEWHERE, place)])

    known: Floats = snapshot.cached(("attributes",), know)  # [C, 4]
    place = snapshot.code("postal_code")
    is_small, group_of = snapshot.cached(("by_attributes", days, purchases), group)
    buyers, by_place, lives = snapshot.cached(("buyers", days, purchases), collect_buyers)

    def add_nearby(lists: Candidates, those: Integers, scores: Floats, group: Integers) -> Candidates:
        row, at = _join_on(np.where(is_small[those], place[those], -1), lives, by_place)
        if not len(row):
            return lists
        near = compare(known[those[row]], buyers[at]) / 2  # the other half: the same post code doubles the likeness
        shape = (len(those), snapshot.shape[1])
        more = sp.csr_matrix((near, (row, article[at])), shape)
        more.data += scores[group[row_numbers(more)], more.indices]
        before = sp.csr_matrix((lists.score, lists.article, lists.indptr), shape)
        others = select(before, look_up(more, row_numbers(before), before.indices) == 0)
        return take_top_k(others + more, k, without=snapshot.owned_to_exclude(those, new_only), only=snapshot.only)

    return rank_groups(snapshot, customers, group_of, weigh, k, new_only, add_nearby)


def _compare_ages(age: Floats, others: Floats, age_span: float) -> Floats:
    """Return by how many spans the others' ages differ; 1 if theirs is unknown, 0 if one's own (-1) is."""
    apart: Floats = np.nan_to_num(np.abs(others - age) / age_span, nan=1.0)
    return np.where(age >= 0, apart, 0.0)


def _join_on(left: Integers, right: Integers, order: Integers) -> tuple[Integers, Integers]:
    """Return the positions of all pairs of equal values, at least 0, in `left` and in the unsorted right array.

    The pairs are in the order of `left`. `right` is the right array sorted by `order`.
    """
    begin = np.searchsorted(right, left)
    counts = np.where(left >= 0, np.searchsorted(right, left, side="right") - begin, 0)
    row = np.repeat(np.arange(len(left)), counts)
    inside = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    return row, order[begin[row] + inside]
