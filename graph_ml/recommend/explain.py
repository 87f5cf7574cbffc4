"""Explain why an article is recommended to a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...cypher.articles import check_article
from ...cypher.customers import read_history
from ...cypher.graph import Graph
from ...cypher.recommenders import find_method
from ..ranker.fit import Ranker
from .gather import gather
from .request import Request
from .shared_lists import SharedLists

if TYPE_CHECKING:
    import pandas as pd


def explain_user_based_cf(graph: Graph, request: Request, article_id: str) -> pd.DataFrame:
    """Return the parts of the score that user-based CF gives an article, as `Recommender.explain` describes them."""
    read_history(graph, str(request.customer_id))
    check_article(graph, article_id)
    given = {"customer_id": request.customer_id, "article_id": article_id, "as_of": request.as_of}
    return graph.read("explain_user_based_cf", **given)


def explain_by_ranker(
    graph: Graph, shared: SharedLists, ranker: Ranker, request: Request, article_id: str
) -> pd.DataFrame:
    """Return the parts of the ranker's score of an article, as `Recommender.explain_by_ranker` describes them."""
    import pandas as pd

    check_article(graph, article_id)
    proposed = gather(graph, shared, ranker, request)
    rows: list[list[Any]] = []
    found = np.flatnonzero(np.array(proposed.ids, dtype=str)[proposed.offers.article] == article_id)
    if len(found):
        parts = ranker.attribute(proposed.features[found], new_only=False)[0].tolist()
        for source, place, part in zip(ranker.sources, proposed.offers.place[found[0]].tolist(), parts, strict=False):
            if not np.isnan(place):
                because = proposed.read_reasons(source)[article_id]
                rows.append([find_method(source).label, int(place), part, because])
        rest = sum(parts) - sum(row[2] for row in rows)
        rows = [*sorted(rows, key=lambda row: -row[2]), ["everything else", None, rest, "what is known of both"]]
    frame = pd.DataFrame(rows, columns=["source", "place", "part", "because"])
    return frame.astype({"place": "Int64"})
