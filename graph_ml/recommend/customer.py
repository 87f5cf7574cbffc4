"""Recommend with everything that the graph has: the ranker over all sources where one was trained, else one query.

The sources are asked by their saved queries, at once; the trees come from the graph, too. PyTorch is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...cypher import recommender as queries
from ...cypher.errors import HmrecError, NoRanker, UnknownCustomer, UserMistake
from ...cypher.graph import Graph
from ...cypher.recommender import Method, Recommendations
from ..candidates.lists import Candidates
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Attribute, to_days
from ..ranker.features import FACTS, KNOWN, LIKE, Offers, describe_offers, name_features
from ..ranker.fit import Ranker, keep_new, take_first
from ..ranker.sources import BY_EMBEDDING, EMBEDDING, SOURCES, Source, join_lists
from .shared_lists import SHARED, Purchases, Row, SharedLists

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 4  # queries of one customer; more only wait for each other on a few cores


@dataclass(frozen=True)
class _Customer:
    """Whom for.

    Attributes
    ----------
    customer_id : the id.
    known : properties, by name.
    owned : articles bought before the day as of which is recommended.
    """

    customer_id: str
    known: Mapping[str, Any]
    owned: frozenset[str]


def recommend(
    graph: Graph,
    customer_id: str,
    *,
    k: int = 12,
    method: Method = Method.auto,
    new_only: bool = False,
    **filters: Any,
) -> Recommendations:
    """The `k` articles that a customer may want next, as `hmrec.cypher.recommender.recommend`, and by the ranker.

    `hybrid` orders what all sources propose by the trees that `hmrec train` grew; `auto` takes it where there are any
    and no earlier day is asked for.

    Parameters
    ----------
    graph, customer_id, k, method, new_only, filters : as there.

    Raises
    ------
    NoRanker : `hybrid` was asked for and the graph has no ranker, or one that knows what came after `as_of`.
    UnknownCustomer, NoEmbedding, UserMistake : as there.
    """
    ranker = find_ranker(graph, method, filters)
    if ranker is not None:
        return _recommend_by_ranker(graph, customer_id, k, method, new_only, ranker, filters)
    return queries.recommend(graph, customer_id, k=k, method=method, new_only=new_only, **filters)


def find_ranker(graph: Graph, method: Method, filters: Mapping[str, Any]) -> Ranker | None:
    """The ranker that a method asks; None where it asks none, or `auto` finds none that may be asked.

    Raises
    ------
    NoRanker : `hybrid` was asked for and there is none, or one that knows what came after `as_of`.
    """
    if method is not Method.hybrid and not (method is Method.auto and filters.get("as_of") is None):
        return None
    found = graph.read_rows("has_ranker")[1]
    if not found:
        if method is Method.hybrid:
            raise NoRanker("The graph has no ranker yet.", "`hmrec train` trains one; --method cf needs none.")
        return None
    version, created, until = found[0]
    _check_day(filters.get("as_of"), until)
    return _read_ranker(graph, int(version), created)


def _check_day(as_of: Any, until: Any) -> None:
    if as_of is not None and str(as_of) < str(until):
        raise NoRanker(
            f"The ranker knows the purchases until {until}, and would tell the future on {as_of}.",
            "--method cf looks at the graph as it stood on that day.",
        )


@dataclass(frozen=True)
class _Offered:
    """What all sources offer a customer.

    Attributes
    ----------
    purchases, customer : whom for.
    ids : the articles' ids, by their numbers.
    lists : by the source's name the articles it proposes, with score and reason, the best first.
    offers, features : all of it, as the ranker sees it.
    """

    purchases: Purchases
    customer: _Customer
    ids: list[str]
    lists: Mapping[str, list[Row]]
    offers: Offers
    features: np.ndarray[Any, np.dtype[np.float32]]


def explain_by_ranker(graph: Graph, customer_id: str, article_id: str, as_of: str | None = None) -> pd.DataFrame:
    """Return which sources propose an article to a customer, and all parts of the ranker's score, which add up to it.

    Parameters
    ----------
    graph, customer_id, article_id : what is asked.
    as_of : the day as of which, YYYY-MM-DD; None for the day after the last purchase.

    Returns
    -------
    A row for each source that proposes it: source, place (in its list, from 1), part (of the score, which may be
    negative), because (its reason); the largest part first. Then, without a place, a row for the other sources, one for
    each of `KNOWN`, and one for the baseline. The parts add up to the score that `recommend` has for the article if
    articles bought before are not left out. No rows if no source proposes it.

    Raises
    ------
    NoRanker : none was trained, or it knows what came after `as_of`.
    UnknownCustomer, UnknownArticle : the graph has no such customer or article.
    """
    import pandas as pd

    filters = {"as_of": as_of}
    ranker = find_ranker(graph, Method.hybrid, filters)
    assert ranker is not None  # noqa: S101  else NoRanker
    queries.check_article(graph, article_id)
    offered = _gather(graph, customer_id, ranker, filters)
    rows: list[list[Any]] = []
    found = np.flatnonzero(np.array(offered.ids, dtype=str)[offered.offers.article] == article_id)
    if len(found):
        parts = ranker.explain(offered.features[found])
        others = 0.0
        places, by_source = offered.offers.place[found[0]].tolist(), parts.sources[0].tolist()
        for source, place, part in zip(ranker.sources, places, by_source, strict=True):
            if np.isnan(place):
                others += part
            else:
                rows.append([source, int(place), part, _read_reasons(graph, offered, source, filters)[article_id]])
        rows.sort(key=lambda row: -row[2])
        rows.append(["other sources", None, others, "that they do not propose it"])
        rows += [[name, None, float(part[0]), KNOWN[name]] for name, part in parts.known.items()]
        rows.append(["baseline", None, float(parts.baseline[0]), "what the trees expect of any candidate"])
    frame = pd.DataFrame(rows, columns=["source", "place", "part", "because"])
    return frame.astype({"place": "Int64"})


def _recommend_by_ranker(
    graph: Graph, customer_id: str, k: int, method: Method, new_only: bool, ranker: Ranker, filters: Mapping[str, Any]
) -> Recommendations:
    import pandas as pd

    if k < 1:
        raise UserMistake(f"-k must be at least 1, not {k}.")
    offered = _gather(graph, customer_id, ranker, filters)
    offers, features = offered.offers, offered.features
    if new_only:
        offers, features = keep_new(offers, features)
    score = ranker.score(features, offers.row, new_only, k)
    read_reasons = partial(_read_reasons, graph, offered, filters=filters)
    rows = _tell(ranker, offers, features, score, k, new_only, read_reasons, offered.ids)
    if len(rows) < k:
        rest = _ask(graph, offered.purchases, offered.customer, "popular", 2 * k, new_only, filters)
        have = {row[0] for row in rows}
        rows += [list(row) for row in rest if row[0] not in have][: k - len(rows)]
    is_new = not offered.customer.known["articles"]
    note = f"Customer {customer_id} has no purchases yet: this is for customers like them." if is_new else ""
    frame: pd.DataFrame = pd.DataFrame(rows, columns=queries.COLUMNS)
    return Recommendations(customer_id, method, frame, note)


def _gather(graph: Graph, customer_id: str, ranker: Ranker, filters: Mapping[str, Any]) -> _Offered:
    """Ask every source that the ranker knows, and describe what they propose."""
    purchases, today = _read_purchases(graph)
    keys, history = graph.read_rows("customer_history", customer_id=customer_id)
    if not history:
        raise UnknownCustomer(customer_id)
    known = dict(zip(keys, history[0], strict=True))
    until = date.fromisoformat(str(filters.get("as_of") or today))
    bought = [
        (article, day) for article, day in zip(known["articles"], known["days"], strict=True) if day < to_days(until)
    ]
    customer = _Customer(customer_id, known, frozenset(article for article, _ in bought))
    sources = [s for s in (*SOURCES, BY_EMBEDDING) if s.name in ranker.sources]
    lists = _ask_sources(graph, purchases, customer, sources, filters)
    proposed = {article for rows in lists for article, _, _ in rows}
    described = _describe(graph, customer_id, sorted(proposed | customer.owned))
    ids = {article_id: place for place, article_id in enumerate(described["article_id"])}
    own = [(ids[article], day) for article, day in bought]
    snapshot = _make_snapshot(known["age"], own, described, until)
    offers = join_lists(np.zeros(1, dtype=np.int64), [_to_candidates(rows, ids) for rows in lists], max(1, len(ids)))
    features = describe_offers(snapshot, offers, _stack_facts(described), _column(described, "cosine")[offers.article])
    by_name = dict(zip((source.name for source in sources), lists, strict=True))
    return _Offered(purchases, customer, list(ids), by_name, offers, features)


def _read_reasons(graph: Graph, offered: _Offered, source: str, filters: Mapping[str, Any]) -> dict[str, str]:
    """Of a source's articles; the embeddings' are not told before they are needed."""
    rows = offered.lists[source]
    if source == EMBEDDING:
        rows = _ask(graph, offered.purchases, offered.customer, BY_EMBEDDING.query, BY_EMBEDDING.k, True, filters)
    return {article: because for article, _, because in rows}


_RANKERS: dict[tuple[str, str, int, str], Ranker] = {}
_SHARED_LISTS = SharedLists()


def _read_ranker(graph: Graph, version: int, created: str) -> Ranker:
    """The ranker of the version in force; read once a process.

    Versions begin anew at 1 in a graph that is loaded anew or restored, hence `created`.
    """
    key = (graph.uri, graph.settings.database, version, created)
    if key not in _RANKERS:
        found = graph.read_rows("ranker")[1]
        if not found:
            raise HmrecError("The ranker was taken away meanwhile.", "Try again.")
        ranker = Ranker.from_text(found[0][2])
        if ranker.boosters[0][0].feature_name() != name_features(ranker.sources):
            raise NoRanker("The ranker in the graph is of another version of hmrec.", "Train again: hmrec train")
        _RANKERS.clear()  # one is in force at a time
        _RANKERS[key] = ranker
    return _RANKERS[key]


def _read_purchases(graph: Graph) -> tuple[Purchases, Any]:
    """Which purchases the graph has, and the day after the last one."""
    until, load, finished, bought = graph.read_rows("today")[1][0]
    return Purchases((graph.uri, graph.settings.database), load, finished, bought), until


def _ask_sources(
    graph: Graph, purchases: Purchases, customer: _Customer, sources: list[Source], filters: Mapping[str, Any]
) -> list[list[Row]]:
    """For each source the articles it proposes, with score and reason, the best first."""

    def ask(source: Source) -> list[Row]:
        if source.cold and customer.owned:
            return []
        given = {**source.parameters, **filters}
        return _ask(graph, purchases, customer, source.query, source.k, not source.everything, given)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, sources))


def _ask(
    graph: Graph,
    purchases: Purchases,
    customer: _Customer,
    query: str,
    k: int,
    new_only: bool,
    parameters: Mapping[str, Any],
) -> list[Row]:
    """A query's rows for a customer; from the list that all like them share, where it has one."""

    def read(k: int, new_only: bool = False) -> list[Row]:
        keys, rows = graph.read_rows(query, customer_id=customer.customer_id, k=k, new_only=new_only, **parameters)
        article, score, because = (keys.index(column) for column in queries.COLUMNS)
        return [(row[article], float(row[score]), row[because]) for row in rows]

    if query in SHARED:
        alike = tuple(customer.known[name] for name in SHARED[query])
        key = (query, alike, *sorted((name, str(value)) for name, value in parameters.items()))
        found = _SHARED_LISTS.take(purchases, key, k, customer.owned if new_only else (), read)
        if found is not None:
            return found
    return read(k, new_only)


def _describe(graph: Graph, customer_id: str, article_ids: list[str]) -> dict[str, list[Any]]:
    """What the graph knows of those articles: a list for each column, in the order of ids."""
    parameters = {"customer_id": customer_id, "article_ids": article_ids, "facts": list(FACTS)}
    keys, rows = graph.read_rows("describe_candidates", **parameters)
    rows.sort(key=lambda row: row[0])
    return {key: [row[place] for row in rows] for place, key in enumerate(keys)}


def _make_snapshot(
    age: float | None,
    purchases: list[tuple[int, int]],
    described: dict[str, list[Any]],
    until: date,
) -> Snapshot:
    """The customer's own purchases as a shop of one customer, so that they are described as in training."""
    article, time = (np.array(column) for column in zip(*purchases, strict=True)) if purchases else np.zeros((2, 0))
    columns = dict(zip(LIKE, ("product", "product_type", "department"), strict=True))
    return Snapshot(
        to_days(until),
        (1, len(described["article_id"])),
        np.zeros(len(article), dtype=np.int64),
        article.astype(np.int64),
        time.astype(np.int32),
        pl.DataFrame({"age": [age]}, schema={"age": pl.Float64}),
        {label: _make_attribute(label, described[column]) for label, column in columns.items()},
    )


def _make_attribute(label: str, values: list[str | None]) -> Attribute:
    keys = sorted({value for value in values if value is not None})
    places = {key: place for place, key in enumerate(keys)}
    edges = [(article, places[value]) for article, value in enumerate(values) if value is not None]
    return Attribute(label, tuple(keys), np.array(edges, dtype=np.int64).reshape(-1, 2).T)


def _to_candidates(rows: list[Row], ids: Mapping[str, int]) -> Candidates:
    kept = [(ids[article], score) for article, score, _ in rows if article in ids]
    return Candidates(
        np.array([0, len(kept)]),
        np.array([article for article, _ in kept], dtype=np.int64),
        np.array([score for _, score in kept], dtype=np.float64),
    )


def _column(described: dict[str, list[Any]], name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array([np.nan if value is None else value for value in described[name]], dtype=np.float32)


def _stack_facts(described: dict[str, list[Any]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """[articles, facts]; not a number where nothing is known."""
    rows = [[np.nan if value is None else value for value in facts] for facts in described["facts"]]
    return np.array(rows, dtype=np.float32).reshape(-1, len(FACTS))


def _tell(
    ranker: Ranker,
    offers: Offers,
    features: np.ndarray[Any, np.dtype[np.float32]],
    score: np.ndarray[Any, np.dtype[np.float64]],
    k: int,
    new_only: bool,
    read_reasons: Callable[[str], dict[str, str]],
    ids: list[str],
) -> list[list[Any]]:
    """The k best as rows of article_id, score and because: the reason of the source that counted most for it."""
    _, _, best = take_first(offers, score, k)
    if not len(best):
        return []
    place = {article: row for row, article in enumerate(offers.article.tolist())}
    rows = np.array([place[article] for article in best.tolist()])
    parts = np.where(np.isnan(offers.place[rows]), -np.inf, ranker.attribute(features[rows], new_only)[:, :-1])
    counted = [ranker.sources[source] for source in parts.argmax(axis=1).tolist()]
    reasons = {source: read_reasons(source) for source in set(counted)}
    told = []
    for row, source in zip(rows.tolist(), counted, strict=True):
        article_id = ids[int(offers.article[row])]
        told.append([article_id, float(score[row]), f"{source}: {reasons[source][article_id]}"])
    return told
