"""What groups of customers buy now: the lists of `popular` and `popular_in_segment`, which many customers share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from ...cypher.catalogue import find_query
from ..candidates.group_lists import GroupList
from ..candidates.lists import LISTED, Rankings
from ..candidates.popular_in_segment import MAX_SEGMENTS, Segments
from ..candidates.snapshot import Floats, Snapshot


def list_by_group(snapshot: Snapshot) -> list[GroupList]:
    """Return what everyone and what each segment of `popular_in_segment` buys now, counted with the queries' defaults.

    A shop with more than `MAX_SEGMENTS` segments has the lists of the largest of them.

    Parameters
    ----------
    snapshot : all purchases.
    """
    return [_list_everyone(snapshot), *_list_segments(snapshot)]


def _list_everyone(snapshot: Snapshot) -> GroupList:
    days = int(find_query("popular").default("days"))
    facts = {"method": "popular", "name": "everyone", "days": days, "counted": days}
    return _make_list(facts, snapshot.count_since(days).astype(np.float64))


def _list_segments(snapshot: Snapshot) -> Iterator[GroupList]:
    name = "popular_in_segment"
    asked = {one: int(find_query(name).default(one)) for one in ("days", "age_span", "purchases")}
    segments = Segments.of(snapshot)
    count = segments.make_counter(snapshot, **asked)
    counted = snapshot.count_days(asked["days"], asked["purchases"])
    largest = np.argsort(-np.bincount(segments.of_customer), kind="stable")[:MAX_SEGMENTS]
    for number in np.sort(largest).tolist():
        age, status = segments.describe(number)
        about = ([] if age is None else [f"about {age:g}"]) + ([] if status is None else [status])
        facts = {"method": name, "name": ", ".join(about) or "unknown", "counted": counted, **asked}
        facts |= {"age": age, "club_member_status": status}
        yield _make_list(facts, count(number))


def _make_list(facts: dict[str, Any], purchases: Floats) -> GroupList:
    """Return the `LISTED` articles with the most purchases, of `purchases` [A]."""
    best = Rankings.of(sp.csr_matrix(purchases[None, :]), LISTED)
    return GroupList(facts, best.article, best.score.astype(np.int64))
