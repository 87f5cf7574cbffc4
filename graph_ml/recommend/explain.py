"""Explain why an article is recommended to a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ...cypher.articles import check_article
from ...cypher.customers import read_history
from ...cypher.graph import Graph
from ...cypher.recommenders import find_method
from ..ranker.declare import KNOWN
from ..ranker.ranker import Ranker
from .gather import gather
from .request import Request
from .shared_lists import SharedLists

if TYPE_CHECKING:
    import pandas as pd

ExplainedMethod = Literal["user_based_cf", "hybrid"]
"""The methods whose scores can be explained."""


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
    found = np.flatnonzero(np.array(proposed.ids, dtype=str)[proposed.candidate_set.article] == article_id)
    if len(found):
        parts = ranker.explain(proposed.features[found])
        others = 0.0
        places, by_source = proposed.candidate_set.place[found[0]].tolist(), parts.sources[0].tolist()
        for source, place, part in zip(ranker.sources, places, by_source, strict=True):
            if np.isnan(place):
                others += part
            else:
                rows.append([find_method(source).label, int(place), part, proposed.read_reasons(source)[article_id]])
        rows.sort(key=lambda row: -row[2])
        rows.append(["other sources", None, others, "that they do not propose it"])
        rows += [[name, None, float(part[0]), KNOWN[name]] for name, part in parts.known.items()]
        rows.append(["baseline", None, float(parts.baseline[0]), "what the trees expect of any candidate"])
    frame = pd.DataFrame(rows, columns=["source", "place", "part", "because"])
    return frame.astype({"place": "Int64"})
