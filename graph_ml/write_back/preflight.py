"""Check before a training that its embeddings can be written without touching what hmrec did not make."""

from __future__ import annotations

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...loader.constraints import OWN_DATABASE, check_schema


def check_before_training(graph: Graph) -> None:
    """Check that no index and no embedding of somebody else's is where hmrec's are written.

    Raises
    ------
    UserMistake : an index or a constraint is in the way, or a customer or an article has an `embedding` that is not
        hmrec's. The message names it.
    """
    check_schema(graph)
    dims = [dim for _, _, _, dim, _ in graph.read_rows("vector_indexes")[1]]
    for label, name, dim, nodes in graph.read_rows("unknown_embeddings", dims=dims)[1]:
        size = f"of {dim:,} numbers " if dim else ""
        raise UserMistake(
            f"{nodes:,} (:{label}) have a property `{name}` {size}that hmrec did not write and would overwrite.",
            f"Move it to a property of another name, {OWN_DATABASE}",
        )
