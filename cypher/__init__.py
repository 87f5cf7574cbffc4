"""Access to the graph: everything that talks to Neo4j.

Input: names of saved queries with their parameters. Output: frames, rows with named columns, and receipts of writes.
Import `Graph` from here; the driver is imported only when a graph is opened.
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
