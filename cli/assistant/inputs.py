"""The arguments of the tools. Their JSON schemas are what an assistant reads."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...cypher.day import Day
from ...cypher.errors import UserMistake
from ...graph_ml.recommend.audience import RULES as AUDIENCE_RULES
from ...graph_ml.recommend.audience import AudienceFields
from ...graph_ml.recommend.explain import ExplanationOptions
from ...graph_ml.recommend.related import Kind
from ...graph_ml.recommend.request import MOST_IN_CART, RULES, Preferences, describe_invalid
from ...graph_ml.recommend.rule import LONGEST_NAME
from .limits import MOST_ROWS
from .saved import OFFERED

_M = TypeVar("_M", bound=BaseModel)
_RULES = AUDIENCE_RULES | RULES | {
    "k": f"k must be a whole number from 1 to {MOST_ROWS}",
    "article_id": "article_id must be a string",
    "by": "by must be user_based_cf or hybrid",
    "kind": f"kind must be one of {', '.join(Kind)}",
    "name": "name must be the name of a query that saved_queries lists",
    "parameters": "parameters must be an object with the query's parameters",
}  # fmt: skip


class RecommendInput(Preferences):
    """Whom to recommend to, and what."""

    k: int = Field(default=12, ge=1, le=MOST_ROWS, description="How many articles")
    customer_id: str | None = Field(
        default=None, max_length=LONGEST_NAME, description="The customer's id; needed unless there are articles"
    )
    articles: tuple[str, ...] = Field(
        default=(), max_length=MOST_IN_CART, description="A cart: recommend what goes with these ids; `ID*2` for two"
    )


class ExplainInput(ExplanationOptions):
    """Which score to explain."""

    customer_id: str = Field(max_length=LONGEST_NAME, description="The customer's id")
    article_id: str = Field(max_length=LONGEST_NAME, description="The article's id, with its leading zeros")


class RelatedInput(BaseModel):
    """Which articles are related to which."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article_id: str = Field(max_length=LONGEST_NAME, description="The article's id, with its leading zeros")
    kind: Literal["complement", "substitute", "next", "together"] = Field(
        default="complement",
        description="complement: bought with it and not similar to it; substitute: similar to it; next: bought after "
        "it; together: bought with it",
    )
    k: int = Field(default=12, ge=1, le=30, description="How many articles")
    include_unavailable: bool = Field(
        default=False, description="Include articles that are out of stock or not sold on that day"
    )
    as_of: Day | None = Field(default=None, description="As the graph stood on this day")


class AudienceInput(AudienceFields):
    """For which articles, and which customers."""

    k: int = Field(default=MOST_ROWS, ge=1, le=MOST_ROWS, description="How many customers")


class NoInput(BaseModel):
    """No arguments."""

    model_config = ConfigDict(extra="forbid")


class SavedQueriesInput(BaseModel):
    """Which query to describe."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, description="List the parameters of this query, instead of all queries")


class SavedQueryInput(BaseModel):
    """Which query to run."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="The query's name", json_schema_extra={"enum": list(OFFERED)})
    parameters: dict[str, Any] = Field(
        default={}, description="Its parameters by name, of the types that saved_queries lists"
    )


def parse_input(model: type[_M], arguments: dict[str, Any]) -> _M:
    """Return a tool's arguments as its model.

    Raises
    ------
    UserMistake : an argument is unknown, missing or invalid; the message names it.
    """
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        first, names = error.errors()[0], tuple(model.model_fields)
        name = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "extra_forbidden":
            known = f"It has {', '.join(names)}." if names else "It has none."
            raise UserMistake(f"The tool has no argument {name[:40]!r}.", known) from error
        if first["type"] == "missing":
            raise UserMistake(f"The argument {name} is missing.") from error
        rules = _RULES | ({"k": "k must be a whole number from 1 to 30"} if model is RelatedInput else {})
        raise UserMistake(*describe_invalid(error, rules, names)) from error
