"""Check before a training that writing its embeddings will not change what hmrec did not create."""

from __future__ import annotations

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...loader.constraints import OWN_DATABASE, check_schema
from .vector_indexes import ARTICLES, CUSTOMERS, EF_CONSTRUCTION


def check_before_training(graph: Graph) -> None:
    """Check that nothing that hmrec did not create is where its indexes and embeddings are written.

    Raises
    ------
    UserMistake : an index or a constraint is in the way, or a customer or an article has an `embedding` of another
        program. The message names it.
    """
    check_schema(graph)
    indexes = {name: (dim, built) for name, _, _, dim, built in graph.read_rows("vector_indexes")[1]}
    if not graph.read_rows("models", k=1)[1]:
        _refuse_indexes_before_the_first_model(indexes)
    dims = [dim for dim, _ in indexes.values()]
    for label, name, dim, nodes in graph.read_rows("unknown_embeddings", dims=dims)[1]:
        size = f"of {dim:,} numbers " if dim else ""
        raise UserMistake(
            f"{nodes:,} (:{label}) have a property `{name}` {size}that hmrec did not write and would overwrite.",
            f"Move it to another property, {OWN_DATABASE}",
        )


def _refuse_indexes_before_the_first_model(indexes: dict[str, tuple[int, int]]) -> None:
    """Refuse indexes with hmrec's names but other settings: without a model, hmrec has not created any.

    Parameters
    ----------
    indexes : dimensions and `ef_construction` by name. Neo4j's default of the second differs from hmrec's.
    """
    ours = {name for name, (_, built) in indexes.items() if name in ARTICLES.values() and built == EF_CONSTRUCTION}
    for name in sorted(set(indexes) - ours):
        if name != CUSTOMERS or not ours:
            raise UserMistake(
                f"The database has a vector index {name!r} of {indexes[name][0]:,} dimensions that hmrec did not make "
                "and would replace.",
                f"Drop it (DROP INDEX {name}) or create it on another property, {OWN_DATABASE}",
            )
