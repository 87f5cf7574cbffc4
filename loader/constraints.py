"""Create the graph's constraints, also after a server was killed while it created them."""

from __future__ import annotations

import re

from ..cypher.catalogue import find_query
from ..cypher.errors import HmrecError
from ..cypher.graph import Graph

CONSTRAINT = re.compile(r"CREATE CONSTRAINT (\w+) IF NOT EXISTS FOR \(n:(\w+)\) REQUIRE n\.(\w+) IS UNIQUE")


def make_constraints(graph: Graph) -> None:
    """Create the constraints that are missing, and wait until their indexes are online.

    A server killed while it creates a constraint restarts with the constraint's index alone, and then refuses to
    create the constraint. Remove the index in that case.

    Raises
    ------
    HmrecError : another index already has the name of a constraint.
    """
    while True:
        try:
            graph.write("constraints")
            break
        except HmrecError:
            if not _drop_orphans(graph):
                raise
    graph.write("await_indexes")


def _drop_orphans(graph: Graph) -> int:
    """Remove indexes whose constraints are missing, and return how many there were."""
    wanted = {name: [label, key] for name, label, key in CONSTRAINT.findall(find_query("constraints").text)}
    found = graph.read_rows("orphaned_indexes", constraints=wanted)[1]
    for (name,) in found:
        graph.write("drop_orphaned_index", name=name)
    return len(found)
