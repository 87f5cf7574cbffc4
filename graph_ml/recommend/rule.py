"""A rule of the shop, and what several rules mean for the articles of a list."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Generic

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    field_validator,
)
from pydantic import model_validator as validate_model

from ...cypher.day import Day
from ...cypher.errors import UserMistake
from ...loader.properties import PRICE, find_customer_property, find_property
from .rules import A, Cap, Effects, Share
from .where import LONGEST, Clauses, parse_where

LONGEST_NAME = 1000
"""The greatest length of a name or an id, in characters."""


def _as_tuple(given: Any) -> Any:
    return () if given is None else (given,) if isinstance(given, str) else given


Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)], ...], BeforeValidator(_as_tuple)]
"""Several names or ids; one alone may be a string, and None means none."""

BY_RULE = "rule"
"""The method of an article that is in a list by a rule alone."""
NEW_DAYS = 28
"""The default of `Rule.days`."""
LARGEST_FACTOR = 20.0
"""The greatest factor of a boost. A list is made from this many times as many candidates."""


class Kind(StrEnum):
    """What a rule does."""

    boost = "boost"
    bury = "bury"
    pin = "pin"
    block = "block"
    cap = "cap"
    share = "share"


NEEDS = {Kind.boost: ("factor",), Kind.pin: ("place",), Kind.cap: ("attribute", "most"), Kind.share: ("share",)}
"""By kind, the fields that a rule must have."""
OWN = ("factor", "place", "attribute", "most", "share", "days")
"""The fields that only some kinds have."""
_ALLOWED = {**NEEDS, Kind.share: ("share", "days")}


class Rule(BaseModel):
    """A rule, stored as a node (:Rule).

    Raises
    ------
    UserMistake : a field is invalid, or the kind lacks a field or does not have it; the message names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        min_length=1, max_length=100, pattern=r"^[^\s/=]([^\x00-\x1f/=]*[^\s/=])?$", description="Its name"
    )
    kind: Annotated[Kind, WithJsonSchema({"type": "string", "enum": list(Kind)})] = Field(description="What it does")
    factor: Annotated[float, Field(gt=1, le=LARGEST_FACTOR)] | None = Field(
        default=None, description="boost: an article at place 12 competes with factor 4 as if it were at place 3"
    )
    place: Annotated[int, Field(ge=1, le=1000)] | None = Field(default=None, description="pin: the place, from 1")
    attribute: str | None = Field(default=None, description="cap: a property such as `department`")
    most: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        default=None, description="cap: how many articles with the same value a list may have"
    )
    share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="share: the minimum share of new arrivals in a list, such as 0.25"
    )
    days: Annotated[int, Field(ge=0, le=36_525)] | None = Field(
        default=None,
        description="share: an article is new for this many days after its first sale; null for the default",
    )
    where: str = Field(default="", max_length=LONGEST, description="Which articles: a condition on their properties")
    articles: Names = Field(default=(), description="Which articles: their ids")
    customers: str = Field(
        default="", max_length=LONGEST, description="Only for customers with these properties: `age >= 30`"
    )
    departments: Names = Field(
        default=(), description="Only in lists that are requested for some of these departments and for no others"
    )
    from_day: Day | None = Field(default=None, description="The first day; null: always")
    until_day: Day | None = Field(default=None, description="The last day; null: forever")
    priority: int = Field(default=0, ge=-1000, le=1000, description="Of two rules that disagree, the higher one counts")

    @validate_model(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, validate: ModelWrapValidatorHandler[Rule]) -> Rule:
        try:
            rule = validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            if name not in cls.model_fields:
                fields = ", ".join(cls.model_fields)
                raise UserMistake(f"A rule has no field {name[:40]!r}.", f"It has {fields}.") from error
            if first["type"] == "missing":
                raise UserMistake(f"A rule needs a {name}.", f"{cls.model_fields[name].description}.") from error
            why = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
            raise UserMistake(
                f"The rule's {name} cannot be {first['input']!r:.60}: {why}.",
                f"{name}: {cls.model_fields[name].description}.",
            ) from error
        _check(rule)
        return rule

    @field_validator("attribute")
    @classmethod
    def _know(cls, name: str | None) -> str | None:
        return None if name is None else _find_counted(name)

    @property
    def clauses(self) -> Clauses:
        """The condition on articles."""
        return parse_where(self.where)

    @property
    def customer_clauses(self) -> Clauses:
        """The condition on customers."""
        return parse_where(self.customers, find_customer_property)

    @property
    def names_articles(self) -> bool:
        """Whether it is about some articles only."""
        return bool(self.where or self.articles)

    @property
    def new_days(self) -> int:
        """The days for which an article is new."""
        return NEW_DAYS if self.days is None else self.days

    def holds_on(self, day: date | None) -> bool:
        """Return whether the rule is in force on a day; None is before all purchases, and only undated rules hold."""
        if day is None:
            return self.from_day is None and self.until_day is None
        return (self.from_day is None or self.from_day <= day) and (self.until_day is None or day <= self.until_day)

    def is_for(self, departments: Collection[str]) -> bool:
        """Return whether the rule is for lists of these departments; none of them means a list of all articles."""
        return not self.departments or (bool(departments) and set(departments) <= set(self.departments))

    def to_properties(self) -> dict[str, Any]:
        """Return the fields that have values, as properties of a node."""
        return self.model_dump(mode="json", exclude_defaults=True) | {"priority": self.priority}


def _find_counted(name: str) -> str:
    """Return the property of that name that lists can be capped by.

    Raises
    ------
    UserMistake : there is none, or it is the price.
    """
    known = find_property(name).name
    if known == PRICE:
        raise UserMistake("Articles are not counted by price.", "Name a property such as department.")
    return known


def _check(rule: Rule) -> None:
    """Raise an error if the rule's fields do not fit together."""
    for name in NEEDS.get(rule.kind, ()):
        if getattr(rule, name) is None:
            raise UserMistake(f"A {rule.kind} rule needs {name}.", f"{Rule.model_fields[name].description}.")
    for name in OWN:
        if getattr(rule, name) is not None and name not in _ALLOWED.get(rule.kind, ()):
            raise UserMistake(f"A {rule.kind} rule has no {name}.", "Leave it out.")
    rule.clauses, rule.customer_clauses  # noqa: B018  refuses what cannot be parsed
    if rule.where and rule.articles:
        raise UserMistake("A rule names its articles by a condition or by ids, not both.", "Make two rules.")
    if rule.kind is Kind.pin and len(rule.articles) != 1:
        raise UserMistake("A pin rule needs the id of one article.", "Make a rule for each article.")
    if rule.kind is Kind.share and rule.names_articles:
        raise UserMistake("A share rule is about new arrivals; it has no condition and no ids.", "Leave them out.")
    if rule.kind in (Kind.boost, Kind.bury, Kind.block) and not rule.names_articles:
        raise UserMistake(f"A {rule.kind} rule needs articles: a condition or ids.", 'Such as department = "MEAT".')
    if rule.from_day and rule.until_day and rule.from_day > rule.until_day:
        raise UserMistake(f"The rule begins on {rule.from_day}, after its last day {rule.until_day}.")


def parse_cap(text: str) -> Rule:
    """Return the cap that `department=3` means, as a rule.

    Raises
    ------
    UserMistake : it is not of that form, or articles have no such property.
    """
    name, _, number = text.partition("=")
    if not (number.strip().isascii() and number.strip().isdigit() and len(number.strip()) <= 4):
        raise UserMistake(f"A cap is written as department=3, not {text[:40]!r}.")
    cap = Rule(name="cap", kind=Kind.cap, attribute=name.strip(), most=int(number))
    return cap.model_copy(update={"name": f"cap {text}"})  # no rule in the graph has such a name


@dataclass(frozen=True)
class Facts(Generic[A]):
    """What rules need to know about articles.

    Attributes
    ----------
    matches : by the name of each rule, the articles that its condition or its ids name.
    new : by number of days, the articles that were not sold before them.
    values : by property, the value of each article that has one.
    passing : of the pinned articles, those that pass the request's filters.
    """

    matches: Mapping[str, Collection[A]] = field(default_factory=dict)
    new: Mapping[int, Collection[A]] = field(default_factory=dict)
    values: Mapping[str, Mapping[A, Hashable]] = field(default_factory=dict)
    passing: Collection[A] = frozenset()


def number_facts(facts: Facts[str], number: Mapping[str, int]) -> Facts[int]:
    """Return the facts about articles that are named by numbers; those without a number are left out."""

    def of(articles: Collection[str]) -> frozenset[int]:
        return frozenset(number[article] for article in articles if article in number)

    return Facts(
        {rule: of(articles) for rule, articles in facts.matches.items()},
        {days: of(articles) for days, articles in facts.new.items()},
        {
            name: {number[article]: value for article, value in values.items() if article in number}
            for name, values in facts.values.items()
        },
        of(facts.passing),
    )


def make_effects(rules: Iterable[Rule], facts: Facts[A]) -> Effects[A]:
    """Return what rules mean for articles.

    Parameters
    ----------
    rules : those in force, the highest priority first.
    facts : about all candidates and pinned articles.
    """
    blocked: set[A] = set()
    factors: dict[A, tuple[float, str]] = {}
    pins: list[tuple[int, A, str]] = []
    caps: list[Cap[A]] = []
    shares: list[Share[A]] = []
    for rule in rules:
        matched = facts.matches.get(rule.name, ())
        if rule.kind is Kind.block:
            blocked.update(matched)
        elif rule.kind in (Kind.boost, Kind.bury):
            for article in matched:
                factors.setdefault(article, (rule.factor or 0.0, rule.name))
        elif rule.kind is Kind.pin and rule.place is not None:
            pins += [(rule.place, article, rule.name) for article in matched if article in facts.passing]
        elif rule.kind is Kind.cap and rule.attribute is not None and rule.most is not None:
            values = facts.values.get(rule.attribute, {})
            if rule.names_articles:
                values = {article: values[article] for article in matched if article in values}
            caps.append(Cap(values, rule.most))
        elif rule.share is not None:
            shares.append(Share(rule.name, facts.new.get(rule.new_days, ()), rule.share))
    return Effects(blocked, factors, tuple(pins), tuple(caps), tuple(shares))
