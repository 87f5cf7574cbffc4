"""Recommend to one customer: by the ranker over all its sources if it is trained, else by saved queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...cypher.articles import read_names
from ...cypher.customers import read_history
from ...cypher.errors import NoEmbedding
from ...cypher.graph import Graph
from ...cypher.recommenders import find_method
from ...cypher.state import GraphState
from .caches import Caches
from .in_force import Arrangement, Chosen, choose
from .plan import Step
from .request import Recommendations, Request, write_note
from .shared_lists import Row

if TYPE_CHECKING:
    import pandas as pd

    from ..ranker.ranker import Ranker
    from .gather import Proposed


def recommend_by_queries(
    graph: Graph, request: Request, steps: tuple[Step, ...], arrangement: Arrangement | None = None
) -> Recommendations:
    """Fill a customer's list by the saved queries of the steps, one after the other, until it is long enough.

    Parameters
    ----------
    graph, request : the graph and the request.
    steps : the steps of the request's plan.
    arrangement : what rules and caps do to the list; None for nothing.

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
    asked = {"customer_id": customer_id, "new_only": request.new_only, **request.parameters}

    scored_by: dict[str, str] = {}

    def fetch(depth: int) -> list[Row]:
        rows: list[Row] = []
        for step in suited:
            more = leave_out(rows, graph.read_as(Row, step.method, k=depth, **asked, **step.parameters))
            scored_by.update(dict.fromkeys((row.article_id for row in more), step.method))
            rows += more
            if len(rows) >= depth:
                break
        return rows

    chosen = choose(graph, request, arrangement, fetch)
    is_cold = suited[0].history is False
    note = f"Customer {customer_id} has no purchases yet: this is what is popular among customers like them."
    return _answer(graph, request, chosen, scored_by, note if is_cold else "")


def recommend_by_ranker(
    graph: Graph,
    caches: Caches,
    state: GraphState,
    ranker: Ranker,
    request: Request,
    fill: tuple[Step, ...],
    arrangement: Arrangement | None = None,
) -> Recommendations:
    """Order the candidates of all sources by the ranker, and fill the list with what is popular.

    Parameters
    ----------
    graph, caches, state, ranker, request : see `gather`.
    fill : the steps that fill the list if it is too short, one after the other.
    arrangement : what rules and caps do to the list; None for nothing.

    Raises
    ------
    UnknownCustomer : the graph has no such customer.
    """
    from .gather import gather  # loads scipy, which lists without a ranker do without

    proposed = gather(graph, caches, state, ranker, request)
    ranked = _rank(ranker, proposed, request, None if arrangement is None else len(proposed.candidate_set.row))

    scored_by: dict[str, str] = {}

    def fetch(depth: int) -> list[Row]:
        rows = [Row(article_id, score, "") for article_id, (_, score) in ranked.items()]
        scored_by.update(dict.fromkeys(ranked, "hybrid"))
        for step in fill:
            if len(rows) < depth:
                more = proposed.sources.read(find_method(step.method), 2 * depth, request.new_only, **step.parameters)
                more = leave_out(rows, more)
                scored_by.update(dict.fromkeys((row.article_id for row in more), step.method))
                rows += more
        return rows

    chosen = choose(graph, request, arrangement, fetch)
    numbers = {one.row.article_id: ranked[one.row.article_id][0] for one in chosen if one.row.article_id in ranked}
    reasons = _find_reasons(ranker, proposed, request, numbers)
    chosen = [
        one._replace(row=one.row._replace(because=reasons.get(one.row.article_id, one.row.because))) for one in chosen
    ]
    is_new = not proposed.sources.history.articles
    note = f"Customer {request.customer_id} has no purchases yet: this is for customers like them." if is_new else ""
    return _answer(graph, request, chosen, scored_by, note)


def leave_out(known: list[Row], rows: list[Row]) -> list[Row]:
    """Return the rows whose articles are not among the known ones."""
    have = {row.article_id for row in known}
    return [row for row in rows if row.article_id not in have]


def _rank(ranker: Ranker, proposed: Proposed, request: Request, depth: int | None) -> dict[str, tuple[int, float]]:
    """Return the best candidates in order: by article, its number in the candidate set, and its score.

    Parameters
    ----------
    ranker, proposed, request : the ranker, the candidates and the request.
    depth : how many candidates; None for the `k` of the request.
    """
    from ..ranker.context import find_new, take_first

    candidate_set, kept = proposed.candidate_set, np.arange(len(proposed.candidate_set.row))
    features = proposed.features
    if request.new_only:
        kept = find_new(features)
        candidate_set, features = candidate_set.take(kept), features[kept]
    score, stage = ranker.score_in_stages(features, candidate_set.row, request.new_only, request.k)
    _, _, rows = take_first(candidate_set, score, request.k if depth is None else depth, stage)
    ids = proposed.ids
    return {ids[int(candidate_set.article[row])]: (int(kept[row]), float(score[row])) for row in rows.tolist()}


def _find_reasons(ranker: Ranker, proposed: Proposed, request: Request, numbers: dict[str, int]) -> dict[str, str]:
    """Return the reason of the source that counted most, by article.

    Parameters
    ----------
    ranker, proposed, request : the ranker, the candidates and the request.
    numbers : by article, its number in the candidate set.
    """
    if not numbers:
        return {}
    rows = np.array(list(numbers.values()))
    parts = ranker.attribute(proposed.features[rows], request.new_only)[:, :-1]
    parts = np.where(np.isnan(proposed.candidate_set.place[rows]), -np.inf, parts)
    counted = [ranker.sources[source] for source in parts.argmax(axis=1).tolist()]
    reasons = {source: proposed.read_reasons(source) for source in set(counted)}
    return {
        article: f"{find_method(source).label}: {reasons[source][article]}"
        for article, source in zip(numbers, counted, strict=True)
    }


def _answer(
    graph: Graph, request: Request, chosen: list[Chosen], scored_by: dict[str, str], note: str
) -> Recommendations:
    """Return the chosen rows as the answer to a customer's request.

    Parameters
    ----------
    graph, request, chosen, note : of the answer.
    scored_by : by article, the method whose score it has; without those that a rule chose.
    """
    return Recommendations(
        str(request.customer_id),
        request.chosen.name,
        to_frame(graph, chosen),
        write_note(request, note),
        tuple(name_method(one, scored_by) for one in chosen),
    )


def name_method(one: Chosen, scored_by: dict[str, str]) -> str:
    """Return the method whose score an article has; empty for one without a score, which a rule pinned."""
    return one.method or scored_by.get(one.row.article_id, "")


def to_frame(graph: Graph, chosen: list[Chosen]) -> pd.DataFrame:
    """Return the chosen rows with the articles' names, and with what rules did in the reasons."""
    import pandas as pd

    rows = [one.row._replace(because="; ".join(filter(None, (one.row.because, one.said)))) for one in chosen]
    articles = pd.DataFrame(rows, columns=Row._fields)
    articles.insert(1, "prod_name", read_names(graph, list(articles["article_id"])))
    return articles
