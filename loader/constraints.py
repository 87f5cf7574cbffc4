"""Make the graph's constraints, whatever a killed server left of them."""

from __future__ import annotations

import re

from ..cypher.catalogue import find_query
from ..cypher.errors import HmrecError
from ..cypher.graph import Graph

CONSTRAINT = re.compile(r"CREATE CONSTRAINT (\w+) IF NOT EXISTS FOR \(n:(\w+)\) REQUIRE n\.(\w+) IS UNIQUE")


def make_constraints(graph: Graph) -> None:
    """Make those constraints that the graph lacks, with their indexes online.

    A server that is killed while it makes a constraint comes back with the constraint's index alone, and refuses to
    make another of that name: the index is removed then.

    Raises
    ------
    HmrecError : an index of a constraint's name is there already, on something else.
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
    """Remove indexes of constraints that are not there; how many."""
    wanted = {name: [label, key] for name, label, key in CONSTRAINT.findall(find_query("constraints").text)}
    found = graph.read_column("orphaned_indexes", constraints=wanted)
    for name in found:
        graph.write("drop_orphaned_index", name=name)
    return len(found)
