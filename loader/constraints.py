"""Create the graph's constraints, also after a killed server, and check the schema for conflicts."""

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
    """The definition of an index: its kind, labels or types, and properties."""

    kind: str
    labels: tuple[str, ...]
    properties: tuple[str, ...]

    def describe(self) -> str:
        """Return the index in Cypher notation, e.g. `:Chunk(text)`."""
        return f":{'|'.join(self.labels)}({', '.join(self.properties)})"


def create_constraints(graph: Graph) -> None:
    """Create the missing constraints, and wait until their indexes are online.

    A server killed while it creates a constraint restarts with the constraint's index only, and then refuses to create
    the constraint. That index is dropped first.

    Raises
    ------
    UserMistake : several nodes of a label have the same id; the message names up to three.
    HmrecError : a constraint could not be created for another reason.
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
    """Check for foreign indexes and constraints that conflict with hmrec's.

    Raises
    ------
    UserMistake : one has a name of hmrec's but another definition, or prevents the creation of hmrec's own.
    """
    ours = list_own_indexes()
    for name, kind, labels, properties, owned in graph.read_rows("schema_indexes")[1]:
        found = Index(kind, tuple(labels), tuple(properties))
        if name in ours:
            if found != ours[name]:
                _refuse("index", name, found, f"hmrec needs this name for {ours[name].describe()}")
        elif kind == "VECTOR" and any(_overlap(found, own) for own in ours.values() if own.kind == "VECTOR"):
            _refuse("index", name, found, "hmrec stores its embeddings in this property, with its own vector index")
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
    """Describe the indexes that are not hmrec's. hmrec's own are identified by name and definition."""
    ours = list_own_indexes()
    found = [
        (name, Index(kind, tuple(labels), tuple(properties)))
        for name, kind, labels, properties, _ in graph.read_rows("schema_indexes")[1]
    ]
    return [f"{name!r} on {index.describe()}" for name, index in found if ours.get(name) != index]


def list_own_indexes() -> dict[str, Index]:
    """Return hmrec's indexes by name, as defined in the catalogue's queries."""
    own = {name: Index("RANGE", (label,), (key,)) for name, label, key in CONSTRAINT.findall(_text("constraints"))}
    for query in _INDEX_QUERIES:
        for vector, name, label, properties in _INDEX.findall(_text(query)):
            keys = tuple(item.strip().split(".")[1] for item in properties.split(","))
            own[name] = Index("VECTOR" if vector else "RANGE", (label,), keys)
    return own


def _text(query: str) -> str:
    return find_query(query).text


def _own_constraints() -> dict[str, list[list[str]]]:
    """Return the label and the property of each of hmrec's constraints, by name."""
    return {name: [[label], [key]] for name, label, key in CONSTRAINT.findall(_text("constraints"))}


def _overlap(one: Index, other: Index) -> bool:
    embedding = {"embedding", "embedding_staged"} & set(one.properties)
    return bool(embedding and set(one.labels) & set(other.labels))


def _refuse(what: str, name: str, found: Index, why: str) -> None:
    raise UserMistake(
        f"The database has {'an' if what == 'index' else 'a'} {what} {name!r} on {found.describe()} that is not "
        f"hmrec's: {why}.",
        f"Drop it (DROP {what.upper()} {name}) or recreate it with another name and another property, {OWN_DATABASE}",
    )


def _refuse_duplicates(graph: Graph) -> None:
    """Raise an error that names ids shared by several nodes, if there are any."""
    found = graph.read_rows("duplicate_ids")[1]
    if found:
        duplicates = ", ".join(
            f"{nodes:,} (:{label}) have the {key} {value!r:.60}" for label, key, value, nodes in found
        )
        raise UserMistake(
            f"Ids must be unique, and these are not: {duplicates}.", f"Merge or remove the duplicates, {OWN_DATABASE}"
        )


def _drop_orphans(graph: Graph) -> int:
    """Drop indexes whose constraint does not exist, and return how many."""
    wanted = {name: [label, key] for name, label, key in CONSTRAINT.findall(_text("constraints"))}
    found = graph.read_column("orphaned_indexes", constraints=wanted)
    for name in found:
        graph.write("drop_orphaned_index", name=name)
    return len(found)
