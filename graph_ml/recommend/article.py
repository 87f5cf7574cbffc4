"""An article as its page shows it: its properties, its price and stock, who bought it, and its sales by week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...cypher.articles import Buyers, Card, read_article_weeks, read_buyers, read_cards
from ...cypher.graph import Graph
from ...loader.properties import PRICE, PROPERTIES

if TYPE_CHECKING:
    import pandas as pd

_NAMES = tuple(name for name in PROPERTIES if name not in (PRICE, "article_id"))


@dataclass(frozen=True)
class ArticleProfile:
    """An article's properties, price, availability and sales.

    Attributes
    ----------
    card : what lists show of it.
    properties : its properties by H&M's column names, those that it has.
    buyers : who bought it, in numbers.
    weeks : its sales by week, from `read_article_weeks`.
    """

    card: Card
    properties: dict[str, Any]
    buyers: Buyers
    weeks: pd.DataFrame


def read_article(graph: Graph, article_id: str, *, weeks: int = 52) -> ArticleProfile:
    """Return an article's properties, price, availability and sales.

    Parameters
    ----------
    graph : the graph to read.
    article_id : whole, with its leading zeros.
    weeks : number of weeks whose sales are returned.

    Raises
    ------
    UnknownArticle : the graph has no such article.
    """
    buyers = read_buyers(graph, article_id)  # raises if there is no such article
    (values,) = graph.read_column("article_properties_of", article_id=article_id, properties=list(_NAMES))
    properties = {name: value for name, value in zip(_NAMES, values, strict=True) if value is not None}
    (card,) = read_cards(graph, [article_id])
    return ArticleProfile(card, properties, buyers, read_article_weeks(graph, article_id, weeks=weeks))
