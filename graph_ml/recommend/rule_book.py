"""The rules in the graph: list, add, remove and check them, and see what they do to a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.state import read_state
from ...loader.constraints import check_schema
from .customers import check_customer_values
from .in_force import read_facts, read_rules, read_scope
from .recommender import Recommender
from .request import Filters, Request
from .rule import Facts, Kind, Rule
from .values import KnownValues
from .where import are_disjoint, to_parameters

if TYPE_CHECKING:
    import pandas as pd


class UnknownRule(UserMistake):
    """The graph has no rule of that name."""


class Problem(NamedTuple):
    """A problem of a rule: its name, and what is wrong in one sentence."""

    rule: str
    problem: str


class _Doubled(NamedTuple):
    name: str
    is_foreign: bool


class RuleBook:
    """The rules of a shop.

    Parameters
    ----------
    graph : an open graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def read(self) -> tuple[Rule, ...]:
        """Return the rules, the highest priority first, without those that cannot be read; `check` names these."""
        return read_rules(read_state(self.graph))

    def add(self, rules: Iterable[Rule], *, replace: bool = False) -> str:
        """Add rules, all of them or none.

        Parameters
        ----------
        rules : the rules.
        replace : whether a rule may replace one of the same name.

        Returns
        -------
        A sentence about article ids that the graph does not have; empty if it has all.

        Raises
        ------
        UnknownValue : no article has a value that a rule names.
        UserMistake : there is a rule of that name, or a rule contradicts another; or several rules have the same name,
            from before names were unique.
        """
        new = {rule.name: rule for rule in rules}
        old = {rule.name: rule for rule in self.read()}
        if not replace and (known := sorted(new.keys() & old.keys())):
            raise UserMistake(
                f"There is a rule {known[0]!r} already.", "Replace it with --replace, or choose another name."
            )
        values = KnownValues(self.graph)
        notes = [values.check(make_filters(rule)) for rule in new.values()]
        for rule in new.values():
            check_customer_values(self.graph, rule.customer_clauses)
        together = sorted((old | new).values(), key=lambda rule: (-rule.priority, rule.name))
        for one, other, sentence in find_conflicts(
            together, _read_named(self.graph, together), self._have_common_articles
        ):
            if one in new or other in new:
                raise UserMistake(sentence, "Change the dates, the scope or the priority of one, or remove one.")
        _keep_names_unique(self.graph, list(new))
        self.graph.write("add_rules", rules=[rule.to_properties() for rule in new.values()])
        return " ".join(filter(None, notes))

    def remove(self, *names: str) -> None:
        """Remove rules.

        Raises
        ------
        UnknownRule : the graph has no rule of one of the names. The others are removed then.
        """
        removed = {row["name"] for row in self.graph.write("remove_rules", names=list(names)).rows}
        for name in names:
            if name not in removed:
                raise UnknownRule(f"There is no rule {name[:60]!r}.", "`hmrec rules list` lists them.")

    def check(self) -> list[Problem]:
        """Return what is wrong with the rules: what changed in the graph since they were added, and contradictions."""
        problems: list[Problem] = []
        for properties in self.graph.read_column("rules"):
            try:
                Rule.model_validate(properties)
            except UserMistake as error:
                problems.append(Problem(str(properties["name"]), f"It cannot be read. {error.message}"))
        rules, day = self.read(), read_state(self.graph).until
        for rule in rules:
            problems += [Problem(rule.name, sentence) for sentence in self._check(rule, day)]
        for one, _, sentence in find_conflicts(rules, _read_named(self.graph, rules), self._have_common_articles):
            problems.append(Problem(one, sentence))
        return problems

    def _check(self, rule: Rule, day: date | None) -> Iterator[str]:
        """Yield what is wrong with one rule."""
        if rule.until_day is not None and day is not None and rule.until_day < day:
            yield f"It ended on {rule.until_day}."
            return
        try:
            if note := KnownValues(self.graph).check(make_filters(rule)):
                yield note
            check_customer_values(self.graph, rule.customer_clauses)
        except UserMistake as error:
            yield error.message
            return
        if rule.kind is Kind.pin and not read_facts(self.graph, [rule], [], Request()).passing:
            yield f"Article {rule.articles[0]} is out of stock or not sold now, so it is in no list."
        elif rule.kind is Kind.pin and rule.departments and not self._is_in_departments(rule):
            yield f"Article {rule.articles[0]} is in none of the departments whose lists the rule is for."
        if rule.where and next(self.graph.stream("passing_articles", **_every(rule)), None) is None:
            yield "No article fulfils its condition."
        if rule.customers and not read_scope(self.graph, rule):
            yield "It is for no customer."

    def _have_common_articles(self, one: Rule, other: Rule) -> bool:
        if are_disjoint(one.clauses, other.clauses):
            return False
        asked = Filters(include_unavailable=True).parameters | {"where": to_parameters(one.clauses + other.clauses)}
        return next(self.graph.stream("passing_articles", **asked), None) is not None

    def _is_in_departments(self, rule: Rule) -> bool:
        return bool(read_facts(self.graph, [rule], [], Request(department=rule.departments)).passing)


def make_filters(rule: Rule) -> Filters:
    """Return the articles that a rule names as filters of a request."""
    return Filters(where=rule.where, only=rule.articles, department=rule.departments)


def find_conflicts(
    rules: Sequence[Rule], facts: Facts[str], have_common_articles: Callable[[Rule, Rule], bool]
) -> Iterator[tuple[str, str, str]]:
    """Yield contradictions: the names of two rules, and a sentence.

    Rules contradict each other only on a common day, and if a customer and a department may be in the scope of both.

    Parameters
    ----------
    rules : all rules.
    facts : about the articles that rules name by their ids.
    have_common_articles : returns whether an article fulfils the conditions of two rules.
    """
    for one, other in combinations(rules, 2):
        if not _overlap(one, other):
            continue
        sentence = _contradict(one, other, facts) or _contradict(other, one, facts)
        sentence = sentence or _oppose(one, other, facts, have_common_articles)
        if sentence:
            yield one.name, other.name, sentence
    pins = [rule for rule in rules if rule.kind is Kind.pin]
    for cap in (rule for rule in rules if rule.kind is Kind.cap):
        found: dict[Hashable, list[Rule]] = defaultdict(list)
        for pin in pins:
            value = facts.values.get(str(cap.attribute), {}).get(pin.articles[0])
            counts = not cap.names_articles or pin.articles[0] in facts.matches[cap.name]
            if value is not None and counts and _overlap(cap, pin) and all(_overlap(pin, o) for o in found[value]):
                found[value].append(pin)
        for value, group in found.items():
            if len(group) > int(cap.most or 0):
                sentence = f"Rule {cap.name!r} allows {cap.most} articles of {value}, and rule {group[-1].name!r} pins "
                yield cap.name, group[-1].name, sentence + (f"number {len(group)}." if cap.most else "one.")


def _contradict(one: Rule, other: Rule, facts: Facts[str]) -> str:
    """Return a sentence if two rules that hold at the same time contradict each other; else an empty string."""
    names = f"Rules {one.name!r} and {other.name!r}"
    equal = one.priority == other.priority
    if one.kind is other.kind is Kind.pin and equal:
        if one.place == other.place:
            return f"{names} pin to the same place {one.place}."
        if one.articles == other.articles:
            return f"{names} pin article {one.articles[0]} to different places."
    if one.kind is Kind.pin and other.kind is Kind.block and one.articles[0] in facts.matches[other.name]:
        return f"Rule {other.name!r} blocks article {one.articles[0]}, which rule {one.name!r} pins."
    return ""


def _oppose(one: Rule, other: Rule, facts: Facts[str], have_common_articles: Callable[[Rule, Rule], bool]) -> str:
    """Return a sentence if one of two rules of equal priority boosts what the other buries; else an empty string."""
    rules = {rule.kind: rule for rule in (one, other)}
    if rules.keys() != {Kind.boost, Kind.bury} or one.priority != other.priority:
        return ""
    if one.where and other.where:
        meet = have_common_articles(one, other)
    else:
        meet = bool(set(facts.matches[one.name]) & set(facts.matches[other.name]))
    names = rules[Kind.boost].name, rules[Kind.bury].name
    return f"Rule {names[0]!r} boosts articles that rule {names[1]!r} buries." if meet else ""


def _overlap(one: Rule, other: Rule) -> bool:
    """Return whether two rules may hold for the same list."""
    starts, ends = one.from_day or date.min, one.until_day or date.max
    return (
        starts <= (other.until_day or date.max)
        and (other.from_day or date.min) <= ends
        and not are_disjoint(one.customer_clauses, other.customer_clauses)
        and (not one.departments or not other.departments or bool(set(one.departments) & set(other.departments)))
    )


def _keep_names_unique(graph: Graph, names: list[str]) -> None:
    """Create the constraint on the names of rules, unless other software gives several of its (:Rule) the same name.

    Raises
    ------
    UserMistake : several rules have the same name, other software has a (:Rule) of one of the names, or a constraint
        or an index that is not hmrec's is in the way.
    """
    if taken := graph.read_column("foreign_rules", names=names):
        raise UserMistake(f"A (:Rule) of other software has the name {taken[0]!r}.", "Choose another name.")
    doubled = graph.read_as(_Doubled, "doubled_rules")
    own = [one.name for one in doubled if not one.is_foreign]
    if own:
        raise UserMistake(
            f"Several rules have the name {own[0]!r}.",
            f"`hmrec rules remove {own[0]}` removes them; then add it again.",
        )
    if not doubled:
        check_schema(graph)
        graph.write("rule_constraint")


def _read_named(graph: Graph, rules: Sequence[Rule]) -> Facts[str]:
    """Return the facts about the articles that rules name by their ids."""
    return read_facts(graph, rules, [article for rule in rules for article in rule.articles], Request())


def _every(rule: Rule) -> dict[str, Any]:
    return Filters(where=rule.where, include_unavailable=True).parameters


def compare_lists(recommender: Recommender, request: Request) -> pd.DataFrame:
    """Return a customer's list with the rules beside the list without them.

    Parameters
    ----------
    recommender : the recommender.
    request : the request, with its customer.

    Returns
    -------
    place, before (the place without rules; NA if it is not in that list), article_id, prod_name, because. Articles
    that left the list come last; their place is NA.

    Raises
    ------
    UserMistake : as `Recommender.recommend`.
    """
    import pandas as pd

    now = recommender.recommend(request).articles
    before = recommender.recommend(request.model_copy(update={"no_rules": True})).articles
    places = {article: place for place, article in enumerate(before["article_id"], start=1)}
    gone = before[~before["article_id"].isin(now["article_id"])]
    rows = pd.concat([now.assign(place=range(1, len(now) + 1)), gone.assign(place=None)], ignore_index=True)
    rows["before"] = rows["article_id"].map(places)
    shown = rows[["place", "before", "article_id", "prod_name", "because"]]
    return shown.astype({"place": "Int64", "before": "Int64"})
