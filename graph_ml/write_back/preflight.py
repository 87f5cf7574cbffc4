"""Check before a training that writing its embeddings will not change what hmrec did not create."""

from __future__ import annotations

from typing import NamedTuple

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...loader.constraints import OWN_DATABASE, check_schema
from .vector_indexes import ARTICLES, CUSTOMERS, EF_CONSTRUCTION, VectorIndex, list_indexes


class _UnknownEmbeddings(NamedTuple):
    """Nodes with an embedding that hmrec did not write: their label, the property, its numbers (0: not a vector)."""

    label: str
    property: str
    dim: int
    nodes: int


def check_before_training(graph: Graph) -> None:
    """Check that nothing that hmrec did not create is where its indexes and embeddings are written.

    Raises
    ------
    UserMistake : an index or a constraint is in the way, or a customer or an article has an `embedding` of another
        program. The message names it.
    """
    check_schema(graph)
    indexes = list_indexes(graph)
    if not graph.read_column("models", k=1):
        _refuse_indexes_before_the_first_model(indexes)
    found = graph.read_one(_UnknownEmbeddings, "unknown_embeddings", dims=[index.dim for index in indexes])
    if found is not None:
        size = f"of {found.dim:,} numbers " if found.dim else ""
        raise UserMistake(
            f"{found.nodes:,} (:{found.label}) have a property `{found.property}` {size}that hmrec did not write and "
            "would overwrite.",
            f"Move it to another property, {OWN_DATABASE}",
        )


def _refuse_indexes_before_the_first_model(indexes: list[VectorIndex]) -> None:
    """Refuse indexes with hmrec's names but other settings: without a model, hmrec has not created any.

    `ef_construction` tells hmrec's indexes from others: it is not Neo4j's default.
    """
    ours = [one for one in indexes if one.name in ARTICLES.values() and one.ef_construction == EF_CONSTRUCTION]
    for index in sorted(indexes, key=lambda one: one.name):
        if index not in ours and (index.name != CUSTOMERS or not ours):
            raise UserMistake(
                f"The database has a vector index {index.name!r} of {index.dim:,} dimensions that hmrec did not make "
                "and would replace.",
                f"Drop it (DROP INDEX {index.name}) or create it on another property, {OWN_DATABASE}",
            )
