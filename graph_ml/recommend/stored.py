"""Answer from the lists that `hmrec recommend --all --write` stored in the graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

from ...cypher.customers import read_history
from ...cypher.errors import NoStoredList, UserMistake
from ...cypher.graph import Graph
from .request import Recommendations, Request, StoredVersion
from .rule import BY_RULE

METHOD = "stored"
"""The method of an answer from stored lists."""
READ_LIVE = ("stored", "customer_id", "k", "include_unavailable")
"""The fields of a request that have an effect on a stored list. All others had theirs when it was written."""
COLUMNS = ("article_id", "prod_name", "score", "because")
"""The columns of a list."""


class _Row(NamedTuple):
    """A row of the query `stored`, in the order of its columns."""

    article_id: str
    prod_name: str | None
    score: float | None
    because: str
    method: str
    rank: int
    version: int
    written: str
    until: date
    today: date | None


class ListsVersion(NamedTuple):
    """The version of the stored lists in force.

    Attributes
    ----------
    version : its number.
    written : when it was written, ISO 8601.
    until : the day after the last purchase that it knows.
    model : the model in force at that time; None without one.
    k : length of the lists.
    customers, articles : number of lists, and of their articles together.
    request, campaign : what the lists were written for, as JSON.
    state : checksum of the graph's state that they were made from.
    """

    version: int
    written: str
    until: date
    model: int | None
    k: int
    customers: int
    articles: int
    request: str
    campaign: str
    state: str


def read_lists_version(graph: Graph) -> ListsVersion | None:
    """Return the version of the stored lists in force; None without one."""
    return graph.read_one(ListsVersion, "lists_in_force")


@dataclass(frozen=True)
class StoredList:
    """A customer's stored list, without the articles that are unavailable now.

    Attributes
    ----------
    rows : article_id, prod_name, score and because of each article; best first.
    scored_by : for each article, the method whose score it has; empty for one that a rule pinned.
    version : the version that it comes from.
    note : says how old it is.
    """

    rows: list[tuple[Any, ...]]
    scored_by: tuple[str, ...]
    version: StoredVersion
    note: str


def find_stored(graph: Graph, request: Request) -> Recommendations:
    """Return a customer's stored list as recommendations.

    Parameters
    ----------
    graph : the graph to read.
    request : the customer, `k`, and whether to include what is unavailable.

    Raises
    ------
    NoStoredList, UnknownCustomer, UserMistake : as for `read_stored`.
    """
    found = read_stored(graph, request)
    import pandas as pd

    column: dict[str, Any] = dict(
        zip(COLUMNS, zip(*found.rows, strict=True) if found.rows else [()] * len(COLUMNS), strict=True)
    )
    column["score"] = np.array(column["score"], dtype=np.float64)  # NaN for None; `astype` of the frame takes 2 ms
    return Recommendations(
        request.customer_id, METHOD, pd.DataFrame(column), found.note, found.scored_by, found.version
    )


def read_stored(graph: Graph, request: Request) -> StoredList:
    """Return a customer's stored list.

    Parameters
    ----------
    graph : the graph to read.
    request : the customer, `k`, and whether to include what is unavailable.

    Raises
    ------
    NoStoredList : no lists are stored, or the version in force has none for the customer.
    UnknownCustomer : the graph has no such customer.
    UserMistake : the request names no customer, or has a field that stored lists do not take.
    """
    check_stored(request)
    given = {"customer_id": request.customer_id, "include_unavailable": request.include_unavailable}
    rows = graph.read_as(_Row, "stored", k=request.k, **given)
    if rows:
        first = rows[0]
        version, today = StoredVersion(first.version, first.written, first.until), first.today
    else:
        version, today = _explain_none(graph, request)
    return StoredList(
        [row[: len(COLUMNS)] for row in rows],
        tuple("" if row.method == BY_RULE else row.method for row in rows),
        version,
        describe_version(version, today) + ("" if rows else " None of it is available."),
    )


def check_stored(request: Request) -> None:
    """Check that a request for a stored list has no field that such a list does not take.

    Raises
    ------
    UserMistake : it has one; the message names it.
    """
    if request.customer_id is None:
        raise UserMistake("A stored list is one customer's, and the request names none.")
    for name, field in Request.model_fields.items():
        if name not in READ_LIVE and getattr(request, name) != field.default:
            raise UserMistake(
                f"{name} has no effect on a stored list: it applies only when the lists are written.",
                "Leave out one of them.",
            )


def describe_version(version: StoredVersion | ListsVersion, today: date | None) -> str:
    """Return a sentence that says how old the lists are, and whether there are later purchases.

    The moment is absolute, so that a cached answer stays true.

    Parameters
    ----------
    version : the version.
    today : the day after the graph's last purchase; None without purchases.
    """
    moment = version.written[:16].replace("T", " ")
    text = f"Stored lists {version.version}, written {moment} UTC from the purchases before {version.until}."
    if today is not None and today > version.until:
        text += f" Purchases until {today - timedelta(days=1)} came later; `hmrec refresh` includes them."
    return text


def _explain_none(graph: Graph, request: Request) -> tuple[StoredVersion, date | None]:
    """Return the version if the customer's list has only unavailable articles.

    Raises
    ------
    NoStoredList, UnknownCustomer : why there is no list.
    """
    customer_id = str(request.customer_id)
    read_history(graph, customer_id)
    version = read_lists_version(graph)
    if version is None:
        raise NoStoredList("The graph has no stored lists.", "`hmrec recommend --all --write` stores them.")
    found = graph.read_one(_Row, "stored", customer_id=customer_id, k=1, include_unavailable=True)
    if found is None:
        raise NoStoredList(
            f"Customer {customer_id[:80]} has no stored list: version {version.version}, written "
            f"{version.written[:10]}, has those of {version.customers:,} other customers.",
            "Ask without stored lists, or store them again: `hmrec recommend --all --write`.",
        )
    return StoredVersion(version.version, version.written, version.until), found.today
