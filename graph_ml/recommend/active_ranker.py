"""The ranker that goes with the model in force, read from the graph once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ...cypher.errors import HmrecError, NoRanker
from ...cypher.graph import Graph
from ..ranker.ranker import Ranker


@dataclass(frozen=True)
class RankerVersion:
    """Which ranker is in force.

    Versions begin again at 1 in a graph that is loaded again or restored, hence `created`.

    Attributes
    ----------
    version, created : of the model that it belongs to.
    until : the day before which it knows all purchases.
    """

    version: int
    created: str
    until: date


class ActiveRanker:
    """Reads the ranker in force, and keeps the one that was read last.

    Parameters
    ----------
    graph : the graph to read from.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._kept: tuple[RankerVersion, Ranker] | None = None

    def find(self) -> RankerVersion | None:
        """Return which ranker is in force; None if there is none."""
        keys, rows = self.graph.read_rows("has_ranker")
        return RankerVersion(**dict(zip(keys, rows[0], strict=True))) if rows else None

    def read(self, version: RankerVersion) -> Ranker:
        """Return the ranker of that version.

        Raises
        ------
        NoRanker : it was trained by another version of hmrec.
        HmrecError : it is no longer in force.
        """
        kept = self._kept
        if kept is None or kept[0] != version:
            keys, rows = self.graph.read_rows("ranker")
            if not rows:
                raise HmrecError("The ranker was removed meanwhile.", "Try again.")
            ranker = Ranker.from_text(rows[0][keys.index("text")])
            if not ranker.is_current:
                raise NoRanker("The ranker in the graph is of another version of hmrec.", "Train again: hmrec train")
            self._kept = kept = (version, ranker)
        return kept[1]
