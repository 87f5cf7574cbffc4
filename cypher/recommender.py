"""Recommend: choose the query that the graph and the customer allow, run it, hand on its rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .errors import NoEmbedding, UnknownArticle, UnknownCustomer, UserMistake
from .graph import Graph

if TYPE_CHECKING:
    import pandas as pd


class Method(StrEnum):
    """How to recommend."""

    auto = "auto"
    cf = "cf"
    items = "items"
    together = "together"
    repurchases = "repurchases"
    variants = "variants"
    departments = "departments"
    arrivals = "arrivals"
    segment = "segment"
    attributes = "attributes"
    popular = "popular"
    gnn = "gnn"
    hybrid = "hybrid"


QUERIES = {
    Method.cf: "user_based_cf",
    Method.items: "item_based_cf",
    Method.together: "bought_together",
    Method.repurchases: "own_repurchases",
    Method.variants: "variants",
    Method.departments: "popular_in_departments",
    Method.arrivals: "new_arrivals",
    Method.segment: "popular_in_segment",
    Method.attributes: "by_attributes",
    Method.popular: "popular",
    Method.gnn: "gnn",
}
COLUMNS = ["article_id", "score", "because"]


@dataclass(frozen=True)
class Recommendations:
    """What one customer is recommended.

    Attributes
    ----------
    customer_id : whom for.
    method : the method that was asked for or chosen.
    articles : rows of article_id, score, because; the best first, no article twice.
    note : a sentence for the customer's special case, or empty.
    """

    customer_id: str
    method: Method
    articles: pd.DataFrame
    note: str = ""


@dataclass(frozen=True)
class _Customer:
    purchases: int
    has_embedding: bool


def _look_up(graph: Graph, customer_id: str) -> _Customer:
    keys, rows = graph.read_rows("customer", customer_id=customer_id)
    if not rows:
        raise UnknownCustomer(customer_id)
    facts = dict(zip(keys, rows[0], strict=True))
    return _Customer(int(facts["purchases"]), bool(facts["has_embedding"]))


def recommend(
    graph: Graph,
    customer_id: str,
    *,
    k: int = 12,
    method: Method = Method.auto,
    new_only: bool = False,
    **filters: Any,
) -> Recommendations:
    """The `k` articles that a customer may want next.

    `auto` takes collaborative filtering where the customer has purchases, and fills up with what is near by embedding
    and then with what is popular; a customer without purchases gets what is popular among customers like them.

    Parameters
    ----------
    graph : the graph to ask.
    customer_id : whom for.
    k : how many articles, at least 1.
    method : one method alone, or `auto`.
    new_only : leave out what the customer has bought already.
    filters : what every recommender takes besides: `as_of` (the day as of which the graph is looked at), `department`,
        `colour` (names), `max_price`, `in_season` (days within which it was sold).

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    NoEmbedding : the method needs an embedding that the customer does not have.
    UserMistake : `k` is below 1.
    """
    import pandas as pd

    if k < 1:
        raise UserMistake(f"-k must be at least 1, not {k}.")
    if method is Method.hybrid:
        raise UserMistake("The ranker is no query.", "hmrec.graph_ml.recommend.customer.recommend asks it.")
    customer = _look_up(graph, customer_id)
    parameters: dict[str, Any] = {"customer_id": customer_id, "k": k, "new_only": new_only, **filters}
    note = ""
    if not customer.purchases and method in (Method.auto, Method.cf):
        names = ["by_attributes", "popular"]
        note = f"Customer {customer_id} has no purchases yet: this is what is popular among customers like them."
    elif method is Method.gnn and not customer.has_embedding:
        raise NoEmbedding(
            f"Customer {customer_id} has no embedding.",
            "`hmrec train` makes one for every customer with purchases; --method auto needs none.",
        )
    elif method is Method.auto:
        names = ["user_based_cf", *(["gnn"] if customer.has_embedding else []), "popular"]
    else:
        names = [QUERIES[method]]
    rows: list[list[Any]] = []
    for name in names:
        keys, found = graph.read_rows(name, **parameters)
        columns = [keys.index(column) for column in COLUMNS]
        have = {row[0] for row in rows}
        rows += [picked for row in found if (picked := [row[c] for c in columns])[0] not in have]
        if len(rows) >= k:
            break
    return Recommendations(customer_id, method, pd.DataFrame(rows[:k], columns=COLUMNS), note)


def check_article(graph: Graph, article_id: str) -> None:
    """Raise UnknownArticle where the graph has none of that id."""
    if not graph.read_rows("article_names", article_ids=[article_id])[1]:
        raise UnknownArticle(
            f"The graph has no article {article_id[:80]!r}.", "Ids are written whole, with their leading zeros."
        )


def similar(graph: Graph, article_id: str, *, k: int = 12) -> pd.DataFrame:
    """The `k` articles whose embeddings are nearest to an article's, by the vector index.

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


def explain(graph: Graph, customer_id: str, article_id: str, *, as_of: str | None = None) -> pd.DataFrame:
    """Why user-based CF gives an article its score: one row for each neighbour who bought it, one for the own history.

    Returns
    -------
    who, customer_id, similarity, weight, part, shared, because; the parts add up to the score. Empty where it has none.

    Raises
    ------
    UnknownCustomer, UnknownArticle : the graph has no such customer or article.
    """
    _look_up(graph, customer_id)
    check_article(graph, article_id)
    return graph.read("explain_user_based_cf", customer_id=customer_id, article_id=article_id, as_of=as_of)
