"""What the graph knows about single articles: whether they exist, their names, and which ones are similar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .errors import NoEmbedding, UnknownArticle
from .graph import Graph

if TYPE_CHECKING:
    import pandas as pd


def check_article(graph: Graph, article_id: str) -> None:
    """Check that the graph has an article.

    Raises
    ------
    UnknownArticle : it has none of that id.
    """
    if not graph.read_rows("article_names", article_ids=[article_id])[1]:
        raise UnknownArticle(
            f"The graph has no article {article_id[:80]!r}.", "Ids are written whole, with their leading zeros."
        )


def read_names(graph: Graph, article_ids: Sequence[str]) -> list[str | None]:
    """Return the product name of each article, in the order of the ids; None if it has none."""
    keys, rows = graph.read_rows("article_names", article_ids=list(article_ids))
    names = {row[keys.index("article_id")]: row[keys.index("prod_name")] for row in rows}
    return [names.get(article_id) for article_id in article_ids]


def find_similar(graph: Graph, article_id: str, *, k: int = 12) -> pd.DataFrame:
    """Return the `k` articles whose embeddings are nearest to an article's, by the vector index.

    Parameters
    ----------
    graph : the graph to read.
    article_id : whole, with its leading zeros.
    k : how many articles.

    Returns
    -------
    article_id, prod_name, score (the cosine); the nearest first, without the article itself.

    Raises
    ------
    UnknownArticle : the graph has no such article.
    NoEmbedding : no model is in force, or the article has no embedding in it.
    """
    check_article(graph, article_id)
    if not graph.read_rows("model_in_force")[1]:
        raise NoEmbedding("The graph has no embeddings.", "`hmrec train` makes them.")
    found = graph.read("nearest_articles", article_id=article_id, k=k)
    if found.empty:
        raise NoEmbedding(
            f"Article {article_id} has no embedding.", "`hmrec train` makes one for every article that was bought."
        )
    return found
