"""The recommender on a graph: what the commands, the HTTP service and notebooks call."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...cypher.articles import find_similar
from ...cypher.catalogue import find_query
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.state import read_state
from .active_ranker import ActiveRanker
from .audience import Audience, AudienceRequest, find_audience
from .caches import Caches
from .campaign import AT_ONCE, Campaign
from .cart import recommend_for_cart
from .customer import recommend_by_queries, recommend_by_ranker
from .explain import choose_parameters, explain_by_ranker, explain_user_based_cf
from .in_force import choose_arrangement
from .plan import check_ranker, plan_steps
from .related import Kind, RelatedArticles, find_related
from .request import Recommendations, Request
from .stored import find_stored
from .values import KnownValues

if TYPE_CHECKING:
    import pandas as pd

    from .batch import AllLists


class Recommender:
    """Recommends from a graph, which it only reads.

    It caches the trained ranker, the lists that customers share and what the ranker needs to know about articles. So
    create it once and keep it. Threads may share it.

    Parameters
    ----------
    graph : an open graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ranker = ActiveRanker(graph)
        self.caches = Caches(graph)
        self.values = KnownValues(graph)

    def warm_up(self) -> None:
        """Recommend to one customer, so that the first request does not wait for query plans and the ranker.

        These take many seconds right after Neo4j starts. Does nothing if nobody has bought anything.
        """
        customers = {row["kind"]: row["customer_id"] for row in self.graph.read("example_customers").to_dict("records")}
        if "typical" in customers:
            self.recommend(Request(customer_id=customers["typical"]))

    def recommend(self, request: Request) -> Recommendations:
        """Return the articles that a customer may buy next, each with its name and the reason.

        `hybrid` orders the candidates of all recommenders by the ranker that `hmrec train` trains. `auto` uses the
        ranker if there is one and the request names no earlier day. `plan_steps` describes what each method means.

        A request with articles is for a cart: the list has what goes with them, and if the request names a customer,
        their own list is blended in. `graph_ml/recommend/cart.py` has the formula.

        A request with `stored` is answered by the list that `store_lists` wrote, without the articles that are
        unavailable now.

        Parameters
        ----------
        request : the customer, the method and the filters, or a cart.

        Raises
        ------
        UnknownCustomer : the graph has no such customer.
        UnknownArticle : the graph does not have an article of the cart.
        NoRanker : `hybrid` is requested, and there is no ranker, or it was trained on purchases of `as_of` or later.
        NoEmbedding : `gnn` is requested, and the customer has no embedding.
        NoStoredList : a stored list is requested, and there is none for the customer.
        UnknownValue : the request names a department, a colour or another value that no article has.
        UserMistake : the request names no customer.
        """
        if request.customer_id is None and not request.articles:
            raise UserMistake("The request names no customer.", "To recommend to all of them, call recommend_all.")
        if request.stored:
            return find_stored(self.graph, request)
        note = self.values.check(request)
        if request.articles:
            arrangement = choose_arrangement(request, partial(read_state, self.graph))
            found = recommend_for_cart(self.graph, request, self._read_own, arrangement)
        else:
            found = self._read_own(request)
        return replace(found, note=f"{found.note} {note}".strip()) if note else found

    def _read_own(self, request: Request) -> Recommendations:
        """Return a customer's own list for a request whose values were checked."""
        state = cache(partial(read_state, self.graph))
        plan = plan_steps(request, state)
        arrangement = choose_arrangement(request, state)
        if plan.state is None:
            return recommend_by_queries(self.graph, request, plan.steps, arrangement)
        ranker = self.ranker.read(plan.state)
        return recommend_by_ranker(self.graph, self.caches, plan.state, ranker, request, plan.steps[1:], arrangement)

    def recommend_all(
        self,
        request: Request,
        out: Path,
        *,
        campaign: Campaign | None = None,
        at_once: int = AT_ONCE,
        progress: Progress = silent,
    ) -> int:
        """Write the customers' lists into a file: in Kaggle's submission format, or with a row for each article.

        Kaggle's columns are `customer_id` and `prediction`, which has the article ids separated by spaces. With a row
        for each article there are `customer_id`, `article_id`, `rank` (from 1), `score` and `method` (the recommender
        that proposed the article, whose scores compare only with each other), and the campaign's columns.

        Each list begins with what `recommend` returns for the customer. A list shorter than `k` is filled with what is
        popular among customers of the same age and club status, then with what is popular, then with the best sellers
        of all time. A run that was killed resumes where it stopped; see `write_lists`.

        Parameters
        ----------
        request : its customer is None. `gnn` falls back to `auto` for customers without an embedding.
        out : the file.
        campaign : which customers get a list, and the form of the file; None for all customers.
        at_once : customers in a batch, which is how many a killed run loses at most.
        progress : called with the number of customers done.

        Returns
        -------
        The number of customers in the file.

        Raises
        ------
        NoRanker, NoEmbedding : the method needs one, and the graph has none.
        UnknownValue : the request names a department, a colour or another value that no article has.
        UserMistake : the graph has no customers, none that the campaign names, the request names one, or another run is
            writing the file.
        """
        from .batch import write_file

        campaign = campaign or Campaign()
        campaign.choose_form(out)  # refuse before anything is read
        lists = self.prepare_all(request, campaign, progress)
        write_file(self.graph, lists, out, campaign, at_once, progress)
        return len(lists.customers)

    def prepare_all(self, request: Request, campaign: Campaign, progress: Progress = silent) -> AllLists:
        """Return the customers' lists, which are computed when they are asked for.

        Parameters
        ----------
        request, campaign, progress : as for `recommend_all`.

        Raises
        ------
        NoRanker, NoEmbedding, UnknownValue, UserMistake : as for `recommend_all`.
        """
        if request.customer_id is not None:
            raise UserMistake("The request names one customer.", "Call recommend instead.")
        if request.articles:
            raise UserMistake(
                "A cart belongs to one customer or visitor, not to all customers.", "Call recommend instead."
            )
        if request.stored:
            raise UserMistake(
                "A stored list is asked for by customer.", "`hmrec recommend CUSTOMER --stored` shows it."
            )
        if (note := self.values.check(request)) and self.graph.notify is not None:
            self.graph.notify(note)
        from .batch import prepare_all  # loads what only lists for all customers need

        return prepare_all(self.graph, self.ranker, request, campaign, progress)

    def explain(
        self,
        customer_id: str,
        article_id: str,
        *,
        as_of: date | str | None = None,
        new_only: bool = False,
        include_unavailable: bool = False,
    ) -> pd.DataFrame:
        """Return the parts of user-based CF's score of an article for a customer.

        Parameters
        ----------
        customer_id, article_id : the customer and the article.
        as_of : the day to look back to: a date, or its ISO text; None for the present.
        new_only : explain the score in a list of new articles. Training learns other parameters for such lists.
        include_unavailable : explain an article that is out of stock or not sold on that day, too. Without it, such an
            article is in no list and has no explanation.

        Returns
        -------
        A row for each neighbour who bought the article, and one for the customer's own history: who, customer_id,
        similarity, weight, part, shared, because. The parts add up to the score. Empty if the article has no score.

        Raises
        ------
        UnknownCustomer, UnknownArticle : the graph has no such customer or article.
        """
        request = _make_request(customer_id, as_of, new_only=new_only, include_unavailable=include_unavailable)
        return explain_user_based_cf(self.graph, request, article_id)

    def write_drawing(
        self,
        customer_id: str,
        article_id: str,
        *,
        as_of: date | str | None = None,
        new_only: bool = False,
        include_unavailable: bool = False,
    ) -> str:
        """Return the Cypher text that draws in Neo4j Browser what `explain` returns.

        Parameters
        ----------
        customer_id, article_id, as_of, new_only, include_unavailable : as for `explain`.
        """
        request = _make_request(customer_id, as_of, new_only=new_only, include_unavailable=include_unavailable)
        given = choose_parameters(self.graph, request, article_id)
        return find_query("explain_user_based_cf_graph").write_out(given)

    def explain_by_ranker(
        self,
        customer_id: str,
        article_id: str,
        *,
        as_of: date | str | None = None,
        include_unavailable: bool = False,
    ) -> pd.DataFrame:
        """Return the parts of the ranker's score of an article for a customer.

        Parameters
        ----------
        customer_id, article_id, as_of : as for `explain`.
        include_unavailable : explain the list that `recommend` returns with this option. Without it, no source
            proposes an article that is out of stock or not sold on that day.

        Returns
        -------
        source, place (in the source's list, from 1), part (may be negative), because; the parts add up to the score.
        The first rows are those of the sources that propose the article, largest part first. Then come the other
        sources together, what is known of the customer, the article and both, and the baseline; their place is NA.
        Empty if no source proposes the article.

        Raises
        ------
        NoRanker : there is no ranker, or it was trained on purchases of `as_of` or later.
        UnknownCustomer, UnknownArticle : the graph has no such customer or article.
        """
        request = _make_request(customer_id, as_of, include_unavailable=include_unavailable)
        return self.explain_ranked(request, article_id)

    def explain_ranked(self, request: Request, article_id: str) -> pd.DataFrame:
        """Return the parts of the ranker's score of an article in the list that a request returns.

        Filters change what the sources propose, and with it the scores. `new_only` selects the trees of lists of new
        articles.

        Parameters
        ----------
        request : the request for the list; its `method` and `k` do not matter.
        article_id : an article.

        Returns
        -------
        The columns of `explain_by_ranker`.

        Raises
        ------
        NoRanker, UnknownCustomer, UnknownArticle : as for `explain_by_ranker`.
        UnknownValue : the request names a department, a colour or another value that no article has.
        """
        self.values.check(request)
        state = read_state(self.graph)
        check_ranker(request, state)
        ranker = self.ranker.read(state)
        return explain_by_ranker(self.graph, self.caches, state, ranker, request, article_id)

    def similar(self, article_id: str, *, k: int = 12, include_unavailable: bool = False) -> pd.DataFrame:
        """Return the `k` articles whose embeddings are nearest to an article's.

        Returns
        -------
        article_id, prod_name, score (the cosine); nearest first.

        Parameters
        ----------
        article_id : whole, with its leading zeros.
        k : how many articles.
        include_unavailable : include articles that are out of stock or not sold now.

        Raises
        ------
        UnknownArticle : the graph has no such article.
        NoEmbedding : no model is in force, or the article has no embedding in it.
        """
        return find_similar(self.graph, article_id, k=k, include_unavailable=include_unavailable)

    def audience(self, request: AudienceRequest) -> Audience:
        """Return the customers most likely to buy an article, or one of several, each with the reason.

        Those who bought the article are left out, unless `include_buyers` is true or it is an article that customers
        buy again: at least the share `$repeat` (in the header of the query `audience`) of its latest buyers bought it
        on several days. For an article that nobody bought yet, the customers are those of the articles most like it.

        Parameters
        ----------
        request : the articles and the customers that may be in the audience.

        Raises
        ------
        UnknownArticle : the graph has no such article.
        UnknownValue : no article, customer or segment has a value that the request names.
        UserMistake : no article fulfils the request, or too many do.
        """
        return find_audience(self.graph, self.values, request)

    def related(
        self,
        article_id: str,
        *,
        kind: Kind | str = Kind.complement,
        k: int = find_query("related").default("k"),
        include_unavailable: bool = False,
        as_of: date | None = None,
    ) -> RelatedArticles:
        """Return the articles that are related to an article: bought with it, similar to it, or bought after it.

        They come from the relationships that `hmrec relate` writes, or are computed by the same formulas if there are
        none, or if these know purchases of `as_of` or later.

        Parameters
        ----------
        article_id : whole, with its leading zeros.
        kind : how they are related, one of `Kind`.
        k : how many articles at most; the best 30 are known.
        include_unavailable : include articles that are out of stock or not sold on that day.
        as_of : the day; None for the present.

        Raises
        ------
        UnknownArticle : the graph has no such article.
        UserMistake : there is no such kind.
        """
        if kind not in list(Kind):
            raise UserMistake(f"The kind must be one of {', '.join(Kind)}, not {str(kind)[:20]!r}.")
        return find_related(
            self.graph, article_id, Kind(kind), k=k, include_unavailable=include_unavailable, as_of=as_of
        )


def _make_request(customer_id: str, as_of: date | str | None, **given: bool) -> Request:
    return Request.model_validate({"customer_id": customer_id, "method": "hybrid", "as_of": as_of, **given})
