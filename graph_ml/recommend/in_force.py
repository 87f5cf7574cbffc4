"""Read the rules in force for a request, and apply them to one customer's list."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.recommenders import UNSOLD
from ...cypher.state import GraphState, read_state
from ..export.subgraph import to_days
from .diversity import ALIKE, Likeness, diversify
from .request import Request
from .rule import Facts, Kind, Rule, make_effects
from .rules import arrange, meets_shares
from .shared_lists import Row
from .where import to_parameters

DEEPER = 4
"""How many times deeper a list is fetched, at first and again while it is too short."""
AT_ONCE = 10_000  # articles in one query
NEW_ARRIVALS = "new_arrivals"
WIDER = {"popular": 300, UNSOLD: 0}
"""The recommenders that add candidates to lists without enough new arrivals, and how deep they are read; 0 for `k`.

The popular ones are for articles first sold lately. Stored lists have 300 of them.
"""


class Chosen(NamedTuple):
    """An article of a customer's list.

    Attributes
    ----------
    row : the article, its score and its reason.
    said : what a rule did to it; empty if no rule moved it.
    method : the recommender that proposed it because a rule asked for more new arrivals; empty for the others.
    """

    row: Row
    said: str = ""
    method: str = ""


class _Fact(NamedTuple):
    article_id: str
    matches: list[int]
    is_new: list[int]
    values: list[Hashable]


@dataclass(frozen=True)
class Arrangement:
    """The rules, caps and diversity of a request's lists.

    Attributes
    ----------
    rules : those in force on the day for the requested departments, and the request's caps; the highest priority first.
        Those with a condition on customers may still be for others.
    diversity : as in the request.
    """

    rules: tuple[Rule, ...]
    diversity: float = 0.0

    def choose_depth(self, k: int) -> int:
        """Return how many candidates a list of `k` is made from at first."""
        if not self.diversity and all(rule.kind is Kind.pin for rule in self.rules):
            return k
        return max(DEEPER * k, math.ceil(k * max((rule.factor or 1.0 for rule in self.rules), default=1.0)))

    @property
    def pins(self) -> tuple[str, ...]:
        """The pinned articles."""
        return tuple(article for rule in self.rules if rule.kind is Kind.pin for article in rule.articles)

    @property
    def needs_new_arrivals(self) -> bool:
        """Whether a rule asks for a share of new arrivals."""
        return any(rule.kind is Kind.share for rule in self.rules)


def read_rules(state: GraphState) -> tuple[Rule, ...]:
    """Return the rules that the graph has, the highest priority first; those that cannot be read are left out."""
    found = []
    for text in state.rules:
        try:
            found.append(Rule.model_validate(json.loads(text)))
        except UserMistake:  # written by hand or by another version; `hmrec rules check` says so
            continue
    return tuple(sorted(found, key=lambda rule: -rule.priority))  # those of equal priority stay in order of their names


def choose_arrangement(request: Request, read_state: Callable[[], GraphState]) -> Arrangement | None:
    """Return the rules, caps and diversity of the request's lists; None if there are none.

    Parameters
    ----------
    request : the request.
    read_state : returns the graph's state; called only if the request does not leave rules out.
    """
    rules = () if request.no_rules else read_rules(read_state())
    rules = tuple(rule for rule in rules if rule.is_for(request.department))
    if any(rule.from_day or rule.until_day for rule in rules):
        day = request.as_of or read_state().until
        rules = tuple(rule for rule in rules if rule.holds_on(day))
    rules = (*rules, *request.caps)
    return Arrangement(rules, request.diversity) if rules or request.diversity else None


def read_facts(graph: Graph, rules: Sequence[Rule], article_ids: Sequence[str], request: Request) -> Facts[str]:
    """Return what the rules need to know about articles; `passing` has the pinned ones that pass the filters."""
    conditions = {rule.name: rule.clauses for rule in rules if rule.where}
    new_days = sorted({rule.new_days for rule in rules if rule.kind is Kind.share})
    properties = sorted({rule.attribute for rule in rules if rule.attribute is not None})
    matches = {rule.name: set(rule.articles) for rule in rules}
    new: dict[int, set[str]] = {days: set() for days in new_days}
    values: dict[str, dict[str, Hashable]] = {name: {} for name in properties}
    pins = Arrangement(tuple(rules)).pins
    asked = {
        "conditions": [to_parameters(clauses) for clauses in conditions.values()],
        "new_days": new_days,
        "properties": properties,
        "as_of": request.as_of,
    }
    articles, names = list(dict.fromkeys((*article_ids, *pins))), list(conditions)
    for fact in _stream_facts(graph, articles, asked) if conditions or new_days or properties else ():
        for place in fact.matches:
            matches[names[place]].add(fact.article_id)
        for days in fact.is_new:
            new[days].add(fact.article_id)
        _keep_values(fact, values)
    return Facts(matches, new, values, _read_passing(graph, pins, request))


def _stream_facts(graph: Graph, article_ids: Sequence[str], asked: Mapping[str, Any]) -> Iterator[_Fact]:
    """Yield what the query `rule_facts` says of articles, some of them at a time."""
    for begin in range(0, len(article_ids), AT_ONCE):
        yield from graph.read_as(_Fact, "rule_facts", article_ids=list(article_ids[begin : begin + AT_ONCE]), **asked)


def _keep_values(fact: _Fact, values: dict[str, dict[str, Hashable]]) -> None:
    """Add the article's values, which are in the order of the keys of `values`."""
    for known, value in zip(values.values(), fact.values, strict=True):
        if value is not None:
            known[fact.article_id] = value


def _read_passing(graph: Graph, pins: Collection[str], request: Request) -> frozenset[str]:
    """Return the pinned articles that pass the request's filters."""
    only = sorted(set(pins) & set(request.only) if request.only else set(pins))
    if not only:
        return frozenset()
    return frozenset(graph.read_column("passing_articles", **(request.parameters | {"only": only})))


def choose(
    graph: Graph, request: Request, arrangement: Arrangement | None, fetch: Callable[[int], list[Row]]
) -> list[Chosen]:
    """Return a customer's list with the rules applied.

    Parameters
    ----------
    graph : the graph to read.
    request : the request; without a customer, it is a visitor's, and rules for some customers do not apply.
    arrangement : what is done to the list; None for nothing.
    fetch : returns the first rows of the ranked list, at least as many as its argument says, unless there are fewer.
    """
    if arrangement is None:
        return [Chosen(row) for row in fetch(request.k)[: request.k]]
    rules = _choose_rules(graph, arrangement.rules, request.customer_id)
    arrangement = Arrangement(rules, arrangement.diversity)
    if not rules and not arrangement.diversity:
        return [Chosen(row) for row in fetch(request.k)[: request.k]]
    more: list[Chosen] = []
    if arrangement.needs_new_arrivals and request.customer_id is not None:
        more = _read_more(graph, request, NEW_ARRIVALS, request.k)
    depth, is_wider = arrangement.choose_depth(request.k), False
    owned = read_owned(graph, request) if request.new_only and arrangement.pins else frozenset()
    rows: list[Row] | None = None
    while True:
        rows = fetch(depth)[:depth] if rows is None else rows
        by_id = {one.row.article_id: one for one in (*reversed(more), *map(Chosen, rows))}
        ids = list(dict.fromkeys((*(row.article_id for row in rows), *(one.row.article_id for one in more))))
        facts = read_facts(graph, rules, ids, request)
        effects = make_effects(rules, replace(facts, passing=frozenset(facts.passing) - owned))
        placed = arrange(ids, effects, request.k, reorder=_make_reorder(graph, request, ids))
        if not is_wider and not meets_shares([one.article for one in placed], effects, request.k):
            for method, most in WIDER.items():
                more += _read_more(graph, request, method, most or request.k)
            is_wider = True
        elif len(placed) == request.k or len(rows) < depth:
            pinned = {article: Chosen(Row(article, math.nan, "")) for article in arrangement.pins}
            return [(pinned | by_id)[one.article]._replace(said=one.said) for one in placed]
        else:
            rows, depth = None, depth * DEEPER


def _read_more(graph: Graph, request: Request, method: str, k: int) -> list[Chosen]:
    """Return what a recommender adds to a list that needs new arrivals."""
    who = {} if request.customer_id is None else {"customer_id": request.customer_id, "new_only": request.new_only}
    return [Chosen(row, method=method) for row in graph.read_as(Row, method, k=k, **who, **request.parameters)]


def _make_reorder(graph: Graph, request: Request, ids: list[str]) -> Callable[[list[str]], list[str]] | None:
    """Return the function that makes the customer's candidates more diverse; None if that is not requested."""
    if not request.diversity:
        return None
    likeness, number = read_likeness(graph, request, ids), {article: place for place, article in enumerate(ids)}

    def reorder(articles: list[str]) -> list[str]:
        alike = likeness.compare([number[article] for article in articles])
        return [articles[place] for place in diversify(alike, request.diversity)]

    return reorder


def read_likeness(graph: Graph, request: Request, ids: Sequence[str]) -> Likeness:
    """Return how similar articles are: by embedding, if a model is in force that does not know the request's future.

    Parameters
    ----------
    graph : the graph to read.
    request : the request.
    ids : the articles.
    """
    model = read_state(graph).model
    if model is None or (request.as_of is not None and request.as_of < model.until):
        values: dict[str, dict[str, Hashable]] = {name: {} for name in ALIKE}
        for fact in _stream_facts(graph, ids, {"properties": list(values)}):
            _keep_values(fact, values)
        return Likeness.by_attributes(ids, values)
    number = {article: place for place, article in enumerate(ids)}
    table = np.full((len(ids), model.dim), np.nan, dtype=np.float32)
    for begin in range(0, len(ids), AT_ONCE):
        for article, embedding in graph.stream("embeddings_of", article_ids=list(ids[begin : begin + AT_ONCE])):
            table[number[article]] = embedding
    return Likeness(table)


def _choose_rules(graph: Graph, rules: tuple[Rule, ...], customer_id: str | None) -> tuple[Rule, ...]:
    """Return the rules that are for a customer; None is a visitor, whom rules for some customers skip."""
    conditions = {rule.customers: to_parameters(rule.customer_clauses) for rule in rules if rule.customers}
    fulfilled = {""}
    if conditions and customer_id is not None:
        texts, asked = list(conditions), list(conditions.values())
        found = graph.read_column("scopes_of_customer", customer_id=customer_id, conditions=asked)
        fulfilled |= {texts[place] for places in found for place in places}
    return tuple(rule for rule in rules if rule.customers in fulfilled)


def read_scope(graph: Graph, rule: Rule) -> list[str]:
    """Return the ids of the customers that a rule is for."""
    return graph.read_column("passing_customers", customers_where=to_parameters(rule.customer_clauses))


def read_owned(graph: Graph, request: Request) -> frozenset[str]:
    """Return the articles that the customer bought before the day of the list."""
    _, rows = graph.read_rows("customer_history", customer_id=request.customer_id)
    until = math.inf if request.as_of is None else to_days(request.as_of)
    return frozenset(
        article for *_, articles, days in rows for article, day in zip(articles, days, strict=True) if day < until
    )
