"""Answer requests for lists as customers are to see them: by the arm's method, explored, and logged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...cypher.errors import NoEmbedding, NoRanker
from ...cypher.state import GraphState
from ...graph_ml.recommend import Request
from ...graph_ml.recommend.experiment import Assignment, assign
from ...graph_ml.recommend.explore import explore
from ...graph_ml.recommend.in_force import DEEPER, read_rules
from ...graph_ml.recommend.request import LARGEST_K, Filters
from ...graph_ml.recommend.rule import Kind
from ...loader.impressions import Impression, ShownArticle
from .candidates import RecommendationCache
from .impressions import ImpressionLog

EXPLORED = "shown to learn from"
"""What the reason of an article says that was put into a list at random."""
_PLAIN = Filters().key


class Showing:
    """Shows customers lists, and logs what it shows.

    Parameters
    ----------
    candidates : the cache of answers, which have no `impression_id` yet.
    impressions : takes the lists that are to be logged.
    explore : share of the places of logged lists to fill at random.
    takes_part : whether lists of experiments may be shown and logged.
    """

    def __init__(
        self,
        candidates: RecommendationCache,
        impressions: ImpressionLog,
        explore: float = 0.0,
        *,
        takes_part: bool = False,
    ) -> None:
        self.candidates = candidates
        self.impressions = impressions
        self.explore = explore
        self.takes_part = takes_part

    def find(self, request: Request, log: bool | None) -> bytes | None:
        """Return the cached answer if the graph's state is fresh; never reads the graph.

        Parameters
        ----------
        request : the request.
        log : whether to log the list, as `ImpressionLog.draw` returns it; None logs those of experiments.
        """
        state = self.candidates.fresh_state
        if state is None:
            return None
        assigned = assign(state, request, takes_part=self.takes_part)
        answer = self.candidates.find(assigned.request)
        if answer is not None and assigned.request != request and is_empty(answer):
            assigned = assigned._replace(request=request)
            answer = self.candidates.find(request)
        if answer is None or not is_logged(assigned, log):
            return answer
        explored = self._is_explored(state, assigned.request)
        deep = self.candidates.find(deepen(assigned.request)) if explored else None
        return None if explored and deep is None else self._show(state, assigned, answer, deep)

    def recommend(self, request: Request, log: bool | None) -> bytes:
        """Return the answer to a request, a `Recommendation` as JSON; the parameters are those of `find`.

        A customer whom the arm's method cannot serve, or has nothing for, gets the list of `auto`, and still counts for
        the arm: otherwise the arms would be compared on different customers.

        Raises
        ------
        HmrecError : as `Recommender.recommend`.
        """
        state = self.candidates.state()
        assigned = assign(state, request, takes_part=self.takes_part)
        try:
            answer = self.candidates.recommend(assigned.request)
            is_served = assigned.request == request or not is_empty(answer)
        except (NoEmbedding, NoRanker):
            if assigned.request == request:
                raise
            is_served = False
        if not is_served:
            assigned = assigned._replace(request=request)
            answer = self.candidates.recommend(request)
        if not is_logged(assigned, log):
            return answer
        explored = self._is_explored(state, assigned.request)
        deep = self.candidates.recommend(deepen(assigned.request)) if explored else None
        return self._show(state, assigned, answer, deep)

    def _is_explored(self, state: GraphState, request: Request) -> bool:
        """Return whether places may be filled at random: not if filters, caps or shares would have to hold for it."""
        if not self.explore or request.key != _PLAIN or request.new_only or request.cap or request.diversity:
            return False
        return request.no_rules or all(rule.kind not in (Kind.cap, Kind.share) for rule in read_rules(state))

    def _show(self, state: GraphState, assigned: Assignment, answer: bytes, deep: bytes | None) -> bytes:
        """Log the list and return the answer with its id; with a deeper list, some places are filled from it."""
        found = json.loads(answer)
        articles = tuple(ShownArticle(one["article_id"]) for one in found["articles"])
        if deep is not None:
            articles = self._explore(state, found, json.loads(deep))
        who, experiment, arm = assigned.request.customer_id, assigned.experiment, assigned.arm
        found["impression_id"] = self.log(who, found["method"], articles, found["scored_by"], experiment, arm)
        if found["impression_id"] is None:  # not logged, so nothing is explored either
            return answer
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()

    def _explore(self, state: GraphState, found: dict[str, Any], deep: dict[str, Any]) -> tuple[ShownArticle, ...]:
        """Fill some places of the answer from a deeper one, and return what is shown."""
        rows = {one["article_id"]: (one, by) for one, by in zip(deep["articles"], deep["scored_by"], strict=True)}
        listed = [one["article_id"] for one in found["articles"]]
        pinned = {article for rule in read_rules(state) if rule.kind is Kind.pin for article in rule.articles}
        pool = [article for article in rows if article not in listed]
        placed = explore(listed, pool, self.explore, fixed=pinned)
        for place, one in enumerate(placed):
            if one.explored:
                row, found["scored_by"][place] = rows[one.article_id]
                found["articles"][place] = row | {"because": f"{row['because']}; {EXPLORED}"}
        return tuple(ShownArticle(one.article_id, one.propensity) for one in placed)

    def log(
        self,
        customer_id: str | None,
        method: str,
        articles: Sequence[ShownArticle],
        scored_by: Sequence[str],
        experiment: str | None = None,
        arm: str | None = None,
    ) -> str | None:
        """Log a list, and return its id; None if it is empty, of an unknown visitor, or too many lists are waiting.

        Parameters
        ----------
        customer_id, method, articles, scored_by : of the answer. For `auto`, the method that scored the first article
            is logged.
        experiment, arm : those that chose the method; None without one.
        """
        if not articles or customer_id is None:
            return None
        used = next(filter(None, scored_by), method) if method == "auto" else method
        version = self.candidates.model_version
        shown = Impression(customer_id, tuple(articles), used, version=version, experiment=experiment, arm=arm)
        return shown.impression_id if self.impressions.add(shown) else None


def is_logged(assigned: Assignment, log: bool | None) -> bool:
    """Return whether a list is logged: if it was drawn, or is of an experiment and the request does not object."""
    return assigned.experiment is not None if log is None else log


def is_empty(answer: bytes) -> bool:
    """Return whether an answer has no articles. No text in it contains these bytes, because its quotes are escaped."""
    return b'"articles":[]' in answer


def deepen(request: Request) -> Request:
    """Return the request for the longer list that explored articles are drawn from."""
    return request.model_copy(update={"k": min(LARGEST_K, DEEPER * request.k)})
