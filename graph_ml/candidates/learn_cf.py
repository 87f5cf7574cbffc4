"""Learn the parameters of `user_based_cf` on earlier weeks: what is best differs between shops.

Each week is predicted from the purchases before it, with each of some values. The parameters are searched one after the
other (coordinate search), beginning with the header's defaults; then the neighbouring values are tried once more.
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
from ..holdout.metrics import average_precision
from ..holdout.ranking import Truth, make_truth, mark_hits
from ..holdout.split import WEEK, hold_out
from .lists import Candidates
from .snapshot import Snapshot
from .user_based_cf import user_based_cf

MOST_PURCHASES = 2_000_000
"""Learn on a sample of customers with about so many purchases in total."""
ENOUGH = 2_000
"""Lists to compare on: training goes back week by week until it has so many."""
WEEKS = 12
"""Number of weeks to go back at most."""
FEWEST = 50
"""Number of lists from which parameters are compared."""
LENGTH = 12
"""Length of the lists that are compared."""
VALUES: Mapping[str, tuple[Any, ...]] = {
    "own_weight": (0.0, 1.0, 2.0, 4.0, 8.0, 16.0),
    "similarity_half_life": (14.0, 42.0, 120.0, None),
    "half_life": (7.0, 14.0, 42.0, 90.0, 180.0, None),
    "neighbours": (50, 100, 200),
}
"""The values to try, in the order of the search."""
STEP = "Learning the parameters of user_based_cf"

Precision = npt.NDArray[np.float64]


class _Week(NamedTuple):
    """The purchases before a week, and some of its customers with what they bought, for one kind of purchases."""

    snapshot: Snapshot
    truth: Truth


def learn_cf(subgraph: Subgraph, progress: Progress = silent, *, seed: int = 0) -> LearnedCf:
    """Return the parameters of `user_based_cf` that are best on the last weeks, for all articles and for new ones.

    Of many values, the best is often best by chance. So the defaults of the query's header stay if there are fewer than
    `FEWEST` lists to compare on, and a value only replaces another if it is better by half the standard error of the
    difference.

    Parameters
    ----------
    subgraph : the purchases; its last weeks are predicted from those before.
    progress : receives the number of parameters searched.
    seed : draws the customers, if there are more than needed.
    """
    weeks = _collect_weeks(subgraph, seed)
    found = []
    for new_only in (False, True):
        names = [name for name in VALUES if not (new_only and name == "own_weight")]

        def show(done: int, begin: int = int(new_only), total: int = 2 * len(names)) -> None:
            progress(STEP, begin + done / total, 2)

        found.append(_search([week[new_only] for week in weeks], names, new_only, show))
    return LearnedCf(*found)


def _draw_customers(subgraph: Subgraph, random: np.random.Generator) -> Subgraph:
    """Return a sample of customers with about `MOST_PURCHASES` purchases, or all of them."""
    if subgraph.num_edges <= MOST_PURCHASES:
        return subgraph
    customers = random.permutation(len(subgraph.customer_ids))
    bought = np.bincount(subgraph.customer, minlength=len(customers))[customers]
    return subgraph.take(np.sort(customers[np.cumsum(bought) <= MOST_PURCHASES]))


def _collect_weeks(subgraph: Subgraph, seed: int) -> list[tuple[_Week, _Week]]:
    """Return the last weeks, for all purchases and for new ones, until there are `ENOUGH` lists to compare on."""
    random = np.random.default_rng(seed)
    sample = _draw_customers(subgraph, random)
    weeks: list[tuple[_Week, _Week]] = []
    lists = 0
    for ago in range(WEEKS):
        if lists >= ENOUGH:
            break
        try:
            held = hold_out(sample, WEEK, ago)
        except UserMistake:  # no purchase in that week, or none before it
            continue
        snapshot = Snapshot.of(held.before, held.cut)
        truths = [make_truth(held, new_only) for new_only in (False, True)]
        drawn = random.permutation(truths[0].customers)[: ENOUGH - lists]
        lists += len(drawn)
        everything, new = (_Week(snapshot, _keep(truth, drawn)) for truth in truths)
        weeks.append((everything, new))
    return weeks


def _keep(truth: Truth, customers: Integers) -> Truth:
    kept = np.isin(truth.customers, customers)
    return Truth(truth.customers[kept], truth.bought, truth.owned, truth.relevant[kept])


def _search(weeks: list[_Week], names: list[str], new_only: bool, show: Callable[[int], None]) -> CfParameters:
    """Search the parameters one after the other."""
    declared = find_query("user_based_cf").parameters
    defaults = {name: declared[name].default for name in names}
    lists = sum(len(week.truth.customers) for week in weeks)
    if lists < FEWEST:
        return CfParameters(**defaults, why=f"The defaults: {lists} lists to compare on are fewer than {FEWEST}")
    first = _measure(weeks, defaults, new_only)
    best, precision = defaults, first
    known = {tuple(defaults.values())}
    for number, (name, values) in enumerate(_list_searches(names, lambda: best)):
        for value in values:
            tried = best | {name: value}
            if tuple(tried.values()) not in known:
                known.add(tuple(tried.values()))
                found = _measure(weeks, tried, new_only)
                if _is_better(found, precision):
                    best, precision = tried, found
        show(number + 1)
    measured = f"MAP@{LENGTH} of {lists:,} lists on weeks held out {precision.mean():.4f}"
    why = f"{measured}, by the defaults {first.mean():.4f}" if best != defaults else f"{measured}, by the defaults"
    return CfParameters(**best, why=why)


def _list_searches(
    names: list[str], read_best: Callable[[], Mapping[str, Any]]
) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each parameter with all its values, and then once more with those next to its best one."""
    for name in names:
        yield name, VALUES[name]
    for name in names:
        values, best = VALUES[name], read_best()[name]
        place = values.index(best) if best in values else 0
        yield name, values[max(0, place - 1) : place + 2]


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
    return bool(difference.mean() > difference.std() / np.sqrt(len(difference)) / 2)


def _to_table(lists: Candidates) -> Integers:
    """Return [n, LENGTH], the lists padded with -1."""
    table = np.full((len(lists), LENGTH), -1, dtype=np.int64)
    table[lists.row, np.arange(len(lists.article)) - lists.indptr[lists.row]] = lists.article
    return table
