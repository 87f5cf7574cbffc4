"""Articles that customers of the same age and club status bought recently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .batch_recommender import batch_recommender
from .group_lists import Key
from .groups import UNKNOWN, rank_groups
from .lists import Candidates, Floats, Rankings, replace_lists
from .snapshot import Snapshot

MAX_SEGMENTS = 1_000  # cached rankings; each takes 0.2 MB with 10,000 articles sold recently
RANK_ALL_BELOW = 8  # segments per customer, up to which all segments are ranked and cached for later customers


@dataclass(frozen=True)
class Segments:
    """The groups of customers of equal age and club status.

    Attributes
    ----------
    groups : [G, 2], age and number of the club status; `UNKNOWN` if unknown.
    of_customer : [C], the group of each customer.
    statuses : the club statuses by number.
    """

    groups: Floats
    of_customer: Integers
    statuses: tuple[str, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Segments:
        """Return the groups of a shop's customers."""

        def make() -> Segments:
            status = "club_member_status"
            known = np.stack([np.nan_to_num(snapshot.age, nan=UNKNOWN), snapshot.code(status)], axis=1)
            groups, of = np.unique(known, axis=0, return_inverse=True)
            return cls(groups, of.ravel(), snapshot.list_values(status))

        segments: Segments = snapshot.cached(("segments",), make)
        return segments

    def describe(self, number: int) -> Key:
        """Return the age and the club status of a group; None if unknown."""
        age, status = self.groups[number].tolist()
        return None if age == UNKNOWN else age, None if status == UNKNOWN else self.statuses[int(status)]

    def make_counter(self, snapshot: Snapshot, *, days: int, age_span: int, purchases: int) -> Callable[[int], Floats]:
        """Return a function from a group to how often customers like its own bought each article recently, [A].

        It counts as the query does, with the parameters of that name.
        """
        found = snapshot.window(days, purchases)
        buyer, article = snapshot.customer[found], snapshot.article[found]
        age_of, status_of = snapshot.age[buyer], snapshot.code("club_member_status")[buyer]

        def count(number: int) -> Floats:
            age, status = self.groups[number]
            alike = np.ones(len(buyer), dtype=np.bool_)
            if age != UNKNOWN:
                alike &= np.abs(age_of - age) <= age_span
            if status != UNKNOWN:
                alike &= status_of == status
            return np.bincount(article[alike], minlength=snapshot.shape[1]).astype(np.float64)

        return count


@batch_recommender
def popular_in_segment(
    snapshot: Snapshot,
    customers: Integers,
    *,
    k: int,
    new_only: bool,
    days: int,
    age_span: int,
    purchases: int,
) -> Candidates:
    """Return what customers of the same age and club status bought recently, as the query `popular_in_segment` does."""
    asked = {"days": days, "age_span": age_span, "purchases": purchases}
    segments = Segments.of(snapshot)
    groups, count_live = segments.groups, segments.make_counter(snapshot, **asked)
    lists = snapshot.find_group_lists("popular_in_segment", **asked)

    def count(number: int, is_listed: bool) -> Floats:
        listed = lists.get(segments.describe(number)) if is_listed else None
        scores = count_live(number) if listed is None else listed.spread(snapshot.shape[1])
        return snapshot.mask_scores(scores)

    def find(those: Integers, is_listed: bool) -> Candidates:
        def rank() -> Rankings:
            scores = [sp.csr_matrix(count(one, is_listed)[None, :]) for one in range(len(groups))]
            return Rankings.of(sp.vstack(scores, format="csr"))

        if len(groups) > MAX_SEGMENTS or len(groups) > RANK_ALL_BELOW * len(those):  # most would not be read
            number = segments.of_customer.astype(np.float64)[:, None]
            return rank_groups(snapshot, those, number, lambda of: count(int(of[0]), is_listed), k, new_only)
        ranking: Rankings = snapshot.cached(("popular_in_segment", *asked.values(), is_listed), rank)
        return ranking.first(segments.of_customer[those], k, snapshot.owned_to_exclude(those, new_only))

    found = find(customers, bool(lists))
    if not lists:
        return found
    short = np.flatnonzero(np.diff(found.indptr) < k)
    known = [lists.get(segments.describe(one)) for one in segments.of_customer[customers[short]].tolist()]
    is_partial = np.array([one is not None and not one.is_whole for one in known], dtype=np.bool_)
    return replace_lists(found, short[is_partial], lambda rows: find(customers[rows], False))
