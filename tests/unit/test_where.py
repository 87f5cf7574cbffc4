"""The language of --where: each expression has one meaning, and any other text ends in one sentence."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.recommend.request import Request
from hmrec.graph_ml.recommend.where import Clauses, are_disjoint, parse_where
from hmrec.loader.properties import PROPERTIES, SHORT_NAMES
from hypothesis import example, given, settings
from hypothesis import strategies as st

DAY = dt.date(2020, 9, 22)
EXPRESSIONS = {
    "": (),
    "price < 20": ((("price", "<", 20),),),
    "price<20.5 and stock>=-1": ((("price", "<", 20.5),), (("stock", ">=", -1),)),
    "department = 'Mens'": ((("department_name", "in", ("Mens",)),),),
    'INDEX_GROUP_NAME == "Ladies""wear"': ((("index_group_name", "in", ('Ladies"wear',)),),),
    "colour != 'O''Black'": ((("colour_group_name", "not in", ("O'Black",)),),),
    "department_no in [1, 2]": ((("department_no", "in", (1, 2)),),),
    "department_no NOT IN (1)": ((("department_no", "not in", (1,)),),),
    "available = true": ((("available", "in", (True,)),),),
    "available_until >= 2020-09-22": ((("available_until", ">=", DAY),),),
    "available_from is not null and available_from < '2020-09-22'": (
        (("available_from", "is not null", None),),
        (("available_from", "<", DAY),),
    ),
    "price < 1 or price > 2": ((("price", "<", 1), ("price", ">", 2)),),
    "not (price < 1 or not stock <= 2)": ((("price", ">=", 1),), (("stock", "<=", 2),)),
    "price < 1 and stock > 2 or stock is null": (
        (("price", "<", 1), ("stock", "is null", None)),
        (("stock", ">", 2), ("stock", "is null", None)),
    ),
    "not not stock is null": ((("stock", "is null", None),),),
}  # fmt: skip
MISTAKES = {
    "price": "The condition must have a comparison such as `=`, `<` or `in` at its end.",
    "price <": "The condition must have a number for price at its end.",
    "price < 'x'": "The condition must have a number for price at \"'x'\".",
    "price < 1e999": "The condition must have a number for price at '1e999'.",
    "stock = 99999999999999999999": "The condition must have",
    "department = Mens": "The condition must have text in quotes for department_name at 'Mens'.",
    "department = 'Mens": "The condition cannot be read at \"'Mens\".",
    "available < true": "available is true or false, so < does not apply.",
    "available_from = 2020-02-30": "The condition must have a day such as 2020-09-22 for available_from at '2020-02-30",
    "(price < 1": "The condition must have `)` at its end.",
    "price < 1 price": "The condition must have `and`, `or` or the end at 'price'.",
    "price in 1": "The condition must have `[` at '1'.",
    "price in [1": "The condition must have `,` or `]` at its end.",
    "price in []": "The condition must have a number for price at ']'.",
    "price not < 1": "The condition must have `in` at '< 1'.",
    "stock is 5": "The condition must have `null` at '5'.",
    "a.price < 1": "The condition cannot be read at '.price < 1'.",
    "a < 1": "Articles have no property 'a'.",
    "departmnt = 'x'": "Articles have no property 'departmnt'. Did you mean department",
    "price < 1; MATCH (n) DETACH DELETE n": "The condition cannot be read at '; MATCH (n) DETACH D'.",
    "(" * 60 + "price < 1" + ")" * 60: "The condition has more than 50 parentheses",
    " or ".join(f"(stock = {n} and department_no = {n})" for n in range(12)): "The condition needs more than 1,000",
    "x" * 100_001: "The condition is longer than 100,000 characters.",
}  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_is_clauses_of_comparisons(text: str) -> None:
    assert parse_where(text) == EXPRESSIONS[text]


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:30])
def test_anything_else_is_a_sentence_that_says_where(text: str) -> None:
    with pytest.raises(UserMistake) as caught:
        parse_where(text)
    assert str(caught.value).startswith(MISTAKES[text])
    assert caught.value.message.endswith(".")
    with pytest.raises(UserMistake) as requested:
        Request(where=text)
    assert str(requested.value).startswith(MISTAKES[text][:20]) or len(text) > 100_000


WORDS = [*PROPERTIES, *SHORT_NAMES, "and", "or", "not", "in", "is", "null", "true", "(", ")", "[", "]", ",", "=", "<>",
         "<=", "'a'", '"b"', "1", "-2.5", "2020-09-22", "'", ";", "$x", "\\", "\n", "\0"]  # fmt: skip


def decode(any_bytes: bytes) -> str:
    return any_bytes.decode("latin-1")


@settings(max_examples=500)
@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map(" ".join), st.binary().map(decode)))
@example("\ud800")
@example("²")
@example("price < ٣")
def test_any_text_is_an_expression_or_one_sentence(text: str) -> None:
    clauses: Clauses = ()
    mistake = None
    try:
        clauses = parse_where(text)
    except UserMistake as error:
        mistake = error
    assert mistake is None or (mistake.message.endswith(".") and str(mistake).isprintable())
    for comparison in (comparison for clause in clauses for comparison in clause):
        assert comparison.property in PROPERTIES
        assert comparison.operator in ("in", "not in", "<", "<=", ">", ">=", "is null", "is not null")


# -- the meaning, computed naively with three truth values: None is unknown -----------------------------------

Row = dict[str, int | None]
Truth = bool | None
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def negate(truth: Truth) -> Truth:
    return None if truth is None else not truth


def join(*truths: Truth) -> Truth:
    return False if False in truths else None if None in truths else True


def compare(name: str, sign: str, value: int) -> tuple[str, Callable[[Row], Truth]]:
    return f"{name} {sign} {value}", lambda row: None if row[name] is None else SIGNS[sign](row[name], value)


def is_in(name: str, values: list[int]) -> tuple[str, Callable[[Row], Truth]]:
    return f"{name} in {values}", lambda row: None if row[name] is None else row[name] in values


NAMES = st.sampled_from(["stock", "department_no", "section_no"])
COMPARISONS = st.one_of(
    st.builds(compare, NAMES, st.sampled_from(list(SIGNS)), st.integers(0, 3)),
    st.builds(is_in, NAMES, st.lists(st.integers(0, 3), min_size=1, max_size=3)),
    st.builds(lambda name: (f"{name} is null", lambda row: row[name] is None), NAMES),
)
TREES = st.recursive(
    COMPARISONS,
    lambda inside: st.one_of(
        st.builds(lambda a: (f"not ({a[0]})", lambda row: negate(a[1](row))), inside),
        st.builds(lambda a, b: (f"({a[0]}) and ({b[0]})", lambda row: join(a[1](row), b[1](row))), inside, inside),
        st.builds(
            lambda a, b: (f"({a[0]}) or ({b[0]})", lambda row: negate(join(negate(a[1](row)), negate(b[1](row))))),
            inside, inside,
        ),
    ),
    max_leaves=6,
)  # fmt: skip


def hold(clauses: Clauses, row: Row) -> bool:
    """Return whether the clauses hold, as the queries compute it."""
    return all(any(fulfils(comparison, row[comparison.property]) for comparison in clause) for clause in clauses)


def fulfils(comparison: Any, value: int | None) -> bool:
    if comparison.operator.startswith("is"):
        return (value is None) == (comparison.operator == "is null")
    if value is None:
        return False
    if comparison.operator.endswith("in"):
        return (value in comparison.value) == (comparison.operator == "in")
    return SIGNS[comparison.operator](value, comparison.value)


VALUES = st.one_of(st.none(), st.integers(0, 3))


@settings(max_examples=300)
@given(TREES, st.fixed_dictionaries({"stock": VALUES, "department_no": VALUES, "section_no": VALUES}))
def test_clauses_mean_what_the_expression_says(tree: tuple[str, Callable[[Row], Truth]], row: Row) -> None:
    text, means = tree
    assert hold(parse_where(text), row) == (means(row) is True), text


@settings(max_examples=300)
@given(TREES, TREES)
@example(compare("stock", "<=", 2), compare("stock", ">=", 2))
def test_nothing_fulfils_two_disjoint_expressions(
    one: tuple[str, Callable[[Row], Truth]], other: tuple[str, Callable[[Row], Truth]]
) -> None:
    both = parse_where(one[0]), parse_where(other[0])
    if are_disjoint(*both):
        for values in product((None, 0, 1, 2, 3), repeat=3):
            row = dict(zip(("stock", "department_no", "section_no"), values, strict=True))
            assert not all(hold(clauses, row) for clauses in both)


@pytest.mark.parametrize(
    ("one", "other", "disjoint"),
    [
        ("stock < 2", "stock >= 2", True),
        ("stock <= 2", "stock >= 2", False),
        ("stock <= 2", "stock > 2", True),
        ("stock > 3", "stock < 3", True),
        ("department = 'A'", "department != 'A'", True),
        ("department in ['A', 'B']", "department in ['C', 'A']", False),
        ("stock < 2", "stock is null", True),
        ("stock < 2 or price < 1", "stock > 2 and price > 1", True),
        ("stock < 2 or price < 1", "stock > 2", False),
        ("available_from < 2020-09-22", "available_from > 2020-09-22", True),
        ("", "stock > 2", False),
    ],
)
def test_expressions_that_exclude_each_other_are_known(one: str, other: str, disjoint: bool) -> None:
    for first, second in ((one, other), (other, one)):
        assert are_disjoint(parse_where(first), parse_where(second)) == disjoint


def test_names_of_a_request_are_conditions_and_an_article_without_a_department_is_of_no_other() -> None:
    request = Request(department=["A", "B"], not_department="C", colour="Black", where="stock > 1")  # type: ignore[arg-type]
    assert request.parameters["where"] == [
        [["department_name", "in", ["A", "B"]]],
        [["department_name", "not in", ["C"]], ["department_name", "is null", None]],
        [["colour_group_name", "in", ["Black"]]],
        [["stock", ">", 1]],
    ]
    assert Request().parameters["where"] == []
