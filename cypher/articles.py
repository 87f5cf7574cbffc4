"""Queries about single articles: whether they exist, their names, and which ones are similar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .errors import NoEmbedding, UnknownArticle
from .graph import Graph
from .state import read_state

if TYPE_CHECKING:
    import pandas as pd


class _Article(NamedTuple):
    article_id: str
    prod_name: str | None
    colour: str | None
    department: str | None


def check_article(graph: Graph, article_id: str) -> None:
    """Check that the graph has an article.

    Raises
    ------
    UnknownArticle : it has none of that id.
    """
    if graph.read_one(_Article, "article_names", article_ids=[article_id]) is None:
        raise UnknownArticle(
            f"The graph has no article {article_id[:80]!r}.", "Write the full id, with its leading zeros."
        )


def read_names(graph: Graph, article_ids: Sequence[str]) -> list[str | None]:
    """Return the product name of each article, in the order of the ids; None if it has none."""
    found = graph.read_as(_Article, "article_names", article_ids=list(article_ids))
    names = {article.article_id: article.prod_name for article in found}
    return [names.get(article_id) for article_id in article_ids]


def find_similar(graph: Graph, article_id: str, *, k: int = 12, include_unavailable: bool = False) -> pd.DataFrame:
    """Return the `k` articles whose embeddings are nearest to an article's, by the vector index.

    Parameters
    ----------
    graph : the graph to read.
    article_id : whole, with its leading zeros.
    k : how many articles.
    include_unavailable : include articles that are out of stock or not sold now.

    Returns
    -------
    article_id, prod_name, score (the cosine); the nearest first, without the article itself.

    Raises
    ------
    UnknownArticle : the graph has no such article.
    NoEmbedding : there is no active model, or the article has no embedding in it.
    """
    check_article(graph, article_id)
    found = graph.read("nearest_articles", article_id=article_id, k=k, include_unavailable=include_unavailable)
    if found.empty:
        if not include_unavailable and len(
            graph.read("nearest_articles", article_id=article_id, include_unavailable=True)
        ):
            return found
        if read_state(graph).model is None:
            raise NoEmbedding("The graph has no embeddings.", "`hmrec train` creates them.")
        raise NoEmbedding(
            f"Article {article_id} has no embedding.", "`hmrec train` creates one for every article that was bought."
        )
    return found
