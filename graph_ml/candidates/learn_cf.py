"""Learn the parameters of `user_based_cf` on earlier weeks: what is best differs between shops.

Each week is predicted from the purchases before it, with each of some values. The parameters are searched one after the
other (coordinate search), beginning with values that were good in every shop measured: docs/decisions/0050.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...cypher.catalogue import find_query
from ...cypher.errors import UserMistake
from ...cypher.learned_cf import CfParameters, LearnedCf
from ...cypher.progress import Progress, silent
from ..export.subgraph import Integers, Subgraph
from ..holdout.metrics import FEWEST, LENGTH, average_precision
from ..holdout.ranking import Truth, make_truth, mark_hits
from ..holdout.split import WEEK, hold_out
from .lists import Candidates
from .snapshot import Snapshot
from .user_based_cf import user_based_cf

MOST_PURCHASES = 2_000_000
"""Learn on a sample of customers with about so many purchases in total."""
ENOUGH = (1_000, 1_500)
"""Lists to compare on, of all articles and of new ones, whose hits are rarer: training goes back that many weeks."""
WEEKS = 12
"""Number of weeks to go back at most."""
VALUES: Mapping[str, tuple[Any, ...]] = {
    "half_life": (7.0, 14.0, 42.0, 90.0, 180.0, None),
    "own_weight": (0.0, 1.0, 2.0, 4.0, 8.0, 16.0),
    "neighbours": (50, 100, 200),
    "similarity_half_life": (42.0, 120.0, None),
}
"""The values to try, in the order of the search."""
BEGIN: tuple[Mapping[str, Any], Mapping[str, Any]] = (
    {"half_life": 90.0, "own_weight": 8.0, "neighbours": 100, "similarity_half_life": 120.0},
    {"half_life": 42.0, "neighbours": 200, "similarity_half_life": None},
)
"""Where the search begins, for all articles and for new ones."""
MARGIN = 1.0
"""Standard errors of the difference by which a value must be better than another to replace it."""
STEP = "Learning the parameters of user_based_cf"
"""The name of the step in the progress."""

Precision = npt.NDArray[np.float64]
"""[lists], the average precision of each."""


class _Week(NamedTuple):
    """The purchases before a week, and some of its customers with what they bought, for one kind of purchases."""

    snapshot: Snapshot
    truth: Truth


def learn_cf(subgraph: Subgraph, progress: Progress = silent, *, seed: int = 0) -> LearnedCf:
    """Return the parameters of `user_based_cf` that are best on the last weeks, for all articles and for new ones.

    Of many values, the best is often best by chance. So the defaults of the query's header stay if there are fewer than
    `FEWEST` lists to compare on, or unless the values found are better by `MARGIN` standard errors of the difference.

    Parameters
    ----------
    subgraph : the purchases; its last weeks are predicted from those before.
    progress : receives the number of parameters searched.
    seed : draws the customers, if there are more than needed.
    """
    random = np.random.default_rng(seed)
    sample = _draw_customers(subgraph, random)
    weeks = list(_collect_weeks(sample, random))
    found = []
    for new_only in (False, True):
        names = [name for name in VALUES if not (new_only and name == "own_weight")]

        def show(done: int, begin: int = int(new_only), total: int = len(names)) -> None:
            progress(STEP, begin + done / total, 2)

        tested = [week[new_only] for week in weeks if len(week[new_only].truth.customers)]
        found.append(_search(tested, names, new_only, show))
    return LearnedCf(*found)


def _draw_customers(subgraph: Subgraph, random: np.random.Generator) -> Subgraph:
    """Return a sample of customers with about `MOST_PURCHASES` purchases, or all of them."""
    if subgraph.num_edges <= MOST_PURCHASES:
        return subgraph
    customers = random.permutation(len(subgraph.customer_ids))
    bought = np.bincount(subgraph.customer, minlength=len(customers))[customers]
    return subgraph.take(np.sort(customers[np.cumsum(bought) <= MOST_PURCHASES]))


def _collect_weeks(subgraph: Subgraph, random: np.random.Generator) -> Iterator[tuple[_Week, _Week]]:
    """Yield the last weeks, for all purchases and for new ones, until there are `ENOUGH` lists to compare on."""
    left = list(ENOUGH)
    for ago in range(WEEKS):
        if max(left) <= 0:
            return
        try:
            held = hold_out(subgraph, WEEK, ago)
        except UserMistake:  # no purchase in that week, or none before it
            continue
        snapshot = Snapshot.of(held.before, held.cut)
        truths = [_draw(make_truth(held, bool(kind)), left[kind], random) for kind in (0, 1)]
        left = [most - len(truth.customers) for most, truth in zip(left, truths, strict=True)]
        yield _Week(snapshot, truths[0]), _Week(snapshot, truths[1])


def _draw(truth: Truth, most: int, random: np.random.Generator) -> Truth:
    """Return the truth of at most so many customers."""
    kept = np.sort(random.permutation(len(truth.customers))[: max(0, most)])
    return Truth(truth.customers[kept], truth.bought, truth.owned, truth.relevant[kept])


def _search(weeks: list[_Week], names: list[str], new_only: bool, show: Callable[[int], None]) -> CfParameters:
    """Search the parameters one after the other."""
    declared = find_query("user_based_cf").parameters
    defaults = {name: declared[name].default for name in names}
    lists = sum(len(week.truth.customers) for week in weeks)
    if lists < FEWEST:
        return CfParameters(**defaults, why=f"The defaults: {lists} lists to compare on are fewer than {FEWEST}")
    default = _measure(weeks, defaults, new_only)
    best = dict(BEGIN[new_only])
    precision = _measure(weeks, best, new_only)
    for number, name in enumerate(names):
        for value in VALUES[name]:
            tried = best | {name: value}
            if tried != best:
                found = _measure(weeks, tried, new_only)
                if _is_better(found, precision):
                    best, precision = tried, found
        show(number + 1)
    measured = f"MAP@{LENGTH} of {lists:,} lists on weeks held out"
    figures = f"{precision.mean():.4f}, by the defaults {default.mean():.4f}"
    if _is_better(precision, default):
        return CfParameters(**best, why=f"{measured}: {figures}")
    return CfParameters(**defaults, why=f"The defaults: nothing is clearly better by {measured} ({figures})")


def _measure(weeks: list[_Week], parameters: Mapping[str, Any], new_only: bool) -> Precision:
    """Return the average precision of each customer's list, all weeks concatenated."""
    given = CfParameters(**parameters).parameters()
    found = []
    for snapshot, truth in weeks:
        lists = user_based_cf(snapshot, truth.customers, k=LENGTH, new_only=new_only, **given)
        found.append(average_precision(mark_hits(_to_table(lists), truth), truth.relevant))
    return np.concatenate(found)


def _is_better(found: Precision, than: Precision) -> bool:
    difference = found - than
    return bool(difference.mean() > MARGIN * difference.std() / np.sqrt(len(difference)))


def _to_table(lists: Candidates) -> Integers:
    """Return [n, LENGTH], the lists padded with -1."""
    table = np.full((len(lists), LENGTH), -1, dtype=np.int64)
    table[lists.row, np.arange(len(lists.article)) - lists.indptr[lists.row]] = lists.article
    return table
