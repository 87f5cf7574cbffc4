"""A request for recommendations, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, field_validator
from pydantic import model_validator as validate_model
from pydantic_core import PydanticCustomError

from ...cypher.errors import UserMistake
from ...cypher.recommenders import METHODS, Method, explain_old_name, find_method

if TYPE_CHECKING:
    import pandas as pd

LONGEST_NAME = 1000
NAMES = tuple(method.name for method in METHODS)


class Filters(BaseModel):
    """Which articles may be recommended, and as of which day. Every recommender's query has these parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    department: str | None = Field(
        default=None, max_length=LONGEST_NAME, description="Only articles of this department"
    )
    colour: str | None = Field(default=None, max_length=LONGEST_NAME, description="Only articles of this colour group")
    max_price: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="Only articles sold for at most this price"
    )
    in_season: int | None = Field(default=None, ge=1, le=36_525, description="Only articles sold within this many days")
    as_of: date | None = Field(default=None, description="Recommend as the graph stood on this day")


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
            raise UserMistake(_describe(error)) from error

    @property
    def chosen(self) -> Method:
        """The requested method."""
        return find_method(self.method)

    @property
    def filters(self) -> dict[str, Any]:
        """The filters as parameters of a query."""
        return self.model_dump(include=set(Filters.model_fields))


RULES = {
    "k": "-k must be a whole number from 1 to 1000",
    "method": f"The method is one of {', '.join(NAMES)}",
    "new_only": "new_only must be true or false",
    "department": f"A department must be a name of at most {LONGEST_NAME} characters",
    "colour": f"A colour must be a name of at most {LONGEST_NAME} characters",
    "max_price": "max_price must be a number of at least 0",
    "in_season": "in_season must be a whole number of days from 1 to 36525",
    "as_of": "as_of must be a day such as 2020-09-15",
    "customer_id": "customer_id must be a string",
}


def _describe(error: ValidationError) -> str:
    """Return a sentence about the first invalid field."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in RULES:
        return f"A request has no field {name[:40]!r}; it has {', '.join(Request.model_fields)}."
    return f"{RULES[name]}, not {first['input']!r:.40}."


@dataclass(frozen=True)
class Recommendations:
    """Recommendations for one customer.

    Attributes
    ----------
    customer_id : the customer.
    method : name of the requested method.
    articles : article_id, prod_name, score, because; best first, no article twice.
    note : says that the customer has no purchases yet, or that the method has a new name; empty for most requests.
    """

    customer_id: str
    method: str
    articles: pd.DataFrame
    note: str = ""


def write_note(request: Request, *sentences: str) -> str:
    """Return the sentences as one note; if the request has an old method name, the new name comes first."""
    return " ".join(sentence for sentence in (explain_old_name(request.method), *sentences) if sentence)
