"""Rules and caps on the lists of many customers at once, by the same function as for one customer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ...cypher.graph import Graph
from ...cypher.recommenders import find_method
from ..candidates.batch_recommender import find_batch_recommender
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers, Mask, Subgraph
from .campaign import MethodList
from .diversity import Likeness, diversify
from .in_force import DEEPER, NEW_ARRIVALS, WIDER, Arrangement, read_facts, read_likeness, read_scope
from .request import Request
from .rule import BY_RULE, Facts, Kind, Rule, make_effects, number_facts
from .rules import Effects, arrange, meets_shares

Recommend = Callable[[Integers, int, bool], list[MethodList]]
"""Takes numbers of customers and a depth, and returns their lists of that depth: from the plan's steps or, if the third
argument is true, from the steps that fill short lists."""


@dataclass(frozen=True)
class BatchRules:
    """What rules and caps do to the lists of all customers.

    Attributes
    ----------
    snapshot : the shop.
    request : the request.
    rules : those in force, the highest priority first.
    scopes : for each rule with a condition on customers, by its place in `rules`: [C], whether it is for a customer.
    facts : about all articles, by their numbers.
    likeness : of all articles; None if the lists stay in the order of relevance.
    """

    snapshot: Snapshot
    request: Request
    rules: tuple[Rule, ...]
    scopes: dict[int, Mask]
    facts: Facts[int]
    likeness: Likeness | None = None
    _effects: dict[tuple[bool, ...], Effects[int]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(
        cls, graph: Graph, subgraph: Subgraph, snapshot: Snapshot, request: Request, arrangement: Arrangement
    ) -> BatchRules:
        """Read from the graph what the rules need to know.

        Parameters
        ----------
        graph : the graph to read.
        subgraph : its customers and articles.
        snapshot : the shop as of the day of the request.
        request : the request.
        arrangement : the rules in force.
        """
        ids = [subgraph.article_ids.id(number) for number in range(len(subgraph.article_ids))]
        scopes = {}
        for place, rule in enumerate(arrangement.rules):
            if rule.customers:
                scopes[place] = np.zeros(len(subgraph.customer_ids), dtype=np.bool_)
                known = (outer for outer in read_scope(graph, rule) if outer in subgraph.customer_ids)
                scopes[place][[subgraph.customer_ids.index(outer) for outer in known]] = True
        facts = read_facts(graph, arrangement.rules, ids, request)
        numbered = number_facts(facts, {outer: number for number, outer in enumerate(ids)})
        likeness = read_likeness(graph, request, ids) if request.diversity else None
        return cls(snapshot, request, arrangement.rules, scopes, numbered, likeness)

    def recommend(self, customers: Integers, recommend: Recommend) -> list[MethodList]:
        """Return the customers' lists with the rules applied; a list that is too short gets more candidates.

        Parameters
        ----------
        customers : [n], their numbers.
        recommend : returns their ranked lists.
        """
        found: list[MethodList] = [MethodList([], [], [], []) for _ in customers]
        k, depth = self.request.k, Arrangement(self.rules, self.request.diversity).choose_depth(self.request.k)
        if not self.request.diversity and all(rule.kind in (Kind.block, Kind.cap, Kind.pin) for rule in self.rules):
            depth *= DEEPER  # such rules choose the same articles from a longer list, and no list is ranked twice
        mains: list[MethodList] = list(found)
        more = [MethodList([], [], [], [])] * len(customers)
        needing = [place for place, customer in enumerate(customers.tolist()) if self._find_effects(customer).shares]
        if needing:
            for place, one in zip(needing, self._read_more(NEW_ARRIVALS, k, customers[needing]), strict=True):
                more[place] = one
        is_wider: set[int] = set()
        todo, short = np.arange(len(customers)), list[int]()
        while len(todo):
            deeper: list[int] = []
            lists = dict(zip(todo.tolist(), recommend(customers[todo], depth, False), strict=True))
            for place, main in lists.items():
                mains[place] = _join(main, more[place])
                found[place] = self._arrange(int(customers[place]), mains[place], None)
            wanting = [place for place in lists if place not in is_wider and self._lacks_new(customers, found, place)]
            for method, most in WIDER.items() if wanting else ():
                wider = self._read_more(method, most or k, customers[wanting])
                for place, one in zip(wanting, wider, strict=True):
                    more[place], mains[place] = _join(more[place], one), _join(mains[place], one)
            for place in wanting:
                is_wider.add(place)
                found[place] = self._arrange(int(customers[place]), mains[place], None)
            for place, main in lists.items():
                if len(found[place].articles) < k:
                    (short if len(main.articles) < depth else deeper).append(place)
            todo, depth = np.array(deeper, dtype=np.int64), depth * DEEPER
        todo, depth = np.array(sorted(short), dtype=np.int64), DEEPER * k
        while len(todo):
            deeper = []
            for place, fill in zip(todo.tolist(), recommend(customers[todo], depth, True), strict=True):
                found[place] = self._arrange(int(customers[place]), mains[place], fill)
                if len(found[place].articles) < k and len(fill.articles) >= depth:
                    deeper.append(place)
            todo, depth = np.array(deeper, dtype=np.int64), depth * DEEPER
        return found

    def _arrange(self, customer: int, main: MethodList, fill: MethodList | None) -> MethodList:
        effects, filled = self._find_effects(customer), fill.articles if fill else ()
        reorder = None if self.likeness is None else self._reorder
        placed = arrange(main.articles, effects, self.request.k, filled, reorder)
        origin = {article: (main, at) for at, article in enumerate(main.articles)}
        if fill is not None:
            origin = {article: (fill, at) for at, article in enumerate(fill.articles)} | origin
        by_rule = (MethodList([], [math.nan], [BY_RULE], [""]), 0)
        arranged, reasons = MethodList([], [], []), []
        for one in placed:
            source, at = origin.get(one.article, by_rule)
            arranged.articles.append(one.article)
            arranged.scores.append(source.scores[at])
            arranged.methods.append(source.methods[at])
            reasons.append("; ".join(filter(None, (source.reasons[at], one.said))))
        return arranged._replace(reasons=reasons)

    def _reorder(self, articles: list[int]) -> list[int]:
        assert self.likeness is not None  # noqa: S101  only called if there is one
        return [articles[place] for place in diversify(self.likeness.compare(articles), self.request.diversity)]

    def _find_effects(self, customer: int) -> Effects[int]:
        """Return what the rules for this customer mean; customers with the same rules share it."""
        key = tuple(bool(scope[customer]) for scope in self.scopes.values())
        if key not in self._effects:
            out = {place for place, holds in zip(self.scopes, key, strict=True) if not holds}
            rules = (rule for place, rule in enumerate(self.rules) if place not in out)
            self._effects[key] = make_effects(rules, self.facts)
        effects = self._effects[key]
        if effects.pins and self.request.new_only:
            owned = set(self.snapshot.owned[customer].indices.tolist())
            effects = replace(effects, pins=tuple(pin for pin in effects.pins if pin[1] not in owned))
        return effects

    def _lacks_new(self, customers: Integers, found: list[MethodList], place: int) -> bool:
        effects = self._find_effects(int(customers[place]))
        return not meets_shares(found[place].articles, effects, self.request.k)

    def _read_more(self, method: str, k: int, customers: Integers) -> list[MethodList]:
        """Return what a recommender adds to the lists of customers that need new arrivals."""
        lists = find_batch_recommender(method)(self.snapshot, customers, k=k, new_only=self.request.new_only)
        parts = [[part.tolist() for part in lists.of(row)] for row in range(len(customers))]
        doc = find_method(method).doc
        return [
            MethodList(articles, scores, [method] * len(articles), [doc] * len(articles)) for articles, scores in parts
        ]


def _join(main: MethodList, more: MethodList) -> MethodList:
    """Return a list followed by the articles of another that it lacks."""
    if not more.articles:
        return main
    have = set(main.articles)
    kept = [at for at, article in enumerate(more.articles) if article not in have]
    return MethodList(
        [*main.articles, *(more.articles[at] for at in kept)],
        [*main.scores, *(more.scores[at] for at in kept)],
        [*main.methods, *(more.methods[at] for at in kept)],
        [*main.reasons, *(more.reasons[at] for at in kept)],
    )
