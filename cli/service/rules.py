"""The routes about the shop's rules: list, check and test them; add and remove them with the token for writing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from fastapi import Request as HttpRequest
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...cypher.day import Day
from ...cypher.graph import Graph
from ...graph_ml.recommend import Recommender, Request
from ...graph_ml.recommend.request import NAMES
from ...graph_ml.recommend.rule import Names, Rule
from ...graph_ml.recommend.rule_book import RuleBook, compare_lists
from ..terminal.show import records
from .body import describe_body, read_json
from .candidates import RecommendationCache
from .parameters import CustomerId

_RULE, _RULES = TypeAdapter(Rule), TypeAdapter(list[Rule])


class Rules(BaseModel):
    """The rules, the highest priority first."""

    rules: list[Rule]


class RuleProblem(BaseModel):
    """A problem of a rule."""

    rule: str
    problem: str


class RuleProblems(BaseModel):
    """What is wrong with the rules: missing values and articles, rules that ended, contradictions."""

    problems: list[RuleProblem]


class ComparedArticle(BaseModel):
    """An article of a list with the rules, or one that left it."""

    place: int | None = Field(description="Place with the rules; null if it left the list")
    before: int | None = Field(description="Place without them; null if it was not in that list")
    article_id: str
    prod_name: str | None
    because: str


class ComparedLists(BaseModel):
    """A customer's list with the rules, and then the articles that left it."""

    articles: list[ComparedArticle]


class TestedList(BaseModel):
    """The list that rules are tested on."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(default=12, ge=1, le=1000, description="How many articles")
    method: str = Field(default="auto", description="How to recommend", json_schema_extra={"enum": list(NAMES)})
    department: Names = Field(default=(), description="A list for these departments")
    as_of: Day | None = Field(default=None, description="The day of the list")


class AddedRules(BaseModel):
    """The names of added rules."""

    added: list[str]
    note: str = Field(description="A sentence about article ids that the graph does not have, or empty")


class RemovedRules(BaseModel):
    """The names of removed rules."""

    removed: list[str]


def add_rule_routes(routes: APIRouter, recommender: Recommender) -> None:
    """Add the routes that list, check and test the rules.

    Parameters
    ----------
    routes : those behind the guard.
    recommender : makes the lists that rules are tested on.
    """
    graph = recommender.graph

    @routes.get("/rules", tags=["rules"])
    def show_rules() -> Rules:
        """List the shop's rules, as `hmrec rules list --json` prints them."""
        return Rules(rules=list(RuleBook(graph).read()))

    @routes.get("/rules/check", tags=["rules"])
    def check_rules() -> RuleProblems:
        """Check the rules, as `hmrec rules check` does."""
        return RuleProblems.model_validate({"problems": [one._asdict() for one in RuleBook(graph).check()]})

    @routes.get("/rules/test/{customer_id:path}", tags=["rules"])
    def try_rules(customer_id: CustomerId, asked: Annotated[TestedList, Query()]) -> ComparedLists:
        """Compare a customer's list with and without the rules, as `hmrec rules test` does."""
        request = Request(customer_id=customer_id, **asked.model_dump())
        return ComparedLists.model_validate({"articles": records(compare_lists(recommender, request))})


def make_rule_writing(graph: Graph, candidates: RecommendationCache) -> APIRouter:
    """Return the routes that add and remove rules; the parameters are those of `make_writing_routes`."""
    routes = APIRouter()

    @routes.post("/rules", tags=["rules"], openapi_extra=describe_body(_RULE, "Rules, which are added all or none"))
    async def add_rules(
        request: HttpRequest,
        replace: Annotated[bool, Query(description="Replace rules of the same name")] = False,
    ) -> AddedRules:
        """Add rules, as `hmrec rules add --file` does; one that contradicts another is refused."""
        rules = await read_json(request, _RULES)
        note = await run_in_threadpool(RuleBook(graph).add, rules, replace=replace)
        candidates.forget_state()
        return AddedRules(added=[rule.name for rule in rules], note=note)

    @routes.delete("/rules/{name}", tags=["rules"])
    def remove_rule(
        name: Annotated[str, PathParameter(max_length=100, description="The rule's name")],
    ) -> RemovedRules:
        """Remove a rule, as `hmrec rules remove` does."""
        RuleBook(graph).remove(name)
        candidates.forget_state()
        return RemovedRules(removed=[name])

    return routes
