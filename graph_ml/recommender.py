"""Recommend with everything that the graph has: the ranker over all sources where one was trained, else one query.

The sources are asked by their saved queries, at once; the trees come from the graph, too. PyTorch is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..cypher import recommender as queries
from ..cypher.errors import HmrecError, NoRanker, UnknownCustomer, UserMistake
from ..cypher.graph import Graph
from ..cypher.recommender import Method, Recommendations
from .candidates.lists import Candidates
from .candidates.snapshot import Snapshot
from .export import Attribute, to_days
from .rank import Ranker, keep_new, take_first
from .rank_features import FACTS, LIKE, Offers, describe_offers, name_features
from .sources import BY_EMBEDDING, SOURCES, Source, join_lists

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 4  # queries of one customer; more only wait for each other on a few cores


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
    version, until = found[0]
    _check_day(filters.get("as_of"), until)
    return _read_ranker(graph, int(version))


def _check_day(as_of: Any, until: Any) -> None:
    if as_of is not None and str(as_of) < str(until):
        raise NoRanker(
            f"The ranker knows the purchases until {until}, and would tell the future on {as_of}.",
            "--method cf looks at the graph as it stood on that day.",
        )


def _recommend_by_ranker(
    graph: Graph, customer_id: str, k: int, method: Method, new_only: bool, ranker: Ranker, filters: Mapping[str, Any]
) -> Recommendations:
    import pandas as pd

    if k < 1:
        raise UserMistake(f"-k must be at least 1, not {k}.")
    history = graph.read_rows("customer_history", customer_id=customer_id)[1]
    if not history:
        raise UnknownCustomer(customer_id)
    age, bought, days = history[0]
    sources = [s for s in (*SOURCES, BY_EMBEDDING) if s.name in ranker.sources]
    lists = _ask_sources(graph, customer_id, sources, cold=not bought, filters=filters)
    proposed = {article for rows in lists for article, _, _ in rows}
    described = _describe(graph, customer_id, sorted(proposed | set(bought)))
    until = date.fromisoformat(str(filters.get("as_of") or graph.read_rows("today")[1][0][0]))
    ids = {article_id: place for place, article_id in enumerate(described["article_id"])}
    known = [(ids[article], day) for article, day in zip(bought, days, strict=True) if day < to_days(until)]
    snapshot = _make_snapshot(age, known, described, until)
    offers = join_lists(np.zeros(1, dtype=np.int64), [_to_candidates(rows, ids) for rows in lists], max(1, len(ids)))
    features = describe_offers(snapshot, offers, _stack_facts(described), _column(described, "cosine")[offers.article])
    if new_only:
        offers, features = keep_new(offers, features)
    score = ranker.score(features, new_only)
    rows = _tell(ranker, offers, features, score, k, new_only, lists, list(ids))
    if len(rows) < k:
        rest = graph.read_rows("popular", customer_id=customer_id, k=2 * k, new_only=new_only, **filters)[1]
        have = {row[0] for row in rows}
        rows += [list(row) for row in rest if row[0] not in have][: k - len(rows)]
    note = "" if bought else f"Customer {customer_id} has no purchases yet: this is for customers like them."
    frame: pd.DataFrame = pd.DataFrame(rows, columns=queries.COLUMNS)
    return Recommendations(customer_id, method, frame, note)


_RANKERS: dict[tuple[str, str, int], Ranker] = {}


def _read_ranker(graph: Graph, version: int) -> Ranker:
    """The ranker of the version in force; read once a process."""
    key = (graph.uri, graph.settings.database, version)
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


def _ask_sources(
    graph: Graph, customer_id: str, sources: list[Source], cold: bool, filters: Mapping[str, Any]
) -> list[list[tuple[str, float, str]]]:
    """For each source the articles it proposes, with score and reason, the best first."""

    def ask(source: Source) -> list[tuple[str, float, str]]:
        if source.cold and not cold:
            return []
        keys, rows = graph.read_rows(
            source.query, customer_id=customer_id, k=source.k, new_only=not source.everything, **source.parameters,
            **filters,
        )  # fmt: skip
        article, score, because = (keys.index(column) for column in queries.COLUMNS)
        return [(row[article], float(row[score]), row[because]) for row in rows]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(ask, sources))


def _describe(graph: Graph, customer_id: str, article_ids: list[str]) -> dict[str, list[Any]]:
    """What the graph knows of those articles: a list for each column, in the order of ids."""
    keys, rows = graph.read_rows("describe_candidates", customer_id=customer_id, article_ids=article_ids)
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


def _to_candidates(rows: list[tuple[str, float, str]], ids: Mapping[str, int]) -> Candidates:
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
    lists: list[list[tuple[str, float, str]]],
    ids: list[str],
) -> list[list[Any]]:
    """The k best as rows of article_id, score and because: the reason of the source that counted most for it."""
    _, _, best = take_first(offers, score, k)
    if not len(best):
        return []
    place = {article: row for row, article in enumerate(offers.article.tolist())}
    rows = np.array([place[article] for article in best.tolist()])
    parts = np.where(np.isnan(offers.place[rows]), -np.inf, ranker.attribute(features[rows], new_only)[:, :-1])
    reasons = [{article: because for article, _, because in found} for found in lists]
    told = []
    for row, source in zip(rows.tolist(), parts.argmax(axis=1).tolist(), strict=True):
        article_id = ids[int(offers.article[row])]
        told.append([article_id, float(score[row]), f"{ranker.sources[source]}: {reasons[source][article_id]}"])
    return told
