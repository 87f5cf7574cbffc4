"""Measure the lists that customers were shown: hit rate, precision, MAP and click rate by group."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.limits import LONGEST_WINDOW, WINDOW
from ...cypher.progress import Progress, silent
from ..holdout.intervals import bootstrap_interval
from ..holdout.metrics import METRICS, Counts, Scores

if TYPE_CHECKING:
    import pandas as pd

By = Literal["method", "segment", "place", "day", "arm"]
"""What shown lists are grouped by."""
GROUPS: tuple[By, ...] = get_args(By)
"""The values of `By`."""
MEASURES = ("hit_rate", "precision", "map", "click_rate")
"""The measures of shown lists, each with the bounds of its 95 % bootstrap interval over customers."""


@dataclass(frozen=True)
class ShownList:
    """A list that a customer was shown, and what the customer did afterwards.

    Attributes
    ----------
    customer_id, method, segment, experiment, arm : as in `Impression`; the segment is that of the time.
    shown_at : when it was shown, in UTC.
    articles : the articles in the order of their places.
    propensities : for each, the probability with which the list has it; None if it was not logged.
    bought, viewed : the articles that the customer bought, and viewed or put into the cart, shown or not.
    """

    customer_id: str
    shown_at: datetime
    method: str
    segment: str | None
    experiment: str | None
    arm: str | None
    articles: tuple[str, ...]
    propensities: tuple[float | None, ...]
    bought: frozenset[str]
    viewed: frozenset[str]

    @property
    def explored(self) -> bool:
        """Whether the service explored the list, so that all propensities are known."""
        return all(propensity is not None for propensity in self.propensities)

    def mark(self, chosen: frozenset[str]) -> tuple[bool, ...]:
        """Return for each place whether its article is one of the chosen."""
        return tuple(article in chosen for article in self.articles)


def read_shown(
    graph: Graph,
    since: date | None = None,
    until: date | None = None,
    *,
    window: int = WINDOW,
    experiment: str | None = None,
    progress: Progress = silent,
) -> list[ShownList]:
    """Return the lists that customers were shown, the earliest first, with what was bought and viewed after each.

    Parameters
    ----------
    graph : the open graph.
    since, until : only lists shown from the day `since` on, and before the day `until`, in UTC.
    window : days after a list in which purchases and views count that have no `impression_id`.
    experiment : only lists of this experiment; None for all lists.
    progress : called with the number of lists read.

    Raises
    ------
    UserMistake : the window is not between 1 and 365 days.
    """
    if not 1 <= window <= LONGEST_WINDOW:
        raise UserMistake(f"The window must be 1 to {LONGEST_WINDOW} days, not {window}.")

    def read() -> list[ShownList]:
        rows = graph.stream("impressions", since=since, until=until, window=window, experiment=experiment)
        found = []
        for _, customer, shown_at, method, _, segment, name, arm, articles, bought, viewed in rows:
            if articles:
                found.append(ShownList(
                    sys.intern(customer), shown_at.to_native(), method, segment, name, arm,
                    tuple(sys.intern(article) for article, _ in articles), tuple(share for _, share in articles),
                    frozenset(bought), frozenset(viewed),
                ))  # fmt: skip
                if len(found) % 1000 == 0:
                    progress("Reading shown lists", len(found), None)
        return found

    return graph.read_with_retry(read)


_KEYS: dict[By, Callable[[ShownList], str]] = {
    "method": lambda one: one.method,
    "segment": lambda one: one.segment or "none",
    "day": lambda one: one.shown_at.date().isoformat(),
    "arm": lambda one: f"{one.experiment}: {one.arm}" if one.experiment else "none",
}


def tabulate_shown(lists: Iterable[ShownList], by: By = "method") -> pd.DataFrame:
    """Return a row for each group of shown lists, with its measures and their intervals.

    A hit is an article that was shown and bought. Each list counts with its own length. A list after which nothing was
    bought counts as 0, also in MAP, unlike in `evaluate`.

    Parameters
    ----------
    lists : the lists.
    by : what they are grouped by. With `place`, each place counts as a list of one article.

    Returns
    -------
    The column `by`, lists, customers, and for each of `MEASURES` its mean and the bounds of its interval, such as
    hit_rate, hit_rate_low and hit_rate_high. click_rate is the share of lists from which an article was viewed or put
    into the cart. Groups are in the order of their names; places in their order.
    """
    import pandas as pd

    groups: dict[Any, list[tuple[str, tuple[bool, ...], tuple[bool, ...], int]]] = defaultdict(list)
    for one in lists:
        hits, clicks = one.mark(one.bought), one.mark(one.viewed)
        if by == "place":
            for place, (hit, click) in enumerate(zip(hits, clicks, strict=True), start=1):
                groups[place].append((one.customer_id, (hit,), (click,), 1))
        else:
            groups[_KEYS[by](one)].append((one.customer_id, hits, clicks, len(one.bought)))
    rows = []
    for name in sorted(groups):
        customers, hits_of, clicks_of, bought = zip(*groups[name], strict=True)
        relevant = np.maximum(np.array(bought, dtype=np.int64), 1)
        values = {metric: score_lists(hits_of, relevant, metric) for metric in ("hit_rate", "precision", "map")}
        values["click_rate"] = score_lists(clicks_of, relevant, "hit_rate")
        number = np.unique(customers, return_inverse=True)[1]
        row: dict[str, Any] = {by: name, "lists": len(customers), "customers": int(number.max()) + 1}
        for measure in MEASURES:
            low, high = bootstrap_interval(values[measure], number)
            row |= {measure: float(values[measure].mean()), f"{measure}_low": low, f"{measure}_high": high}
        rows.append(row)
    columns = [by, "lists", "customers", *(f"{m}{end}" for m in MEASURES for end in ("", "_low", "_high"))]
    return pd.DataFrame(rows, columns=columns)


def score_lists(hits: Sequence[tuple[bool, ...]], relevant: Counts, metric: str) -> Scores:
    """Return a metric of each list, with the list's own length as k.

    Parameters
    ----------
    hits : for each list, whether the article at each place is a hit.
    relevant : [n], number of relevant articles of each list, at least 1.
    metric : a name of `METRICS`.
    """
    lengths = np.array([len(one) for one in hits])
    scores = np.empty(len(hits))
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        marked = np.array([hits[row] for row in rows.tolist()], dtype=np.bool_)
        scores[rows] = METRICS[metric](marked, relevant[rows])
    return scores


def measure_shown(
    graph: Graph,
    since: date | None = None,
    until: date | None = None,
    *,
    by: By = "method",
    window: int = WINDOW,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return the measures of the lists that customers were shown: `tabulate_shown` of `read_shown`.

    Parameters
    ----------
    graph, since, until, window, progress : as for `read_shown`.
    by : as for `tabulate_shown`.

    Raises
    ------
    UserMistake : the window is not between 1 and 365 days, or lists cannot be grouped by `by`.
    """
    if by not in GROUPS:
        raise UserMistake(f"Shown lists are grouped by {', '.join(GROUPS)}, not {str(by)[:20]!r}.")
    return tabulate_shown(read_shown(graph, since, until, window=window, progress=progress), by)
