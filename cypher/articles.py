"""Queries about articles: whether they exist, their details in lists, their buyers, and similar ones."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from .errors import NoEmbedding, UnknownArticle
from .graph import Graph
from .state import read_state

if TYPE_CHECKING:
    import pandas as pd


_WORD = re.compile(r"\w+(?:['’.,]\w+)*")  # as the index's analyzer separates them, such as 8.5 or o'neil
_MOST_WORDS = 20


class _Article(NamedTuple):
    article_id: str
    prod_name: str | None
    colour: str | None
    department: str | None


class Card(NamedTuple):
    """The details of an article in a list; None if unknown.

    Attributes
    ----------
    article_id : the article.
    prod_name, colour, department, product_type : its name and attributes, in words.
    price : of its latest sale.
    available : whether it is in stock, and sold on the day after the graph's last purchase.
    stock : units in stock.
    image_url : a property that hmrec does not load.
    """

    article_id: str
    prod_name: str | None
    colour: str | None
    department: str | None
    product_type: str | None
    price: float | None
    available: bool
    stock: int | None
    image_url: str | None


class Buyers(NamedTuple):
    """Who bought an article, in numbers.

    Attributes
    ----------
    purchases : units bought, less those returned.
    buyers : customers who bought it.
    repeat_buyers : those of them who bought it on more than one day.
    buyers_lately : those who bought it within 28 days before the day after the graph's last purchase.
    first, last : days of its first and last sale; None if it was never sold.
    """

    purchases: int
    buyers: int
    repeat_buyers: int
    buyers_lately: int
    first: date | None
    last: date | None

    @property
    def repeat_share(self) -> float | None:
        """The share of the buyers who came back for it, 0 to 1; None without buyers."""
        return self.repeat_buyers / self.buyers if self.buyers else None


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


def check_articles(graph: Graph, article_ids: Sequence[str]) -> None:
    """Check that the graph has all of these articles.

    Raises
    ------
    UnknownArticle : one is missing; the hint suggests similar ids.
    """
    found = set(graph.read_column("occurring_articles", article_ids=list(article_ids)))
    missing = [article_id for article_id in article_ids if article_id not in found]
    if missing:
        raise UnknownArticle(f"The graph has no article {missing[0][:80]!r}.", _suggest_ids(graph, missing[0]))


def _suggest_ids(graph: Graph, article_id: str) -> str:
    """Return a hint with ids similar to an unknown one."""
    likely: list[str] = []
    if article_id:
        known = graph.read_column("like_article_ids", start=article_id[: max(1, len(article_id) - 3)], end=article_id)
        likely = sorted(one for one in known if one.endswith(article_id))[:3]
        likely = likely or difflib.get_close_matches(article_id, known, n=3, cutoff=0.6)
    return f"Did you mean {' or '.join(likely)}?" if likely else "Write the full id, with its leading zeros."


def read_names(graph: Graph, article_ids: Sequence[str]) -> list[str | None]:
    """Return the product name of each article, in the order of the ids; None if it has none."""
    found = graph.read_as(_Article, "article_names", article_ids=list(article_ids))
    names = {article.article_id: article.prod_name for article in found}
    return [names.get(article_id) for article_id in article_ids]


def find_articles(graph: Graph, start: str = "", name: str = "", *, k: int = 20) -> list[str]:
    """Return the ids of articles by the first characters of their ids and the first letters of words of their names.

    The full-text index of names is used if there is one. A graph that was loaded earlier lacks it until the next load;
    then every name is compared, and `name` may be any part of it.

    Parameters
    ----------
    graph : the graph to read.
    start : the first characters of the ids; empty for all.
    name : words of the name, or the beginnings of words; upper and lower case do not matter; empty for all. Names that
        begin with it come first.
    k : how many articles at most.
    """
    name = name.strip()
    words = _to_lucene(name)
    if words and not start and graph.read_column("name_index"):
        return graph.read_column("find_articles_by_words", words=words, name=name, k=k)
    return graph.read_column("find_articles", start=start, name=name, k=k)


def _to_lucene(text: str) -> str:
    """Return a query for names that have all of the words: each of them begins a word, or is several of the index's.

    The index makes several words of some that have no spaces, such as Chinese ones.
    """
    return " ".join(f'+({word}* "{word}")' for word in _WORD.findall(text.lower())[:_MOST_WORDS])


def read_cards(graph: Graph, article_ids: Sequence[str]) -> list[Card]:
    """Return the details of articles, in the order of the ids; unknown ids are left out."""
    return graph.read_as(Card, "article_cards", article_ids=list(article_ids))


def read_buyers(graph: Graph, article_id: str) -> Buyers:
    """Return how many customers bought an article, and how many came back for it.

    Parameters
    ----------
    graph : the graph to read.
    article_id : whole, with its leading zeros.

    Raises
    ------
    UnknownArticle : the graph has no such article.
    """
    check_article(graph, article_id)
    (buyers,) = graph.read_as(Buyers, "article_buyers", article_id=article_id)
    return buyers


def read_article_weeks(graph: Graph, article_id: str, *, weeks: int = 52) -> pd.DataFrame:
    """Return an article's sales in each of the last weeks, oldest first; weeks without a sale included.

    Parameters
    ----------
    graph : the graph to read.
    article_id : whole, with its leading zeros.
    weeks : number of weeks; the last one has the graph's last purchase.

    Returns
    -------
    week (its Monday), purchases (units), buyers.
    """
    return graph.read("article_weeks", article_id=article_id, weeks=weeks)


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
