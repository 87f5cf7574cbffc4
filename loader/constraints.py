"""Make the graph's constraints, whatever a killed server left of them, and check the schema for what is not hmrec's."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..cypher.catalogue import find_query
from ..cypher.errors import HmrecError, UserMistake
from ..cypher.graph import Graph

CONSTRAINT = re.compile(r"CREATE CONSTRAINT (\w+) IF NOT EXISTS FOR \(n:(\w+)\) REQUIRE n\.(\w+) IS UNIQUE")
_INDEX = re.compile(r"(VECTOR )?INDEX (\w+) IF NOT EXISTS FOR \S*\w:(\w+)[\])]\S* ON \(?(\w\.\w+(?:, \w\.\w+)*)")
_INDEX_QUERIES = ("indexes", "create_index", "create_staged_index", "create_customer_index")
OWN_DATABASE = "or set NEO4J_DATABASE to a database for hmrec alone (docs/operations.md)."


class Index(NamedTuple):
    """What an index is on: its kind, and its labels or types and properties."""

    kind: str
    labels: tuple[str, ...]
    properties: tuple[str, ...]

    def describe(self) -> str:
        """Return it as people write it, e.g. `:Chunk(text)`."""
        return f":{'|'.join(self.labels)}({', '.join(self.properties)})"


def make_constraints(graph: Graph) -> None:
    """Create the constraints that are missing, and wait until their indexes are online.

    A server killed while it creates a constraint restarts with the constraint's index alone, and then refuses to
    create the constraint. Remove the index in that case.

    Raises
    ------
    UserMistake : several nodes of a label have the same id; the message names up to three.
    HmrecError : a constraint could not be made for another reason.
    """
    while True:
        try:
            graph.write("constraints")
            break
        except HmrecError:
            if not _drop_orphans(graph):
                _refuse_duplicates(graph)
                raise
    graph.write("await_indexes")


def check_schema(graph: Graph) -> None:
    """Look for indexes and constraints that are not hmrec's and stand where hmrec's must be.

    Raises
    ------
    UserMistake : one has a name of hmrec's and is on something else, or stops hmrec's own from being made.
    """
    ours = list_own_indexes()
    for name, kind, labels, properties, owned in graph.read_rows("schema_indexes")[1]:
        found = Index(kind, tuple(labels), tuple(properties))
        if name in ours:
            if found != ours[name]:
                _refuse("index", name, found, f"hmrec needs this name for {ours[name].describe()}")
        elif kind == "VECTOR" and any(_overlap(found, own) for own in ours.values() if own.kind == "VECTOR"):
            _refuse("index", name, found, "hmrec keeps its own embeddings in this property, with its own vector index")
        elif kind == "RANGE" and not owned and found in [ours[own] for own in _own_constraints()]:
            _refuse("index", name, found, "hmrec needs a constraint there, and the index prevents it")
    constraints = _own_constraints()
    for name, kind, labels, properties in graph.read_rows("schema_constraints")[1]:
        wanted = constraints.get(name)
        unique = "UNIQUENESS" in kind
        if wanted is not None and not (unique and [labels, properties] == wanted):
            found = Index(kind, tuple(labels), tuple(properties))
            _refuse("constraint", name, found, f"hmrec needs this name for :{wanted[0][0]}({wanted[1][0]})")


def list_foreign_indexes(graph: Graph) -> list[str]:
    """Return the indexes that are not hmrec's, in words: an index counts as hmrec's by its name and what it is on."""
    ours = list_own_indexes()
    found = [
        (name, Index(kind, tuple(labels), tuple(properties)))
        for name, kind, labels, properties, _ in graph.read_rows("schema_indexes")[1]
    ]
    return [f"{name!r} on {index.describe()}" for name, index in found if ours.get(name) != index]


def list_own_indexes() -> dict[str, Index]:
    """Return hmrec's indexes by name, as the catalogue's queries create them."""
    own = {name: Index("RANGE", (label,), (key,)) for name, label, key in CONSTRAINT.findall(_text("constraints"))}
    for query in _INDEX_QUERIES:
        for vector, name, label, properties in _INDEX.findall(_text(query)):
            keys = tuple(item.strip().split(".")[1] for item in properties.split(","))
            own[name] = Index("VECTOR" if vector else "RANGE", (label,), keys)
    return own


def _text(query: str) -> str:
    return find_query(query).text


def _own_constraints() -> dict[str, list[list[str]]]:
    """By name, the label and the property of each of hmrec's constraints."""
    return {name: [[label], [key]] for name, label, key in CONSTRAINT.findall(_text("constraints"))}


def _overlap(one: Index, other: Index) -> bool:
    embedding = {"embedding", "embedding_staged"} & set(one.properties)
    return bool(embedding and set(one.labels) & set(other.labels))


def _refuse(what: str, name: str, found: Index, why: str) -> None:
    raise UserMistake(
        f"The database has {'an' if what == 'index' else 'a'} {what} {name!r} on {found.describe()} that is not "
        f"hmrec's: {why}.",
        f"Drop it or make it anew under another name and on another property (DROP {what.upper()} {name}), "
        f"{OWN_DATABASE}",
    )


def _refuse_duplicates(graph: Graph) -> None:
    """Raise an error that names ids that several nodes share, if there are any."""
    found = graph.read_rows("duplicate_ids")[1]
    if found:
        named = ", ".join(f"{nodes:,} (:{label}) have the {key} {value!r:.60}" for label, key, value, nodes in found)
        raise UserMistake(
            f"Ids must be unique, and these are not: {named}.", f"Merge or remove the duplicates, {OWN_DATABASE}"
        )


def _drop_orphans(graph: Graph) -> int:
    """Remove indexes of constraints that are not there, and return how many."""
    wanted = {name: [label, key] for name, label, key in CONSTRAINT.findall(_text("constraints"))}
    found = graph.read_column("orphaned_indexes", constraints=wanted)
    for name in found:
        graph.write("drop_orphaned_index", name=name)
    return len(found)
