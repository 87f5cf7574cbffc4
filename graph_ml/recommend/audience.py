"""The audience of an article: the customers most likely to buy it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, field_validator
from pydantic import model_validator as validate_model

from ...cypher.articles import check_article, read_names
from ...cypher.catalogue import find_query
from ...cypher.day import Day
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.limits import MOST_CUSTOMERS
from ...cypher.result_file import write_result
from .customers import check_customer_values, make_customer_clauses
from .request import Filters, describe_invalid, keep_sentence
from .rule import Names
from .values import KnownValues
from .where import LONGEST, Clauses, to_parameters

if TYPE_CHECKING:
    import pandas as pd

MOST_ARTICLES = 5_000
"""The greatest number of articles that count as one."""
_SIBLINGS = 12  # articles most like one that nobody bought
_NAMED = 20  # articles without a purchase for which similar ones are looked up
RULES = {
    "k": f"-k must be a whole number from 1 to {MOST_CUSTOMERS}",
    "include_buyers": "include_buyers must be true or false",
    "article": "article must be article ids of 1 to 1000 characters",
    "segment": "segment must be names of segments",
    "department": "A department must be a name of 1 to 1000 characters",
    "where": f"where must be text of at most {LONGEST} characters",
    "customers_where": f"customers_where must be text of at most {LONGEST} characters",
    "as_of": "as_of must be a day such as 2020-09-15",
}
"""By field of a request, a sentence about its values."""


class AudiencePreferences(BaseModel):
    """Which customers may be in an audience, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int = Field(
        default=find_query("audience").default("k"),
        ge=1,
        le=MOST_CUSTOMERS,
        description="How many customers",
    )
    include_buyers: bool = Field(default=False, description="Keep those who bought the article already")
    segment: Names = Field(default=(), description="Only customers of one of these segments")
    customers_where: str = Field(
        default="", max_length=LONGEST, description="Only customers with these properties: `age >= 30`"
    )
    as_of: Day | None = Field(default=None, description="Find customers as the graph stood on this day")

    @field_validator("customers_where")
    @classmethod
    def _is_condition(cls, text: str) -> str:
        try:
            make_customer_clauses((), text)
        except UserMistake as error:
            raise keep_sentence(error) from error
        return text

    @property
    def clauses(self) -> Clauses:
        """The conditions on customers: `customers_where`, and the segments."""
        return make_customer_clauses(self.segment, self.customers_where)


class AudienceFields(AudiencePreferences):
    """A request for an audience that may name no article yet: the parameters of the HTTP service."""

    article: Names = Field(default=(), description="Ids of articles")
    department: Names = Field(default=(), description="Articles of one of these departments")
    where: str = Field(default="", max_length=LONGEST, description="Articles with these properties: `price < 20`")


class AudienceRequest(AudienceFields):
    """A request for the customers most likely to buy an article, or one of several that count as one.

    The articles are those that fulfil all of `article`, `department` and `where`.

    Raises
    ------
    UserMistake : a field is invalid, or no article is named; the message says which.
    """

    @validate_model(mode="wrap")
    @classmethod
    def _explain(cls, given: object, validate: ModelWrapValidatorHandler[AudienceRequest]) -> AudienceRequest:
        try:
            request = validate(given)
        except ValidationError as error:
            raise UserMistake(*describe_invalid(error, RULES, tuple(cls.model_fields))) from error
        if not (request.article or request.department or request.where.strip()):
            raise UserMistake("An audience needs an article.", "Name articles, a department or a condition.")
        _ = request.filters  # validates `where`
        return request

    @property
    def filters(self) -> Filters:
        """The articles, as filters. Availability does not count: audiences are made before an article is in stock."""
        try:
            return Filters(
                only=self.article,
                department=self.department,
                where=self.where,
                as_of=self.as_of,
                include_unavailable=True,
            )
        except ValidationError as error:
            raise UserMistake(*describe_invalid(error, RULES, tuple(type(self).model_fields))) from error


@dataclass(frozen=True)
class Audience:
    """An audience.

    Attributes
    ----------
    customers : customer_id, score, because; the most likely first.
    note : says if nobody bought the article yet, or if some ids are not in the graph; empty for most requests.
    """

    customers: pd.DataFrame
    note: str = ""


def find_audience(graph: Graph, values: KnownValues, request: AudienceRequest) -> Audience:
    """Return the customers most likely to buy the articles of a request, as `Recommender.audience` describes.

    Raises
    ------
    UnknownArticle : the graph has none of the articles.
    UnknownValue : no article, customer or segment has a value that the request names.
    UserMistake : no article fulfils the request, or too many do.
    """
    article_ids, note = _find_articles(graph, values, request)
    clauses = request.clauses
    check_customer_values(graph, clauses)

    def read(chosen: list[str], include_buyers: bool) -> pd.DataFrame:
        asked = {"k": request.k, "as_of": request.as_of, "customers_where": to_parameters(clauses)}
        return graph.read("audience", article_ids=chosen, include_buyers=include_buyers, **asked)

    found = read(article_ids, request.include_buyers)
    if found.empty and not graph.read_column("bought_articles", article_ids=article_ids, as_of=request.as_of):
        name = _describe(graph, article_ids)
        siblings = _find_siblings(graph, article_ids, request.as_of)
        if siblings:
            found = read(siblings, True)
            said = f"Nobody bought {name} yet. These customers fit what is most like it: {_describe(graph, siblings)}."
        else:
            said = f"Nobody bought {name} yet, nor anything like it, so its audience is unknown."
        note = f"{note} {said}".strip()
    return Audience(found, note)


def write_audience(found: Audience, out: Path) -> None:
    """Write the customers of an audience to a file, completely or not at all.

    Parameters
    ----------
    found : the audience.
    out : a file whose name ends in .parquet, or one for CSV.

    Raises
    ------
    UserMistake : a result cannot be written there.
    """
    import polars as pl

    schema = {"customer_id": pl.String, "score": pl.Float64, "because": pl.String}
    rows = pl.DataFrame({name: found.customers[name].tolist() for name in schema}, schema=schema)
    is_parquet = out.suffix.lower() == ".parquet"
    write_result(out, lambda path: rows.write_parquet(path) if is_parquet else rows.write_csv(path))


def _find_articles(graph: Graph, values: KnownValues, request: AudienceRequest) -> tuple[list[str], str]:
    """Return the ids of the request's articles, and a sentence about ids that the graph does not have."""
    if len(request.article) == 1:
        check_article(graph, request.article[0])
    note = values.check(request.filters)
    if request.article and not request.department and not request.where.strip():
        found = graph.read_column("occurring_articles", article_ids=list(dict.fromkeys(request.article)))
    else:
        found = graph.read_column("passing_articles", **request.filters.parameters)
    if not found:
        raise UserMistake("No article fulfils the request.", "Use fewer conditions.")
    if len(found) > MOST_ARTICLES:
        raise UserMistake(
            f"{len(found):,} articles fulfil the request; an audience takes {MOST_ARTICLES:,} at most.",
            "Add conditions to --where.",
        )
    return sorted(found), note


def _find_siblings(graph: Graph, article_ids: list[str], as_of: date | None) -> list[str]:
    """Return the bought articles most like these ones, by shared attributes: variants of the same product first."""
    found: list[str] = []
    for article_id in article_ids[:_NAMED]:
        asked = {"article_id": article_id, "as_of": as_of, "include_unavailable": True}
        similar = graph.read("similar_by_attributes", k=10 * _SIBLINGS, **asked)["article_id"].tolist()
        found += graph.read_column("bought_articles", article_ids=similar, as_of=as_of)[:_SIBLINGS]
    return list(dict.fromkeys(found))


def _describe(graph: Graph, article_ids: list[str]) -> str:
    """Return the names of up to three articles, and how many more there are."""
    names = [name or one for name, one in zip(read_names(graph, article_ids[:3]), article_ids, strict=False)]
    shown = list(dict.fromkeys(names))
    more = len(article_ids) - len(names)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")
