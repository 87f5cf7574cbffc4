"""A request for recommendations, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    field_validator,
)
from pydantic import model_validator as validate_model
from pydantic_core import PydanticCustomError

from ...cypher.errors import UserMistake
from ...cypher.recommenders import METHODS, Method, explain_old_name, find_method
from ...loader.properties import find_property
from .where import LONGEST, Clauses, Comparison, parse_where

if TYPE_CHECKING:
    import pandas as pd

LONGEST_NAME = 1000
NAMES = tuple(method.name for method in METHODS)
NAMED = ("department", "colour")
"""The attributes that have fields of their own."""


def _as_tuple(given: Any) -> Any:
    return () if given is None else (given,) if isinstance(given, str) else given


Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)], ...], BeforeValidator(_as_tuple)]
"""Several names or ids; one alone may be a string, and None means none."""


class Filters(BaseModel):
    """Which articles may be recommended, and as of which day.

    Every recommender's query has the parameters that `Filters.parameters` returns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    department: Names = Field(default=(), description="Only articles of one of these departments")
    not_department: Names = Field(default=(), description="No articles of these departments")
    colour: Names = Field(default=(), description="Only articles of one of these colour groups")
    not_colour: Names = Field(default=(), description="No articles of these colour groups")
    max_price: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Only articles sold for at most this price"
    )
    in_season: int | None = Field(default=None, ge=1, le=36_525, description="Only articles sold within this many days")
    where: str = Field(
        default="", max_length=LONGEST, description="Only articles with these properties: `price < 20 and stock > 5`"
    )
    only: Names = Field(default=(), description="Only articles with these ids")
    exclude: Names = Field(default=(), description="No articles with these ids")
    include_unavailable: bool = Field(
        default=False, description="Include articles that are out of stock or not sold on that day"
    )
    as_of: date | None = Field(default=None, description="Recommend as the graph stood on this day")

    @field_validator("where")
    @classmethod
    def _is_condition(cls, text: str) -> str:
        try:
            parse_where(text)
        except UserMistake as error:
            said = {"sentence": error.message, "hint": error.hint}
            raise PydanticCustomError("where", "{sentence} {hint}", said) from error
        return text

    @property
    def clauses(self) -> Clauses:
        """The conditions on properties: those of `where`, and those of the departments and colours."""
        clauses: list[tuple[Comparison, ...]] = []
        for name in NAMED:
            known = find_property(name).name
            if values := getattr(self, name):
                clauses.append((Comparison(known, "in", values),))
            if values := getattr(self, f"not_{name}"):  # an article without a department is of no other
                clauses.append((Comparison(known, "not in", values), Comparison(known, "is null", None)))
        return (*clauses, *parse_where(self.where))

    @property
    def parameters(self) -> dict[str, Any]:
        """The filters as parameters of a query."""
        return {
            "as_of": self.as_of,
            "include_unavailable": self.include_unavailable,
            "only": list(self.only) or None,
            "exclude": list(self.exclude),
            "where": [[one.to_parameter() for one in clause] for clause in self.clauses],
            "max_price": self.max_price,
            "in_season": self.in_season,
        }

    @property
    def key(self) -> tuple[Any, ...]:
        """The values of all filters; requests with equal ones have the same articles to choose from."""
        return tuple(getattr(self, name) for name in Filters.model_fields)


class Preferences(Filters):
    """A request without its customer: the parameters of the HTTP service."""

    method: str = Field(default="auto", description="How to recommend", json_schema_extra={"enum": list(NAMES)})
    k: int = Field(default=12, ge=1, le=1000, description="How many articles")
    new_only: bool = Field(default=False, description="Leave out what the customer has bought already")

    @field_validator("method")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            find_method(name)
        except UserMistake as error:
            raise PydanticCustomError("method", "it is one of {names}", {"names": ", ".join(NAMES)}) from error
        return name


class Request(Preferences):
    """A request for recommendations. While the graph stays the same, equal requests have equal answers.

    `method` may be an old name; then the answer's note gives the new one. `chosen` is the method itself.
    `customer_id` is None in a request for all customers.

    Raises
    ------
    UserMistake : a field is invalid; the message names it.
    """

    customer_id: str | None = None

    @validate_model(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, validate: ModelWrapValidatorHandler[Request]) -> Request:
        try:
            return validate(given)
        except ValidationError as error:
            raise UserMistake(*_describe(error)) from error

    @property
    def chosen(self) -> Method:
        """The requested method."""
        return find_method(self.method)


RULES = {
    "k": "-k must be a whole number from 1 to 1000",
    "method": f"The method is one of {', '.join(NAMES)}",
    "new_only": "new_only must be true or false",
    "department": f"A department must be a name of 1 to {LONGEST_NAME} characters",
    "not_department": f"A department must be a name of 1 to {LONGEST_NAME} characters",
    "colour": f"A colour must be a name of 1 to {LONGEST_NAME} characters",
    "not_colour": f"A colour must be a name of 1 to {LONGEST_NAME} characters",
    "max_price": "max_price must be a number of at least 0",
    "in_season": "in_season must be a whole number of days from 1 to 36525",
    "where": f"where must be text of at most {LONGEST} characters",
    "only": f"only must be article ids of 1 to {LONGEST_NAME} characters",
    "exclude": f"exclude must be article ids of 1 to {LONGEST_NAME} characters",
    "include_unavailable": "include_unavailable must be true or false",
    "as_of": "as_of must be a day such as 2020-09-15",
    "customer_id": "customer_id must be a string",
}


def _describe(error: ValidationError) -> tuple[str, str]:
    """Return a sentence about the first invalid field, and a hint."""
    first = error.errors()[0]
    if first["type"] == "where":
        return first["ctx"]["sentence"], first["ctx"]["hint"]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in RULES:
        return f"A request has no field {name[:40]!r}; it has {', '.join(Request.model_fields)}.", ""
    return f"{RULES[name]}, not {first['input']!r:.40}.", ""


@dataclass(frozen=True)
class Recommendations:
    """Recommendations for one customer.

    Attributes
    ----------
    customer_id : the customer.
    method : name of the requested method.
    articles : article_id, prod_name, score, because; best first, no article twice.
    note : says that the customer has no purchases yet, that the method has a new name, or that some ids are not in the
        graph; empty for most requests.
    """

    customer_id: str
    method: str
    articles: pd.DataFrame
    note: str = ""


def write_note(request: Request, *sentences: str) -> str:
    """Return the sentences as one note; if the request has an old method name, the new name comes first."""
    return " ".join(sentence for sentence in (explain_old_name(request.method), *sentences) if sentence)
