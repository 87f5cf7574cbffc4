"""The graph: everything that speaks to Neo4j.

In come the names of saved queries with their parameters; out come frames, rows with names and receipts of writes.
`from hmrec.cypher import Graph` is the door; the driver is imported when it is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph import Graph as Graph

__all__ = ["Graph"]


def __getattr__(name: str) -> Any:
    if name == "Graph":
        from .graph import Graph

        return Graph
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
