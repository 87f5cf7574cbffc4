"""Caches of what answers to several customers share: lists, and descriptions of articles."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Collection, Hashable
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...cypher.graph import Graph
from ...cypher.state import GraphState
from .shared_lists import SharedLists

FORGET_SECONDS = 60.0  # after which articles are read again


class DescribedArticle(NamedTuple):
    """What the ranker needs to know about an article.

    Attributes
    ----------
    article_id : the article.
    facts : [FACTS], float32; NaN if unknown.
    product, product_type, department : keys of the attribute nodes that it belongs to; None if unknown.
    embedding : [dim], float32; None if it has no embedding.
    """

    article_id: str
    facts: npt.NDArray[np.float32]
    product: str | None
    product_type: str | None
    department: str | None
    embedding: npt.NDArray[np.float32] | None


class ArticleDescriptions:
    """A cache of what the ranker needs to know about articles; the least recently used ones are dropped first.

    A purchase changes none of it; a load or a training may change all of it. A training writes the facts some minutes
    before its model is in force, so everything is read again after `FORGET_SECONDS`. Nothing is cached while a load is
    running, or if hmrec did not load the graph.

    Parameters
    ----------
    graph : the graph to read.
    kept : greatest number of articles, about 1 kB each with embeddings of 64 numbers; each further number adds 4 bytes.
    """

    def __init__(self, graph: Graph, kept: int = 20_000) -> None:
        self.graph = graph
        self.kept = kept
        self._state: Hashable = None
        self._since = 0.0
        self._articles: OrderedDict[str, DescribedArticle] = OrderedDict()
        self._lock = Lock()

    def read(self, state: GraphState, article_ids: Collection[str]) -> list[DescribedArticle]:
        """Return the articles, sorted by id; those that the graph lacks are left out.

        Parameters
        ----------
        state : the graph's state, read before anything else that the answer depends on.
        article_ids : the articles.
        """
        known = self._take(state, article_ids)
        missing = sorted(set(article_ids).difference(known))
        if missing:
            from ..ranker.features import FACTS  # loads scipy, which lists without a ranker do without

            asked = {"article_ids": missing, "facts": list(FACTS), "model": state.model_version}
            rows = self.graph.read_as(_make_article, "describe_articles", **asked)
            read = {article.article_id: article for article in rows}
            self._keep(state, read)
            known |= read
        return [known[article_id] for article_id in sorted(known)]

    def _is_current(self, state: GraphState) -> bool:
        return state.article_version == self._state and time.monotonic() - self._since < FORGET_SECONDS

    def _take(self, state: GraphState, article_ids: Collection[str]) -> dict[str, DescribedArticle]:
        with self._lock:
            if not self._is_current(state):
                return {}
            found = {
                article_id: self._articles[article_id] for article_id in article_ids if article_id in self._articles
            }
            for article_id in found:
                self._articles.move_to_end(article_id)
        return found

    def _keep(self, state: GraphState, articles: dict[str, DescribedArticle]) -> None:
        if not state.is_cacheable:
            return
        with self._lock:
            if not self._is_current(state):
                self._state, self._since = state.article_version, time.monotonic()
                self._articles.clear()
            self._articles.update(articles)
            while len(self._articles) > self.kept:
                self._articles.popitem(last=False)


def _make_article(
    article_id: str,
    facts: list[float | None],
    product: str | None,
    product_type: str | None,
    department: str | None,
    embedding: list[float] | None,
) -> DescribedArticle:
    return DescribedArticle(
        article_id,
        np.array(facts, dtype=np.float32),  # NaN for None
        product,
        product_type,
        department,
        None if embedding is None else np.array(embedding, dtype=np.float32),
    )


class Caches:
    """What the answers to several customers have in common.

    Attributes
    ----------
    lists : lists that customers share.
    articles : what the ranker needs to know about articles.
    """

    def __init__(self, graph: Graph) -> None:
        self.lists = SharedLists()
        self.articles = ArticleDescriptions(graph)
