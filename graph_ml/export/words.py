"""The words of articles' names as attribute nodes: what the network knows of articles that nobody bought yet."""

from __future__ import annotations

import numpy as np
import polars as pl

from .subgraph import Attribute

LABEL, RELATIONSHIP = "Word", "NAMED"
"""The node type of words, and the relationship from articles to them. They are not in the store."""
LEAST_ARTICLES = 2
"""A word of fewer articles joins nothing."""
MAX_SHARE = 0.1
"""A word of a larger share of the articles says nothing about them."""
MAX_WORDS = 20_000
"""The most words; those of the most articles stay."""


def find_words(articles: pl.DataFrame, column: str = "prod_name") -> dict[str, Attribute]:
    """Return the words of the articles' names, by label as the other attributes; empty without any.

    A word is a run of letters and digits, in lower case.

    Parameters
    ----------
    articles : a row for each article, in the order of their numbers.
    column : of the names; it may be missing.
    """
    if column not in articles.columns or articles[column].null_count() == articles.height:
        return {}
    names = articles.select(word=pl.col(column).cast(pl.String).str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+"))
    pairs = names.with_row_index("article").explode("word").drop_nulls().unique()
    most = max(LEAST_ARTICLES, int(MAX_SHARE * articles.height))
    kept = pairs.group_by("word").len().filter(pl.col("len").is_between(LEAST_ARTICLES, most))
    keys = kept.sort(["len", "word"], descending=[True, False]).head(MAX_WORDS)["word"].sort()
    if not len(keys):
        return {}
    edges = pairs.join(pl.DataFrame({"word": keys}).with_row_index("node"), on="word").sort("node", "article")
    return {LABEL: Attribute(RELATIONSHIP, tuple(keys), edges.select("article", "node").to_numpy().T.astype(np.int64))}
