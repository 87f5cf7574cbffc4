"""Recommend to one customer: by the ranker over all its sources if it is trained, else by saved queries."""

from __future__ import annotations

import numpy as np

from ...cypher.articles import read_names
from ...cypher.customers import read_history
from ...cypher.errors import NoEmbedding
from ...cypher.graph import Graph
from ...cypher.recommenders import find_method
from ...cypher.state import GraphState
from ..ranker.context import keep_new, take_first
from ..ranker.ranker import Ranker
from .gather import Proposed, gather
from .plan import Step
from .request import Recommendations, Request, write_note
from .shared_lists import Row, SharedLists


def recommend_by_queries(graph: Graph, request: Request, steps: tuple[Step, ...]) -> Recommendations:
    """Fill a customer's list by the saved queries of the steps, one after the other, until it is long enough.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    NoEmbedding : the method is `gnn`, and the customer has no embedding.
    """
    customer_id = str(request.customer_id)
    history = read_history(graph, customer_id)
    if request.chosen.name == "gnn" and not history.has_embedding:
        raise NoEmbedding(
            f"Customer {customer_id} has no embedding.",
            "`hmrec train` makes one for every customer with purchases; --method auto needs none.",
        )
    suited = [step for step in steps if step.suits(history.purchases > 0, history.has_embedding)]
    asked = {"customer_id": customer_id, "k": request.k, "new_only": request.new_only, **request.filters}
    rows: list[Row] = []
    for step in suited:
        rows += _leave_out(rows, graph.read_as(Row, step.method, **asked, **step.parameters))
        if len(rows) >= request.k:
            break
    is_cold = suited[0].history is False
    note = f"Customer {customer_id} has no purchases yet: this is what is popular among customers like them."
    return _answer(graph, request, rows, note if is_cold else "")


def recommend_by_ranker(
    graph: Graph, shared: SharedLists, state: GraphState, ranker: Ranker, request: Request
) -> Recommendations:
    """Order the candidates of all sources by the ranker, and fill the list with what is popular.

    Parameters
    ----------
    graph, shared, state, ranker, request : see `gather`.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    proposed = gather(graph, shared, state, ranker, request)
    rows = _rank(ranker, proposed, request)
    if len(rows) < request.k:
        more = proposed.sources.read(find_method("popular"), 2 * request.k, request.new_only)
        rows += _leave_out(rows, more)
    is_new = not proposed.sources.history.articles
    note = f"Customer {request.customer_id} has no purchases yet: this is for customers like them." if is_new else ""
    return _answer(graph, request, rows, note)


def _leave_out(known: list[Row], rows: list[Row]) -> list[Row]:
    """Return the rows whose articles are not among the known ones."""
    have = {row.article_id for row in known}
    return [row for row in rows if row.article_id not in have]


def _rank(ranker: Ranker, proposed: Proposed, request: Request) -> list[Row]:
    """Return the best `k` candidates, each with the reason of the source that counted most."""
    candidate_set, features = proposed.candidate_set, proposed.features
    if request.new_only:
        candidate_set, features = keep_new(candidate_set, features)
    score = ranker.score(features, candidate_set.row, request.new_only, request.k)
    _, _, best = take_first(candidate_set, score, request.k)
    if not len(best):
        return []
    place = {article: row for row, article in enumerate(candidate_set.article.tolist())}
    rows = np.array([place[article] for article in best.tolist()])
    parts = ranker.attribute(features[rows], request.new_only)[:, :-1]
    parts = np.where(np.isnan(candidate_set.place[rows]), -np.inf, parts)
    counted = [ranker.sources[source] for source in parts.argmax(axis=1).tolist()]
    reasons = {source: proposed.read_reasons(source) for source in set(counted)}
    ranked = []
    for row, source in zip(rows.tolist(), counted, strict=True):
        article_id = proposed.ids[int(candidate_set.article[row])]
        because = f"{find_method(source).label}: {reasons[source][article_id]}"
        ranked.append(Row(article_id, float(score[row]), because))
    return ranked


def _answer(graph: Graph, request: Request, rows: list[Row], note: str) -> Recommendations:
    """Return the first `k` rows with the articles' names."""
    import pandas as pd

    articles = pd.DataFrame(rows[: request.k], columns=Row._fields)
    articles.insert(1, "prod_name", read_names(graph, list(articles["article_id"])))
    return Recommendations(str(request.customer_id), request.chosen.name, articles, write_note(request, note))
