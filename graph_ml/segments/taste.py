"""The vectors by which customers are grouped: their embeddings, or without a model the departments they buy from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from ...cypher.graph import Graph
from ...cypher.state import read_state
from ..export.subgraph import Integers, Subgraph
from ..recommend.batch import stack_vectors

Matrix = npt.NDArray[np.float32]
"""An array of float32."""
MOST_GROUPS = 64
"""Number of departments that are distinguished, those with the most purchases; the others count as one."""
GROUPINGS = ("department_name", "product_group_name", "section_name", "product_type_name", "index_group_name")
"""Properties of articles that describe purchases; the first one with several values is used."""


@dataclass(frozen=True)
class Taste:
    """A vector for each customer.

    Attributes
    ----------
    vectors : [C, dim] float32, of length 1; NaN for customers without an embedding, or without a purchase.
    by : `embeddings` or `departments`.
    source : what the vectors depend on: the version of the model and its time, or the names of the departments.
    """

    vectors: Matrix
    by: str
    source: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    """The departments of the articles, or what takes their place.

    Attributes
    ----------
    names : of the groups, sorted.
    of_article : [A] int64, the group of each article; -1 if it has none.
    """

    names: tuple[str, ...]
    of_article: Integers


def read_groups(graph: Graph, subgraph: Subgraph) -> Groups:
    """Return the groups of the articles by the first of `GROUPINGS` that has at least two values."""
    ids = subgraph.article_ids
    values: list[list[str | None]] = [[None] * len(ids) for _ in GROUPINGS]
    for _, outer, found in graph.stream("export_articles", properties=list(GROUPINGS)):
        if outer in ids:
            for column, value in zip(values, found, strict=True):
                column[ids.index(outer)] = None if value is None else str(value)
    for column in values:
        names = tuple(sorted({value for value in column if value is not None}))
        if len(names) > 1:
            places = {name: place for place, name in enumerate(names)}
            return Groups(names, np.array([-1 if one is None else places[one] for one in column], dtype=np.int64))
    return Groups((), np.full(len(ids), -1))


def count_purchases(subgraph: Subgraph, groups: Groups) -> sp.csr_matrix:
    """Return the number of purchases of each customer in each group, [C, groups]."""
    group = groups.of_article[subgraph.article]
    known = group >= 0
    shape = (len(subgraph.customer_ids), len(groups.names))
    return sp.csr_matrix((np.ones(int(known.sum())), (subgraph.customer[known], group[known])), shape)


def read_taste(graph: Graph, subgraph: Subgraph, groups: Groups) -> Taste:
    """Return the customers' embeddings, or if no model is in force their shares of purchases by department."""
    model = read_state(graph).model
    if model is None:
        return describe_by_groups(subgraph, groups)
    vectors = stack_vectors(subgraph.customer_ids, model.dim, graph.stream("customer_embeddings"))
    return Taste(_normalize(vectors), "embeddings", (str(model.version), model.created))


def describe_by_groups(subgraph: Subgraph, groups: Groups, names: tuple[str, ...] | None = None) -> Taste:
    """Return the square roots of the customers' shares of purchases by group, whose distances are Hellinger's.

    Parameters
    ----------
    subgraph : the purchases.
    groups : the departments of the articles.
    names : the groups to tell apart; None for the `MOST_GROUPS` with the most purchases.
    """
    counts = count_purchases(subgraph, groups)
    if names is None:
        total = np.asarray(counts.sum(axis=0)).ravel()
        largest = np.argsort(-total, kind="stable")[:MOST_GROUPS]
        names = tuple(groups.names[place] for place in np.sort(largest))
    places = {name: place for place, name in enumerate(names)}
    merge = np.array([places.get(name, len(names)) for name in groups.names], dtype=np.int64)
    merged = sp.csr_matrix((np.ones(len(merge)), (np.arange(len(merge)), merge)), (len(groups.names), len(names) + 1))
    dense = np.asarray((counts @ merged).todense(), dtype=np.float32)
    return Taste(_normalize(np.sqrt(dense)), "departments", names)


def _normalize(vectors: Matrix) -> Matrix:
    """Return the vectors with length 1; NaN for those of length 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled: Matrix = (vectors / length).astype(np.float32)
    return scaled
