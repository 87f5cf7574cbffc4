"""Explain why an article is recommended to a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from ...cypher.articles import check_article
from ...cypher.customers import read_history
from ...cypher.graph import Graph
from ...cypher.recommenders import find_method
from ...cypher.state import GraphState, read_state
from ..ranker.declare import KNOWN
from .caches import Caches
from .plan import CF, find_parameters
from .request import Filters, Request

if TYPE_CHECKING:
    import pandas as pd

    from ..ranker.ranker import Ranker

ExplainedMethod = Literal["user_based_cf", "hybrid"]
"""The methods whose scores can be explained."""


class ExplanationOptions(Filters):
    """Which score to explain, in which list.

    Filters other than `include_unavailable` and `as_of` matter only to the ranker's score.
    """

    by: ExplainedMethod = Field(
        default="user_based_cf", description="The score to explain: user-based CF's or the ranker's"
    )
    new_only: bool = Field(default=False, description="Explain the score in a list of new articles")


class _Part(NamedTuple):
    """A part of the ranker's score, as `Recommender.explain_by_ranker` describes it."""

    source: str
    place: int | None
    part: float
    because: str


def explain_user_based_cf(graph: Graph, request: Request, article_id: str) -> pd.DataFrame:
    """Return the parts of user-based CF's score of an article, as `Recommender.explain` describes them."""
    read_history(graph, str(request.customer_id))
    check_article(graph, article_id)
    return graph.read("explain_user_based_cf", **choose_parameters(graph, request, article_id))


def choose_parameters(graph: Graph, request: Request, article_id: str) -> dict[str, Any]:
    """Return the parameters of the queries that explain a score of `user_based_cf`: those of the list."""
    names = ("customer_id", "as_of", "include_unavailable")
    given = {"article_id": article_id} | {name: getattr(request, name) for name in names}
    return given | dict(find_parameters(request, read_state(graph)).get(CF, {}))


def explain_by_ranker(
    graph: Graph, caches: Caches, state: GraphState, ranker: Ranker, request: Request, article_id: str
) -> pd.DataFrame:
    """Return the parts of the ranker's score of an article, as `Recommender.explain_by_ranker` describes them."""
    import pandas as pd

    from .gather import gather  # loads scipy, which lists without a ranker do without

    check_article(graph, article_id)
    proposed = gather(graph, caches, state, ranker, request)
    rows: list[_Part] = []
    found = np.flatnonzero(np.array(proposed.ids, dtype=str)[proposed.candidate_set.article] == article_id)
    if len(found):
        parts = ranker.explain(proposed.features[found], request.new_only)
        others = 0.0
        places, by_source = proposed.candidate_set.place[found[0]].tolist(), parts.sources[0].tolist()
        for source, place, part in zip(ranker.sources, places, by_source, strict=True):
            if np.isnan(place):
                others += part
            else:
                reason = proposed.read_reasons(source)[article_id]
                rows.append(_Part(find_method(source).label, int(place), part, reason))
        rows.sort(key=lambda row: -row.part)
        rows.append(_Part("other sources", None, others, "that they do not propose it"))
        rows += [_Part(name, None, float(part[0]), KNOWN[name]) for name, part in parts.known.items()]
        rows.append(_Part("baseline", None, float(parts.baseline[0]), "what the trees expect of any candidate"))
    frame = pd.DataFrame(rows, columns=_Part._fields)
    return frame.astype({"place": "Int64"})
