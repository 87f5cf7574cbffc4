"""The ranker of the model in force, read from the graph once and cached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...cypher.errors import HmrecError, NoRanker
from ...cypher.graph import Graph
from ...cypher.state import GraphState

if TYPE_CHECKING:
    from ..ranker.ranker import Ranker


class _StoredRanker(NamedTuple):
    """A ranker in the graph: the version and the creation time of its model, and its trees as text."""

    version: int
    created: str
    text: str


class ActiveRanker:
    """Reads the ranker in force and caches the one that it read last.

    Parameters
    ----------
    graph : the graph to read from.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._cached: tuple[tuple[int, str], Ranker] | None = None

    def read(self, state: GraphState) -> Ranker:
        """Return the ranker of the model in force.

        Version numbers start again at 1 in a graph that is replaced or restored. The cache therefore also compares
        the time at which the model was created.

        Parameters
        ----------
        state : the graph's present state; its model has a ranker.

        Raises
        ------
        NoRanker : another version of hmrec trained it.
        HmrecError : it was removed after `state` was read.
        """
        cached, model = self._cached, state.model
        if cached is None or model is None or cached[0] != (model.version, model.created):
            found = self.graph.read_one(_StoredRanker, "ranker")
            if found is None:
                raise HmrecError("The ranker was removed while it was read.", "Try again.")
            from ..ranker.ranker import Ranker  # loads scipy and LightGBM, which lists without a ranker do without

            ranker = Ranker.from_text(found.text)
            if not ranker.is_current:
                raise NoRanker("Another version of hmrec trained the ranker in the graph.", "Train again: hmrec train")
            self._cached = cached = ((found.version, found.created), ranker)
        return cached[1]
