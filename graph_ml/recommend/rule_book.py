"""The rules in the graph: list, add, remove and check them, and see what they do to a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
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
        for one, other, sentence in find_conflicts(together, _read_pinned(self.graph, together)):
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
        for one, _, sentence in find_conflicts(rules, _read_pinned(self.graph, rules)):
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
        if rule.where and next(self.graph.stream("passing_articles", **_every(rule)), None) is None:
            yield "No article fulfils its condition."
        if rule.customers and not read_scope(self.graph, rule):
            yield "It is for no customer."


def make_filters(rule: Rule) -> Filters:
    """Return the articles that a rule names as filters of a request."""
    return Filters(where=rule.where, only=rule.articles, department=rule.departments)


def find_conflicts(rules: Sequence[Rule], facts: Facts[str]) -> Iterator[tuple[str, str, str]]:
    """Yield contradictions: the names of two rules, and a sentence.

    Rules contradict each other only on a common day, for the same customers and departments.

    Parameters
    ----------
    rules : all rules.
    facts : about the pinned articles.
    """
    for one, other in combinations(rules, 2):
        if _overlap(one, other) and (sentence := _contradict(one, other, facts) or _contradict(other, one, facts)):
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
    if one.kind is Kind.boost and other.kind is Kind.bury and equal:
        same = one.where == other.where if one.where else bool(set(one.articles) & set(other.articles))
        if same:
            return f"Rule {one.name!r} boosts articles that rule {other.name!r} buries."
    if one.kind is other.kind is Kind.share and float(one.share or 0) + float(other.share or 0) > 1:
        return f"{names} ask for more than the whole list."
    return ""


def _overlap(one: Rule, other: Rule) -> bool:
    """Return whether two rules may hold for the same list; different conditions on customers count as different."""
    starts, ends = one.from_day or date.min, one.until_day or date.max
    return (
        starts <= (other.until_day or date.max)
        and (other.from_day or date.min) <= ends
        and (one.customers == other.customers or not one.customers or not other.customers)
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


def _read_pinned(graph: Graph, rules: Sequence[Rule]) -> Facts[str]:
    return read_facts(graph, rules, [], Request())


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
