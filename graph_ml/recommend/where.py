"""The language of conditions: comparisons of articles' or customers' properties, joined by and, or, not, parentheses.

    condition  = and-terms joined by "or"
    and-terms  = terms joined by "and"
    term       = "not" term | "(" condition ")" | comparison
    comparison = property ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=") value
               | property ["not"] "in" "[" value ("," value)* "]"
               | property "is" ["not"] "null"
    value      = text in quotes | number | day such as 2020-09-22 | true | false

A missing property fulfils no comparison, as in SQL; `is null` finds it. Python parses an expression once, and a query
gets it as the parameter `$where`: all of its clauses must hold, and a clause holds if one of its comparisons does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import product
from typing import Any, NamedTuple

from ...cypher.errors import UserMistake
from ...loader.properties import Property, find_property
from ...loader.schema import Kind

LONGEST = 100_000
"""The greatest length of an expression, in characters."""
MOST_COMPARISONS = 1_000
"""The greatest number of comparisons in the parameter of an expression."""
_DEEPEST = 50  # parentheses and nots inside each other

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<day>\d{4}-\d{2}-\d{2})(?![\w.])
      | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=|>=|<>|!=|==|[=<>()\[\],])
    )""",
    re.VERBOSE | re.ASCII,
)
_NEGATED = {
    "in": "not in", "not in": "in", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "is null": "is not null",
    "is not null": "is null",
}  # fmt: skip
_EQUAL = {"=": "in", "==": "in", "!=": "not in", "<>": "not in"}
_TYPES = {
    Kind.id: "text in quotes", Kind.text: "text in quotes", Kind.integer: "a number", Kind.decimal: "a number",
    Kind.date: "a day such as 2020-09-22", Kind.boolean: "true or false",
}  # fmt: skip

Value = str | int | float | bool | date
"""What a property is compared with."""


class Comparison(NamedTuple):
    """A comparison of one property, as the queries take it in `$where`.

    Attributes
    ----------
    property : its name in the graph.
    operator : `in`, `not in`, `<`, `<=`, `>`, `>=`, `is null` or `is not null`.
    value : what it is compared with: a tuple for `in` and `not in`, None for `is null` and `is not null`.
    """

    property: str
    operator: str
    value: Value | tuple[Value, ...] | None

    def negate(self) -> Comparison:
        """Return the comparison that holds where this one fails; neither holds for a missing property."""
        return Comparison(self.property, _NEGATED[self.operator], self.value)

    def to_parameter(self) -> list[Any]:
        """Return the comparison as an item of a query's `$where`."""
        return [self.property, self.operator, list(self.value) if isinstance(self.value, tuple) else self.value]


Clauses = tuple[tuple[Comparison, ...], ...]
"""An expression: all clauses must hold, and a clause holds if one of its comparisons does."""


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def parse_where(text: str, find: Callable[[str], Property] = find_property) -> Clauses:
    """Parse an expression.

    Parameters
    ----------
    text : such as `price < 20 and department = "Knitwear"`. Empty for no condition.
    find : returns the property of a name; `find_customer_property` for conditions on customers.

    Raises
    ------
    UserMistake : it is not an expression, names an unknown property or compares it with another type, or is too long.
    """
    if len(text) > LONGEST:
        raise UserMistake(f"The condition is longer than {LONGEST:,} characters.", "Use --only or --exclude for ids.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UserMistake("The condition is not UTF-8 text.")
    return _Parser(text, find).parse() if text.strip() else ()


def to_parameters(clauses: Clauses) -> list[list[list[Any]]]:
    """Return clauses as a query's parameter `$where` or `$customers_where`."""
    return [[one.to_parameter() for one in clause] for clause in clauses]


def list_compared(
    clauses: Clauses, find: Callable[[str], Property] = find_property
) -> Iterator[tuple[Property, Value]]:
    """Yield the values that a property is compared with for equality, with the property.

    Parameters
    ----------
    clauses : the expression.
    find : as for `parse_where`.
    """
    for found in (found for clause in clauses for found in clause):
        if isinstance(found.value, tuple):
            yield from ((find(found.property), value) for value in found.value)


def are_disjoint(one: Clauses, other: Clauses) -> bool:
    """Return whether nothing can fulfil both expressions; False if that does not follow from one clause of either.

    Parameters
    ----------
    one, other : the expressions.
    """
    return _refute(one, other) or _refute(other, one)


def _refute(one: Clauses, other: Clauses) -> bool:
    """Return whether what fulfils the one expression fails a clause of the other, comparison by comparison."""
    return any(all(any(all(_exclude(a, b) for b in reason) for reason in one) for a in clause) for clause in other)


def _exclude(one: Comparison, other: Comparison) -> bool:
    """Return whether no value fulfils both comparisons."""
    if one.property != other.property:
        return False
    if "is null" in (one.operator, other.operator):
        return one.operator != other.operator
    for a, b in ((one, other), (other, one)):
        if a.operator == "in" and isinstance(a.value, tuple):
            return not any(_fulfils(value, b) for value in a.value)
        if a.operator in ("<", "<=") and b.operator in (">", ">="):
            return not _fulfils(a.value, b) or (a.value == b.value and (a.operator, b.operator) != ("<=", ">="))
    return False


def _fulfils(value: Any, comparison: Comparison) -> bool:
    wanted: Any = comparison.value
    tests: dict[str, Callable[[], bool]] = {
        "in": lambda: value in wanted,
        "not in": lambda: value not in wanted,
        "<": lambda: value < wanted,
        "<=": lambda: value <= wanted,
        ">": lambda: value > wanted,
        ">=": lambda: value >= wanted,
        "is not null": lambda: True,
    }
    return tests[comparison.operator]()


class _Parser:
    """Parses one expression by recursive descent; `negated` pushes a `not` down to the comparisons."""

    def __init__(self, text: str, find: Callable[[str], Property]) -> None:
        self.text = text
        self.find = find
        self.tokens = list(self._split())
        self.place = 0

    def _split(self) -> Iterator[_Token]:
        end, size = 0, len(self.text.rstrip())
        while end < size:
            found = _TOKEN.match(self.text, end)
            if found is None:
                raise self._refuse(end, "cannot be read")
            kind = str(found.lastgroup)
            yield _Token(kind, found[kind], found.start(kind))
            end = found.end()

    def parse(self) -> Clauses:
        clauses = self._any(False, 0)
        if self.place < len(self.tokens):
            raise self._expect("`and`, `or` or the end")
        return clauses

    def _any(self, negated: bool, depth: int) -> Clauses:
        terms = [self._all(negated, depth)]
        while self._take("or"):
            terms.append(self._all(negated, depth))
        return self._conjoin(terms) if negated else self._disjoin(terms)

    def _all(self, negated: bool, depth: int) -> Clauses:
        terms = [self._term(negated, depth)]
        while self._take("and"):
            terms.append(self._term(negated, depth))
        return self._disjoin(terms) if negated else self._conjoin(terms)

    def _term(self, negated: bool, depth: int) -> Clauses:
        if depth > _DEEPEST:
            raise UserMistake(f"The condition has more than {_DEEPEST} parentheses or nots inside each other.")
        if self._take("not"):
            return self._term(not negated, depth + 1)
        if self._take("("):
            inside = self._any(negated, depth + 1)
            if not self._take(")"):
                raise self._expect("`)`")
            return inside
        found = self._comparison()
        return ((found.negate() if negated else found,),)

    def _comparison(self) -> Comparison:
        token = self._peek()
        if token is None or token.kind != "word":
            raise self._expect("the name of a property")
        self.place += 1
        known = self.find(token.text)
        if self._take("is"):
            operator = "is not null" if self._take("not") else "is null"
            if not self._take("null"):
                raise self._expect("`null`")
            return Comparison(known.name, operator, None)
        is_negated = self._take("not")
        if self._take("in"):
            return Comparison(known.name, "not in" if is_negated else "in", self._list(known))
        sign = self._peek()
        if is_negated or sign is None or sign.text not in (*_EQUAL, "<", "<=", ">", ">="):
            raise self._expect("`in`" if is_negated else "a comparison such as `=`, `<` or `in`")
        self.place += 1
        value = self._value(known)
        if sign.text in _EQUAL:
            return Comparison(known.name, _EQUAL[sign.text], (value,))
        if known.kind is Kind.boolean:
            raise UserMistake(
                f"{token.text} is true or false, so {sign.text} does not apply.", f"Write {token.text} = true."
            )
        return Comparison(known.name, sign.text, value)

    def _list(self, known: Property) -> tuple[Value, ...]:
        closing = "]" if self._take("[") else ")" if self._take("(") else None
        if closing is None:
            raise self._expect("`[`")
        values = [self._value(known)]
        while self._take(","):
            values.append(self._value(known))
        if not self._take(closing):
            raise self._expect(f"`,` or `{closing}`")
        return tuple(values)

    def _value(self, known: Property) -> Value:
        token = self._peek()
        value = None if token is None else _convert(token, known.kind)
        if value is None:
            raise self._expect(f"{_TYPES[known.kind]} for {known.name}")
        self.place += 1
        return value

    def _peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def _take(self, word: str) -> bool:
        """Return whether the next token is this word or sign, and go past it."""
        token = self._peek()
        found = token is not None and token.kind in ("word", "sign") and token.text.lower() == word
        self.place += found
        return found

    def _expect(self, wanted: str) -> UserMistake:
        token = self._peek()
        return self._refuse(len(self.text) if token is None else token.place, f"must have {wanted}")

    def _refuse(self, place: int, what: str) -> UserMistake:
        rest = self.text[place : place + 20].strip()
        where = f"at {rest!r}" if rest else "at its end"
        example = "price < 20 and department = 'Knitwear'" if self.find is find_property else "age >= 30 and Active = 1"
        return UserMistake(f"The condition {what} {where}.", f"An example: {example}.")

    @staticmethod
    def _conjoin(terms: list[Clauses]) -> Clauses:
        return _limit(tuple(dict.fromkeys(clause for term in terms for clause in term)))

    @staticmethod
    def _disjoin(terms: list[Clauses]) -> Clauses:
        """Return the clauses of the terms joined by or: each combination of one clause of every term."""
        joined = terms[0]
        for term in terms[1:]:
            if len(joined) * len(term) > MOST_COMPARISONS:
                raise _too_long()
            pairs = product(joined, term)
            joined = _limit(tuple(dict.fromkeys(tuple(dict.fromkeys((*one, *other))) for one, other in pairs)))
        return joined


def _limit(clauses: Clauses) -> Clauses:
    if sum(map(len, clauses)) > MOST_COMPARISONS:
        raise _too_long()
    return clauses


def _too_long() -> UserMistake:
    return UserMistake(
        f"The condition needs more than {MOST_COMPARISONS:,} comparisons.",
        "Write `in [...]` instead of many comparisons with or.",
    )


def _convert(token: _Token, kind: Kind) -> Value | None:
    """Return the token as a value of that kind; None if it is none."""
    if kind in (Kind.id, Kind.text):
        return _unquote(token.text) if token.kind == "text" else None
    if kind in (Kind.integer, Kind.decimal):
        return _read_number(token.text) if token.kind == "number" else None
    if kind is Kind.boolean:
        return {"true": True, "false": False}.get(token.text.lower()) if token.kind == "word" else None
    day = _unquote(token.text) if token.kind == "text" else token.text
    try:
        return date.fromisoformat(day) if token.kind in ("day", "text") else None
    except ValueError:
        return None


def _unquote(text: str) -> str:
    return text[1:-1].replace(text[0] * 2, text[0])


def _read_number(text: str) -> int | float | None:
    """Return the number; None if it does not fit into 64 bits."""
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text) if len(text) <= 20 and -(2**63) <= int(text) < 2**63 else None
    number = float(text)
    return number if math.isfinite(number) else None
