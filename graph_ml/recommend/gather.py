"""Collect the candidates that the ranker's sources propose to one customer, and describe them as in training.

The sources are saved queries, several at a time. PyTorch is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cypher.articles import read_names
from ...cypher.errors import UnknownCustomer, UserMistake
from ...cypher.graph import Graph
from ...cypher.recommenders import Method
from ...cypher.state import GraphState
from ..candidates.lists import Candidates
from ..candidates.nearest import Vectors, cosine_of
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Attribute, to_days
from ..ranker.declare import SHARED_LABELS
from ..ranker.features import FACTS, CandidateSet, Matrix, compute_features
from ..ranker.ranker import Ranker
from ..ranker.sources import BY_EMBEDDING, find_sources, merge_lists
from .caches import Caches, DescribedArticle
from .request import Request
from .shared_lists import QUERIES_AT_ONCE, Row, SharedLists


@dataclass(frozen=True)
class CustomerHistory:
    """A customer as the ranker sees them.

    Attributes
    ----------
    age, club_member_status, fashion_news_frequency, postal_code : attributes; None if unknown.
    embedding : [dim], of the model in the state; None without one.
    articles, days : the article and the day of each purchase, oldest first; days since 1970-01-01.
    """

    age: float | None
    club_member_status: str | None
    fashion_news_frequency: str | None
    postal_code: str | None
    embedding: list[float] | None
    articles: list[str]
    days: list[int]


@dataclass(frozen=True)
class CustomerSources:
    """The saved queries, for one customer.

    Attributes
    ----------
    graph : the graph to read.
    shared : the lists that customers share.
    state : the graph's state, read before everything else.
    history : the customer's attributes and purchases.
    owned : articles bought before the day of the request.
    request : the request.
    """

    graph: Graph
    shared: SharedLists
    state: GraphState
    history: CustomerHistory
    owned: frozenset[str]
    request: Request

    def propose(self, source: Method) -> list[Row]:
        """Return the articles that a source proposes to the ranker, best first."""
        if source.is_for_cold_start and self.owned:
            return []
        return self.read(source, source.candidates, not source.proposes_bought, **source.parameters)

    def read(self, method: Method, k: int, new_only: bool, **parameters: Any) -> list[Row]:
        """Return the first `k` rows of a query, from a list that customers share if the query has one."""
        given = {**parameters, **self.request.parameters}

        def read(k: int, new_only: bool = False) -> list[Row]:
            asked = {"customer_id": self.request.customer_id, "k": k, "new_only": new_only}
            return self.graph.read_as(_make_row, method.name, **asked, **given)

        if method.shared_by is not None and self.request.is_small:
            alike = tuple(getattr(self.history, name) for name in method.shared_by)
            key = (method.name, alike, self.request.key, *sorted(parameters.items()))
            found = self.shared.take(self.state, key, k, self.owned if new_only else (), read)
            if found is not None:
                return found
        return read(k, new_only)


@dataclass(frozen=True)
class Proposed:
    """What all sources propose to a customer.

    Attributes
    ----------
    sources : the queries.
    described : the candidates and the customer's articles, by the numbers that `candidate_set` has for them.
    lists : for each source's name, the articles that it proposes, best first.
    candidate_set, features : all candidates with their features [m, features], as the ranker takes them.
    """

    sources: CustomerSources
    described: Sequence[DescribedArticle]
    lists: Mapping[str, list[Row]]
    candidate_set: CandidateSet
    features: Matrix

    @property
    def ids(self) -> list[str]:
        """The ids of `described`."""
        return [article.article_id for article in self.described]

    def read_reasons(self, source: str) -> dict[str, str]:
        """Return the reason for each article of a source. Reasons by embedding are computed only if they are needed."""
        if source == BY_EMBEDDING.name:
            return self._explain_by_embedding()
        return {row.article_id: row.because for row in self.lists[source]}

    def _explain_by_embedding(self) -> dict[str, str]:
        """Return for each article near by embedding which of the customer's is nearest to it, in the query's words.

        The query `gnn` with `$reasons` would search the index again, which takes most of its time.
        """
        listed = {row.article_id for row in self.lists[BY_EMBEDDING.name]}
        known = [article for article in self.described if article.embedding is not None]
        own = [article for article in known if article.article_id in self.sources.owned]
        near = [article for article in known if article.article_id in listed]
        if not own or not near:
            return dict.fromkeys(listed, "close to what customers like you buy")
        cosines = _normalize(near) @ _normalize(own).T
        nearest = [
            own[place].article_id for place in cosines.round(9).argmax(axis=1).tolist()
        ]  # of equal ones, the first id
        names = dict(zip(nearest, read_names(self.sources.graph, nearest), strict=True))
        return {
            article.article_id: f"close to what you bought: {names[bought] or bought}"
            for article, bought in zip(near, nearest, strict=True)
        }


def gather(graph: Graph, caches: Caches, state: GraphState, ranker: Ranker, request: Request) -> Proposed:
    """Read what each of the ranker's sources proposes to a customer, and compute the candidates' features.

    Parameters
    ----------
    graph : the graph to read.
    caches : what earlier answers read.
    state : the graph's state, read before the ranker.
    ranker : the ranker in force.
    request : the request; its customer is not None.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    UserMistake : the graph has no purchases, and the request names no day.
    """
    customer_id = str(request.customer_id)
    history = graph.read_one(CustomerHistory, "customer_history", customer_id=customer_id, model=state.model_version)
    if history is None:
        raise UnknownCustomer(customer_id)
    until = request.as_of or state.until
    if until is None:
        raise UserMistake("The graph has no purchases.", "Load some first: hmrec load DIR")
    bought = [
        (article, day) for article, day in zip(history.articles, history.days, strict=True) if day < to_days(until)
    ]
    owned = frozenset(article for article, _ in bought)
    sources = CustomerSources(graph, caches.lists, state, history, owned, request)
    with ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        lists = list(pool.map(sources.propose, find_sources(ranker.sources, ranker.parameters)))
    proposed = {row.article_id for rows in lists for row in rows}
    described = caches.articles.read(state, proposed | owned)
    ids = {article.article_id: number for number, article in enumerate(described)}
    own = [(ids[article], day) for article, day in bought]
    snapshot = _make_snapshot(history.age, own, described, until)
    candidate_set = merge_lists(
        np.zeros(1, dtype=np.int64), [_to_candidates(rows, ids) for rows in lists], max(1, len(ids))
    )
    facts = np.array([article.facts for article in described], dtype=np.float32).reshape(-1, len(FACTS))
    cosine = _compare(history.embedding, described)
    features = compute_features(snapshot, candidate_set, facts, cosine[candidate_set.article])
    return Proposed(sources, described, dict(zip(ranker.sources, lists, strict=True)), candidate_set, features)


def _make_row(article_id: str, score: float, because: str) -> Row:
    return Row(article_id, float(score), because)


def _make_snapshot(
    age: float | None, purchases: list[tuple[int, int]], described: Sequence[DescribedArticle], until: date
) -> Snapshot:
    """Return the customer's purchases as those of a shop with one customer, for the same features as in training.

    Parameters
    ----------
    age : the customer's; None if unknown.
    purchases : article number and day since 1970-01-01 of each.
    described : the articles, by number.
    until : the day after the last purchase that counts.
    """
    article, time = (np.array(column) for column in zip(*purchases, strict=True)) if purchases else np.zeros((2, 0))
    columns = dict(zip(SHARED_LABELS, ("product", "product_type", "department"), strict=True))
    return Snapshot(
        to_days(until),
        (1, len(described)),
        np.zeros(len(article), dtype=np.int64),
        article.astype(np.int64),
        time.astype(np.int32),
        None,
        {
            label: _make_attribute(label, [getattr(article, column) for article in described])
            for label, column in columns.items()
        },
        ages=np.array([np.nan if age is None else age], dtype=np.float64),
    )


def _make_attribute(label: str, values: list[str | None]) -> Attribute:
    keys = sorted({value for value in values if value is not None})
    places = {key: place for place, key in enumerate(keys)}
    edges = [(article, places[value]) for article, value in enumerate(values) if value is not None]
    return Attribute(label, tuple(keys), np.array(edges, dtype=np.int64).reshape(-1, 2).T)


def _to_candidates(rows: list[Row], ids: Mapping[str, int]) -> Candidates:
    kept = [row for row in rows if row.article_id in ids]
    return Candidates(
        np.array([0, len(kept)]),
        np.array([ids[row.article_id] for row in kept], dtype=np.int64),
        np.array([row.score for row in kept], dtype=np.float64),
    )


def _normalize(articles: Sequence[DescribedArticle]) -> npt.NDArray[np.float64]:
    """Return [articles, dim], the embeddings with length 1."""
    stacked = np.array([article.embedding for article in articles], dtype=np.float64)
    scaled: npt.NDArray[np.float64] = stacked / np.linalg.norm(stacked, axis=1, keepdims=True).clip(1e-30)
    return scaled


def _compare(embedding: list[float] | None, described: Sequence[DescribedArticle]) -> Matrix:
    """Return [articles], the cosine of each article's embedding with the customer's; NaN if one is missing."""
    found = np.full(len(described), np.nan, dtype=np.float32)
    places = [place for place, one in enumerate(described) if one.embedding is not None]
    if places and embedding is not None:
        articles = np.array([described[place].embedding for place in places])
        vectors = Vectors(np.array([embedding], dtype=np.float32), articles)
        found[places] = cosine_of(vectors, np.zeros(len(places), dtype=np.int64), np.arange(len(places)))
    return found
