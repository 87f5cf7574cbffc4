"""A request for recommendations, and its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

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

from ...cypher.day import Day
from ...cypher.errors import UserMistake
from ...cypher.recommenders import METHODS, Method, explain_old_name, find_method
from ...loader.properties import find_property
from .rule import LONGEST_NAME, Names, Rule, parse_cap
from .where import LONGEST, Clauses, Comparison, parse_where, to_parameters

if TYPE_CHECKING:
    import pandas as pd

NAMES = tuple(method.name for method in METHODS)
NAMED = ("department", "colour")
"""The attributes that have fields of their own."""


LARGEST_K = 1000
"""The greatest number of articles in a list."""
MOST_IN_CART = 100
"""The greatest number of different articles in a cart."""
MOST_OF_ONE = 10_000
"""The greatest quantity of an article in a cart."""


MISTAKE = "mistake"
"""The type of a pydantic error that has a whole sentence and a hint."""


def keep_sentence(error: UserMistake) -> PydanticCustomError:
    """Return an error for a field's validator to raise, which keeps the mistake's own sentence and hint."""
    return PydanticCustomError(MISTAKE, "{sentence} {hint}", {"sentence": error.message, "hint": error.hint})


class CartItem(NamedTuple):
    """An article of a cart, and its quantity."""

    article_id: str
    quantity: int


def parse_cart(given: Any) -> tuple[CartItem, ...]:
    """Return the articles of a cart, each once, with the sum of its quantities.

    Parameters
    ----------
    given : texts such as `0108775015`, `0108775015*2` or `0108775015=2`, pairs of id and quantity, or mappings with
        `article_id` and perhaps `quantity`. One article needs no list, and None is an empty cart.

    Raises
    ------
    UserMistake : an id is empty, a quantity is not a whole number of at least 1, or there are too many.
    """
    quantities: dict[str, int] = {}
    if isinstance(given, (str, Mapping)):
        given = [given]
    if given is not None and not isinstance(given, Iterable):
        raise UserMistake(f"articles must be article ids, not {given!r:.40}.")
    for item in given or ():
        article_id, quantity = _read_item(item)
        if not isinstance(article_id, str) or not 1 <= len(article_id) <= LONGEST_NAME:
            raise UserMistake(f"articles must be ids of 1 to {LONGEST_NAME} characters, not {article_id!r:.40}.")
        total = quantities.get(article_id, 0) + quantity
        if quantity < 1 or total > MOST_OF_ONE:
            raise UserMistake(
                f"The quantity of {article_id[:40]!r} must be a whole number from 1 to {MOST_OF_ONE}, not {item!r:.60}."
            )
        quantities[article_id] = total
    if len(quantities) > MOST_IN_CART:
        raise UserMistake(f"A cart has at most {MOST_IN_CART} different articles, not {len(quantities)}.")
    return tuple(CartItem(*item) for item in quantities.items())


def _read_item(item: Any) -> tuple[Any, int]:
    """Return an item's id and its quantity; 0 if the quantity is not a whole number."""
    if isinstance(item, Mapping):
        item = (item.get("article_id"), item.get("quantity", 1)) if set(item) <= {"article_id", "quantity"} else ()
    if isinstance(item, str):
        place = max(item.rfind("*"), item.rfind("="))
        article_id, quantity = (item[:place].strip(), item[place + 1 :].strip()) if place >= 0 else (item.strip(), "1")
        return article_id, int(quantity) if quantity.isascii() and quantity.isdigit() and len(quantity) < 10 else 0
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise UserMistake(f"articles must be ids, such as 0108775015*2 for two, not {item!r:.40}.")
    return item[0], item[1] if type(item[1]) is int else 0


def _as_cart(given: Any) -> tuple[CartItem, ...]:
    try:
        return parse_cart(given)
    except UserMistake as error:
        raise keep_sentence(error) from error


MOST_KEPT_IDS = 5_000
"""The greatest number of ids in a request that caches keep; 100,000 take 10 MB."""


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
    as_of: Day | None = Field(default=None, description="Recommend as the graph stood on this day")

    @field_validator("where")
    @classmethod
    def _is_condition(cls, text: str) -> str:
        try:
            parse_where(text)
        except UserMistake as error:
            raise keep_sentence(error) from error
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
            "where": to_parameters(self.clauses),
            "max_price": self.max_price,
            "in_season": self.in_season,
        }

    @property
    def has_filters(self) -> bool:
        """Whether anything but availability limits the articles."""
        given = self.parameters
        return any(given[name] not in (None, []) for name in ("only", "exclude", "where", "max_price", "in_season"))

    @property
    def is_small(self) -> bool:
        """Whether a cache may keep the request: its lists of ids have at most `MOST_KEPT_IDS` in all."""
        return len(self.only) + len(self.exclude) <= MOST_KEPT_IDS

    @property
    def key(self) -> tuple[Any, ...]:
        """The values of all filters; requests with equal ones have the same articles to choose from."""
        return tuple(getattr(self, name) for name in Filters.model_fields)


class Preferences(Filters):
    """A request without its customer: the parameters of the HTTP service."""

    method: str = Field(default="auto", description="How to recommend", json_schema_extra={"enum": list(NAMES)})
    k: int = Field(default=12, ge=1, le=LARGEST_K, description="How many articles")
    new_only: bool = Field(default=False, description="Leave out what the customer has bought already")

    cap: Names = Field(
        default=(), description="At most this many articles with the same value of a property: `department=3`"
    )
    diversity: float = Field(
        default=0.0, ge=0, le=1, allow_inf_nan=False, description="From 0 (the best articles) to 1 (the least similar)"
    )
    no_rules: bool = Field(default=False, description="Ignore the shop's rules")
    stored: bool = Field(
        default=False, description="The list that `hmrec recommend --all --write` stored, without what is unavailable"
    )

    @field_validator("cap")
    @classmethod
    def _are_caps(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        try:
            for text in texts:
                parse_cap(text)
        except UserMistake as error:
            raise keep_sentence(error) from error
        return texts

    @property
    def caps(self) -> tuple[Rule, ...]:
        """The caps of the request, as rules."""
        return tuple(map(parse_cap, self.cap))

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
    `customer_id` is None in a request for all customers, and for a visitor who is not known.
    `articles` is a cart; what goes with it is then recommended. `parse_cart` says what it may be.

    Raises
    ------
    UserMistake : a field is invalid; the message names it.
    """

    customer_id: str | None = None
    articles: Annotated[tuple[CartItem, ...], BeforeValidator(_as_cart)] = ()

    @validate_model(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, validate: ModelWrapValidatorHandler[Request]) -> Request:
        try:
            return validate(given)
        except ValidationError as error:
            raise UserMistake(*describe_invalid(error, RULES, tuple(cls.model_fields))) from error

    @property
    def chosen(self) -> Method:
        """The requested method."""
        return find_method(self.method)


RULES = {
    "k": f"-k must be a whole number from 1 to {LARGEST_K}",
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
    "cap": f"A cap must be text of 1 to {LONGEST_NAME} characters such as department=3",
    "diversity": "diversity must be a number from 0 to 1",
    "no_rules": "no_rules must be true or false",
    "stored": "stored must be true or false",
    "customer_id": "customer_id must be a string",
    "articles": "articles must be article ids",
}


def describe_invalid(error: ValidationError, rules: Mapping[str, str], fields: Sequence[str]) -> tuple[str, str]:
    """Return a sentence about the first invalid field of a request, and a hint.

    Parameters
    ----------
    error : what pydantic found.
    rules : by field, a sentence about its values.
    fields : all fields of the request.
    """
    first = error.errors()[0]
    if first["type"] == MISTAKE:
        return first["ctx"]["sentence"], first["ctx"]["hint"]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in rules:
        return f"A request has no field {name[:40]!r}; it has {', '.join(fields)}.", ""
    return f"{rules[name]}, not {first['input']!r:.40}.", ""


class StoredVersion(NamedTuple):
    """The version of stored lists that an answer comes from.

    Attributes
    ----------
    version : its number.
    written : when it was written, ISO 8601.
    until : the day after the last purchase that it knows.
    """

    version: int
    written: str
    until: date


@dataclass(frozen=True)
class Recommendations:
    """Recommendations for one customer, or for a cart.

    Attributes
    ----------
    customer_id : the customer; None for a cart of a visitor.
    method : name of the requested method; `cart` for a cart, `stored` for a stored list.
    articles : article_id, prod_name, score, because; best first, no article twice.
    note : says that the customer has no purchases yet, that the method has a new name, or that some ids are not in the
        graph; empty for most requests.
    scored_by : for each article, the method whose score it has: `hybrid` for the ranker's, else a recommender's name.
        Scores compare only within one method. Empty for an article without a score, which a rule pinned.
    stored : the version of a stored list; None for a list that was computed.
    """

    customer_id: str | None
    method: str
    articles: pd.DataFrame
    note: str = ""
    scored_by: tuple[str, ...] = ()
    stored: StoredVersion | None = None


def write_note(request: Request, *sentences: str) -> str:
    """Return the sentences as one note; if the request has an old method name, the new name comes first."""
    return " ".join(sentence for sentence in (explain_old_name(request.method), *sentences) if sentence)
