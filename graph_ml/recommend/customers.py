"""Conditions on customers: which of them get a list, or may be in an audience."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...cypher.catalogue import find_query
from ...cypher.graph import Graph
from ...loader.properties import SEGMENT, find_customer_property
from ...loader.schema import Kind
from .values import UnknownValue
from .where import Clauses, Comparison, Value, list_compared, parse_where, to_parameters

if TYPE_CHECKING:
    import pandas as pd


def make_customer_clauses(segments: Iterable[str], where: str) -> Clauses:
    """Return conditions on customers as clauses.

    Parameters
    ----------
    segments : names of segments, of which a customer must be in one; none for all customers.
    where : a condition such as `age >= 30 and club_member_status = "ACTIVE"`; empty for none.

    Raises
    ------
    UserMistake : it is not a condition, or names an unknown property.
    """
    named = tuple(segments)
    chosen: Clauses = ((Comparison(SEGMENT, "in", named),),) if named else ()
    return (*chosen, *parse_where(where, find_customer_property))


def check_customer_values(graph: Graph, clauses: Clauses) -> None:
    """Check the segments and the other texts that customers are compared with.

    Raises
    ------
    UnknownValue : no segment has the name, or no customer the value; the hint suggests similar ones.
    """
    compared: dict[str, list[Value]] = {}
    for known, value in list_compared(clauses, find_customer_property):
        if known.kind in (Kind.text, Kind.id):
            compared.setdefault(known.name, []).append(value)
    for name, values in compared.items():
        if name == SEGMENT:
            _check_segments(graph, values)
            continue
        found = set(graph.read_column("occurring_customer_values", property=name, values=values))
        if missing := [value for value in values if value not in found]:
            raise UnknownValue(f"No customer has {name} {str(missing[0])[:60]!r}.")


def _check_segments(graph: Graph, names: list[Value]) -> None:
    known = [str(name) for name in graph.read("segments")["name"]]
    missing = [str(name) for name in names if name not in known]
    if not missing:
        return
    if not known:
        hint = "The graph has no segments; `hmrec segments --write` makes them."
    else:
        folded = {name.casefold(): name for name in known}
        similar = difflib.get_close_matches(missing[0].casefold(), folded, n=3)
        said = " or ".join(folded[name] for name in similar)
        hint = f"Did you mean {said}?" if similar else "`hmrec segments list` lists them."
    raise UnknownValue(f"There is no segment {missing[0][:60]!r}.", hint)


def find_customers(graph: Graph, clauses: Clauses) -> set[str]:
    """Return the ids of the customers that fulfil conditions.

    Raises
    ------
    UnknownValue : as for `check_customer_values`.
    """
    check_customer_values(graph, clauses)
    return {outer for (outer,) in graph.stream("passing_customers", customers_where=to_parameters(clauses))}


def read_segment(graph: Graph, name: str) -> pd.DataFrame:
    """Return a segment in force.

    Parameters
    ----------
    graph : the graph to read.
    name : of the segment.

    Returns
    -------
    One row: name, customers, share, traits, mean_age, grouped_by, created.

    Raises
    ------
    UnknownValue : there is no segment of that name; the hint suggests similar ones.
    """
    _check_segments(graph, [name])
    return graph.read("segment", name=name)


def read_segment_customers(
    graph: Graph, name: str, *, k: int = find_query("segment_customers").default("k")
) -> pd.DataFrame:
    """Return customers of a segment in force, those with the most purchases first.

    Parameters
    ----------
    graph : the graph to read.
    name : of the segment.
    k : how many customers at most.

    Returns
    -------
    customer_id, bought (how many purchases).

    Raises
    ------
    UnknownValue : as for `read_segment`.
    """
    _check_segments(graph, [name])
    return graph.read("segment_customers", name=name, k=k)
