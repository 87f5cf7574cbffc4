"""The recommender on a graph: what the commands, the HTTP service and notebooks call."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ...cypher.articles import find_similar
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from .active_ranker import ActiveRanker
from .batch import AT_ONCE, recommend_all
from .customer import recommend_by_queries, recommend_by_ranker
from .explain import explain_by_ranker, explain_user_based_cf
from .plan import plan_steps
from .request import Recommendations, Request
from .shared_lists import SharedLists

if TYPE_CHECKING:
    import pandas as pd


class Recommender:
    """Recommends from a graph; it keeps the trained ranker and the lists that customers share, so keep one.

    It may be shared between threads, and only reads the graph.

    Parameters
    ----------
    graph : an open graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ranker = ActiveRanker(graph)
        self.shared_lists = SharedLists()

    def recommend(self, request: Request) -> Recommendations:
        """Return the articles that a customer may want next, each with its name and reason.

        `hybrid` orders what all recommenders propose by the trees that `hmrec train` grew; `auto` uses it if there are
        any and no earlier day is asked for. `plan_steps` has what each method means.

        Parameters
        ----------
        request : the customer, the method and the filters.

        Raises
        ------
        UnknownCustomer : the graph has no such customer.
        NoRanker : `hybrid` is asked for, and there is no ranker, or it knows purchases of `as_of` or later.
        NoEmbedding : `gnn` is asked for, and the customer has no embedding.
        UserMistake : the request names no customer.
        """
        if request.customer_id is None:
            raise UserMistake("The request names no customer.", "recommend_all recommends to all of them.")
        plan = plan_steps(request, self.ranker.find)
        if plan.ranker is not None:
            return recommend_by_ranker(self.graph, self.shared_lists, self.ranker.read(plan.ranker), request)
        return recommend_by_queries(self.graph, request, plan.steps)

    def recommend_all(self, request: Request, out: Path, *, at_once: int = AT_ONCE, progress: Progress = silent) -> int:
        """Write Kaggle's submission file: every customer, `customer_id,prediction`, article ids separated by spaces.

        Each list begins as `recommend` returns it for one customer. If it is shorter than `k`, it goes on with what is
        popular in the customer's segment, then with what is popular, then with what sold best ever. A run that was
        killed continues where it stopped, see `write_submission`.

        Parameters
        ----------
        request : its customer is None; `gnn` falls back to `auto` for customers without an embedding.
        out : the file.
        at_once : how many customers in a batch, which is as many as a killed run loses.
        progress : receives how many customers are done.

        Returns
        -------
        How many customers are in the file.

        Raises
        ------
        NoRanker, NoEmbedding : the method needs one, and the graph has none.
        UserMistake : the graph has no customers, the request names one, or another run is writing the file.
        """
        if request.customer_id is not None:
            raise UserMistake("The request names one customer.", "recommend answers it.")
        return recommend_all(self.graph, self.ranker, request, out, at_once, progress)

    def explain(self, customer_id: str, article_id: str, *, as_of: date | str | None = None) -> pd.DataFrame:
        """Return why user-based CF gives an article its score: a row for each neighbour who bought it, one for the own
        history.

        Parameters
        ----------
        customer_id, article_id : the customer and the article.
        as_of : the day to look back to: a date, or its ISO text; None for the present.

        Returns
        -------
        who, customer_id, similarity, weight, part, shared, because; the parts add up to the score. Empty if CF gives
        the article no score.

        Raises
        ------
        UnknownCustomer, UnknownArticle : the graph has no such customer or article.
        """
        return explain_user_based_cf(self.graph, _request(customer_id, as_of), article_id)

    def explain_by_ranker(self, customer_id: str, article_id: str, *, as_of: date | str | None = None) -> pd.DataFrame:
        """Return which sources propose an article to a customer, and what each adds to the ranker's score.

        Parameters
        ----------
        customer_id, article_id, as_of : as for `explain`.

        Returns
        -------
        A row for each source that proposes it: source, place (in its list, from 1), part (of the score, which may be
        negative), because (its reason); the largest part first. A last row, `everything else`, has the part of what is
        known of the customer and the article. No rows if no source proposes it.

        Raises
        ------
        NoRanker : none was trained, or it knows purchases of `as_of` or later.
        UnknownCustomer, UnknownArticle : the graph has no such customer or article.
        """
        request = _request(customer_id, as_of)
        version = plan_steps(request, self.ranker.find).ranker
        assert version is not None  # noqa: S101  else NoRanker
        return explain_by_ranker(self.graph, self.shared_lists, self.ranker.read(version), request, article_id)

    def similar(self, article_id: str, *, k: int = 12) -> pd.DataFrame:
        """Return the `k` articles whose embeddings are nearest to an article's: article_id, prod_name, score (cosine).

        Parameters
        ----------
        article_id : whole, with its leading zeros.
        k : how many articles.

        Raises
        ------
        UnknownArticle : the graph has no such article.
        NoEmbedding : no model is in force, or the article has no embedding in it.
        """
        return find_similar(self.graph, article_id, k=k)


def _request(customer_id: str, as_of: date | str | None) -> Request:
    return Request.model_validate({"customer_id": customer_id, "method": "hybrid", "as_of": as_of})
