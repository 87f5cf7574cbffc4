"""The tools: each one parses its arguments, calls one library function, and returns rows within the limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from ...graph_ml.recommend import AudienceRequest, Recommender, Request
from .graph_schema import describe_graph
from .inputs import (
    AudienceInput,
    ExplainInput,
    NoInput,
    RecommendInput,
    RelatedInput,
    SavedQueriesInput,
    SavedQueryInput,
    parse_input,
)
from .limits import MOST_ROWS, Answer, limit
from .saved import describe_offered, find_offered, list_offered


def recommend(recommender: Recommender, given: RecommendInput) -> Answer:
    """Recommend articles for a customer, or what goes with a cart, each with its reason and score.

    The best come first. Scores compare only within one method. `stored` reads the list that was stored for the customer
    instead; the note says how old it is. A customer's list in a running experiment may differ: only the shop's service
    takes part in it. `hmrec recommend --json` prints the same rows.
    """
    found = recommender.recommend(Request(**given.model_dump()))
    return limit(found.articles, found.note)


def explain(recommender: Recommender, given: ExplainInput) -> Answer:
    """Show why a customer is recommended an article: the parts that add up to its score.

    Without rows, the method gives the article no score. `hmrec explain --json` prints the same rows.
    """
    if given.by == "hybrid":
        request = Request(**given.model_dump(exclude={"by", "article_id"}))
        return limit(recommender.explain_ranked(request, given.article_id))
    return limit(
        recommender.explain(
            given.customer_id, given.article_id,
            as_of=given.as_of, new_only=given.new_only, include_unavailable=given.include_unavailable,
        )
    )  # fmt: skip


def related(recommender: Recommender, given: RelatedInput) -> Answer:
    """Show the articles bought with an article, similar to it, or bought after it, each with its reason.

    The note says how old the relationships are. `hmrec related --json` prints the same rows.
    """
    found = recommender.related(**given.model_dump())
    return limit(found.articles, found.note)


def audience(recommender: Recommender, given: AudienceInput) -> Answer:
    """Find the customers most likely to buy an article, or one of several, each with the reason.

    Name articles, departments or a condition. `hmrec audience --json` prints the same rows.
    """
    found = recommender.audience(AudienceRequest(**given.model_dump()))
    return limit(found.customers, found.note)


def saved_queries(recommender: Recommender, given: SavedQueriesInput) -> Answer:
    """List the saved queries that run_saved_query runs; or with a name, the parameters of one, with type and meaning.

    In the list, a parameter with `?` is optional.
    """
    return limit(list_offered() if given.name is None else describe_offered(given.name))


def run_saved_query(recommender: Recommender, given: SavedQueryInput) -> Answer:
    """Run a saved query, which only reads, such as find_articles, customers_by_purchases, counts or weeks.

    `hmrec query NAME --json` prints the same rows.
    """
    return limit(recommender.graph.read_first(MOST_ROWS + 1, find_offered(given.name), **given.parameters))


def graph_schema(recommender: Recommender, given: NoInput) -> Answer:
    """Describe the graph: its labels and relationships, and each property with its meaning."""
    return limit(describe_graph())


class Tool(NamedTuple):
    """A tool.

    Attributes
    ----------
    title : its name for people.
    model : its arguments.
    call : calls the library; its docstring is the tool's description.
    """

    title: str
    model: type[BaseModel]
    call: Callable[[Recommender, Any], Answer]

    def run(self, recommender: Recommender, arguments: dict[str, Any]) -> Answer:
        """Return the answer to a call.

        Raises
        ------
        HmrecError : as the library's function.
        UserMistake : an argument is unknown, missing or invalid.
        """
        return self.call(recommender, parse_input(self.model, arguments))


TOOLS = {
    tool.call.__name__: tool
    for tool in (
        Tool("Recommend articles", RecommendInput, recommend),
        Tool("Explain a recommendation", ExplainInput, explain),
        Tool("Find related articles", RelatedInput, related),
        Tool("Find an audience", AudienceInput, audience),
        Tool("List saved queries", SavedQueriesInput, saved_queries),
        Tool("Run a saved query", SavedQueryInput, run_saved_query),
        Tool("Describe the graph", NoInput, graph_schema),
    )
}
"""The tools by name. None of them writes."""
