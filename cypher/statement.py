"""What is sent to Neo4j and what comes back: a query with its parameters, the values in Python's types, a receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from neo4j.time import Date, DateTime

from .catalogue import Query, find_query

if TYPE_CHECKING:
    import neo4j

    from .claim import Claim


@dataclass(frozen=True)
class Receipt:
    """The result of a write.

    Attributes
    ----------
    rows : what the query returned, one dictionary per row.
    counters : what it changed, under Neo4j's names (`nodes_created`, `relationships_created`, ...), without zeros.
    milliseconds : the server's time, summed over the query's statements.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    milliseconds: float = 0.0

    def plus(self, other: Receipt) -> Receipt:
        """Return the combined receipt of two statements."""
        counters = {
            name: self.counters.get(name, 0) + other.counters.get(name, 0)
            for name in {**self.counters, **other.counters}
        }
        return Receipt(self.rows + other.rows, counters, self.milliseconds + other.milliseconds)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def to_python(value: Any) -> Any:
    """Return a value of the driver's with dates of `datetime`, also in lists and maps."""
    if isinstance(value, (Date, DateTime)):
        return value.to_native()
    if isinstance(value, list):
        return value if _PLAIN.issuperset(map(type, value)) else [to_python(item) for item in value]
    if isinstance(value, dict):
        return {key: to_python(item) for key, item in value.items()}
    return value


def _to_cypher(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def bind(query: str | Query, parameters: dict[str, Any]) -> tuple[Query, dict[str, Any]]:
    """Return the query and its parameters, as the driver takes them, defaults included.

    Parameters
    ----------
    query : a name in the catalogue, or a `Query`.
    parameters : values of the query's `$names`.

    Raises
    ------
    UserMistake : the query is unknown, or a parameter is wrong.
    """
    query = find_query(query) if isinstance(query, str) else query
    return query, {name: _to_cypher(value) for name, value in query.bind(parameters).items()}


def run_in_transaction(
    transaction: neo4j.ManagedTransaction, text: str, bound: dict[str, Any], claim: Claim | None
) -> tuple[list[dict[str, Any]], neo4j.ResultSummary]:
    """Run a statement in a transaction that writes, and return its rows and its summary.

    Parameters
    ----------
    transaction : the open transaction.
    text : the statement.
    bound : values by parameter.
    claim : the claim under which the client writes, checked before the commit; None without one.

    Raises
    ------
    LoadRunning : the claim was lost, and another client has taken it since.
    """
    result = transaction.run(text, bound)
    records, summary = [record.data() for record in result], result.consume()
    if claim is not None:
        claim.check()
    return records, summary
