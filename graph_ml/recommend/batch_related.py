"""The relationships that `hmrec relate` wrote, for the lists of many customers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

from ...cypher.catalogue import find_query
from ...cypher.errors import HmrecError
from ...cypher.graph import Graph
from ...cypher.recommenders import Method
from ...cypher.state import GraphState
from ..candidates.group_lists import GroupList, GroupLists
from ..export.subgraph import Subgraph
from .related import RelationsVersion, read_version
from .request import Request

OF_DEPARTMENTS = ("SELLS", "RECEIVED")
"""The relationships of departments."""
OF_GROUPS = "BUYS"
"""The relationship of groups of customers, which `read_group_lists` reads."""


def read_related(
    graph: Graph, subgraph: Subgraph, methods: Iterable[Method], request: Request, state: GraphState
) -> dict[str, sp.csr_matrix]:
    """Return by recommender the scores of the relationships that its query reads.

    They are [A, A] between articles, and [departments, A] of departments with articles. A recommender is missing if its
    query computes them from the purchases. So is one between articles if computing them gives the same.

    Parameters
    ----------
    graph : the graph.
    subgraph : its purchases.
    methods : the recommenders.
    request : the request; its day and its filters count.
    state : the graph's state before the purchases were read.

    Raises
    ------
    HmrecError : another version replaced the relationships while they were read.
    """
    wanted = {method.name: method.relationship for method in methods if method.relationship not in (None, OF_GROUPS)}
    version = read_version(graph) if wanted else None
    if version is None or not version.is_usable(request.as_of):
        return {}
    found = {}
    for name, relationship in wanted.items():
        of_departments = relationship in OF_DEPARTMENTS
        if not _are_fresh(version, name, request, state) if of_departments else version.knows(state):
            continue
        read = _read_of_departments if of_departments else _read_between_articles
        found[name] = read(graph, subgraph, version.version, relationship)
    if found:
        _check_still_in_force(graph, version)
    return found


def read_group_lists(
    graph: Graph, subgraph: Subgraph, methods: Iterable[Method], request: Request, state: GraphState
) -> dict[str, GroupLists]:
    """Return by recommender the lists of groups of customers that its query reads.

    A recommender is missing if its query counts the purchases.

    Parameters
    ----------
    graph, subgraph, methods, request, state : as for `read_related`.

    Raises
    ------
    HmrecError : another version replaced the lists while they were read.
    """
    wanted = [method.name for method in methods if method.relationship == OF_GROUPS]
    version = read_version(graph) if wanted else None
    if version is None or not version.is_usable(request.as_of):
        return {}
    fresh = [name for name in wanted if _are_fresh(version, name, request, state)]
    if not fresh:
        return {}
    ids = subgraph.article_ids
    lists: dict[str, list[GroupList]] = {}
    for facts, articles, purchases in graph.stream("stored_group_lists", version=version.version):
        known = [(ids.index(x), n) for x, n in zip(articles, purchases, strict=True) if x in ids]
        article, number = np.array(known, dtype=np.int64).reshape(-1, 2).T
        lists.setdefault(facts["method"], []).append(GroupList(facts, article, number))
    _check_still_in_force(graph, version)
    return {name: GroupLists(tuple(lists.get(name, []))) for name in fresh}


def _check_still_in_force(graph: Graph, version: RelationsVersion) -> None:
    """Raise HmrecError if another version is in force: this one may have been deleted while it was read."""
    now = read_version(graph)
    if now is None or now.version != version.version:
        raise HmrecError("The article relationships were replaced while they were read.", "Try again.")


def _are_fresh(version: RelationsVersion, name: str, request: Request, state: GraphState) -> bool:
    """Return whether the query of this name reads stored lists of departments or groups, as its header says."""
    until = request.as_of or state.until
    if until is None or version.sells is None or (name == "new_arrivals" and request.has_filters):
        return False
    return (until - version.until).days <= int(find_query(name).default("fresh"))


def _read_of_departments(graph: Graph, subgraph: Subgraph, version: int, relationship: str) -> sp.csr_matrix:
    """Return the scores of all relationships of a version and type, [departments, A]."""
    attribute, ids = subgraph.attributes.get("Department"), subgraph.article_ids
    places = {key: place for place, key in enumerate(attribute.keys if attribute else ())}
    entries = []
    for key, articles, values in graph.stream("stored_department_lists", version=version, relationship=relationship):
        if key in places:
            entries += [
                (places[key], ids.index(x), value) for x, value in zip(articles, values, strict=True) if x in ids
            ]
    row, column, score = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    return sp.csr_matrix((score.astype(np.float64), (row, column)), (len(places), len(ids)))


def _read_between_articles(graph: Graph, subgraph: Subgraph, version: int, relationship: str) -> sp.csr_matrix:
    """Return the scores of all relationships of a version and type, [A, A]."""
    ids, shape = subgraph.article_ids, (len(subgraph.article_ids),) * 2
    sizes, column, score = [], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for article_id, others, scores in graph.stream("stored_relations", version=version, relationship=relationship):
        if article_id in ids:
            known = [place for place, other in enumerate(others) if other in ids]
            sizes.append((ids.index(article_id), len(known)))
            column.append(np.array([ids.index(others[place]) for place in known], dtype=np.int64))
            score.append(np.array(scores, dtype=np.float64)[known])
    row = np.repeat(*np.array(sizes, dtype=np.int64).reshape(-1, 2).T)
    return sp.csr_matrix((np.concatenate(score), (row, np.concatenate(column))), shape)
