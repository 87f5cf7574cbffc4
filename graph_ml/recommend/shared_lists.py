"""Lists that many customers share, such as what is popular: asked for once, as long as the purchases are the same."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from threading import Lock

DEPTH = 300
"""Articles that are kept of a list at least: some go to each customer, less what they own."""

Row = tuple[str, float, str]
"""Article, score, reason."""


@dataclass(frozen=True)
class Purchases:
    """Which purchases the graph has.

    Attributes
    ----------
    load, finished : the newest load, and when it was done; None where there is none, or it is not done.
    bought : how many purchases.
    """

    load: str | None
    finished: str | None
    bought: int


class SharedLists:
    """Lists kept by what was asked, of one state of the purchases; those not asked for longest go first.

    While a load is under way, and in a graph that no load of hmrec's brought, nothing is kept.

    Parameters
    ----------
    kept : how many lists, about 80 kB each.
    """

    def __init__(self, kept: int = 1_000) -> None:
        self.kept = kept
        self._of: Purchases | None = None
        self._lists: OrderedDict[Hashable, list[Row]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """How many lists are kept."""
        return len(self._lists)

    def take(
        self,
        purchases: Purchases,
        key: Hashable,
        k: int,
        owned: Collection[str],
        fetch: Callable[[int], list[Row]],
    ) -> list[Row] | None:
        """Return the first `k` rows whose article is not in `owned`; None if the kept list is too short for that.

        Parameters
        ----------
        purchases : the state of the graph's purchases, read before anything else that the answer depends on.
        key : everything else that the list depends on.
        k : number of rows.
        owned : articles to leave out.
        fetch : returns the first rows of the list, as many as it is called with, for no particular customer.
        """
        depth = max(DEPTH, 2 * k)
        key = (key, depth)
        with self._lock:
            found = self._lists.get(key) if purchases == self._of else None
            if found is not None:
                self._lists.move_to_end(key)
        if found is None:
            found = fetch(depth)
            self._keep(purchases, key, found)
        rows = [row for row in found if row[0] not in owned][:k]
        return rows if len(rows) == k or len(found) < depth else None

    def _keep(self, purchases: Purchases, key: Hashable, rows: list[Row]) -> None:
        if purchases.finished is None:
            return
        with self._lock:
            if purchases != self._of:
                self._of = purchases
                self._lists.clear()
            self._lists[key] = rows
            while len(self._lists) > self.kept:
                self._lists.popitem(last=False)
