"""The values that articles' properties have: to list them, and to find those of a request that no article has."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...loader.properties import PRICE, PROPERTIES, find_property
from ...loader.schema import Kind
from .request import NAMED, Filters
from .where import Value, list_compared

if TYPE_CHECKING:
    import pandas as pd

_EVERY = 1_000_000  # values
_FULL_ID = "Write the full id, with its leading zeros."
_VERBS = {"only": "choose from", "exclude": "exclude"}
MOST_KNOWN = 500_000
"""The greatest number of values to remember; beyond it, they are forgotten and looked up again."""
REMEMBERED = 60.0
"""Seconds after which they are looked up again, since a load may have changed them."""


class UnknownValue(UserMistake):
    """No article has a value that the request names."""


class _Counted(NamedTuple):
    value: Value
    articles: int


def list_values(graph: Graph, name: str, *, k: int = 100) -> pd.DataFrame:
    """Return the values of a property of articles, the most frequent first.

    Parameters
    ----------
    graph : the graph to read.
    name : the property, such as `department_name`, or the attribute that it names, such as `department`.
    k : how many values at most.

    Returns
    -------
    value, articles (how many have it).

    Raises
    ------
    UnknownProperty : articles have no such property.
    UserMistake : it is the price, which purchases have.
    """
    known = find_property(name)
    if known.name == PRICE:
        raise UserMistake("Prices are properties of purchases, so they cannot be listed.", "Use --where 'price < 20'.")
    return graph.read("property_values", property=known.name, k=k)


def list_properties(graph: Graph) -> pd.DataFrame:
    """Return the properties of articles that the graph has.

    Returns
    -------
    property, values (how many different ones there are), articles (how many have one); in the order of articles.csv.
    """
    return graph.read("article_properties", properties=[name for name in PROPERTIES if name != PRICE])


class KnownValues:
    """Looks up whether articles have the values that requests name, and remembers those that occur for a minute.

    Parameters
    ----------
    graph : the graph to read.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[str, set[Value]] = {}
        self._begun = time.monotonic()

    def check(self, filters: Filters) -> str:
        """Check the departments, colours, conditions and ids of a request.

        Returns
        -------
        A sentence about ids that no article has; empty if there are none. A list of ids may be older than the graph.

        Raises
        ------
        UnknownValue : no article has one of the departments, colours or compared values, or any id of a list; the hint
            suggests similar ones.
        """
        for name in NAMED:
            self._require(name, find_property(name).name, (*getattr(filters, name), *getattr(filters, f"not_{name}")))
        compared: dict[str, list[Value]] = {}
        for known, value in list_compared(filters.clauses):
            if known.is_listed:
                compared.setdefault(known.name, []).append(value)
        for name, values in compared.items():
            self._require(name, name, values)
        sentences = (self._describe_ids(name, getattr(filters, name)) for name in ("only", "exclude"))
        return " ".join(sentence for sentence in sentences if sentence)

    def _require(self, name: str, known: str, values: Sequence[Value]) -> None:
        """Raise an error with suggestions if no article has one of the values.

        Parameters
        ----------
        name : of the property, as the user calls it.
        known : its name in the graph.
        values : what it is compared with.
        """
        if missing := self._find_missing(known, values):
            shown = str(missing[0])[:60]
            raise UnknownValue(f"No article has {name} {shown!r}.", self._suggest(name, known, shown))

    def _find_missing(self, known: str, values: Sequence[Value]) -> list[Value]:
        """Return the values that no article has."""
        if time.monotonic() - self._begun > REMEMBERED:
            self._known, self._begun = {}, time.monotonic()
        occurring = self._known.get(known, set())
        if occurring.issuperset(values):  # quick, because a request may name 100,000 ids
            return []
        sought = [value for value in dict.fromkeys(values) if value not in occurring]
        if PROPERTIES[known].kind is Kind.id:
            found = set(self.graph.read_column("occurring_articles", article_ids=sought))
        else:
            found = set(self.graph.read_column("occurring_values", property=known, values=sought))
        if sum(map(len, self._known.values())) + len(found) > MOST_KNOWN:
            self._known = {}
        self._known[known] = self._known.get(known, set()) | found
        return [value for value in sought if value not in found]

    def _suggest(self, name: str, known: str, value: str) -> str:
        """Return a hint with similar values, or how to list all."""
        if PROPERTIES[known].kind is Kind.id:
            return _FULL_ID
        listed = {}
        for counted in reversed(self.graph.read_as(_Counted, "property_values", property=known, k=_EVERY)):
            listed[str(counted.value).casefold()] = str(counted.value)
        similar = difflib.get_close_matches(value.casefold(), listed, n=3, cutoff=0.6)
        if similar:
            return f"Did you mean {' or '.join(listed[one] for one in similar)}?"
        return f"`hmrec values {name}` lists them."

    def _describe_ids(self, name: str, ids: tuple[str, ...]) -> str:
        missing = self._find_missing("article_id", ids)
        if not missing:
            return ""
        shown = str(missing[0])[:60]
        if len(missing) == len(set(ids)):
            raise UnknownValue(f"The graph has no article {shown!r} to {_VERBS[name]}.", _FULL_ID)
        return f"{len(missing):,} of {len(set(ids)):,} ids to {_VERBS[name]} are not in the graph, such as {shown}."
