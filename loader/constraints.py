"""Create the graph's constraints, also after a killed server, and check the schema for conflicts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from ..cypher.catalogue import find_query
from ..cypher.errors import HmrecError, UserMistake
from ..cypher.graph import Graph

CONSTRAINT = re.compile(r"CREATE CONSTRAINT (\w+) IF NOT EXISTS FOR \S*\w:(\w+)[\])]\S* REQUIRE \w\.(\w+) IS UNIQUE")
_INDEX = re.compile(
    r"(VECTOR |FULLTEXT )?INDEX (\w+) IF NOT EXISTS FOR \S*\w:(\w+)[\])]\S* ON (?:EACH )?[\[(]?(\w\.\w+(?:, \w\.\w+)*)"
)
_CONSTRAINT_QUERIES = ("constraints", "event_constraints", "rule_constraint")
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


@dataclass(frozen=True)
class _Found:
    """An index or a constraint of the database; `owned` if the index belongs to a constraint."""

    name: str
    type: str
    labels: list[str]
    properties: list[str]
    owned: bool = False

    @property
    def index(self) -> Index:
        return Index(self.type, tuple(self.labels), tuple(self.properties))


class _Duplicate(NamedTuple):
    """An id that several nodes of a label share."""

    label: str
    key: str
    id: str
    nodes: int


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
    ours, constraints = list_own_indexes(), _list_own_constraints()
    for found in graph.read_as(_Found, "schema_indexes"):
        index = found.index
        if found.name in ours:
            if index != ours[found.name]:
                _refuse("index", found, f"hmrec needs this name for {ours[found.name].describe()}")
        elif index.kind == "VECTOR" and any(_overlap(index, own) for own in ours.values() if own.kind == "VECTOR"):
            _refuse("index", found, "hmrec stores its embeddings in this property, with its own vector index")
        elif not found.owned and index in constraints.values():
            _refuse("index", found, "hmrec needs a constraint there, and the index prevents it")
    for found in graph.read_as(_Found, "schema_constraints"):
        wanted = constraints.get(found.name)
        if wanted is not None and not ("UNIQUENESS" in found.type and found.index._replace(kind=wanted.kind) == wanted):
            _refuse("constraint", found, f"hmrec needs this name for {wanted.describe()}")


def list_foreign_indexes(graph: Graph) -> list[str]:
    """Describe the indexes that are not hmrec's. hmrec's own are identified by name and definition."""
    ours = list_own_indexes()
    found = graph.read_as(_Found, "schema_indexes")
    return [f"{one.name!r} on {one.index.describe()}" for one in found if ours.get(one.name) != one.index]


def list_own_indexes() -> dict[str, Index]:
    """Return hmrec's indexes by name, as defined in the catalogue's queries."""
    own = _list_own_constraints()
    for query in _INDEX_QUERIES:
        for kind, name, label, properties in _INDEX.findall(_text(query)):
            keys = tuple(item.strip().split(".")[1] for item in properties.split(","))
            own[name] = Index(kind.strip() or "RANGE", (label,), keys)
    return own


def _text(query: str) -> str:
    return find_query(query).text


def _list_own_constraints() -> dict[str, Index]:
    """Return the index behind each of hmrec's constraints, by the constraint's name."""
    found = CONSTRAINT.findall("".join(map(_text, _CONSTRAINT_QUERIES)))
    return {name: Index("RANGE", (label,), (key,)) for name, label, key in found}


def _overlap(one: Index, other: Index) -> bool:
    embedding = {"embedding", "embedding_staged"} & set(one.properties)
    return bool(embedding and set(one.labels) & set(other.labels))


def _refuse(what: str, found: _Found, why: str) -> None:
    raise UserMistake(
        f"The database has {'an' if what == 'index' else 'a'} {what} {found.name!r} on {found.index.describe()} that "
        f"is not hmrec's: {why}.",
        f"Drop it (DROP {what.upper()} {found.name}) or recreate it with another name and another property, "
        f"{OWN_DATABASE}",
    )


def _refuse_duplicates(graph: Graph) -> None:
    """Raise an error that names ids shared by several nodes, if there are any."""
    found = graph.read_as(_Duplicate, "duplicate_ids")
    if found:
        duplicates = ", ".join(f"{one.nodes:,} (:{one.label}) have the {one.key} {one.id!r:.60}" for one in found)
        raise UserMistake(
            f"Ids must be unique, and these are not: {duplicates}.", f"Merge or remove the duplicates, {OWN_DATABASE}"
        )


def _drop_orphans(graph: Graph) -> int:
    """Drop indexes whose constraint does not exist, and return how many."""
    wanted = {name: [*index.labels, *index.properties] for name, index in _list_own_constraints().items()}
    found = graph.read_column("orphaned_indexes", constraints=wanted)
    for name in found:
        graph.write("drop_orphaned_index", name=name)
    return len(found)
