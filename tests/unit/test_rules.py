"""What rules do to a ranked list, and which rules are refused."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, get_args, get_type_hints

import pytest
from hmrec.cli.rules import add_rule
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.recommend.request import Request
from hmrec.graph_ml.recommend.rule import Facts, Kind, Rule, make_effects, number_facts, parse_cap
from hmrec.graph_ml.recommend.rule_book import find_conflicts
from hmrec.graph_ml.recommend.rules import Cap, Effects, Share, arrange
from hmrec.graph_ml.recommend.where import are_disjoint
from hypothesis import given, settings
from hypothesis import strategies as st

ARTICLES = st.integers(0, 30)
NOTHING: dict[int, Any] = {}


@st.composite
def make_list(draw: st.DrawFn) -> tuple[list[int], list[int], Effects[int], int]:
    """Return a ranked list, articles that fill it, the rules' effects and k."""
    everything = draw(st.permutations(range(31)))
    size, filled = draw(st.integers(0, 31)), draw(st.integers(0, 31))
    caps = draw(st.lists(st.tuples(st.dictionaries(ARTICLES, st.integers(0, 3)), st.integers(0, 4)), max_size=2))
    factors = draw(st.dictionaries(ARTICLES, st.tuples(st.sampled_from([0.0, 1.5, 4.0]), st.just("moves")), max_size=8))
    pins = draw(st.lists(st.tuples(st.integers(1, 12), ARTICLES, st.just("pins")), max_size=4))
    shares = draw(st.lists(st.tuples(st.frozensets(ARTICLES, max_size=10), st.floats(0.05, 1)), max_size=2))
    effects = Effects(
        draw(st.frozensets(ARTICLES, max_size=8)),
        factors,
        tuple(pins),
        tuple(Cap(values, most) for values, most in caps),
        tuple(Share(f"share {place}", members, share) for place, (members, share) in enumerate(shares)),
    )
    ranked = everything[:size]
    return (
        ranked,
        [a for a in draw(st.permutations(range(31))) if a not in ranked][:filled],
        effects,
        draw(st.integers(1, 20)),
    )


def count(cap: Cap[int], articles: list[int]) -> Counter[Any]:
    return Counter(cap.values[article] for article in articles if article in cap.values)


@settings(max_examples=400)
@given(make_list())
def test_caps_and_blocks_hold_and_no_list_is_shorter_than_it_must_be(
    made: tuple[list[int], list[int], Effects[int], int],
) -> None:
    ranked, fill, effects, k = made
    found = [one.article for one in arrange(ranked, effects, k, fill)]
    assert len(set(found)) == len(found) <= k
    assert not set(found) & set(effects.blocked)
    assert set(found) <= {*ranked, *fill, *(article for _, article, _ in effects.pins)}
    for cap in effects.caps:
        assert all(number <= cap.most for number in count(cap, found).values())
    if len(found) < k:  # nothing could be added
        for article in {*ranked, *fill} - set(found) - set(effects.blocked):
            more = [*found, article]
            assert any(number > cap.most for cap in effects.caps for number in count(cap, more).values())
    if len(effects.caps) == 0:
        passing = {*ranked, *fill} - set(effects.blocked)
        assert len(found) >= min(k, len(passing))
    if len(effects.caps) == 1 and not effects.pins:
        (cap,) = effects.caps
        passing = {*ranked, *fill} - set(effects.blocked)
        values = count(cap, list(passing))
        most = sum(min(number, cap.most) for number in values.values()) + len(passing - set(cap.values))
        assert len(found) == min(k, most)


@settings(max_examples=400)
@given(make_list())
def test_pins_are_where_they_belong(made: tuple[list[int], list[int], Effects[int], int]) -> None:
    ranked, fill, effects, k = made
    placed = arrange(ranked, effects, k, fill)
    found = [one.article for one in placed]
    wanted: dict[int, int] = {}
    for place, article, _ in effects.pins:
        if place <= k and place not in wanted and article not in wanted.values() and article not in effects.blocked:
            kept = [*wanted.values(), article]
            if all(number <= cap.most for cap in effects.caps for number in count(cap, kept).values()):
                wanted[place] = article
    for place, article in wanted.items():
        at = found.index(article) + 1
        assert at == place or (
            at < place and set(found[at - 1 :]) <= set(wanted.values())
        )  # at the end of a short list
        assert placed[at - 1].said == f"pinned to place {place} by rule 'pins'"


@settings(max_examples=300)
@given(make_list())
def test_everything_else_keeps_its_order(made: tuple[list[int], list[int], Effects[int], int]) -> None:
    ranked, fill, effects, k = made
    placed = arrange(ranked, effects, k, fill)
    rest = [one.article for one in placed if not one.said.startswith("pinned")]
    still = [a for a in rest if a in ranked and a not in effects.factors]
    assert still == sorted(still, key=ranked.index)
    filled = [a for a in rest if a not in ranked]
    assert filled == sorted(filled, key=fill.index)
    assert rest[len(rest) - len(filled) :] == filled
    assert arrange(ranked, effects, k, fill) == placed


@given(st.permutations(range(31)), st.integers(1, 20), st.integers(0, 31))
def test_without_rules_a_list_stays_as_it_is(everything: list[int], k: int, size: int) -> None:
    placed = arrange(everything[:size], Effects(), k)
    assert [tuple(one) for one in placed] == [(article, "") for article in everything[:size][:k]]


@settings(max_examples=300)
@given(make_list())
def test_shares_are_met_if_enough_members_pass(made: tuple[list[int], list[int], Effects[int], int]) -> None:
    ranked, _, effects, k = made
    one = Effects(effects.blocked, effects.factors, (), (), effects.shares[:1])
    found = [placed.article for placed in arrange(ranked, one, k)]
    for share in one.shares:
        members = set(ranked) & set(share.members) - set(effects.blocked)
        assert len(set(found) & members) >= min(math.ceil(share.share * k - 1e-9), len(members), len(found))


def test_a_boost_moves_an_article_up_by_its_factor_and_a_bury_to_the_end() -> None:
    effects = Effects(factors={8: (3.0, "up"), 0: (0.0, "down")})
    placed = arrange(range(10), effects, 10)  # type: ignore[arg-type]
    assert [one.article for one in placed] == [1, 2, 8, 3, 4, 5, 6, 7, 9, 0]
    assert [one.said for one in placed if one.said] == ["boosted by rule 'up'", "buried by rule 'down'"]
    assert [one.article for one in arrange(list(range(10)), effects, 3)] == [1, 2, 8]


def test_an_article_that_stays_has_no_note() -> None:
    assert [one.said for one in arrange([1, 2], Effects(factors={1: (2.0, "up"), 2: (0.0, "down")}), 2)] == ["", ""]


def test_the_higher_priority_counts() -> None:
    facts = Facts({"high": {"a"}, "low": {"a", "b"}, "other": {"b"}}, passing={"a", "b"})
    rules = [
        Rule(name="high", kind="pin", place=2, articles="a", priority=2),  # type: ignore[arg-type]
        Rule(name="other", kind="pin", place=2, articles="b"),  # type: ignore[arg-type]
    ]
    placed = arrange(["x", "y", "b"], make_effects(rules, facts), 3)
    assert [one.article for one in placed] == ["x", "a", "y"]
    rules = [
        Rule(name="high", kind="bury", articles="a", priority=2),  # type: ignore[arg-type]
        Rule(name="low", kind="boost", factor=4, articles=("a", "b")),  # type: ignore[arg-type]
    ]
    assert [one.article for one in arrange(["a", "x", "b"], make_effects(rules, facts), 3)] == ["b", "x", "a"]


@settings(max_examples=50)
@given(st.permutations(range(12)), st.integers(0, 3), st.integers(1, 12))
def test_articles_by_number_are_arranged_as_articles_by_id(order: list[int], most: int, k: int) -> None:
    rules = (
        parse_cap(f"department={most}"),
        Rule(name="b", kind="boost", factor=2, articles=("a3", "a5", "gone")),  # type: ignore[arg-type]
        Rule(name="n", kind="share", share=0.5),  # type: ignore[arg-type]
        Rule(name="p", kind="pin", place=2, articles="a7"),  # type: ignore[arg-type]
    )
    facts = Facts(
        {"b": {"a3", "a5", "gone"}, "p": {"a7"}},
        {28: {"a1", "a2", "a9"}},
        {"department_name": {f"a{n}": str(n % 3) for n in range(10)}},
        {"a7"},
    )
    ids = [f"a{number}" for number in order]
    by_id = arrange(ids, make_effects(rules, facts), k)
    numbered = number_facts(facts, {f"a{number}": number for number in range(12)})
    by_number = arrange(order, make_effects(rules, numbered), k)
    assert [(f"a{article}", said) for article, said in by_number] == [tuple(one) for one in by_id]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"kind": "boost", "where": "stock > 1"}, "A boost rule needs factor."),
        ({"kind": "boost", "where": "stock > 1", "factor": 0.5}, "The rule's factor cannot be 0.5: "),
        ({"kind": "bury", "where": "stock >"}, "The condition must have a number for stock at its end."),
        ({"kind": "bury"}, "A bury rule needs articles"),
        ({"kind": "bury", "where": "stock > 1", "articles": "1"}, "A rule names its articles by a condition or by ids"),
        ({"kind": "block", "where": "stock > 1", "place": 1}, "A block rule has no place."),
        ({"kind": "pin", "place": 1}, "A pin rule needs the id of one article."),
        ({"kind": "pin", "place": 0, "articles": "1"}, "The rule's place cannot be 0: "),
        ({"kind": "cap", "attribute": "price", "most": 1}, "Articles are not counted by price."),
        ({"kind": "cap", "attribute": "department"}, "A cap rule needs most."),
        ({"kind": "share", "share": 2}, "The rule's share cannot be 2: "),
        ({"kind": "share", "share": 0.5, "articles": "1"}, "A share rule is about new arrivals"),
        ({"kind": "bury", "articles": "1", "customers": "age >"}, "The condition must have a number for age"),
        ({"kind": "bury", "articles": "1", "customers": "stock > 1"}, "Customers have no property 'stock'."),
        ({"kind": "bury", "articles": "1", "from_day": "2020-09-02", "until_day": "2020-09-01"}, "The rule begins on"),
        ({"kind": "melt"}, "The rule's kind cannot be 'melt': "),
        ({"kind": "bury", "size": 1}, "A rule has no field 'size'."),
        ({}, "A rule needs a kind."),
        ({"kind": "bury", "articles": "1", "name": "a/b"}, "The rule's name cannot be 'a/b': "),
    ],
)
def test_a_rule_that_cannot_be_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserMistake) as caught:
        Rule.model_validate({"name": "r"} | given)
    assert caught.value.message.startswith(sentence)


@pytest.mark.parametrize(
    "text", ["department", "department=", "department=x", "department=-1", "=3", "prise=3", "price=3"]
)
def test_a_cap_that_cannot_be_is_one_sentence(text: str) -> None:
    with pytest.raises(UserMistake, match=r"(A cap is written as department=3|Articles (have no|are not))"):
        Request(cap=(text,))


PIN = {"kind": "pin", "place": 1, "articles": "a"}
SPRING, AUTUMN = {"until_day": "2020-06-30"}, {"from_day": "2020-07-01"}
CONFLICTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (PIN, PIN | {"articles": "b"}, "pin to the same place 1"),
    (PIN, PIN | {"articles": "b", "priority": 1}, ""),
    (PIN | SPRING, PIN | AUTUMN | {"articles": "b"}, ""),
    (PIN | {"customers": "age < 30"}, PIN | {"articles": "b", "customers": "age >= 30"}, ""),
    (PIN | {"customers": "age < 30"}, PIN | {"articles": "b"}, "pin to the same place 1"),
    (PIN | {"departments": "A"}, PIN | {"articles": "b", "departments": ("B", "A")}, "pin to the same place 1"),
    (PIN | {"departments": "A"}, PIN | {"articles": "b", "departments": "B"}, ""),
    (PIN, PIN | {"place": 2}, "pin article a to different places"),
    (PIN, {"kind": "block", "articles": ("a", "c")}, "blocks article a, which rule 'one' pins"),
    ({"kind": "block", "articles": ("a", "c")}, PIN, "blocks article a, which rule 'other' pins"),
    (PIN, {"kind": "block", "articles": "c"}, ""),
    (PIN, {"kind": "cap", "attribute": "department", "most": 0}, "allows 0 articles of Odd, and rule 'one' pins one."),
    (PIN, {"kind": "cap", "attribute": "department", "most": 1}, ""),
    (PIN, {"kind": "cap", "attribute": "department", "most": 0, "articles": "b"}, ""),
    ({"kind": "boost", "factor": 2, "where": "stock > 1"}, {"kind": "bury", "where": "stock > 1"}, "'other' buries"),
    ({"kind": "bury", "articles": ("a", "b")}, {"kind": "boost", "factor": 2, "articles": "b"}, "'one' buries"),
    (PIN | {"customers": "age >= 30"}, PIN | {"articles": "b", "customers": "age >= 40"}, "pin to the same place 1"),
    (PIN | {"customers": "age < 30"}, PIN | {"articles": "b", "customers": "postal_code = 'x'"}, "to the same place 1"),
    (PIN | {"customers": "segment = 'x'"}, PIN | {"articles": "b", "customers": "segment in ['y', 'z']"}, ""),
    (
        {"kind": "boost", "factor": 2, "where": "stock > 1"},
        {"kind": "bury", "where": "department = 'Odd'"},
        "'other' buries",
    ),
    ({"kind": "boost", "factor": 2, "where": "stock > 1"}, {"kind": "bury", "where": "stock <= 1"}, ""),
    ({"kind": "boost", "factor": 2, "where": "stock > 1"}, {"kind": "bury", "where": "stock is null"}, ""),
    ({"kind": "boost", "factor": 2, "where": "department = 'Odd'"}, {"kind": "bury", "articles": "b"}, ""),
    (
        {"kind": "boost", "factor": 2, "where": "department = 'Odd'"},
        {"kind": "bury", "articles": "a"},
        "'other' buries",
    ),
    ({"kind": "share", "share": 0.6}, {"kind": "share", "share": 0.5}, ""),  # an article may count towards both
]


@pytest.mark.parametrize(("one", "other", "sentence"), CONFLICTS)
def test_contradictions_are_found(one: dict[str, Any], other: dict[str, Any], sentence: str) -> None:
    rules = [Rule.model_validate({"name": "one"} | one), Rule.model_validate({"name": "other"} | other)]
    odd = {rule.name: {"a"} if "Odd" in rule.where else set(rule.articles) for rule in rules}
    facts = Facts(odd, {}, {"department_name": {"a": "Odd", "b": "Even"}})
    found = list(find_conflicts(rules, facts, lambda one, other: not are_disjoint(one.clauses, other.clauses)))
    assert len(found) == bool(sentence)
    assert not found or sentence in found[0][2]


def test_the_command_takes_every_kind() -> None:
    kinds, _ = get_args(get_type_hints(add_rule)["kind"])
    assert get_args(kinds) == tuple(Kind)
