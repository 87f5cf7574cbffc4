"""Recommend what goes with a cart, to a customer or to an unknown visitor.

    weight(a) = log2(1 + quantity of a in the cart)
    score(x) = sum over the cart's articles a of weight(a) * (with(a,x) + next(a,x))

`with` and `next` are those of the query `related`, of the best 30 articles each. A customer's own list is blended in by
reciprocal rank fusion: 2 / (10 + place) in the cart's list and 1 / (10 + place) in their own, added up (Cormack et al.,
SIGIR 2009). The first 48 places of their own list count; the others follow, so that a longer list begins as a shorter
one does. For a visitor, popular articles fill the list, then those that nobody bought yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ...cypher.articles import check_articles, read_names
from ...cypher.catalogue import find_query
from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.state import read_state
from .customer import leave_out, name_method, to_frame
from .in_force import Arrangement, choose, read_owned
from .plan import LAST
from .related import Kind, read_version
from .request import CartItem, Recommendations, Request, write_note
from .shared_lists import QUERIES_AT_ONCE, Row

FUSION = 10
"""Added to a place in a list before its reciprocal is taken. The authors' 60 is for long lists: in short ones, an
article on both would come before the first of either."""
CART_WEIGHT = 2
"""How much more a place in the cart's list counts than one in the customer's own."""
BLENDED = 48
"""How many places of the customer's own list are blended in."""
METHOD = "cart"
"""The method's name in answers for a cart."""


class _Related(NamedTuple):
    """A row of the query `related`."""

    article_id: str
    prod_name: str | None
    score: float
    because: str


def recommend_for_cart(
    graph: Graph,
    request: Request,
    read_own: Callable[[Request], Recommendations],
    arrangement: Arrangement | None = None,
) -> Recommendations:
    """Return what goes with the request's articles, as `Recommender.recommend` describes it.

    Parameters
    ----------
    graph : the graph to read.
    request : has articles, and may have a customer.
    read_own : returns a customer's own list.
    arrangement : what rules, caps and diversity do to the list; None for nothing.

    Raises
    ------
    UnknownArticle : the graph does not have an article of the cart.
    UnknownCustomer : the graph has no such customer.
    UserMistake : the request has `method` or `new_only`, and no customer.
    """
    if request.customer_id is None and (request.new_only or request.chosen.name != "auto"):
        what = "new_only" if request.new_only else "A method"
        raise UserMistake(f"{what} needs a customer: a cart alone has no history.", "Leave it out, or name a customer.")
    cart = [item.article_id for item in request.articles]
    check_articles(graph, cart)
    without_cart = request.model_copy(update={"articles": (), "exclude": (*request.exclude, *cart)})
    rows = _rank_for_cart(graph, request, without_cart)
    if request.new_only:
        owned = read_owned(graph, request)
        rows = [row for row in rows if row.article_id not in owned]
    notes: dict[str, None] = {}
    scored_by = dict.fromkeys((row.article_id for row in rows), METHOD)

    def fetch(depth: int) -> list[Row]:
        """Return the list before rules, which apply once, to the blended list."""
        plain = {"k": max(depth, BLENDED), "cap": (), "diversity": 0.0, "no_rules": True, "method": request.chosen.name}
        deeper = without_cart.model_copy(update=plain)
        if request.customer_id is None:
            found = _fill_with_popular(graph, rows, deeper, scored_by)
        else:
            own = read_own(deeper)
            notes[own.note] = None
            listed = [Row(*row) for row in own.articles[list(Row._fields)].itertuples(index=False)]
            scored_by.update(zip((row.article_id for row in listed), own.scored_by, strict=True))
            blended = _blend(rows, listed[:BLENDED])
            scored_by.update(dict.fromkeys((row.article_id for row in blended), METHOD))
            found = [*blended, *leave_out(blended, listed[BLENDED:])]
        return found

    chosen = choose(graph, without_cart, arrangement, fetch)
    note = write_note(request, *notes, _describe_age(graph, request))
    methods = tuple(name_method(one, scored_by) for one in chosen)
    return Recommendations(request.customer_id, METHOD, to_frame(graph, chosen), note, methods)


def _rank_for_cart(graph: Graph, request: Request, without_cart: Request) -> list[Row]:
    """Return the articles related to those of the cart that pass the filters, best first."""
    most = int(find_query("related").default("most"))
    pairs = [(item, kind) for item in request.articles for kind in (Kind.together, Kind.next)]

    def read(pair: tuple[CartItem, Kind]) -> list[_Related]:
        return graph.read_as(
            _Related,
            "related",
            article_id=pair[0].article_id,
            kind=pair[1].value,
            k=most,
            as_of=request.as_of,
            include_unavailable=True,
        )

    with ThreadPoolExecutor(QUERIES_AT_ONCE) as pool:
        found = list(pool.map(read, pairs))
    names = dict(zip(cart := [item.article_id for item in request.articles], read_names(graph, cart), strict=True))
    scores: dict[str, float] = {}
    best: dict[str, tuple[float, str]] = {}
    for (item, _), rows in zip(pairs, found, strict=True):
        weight = math.log2(1 + item.quantity)
        for row in rows:
            part = weight * row.score
            scores[row.article_id] = scores.get(row.article_id, 0.0) + part
            if part > best.get(row.article_id, (0.0, ""))[0]:
                best[row.article_id] = part, f"goes with {names[item.article_id] or item.article_id}: {row.because}"
    passing = graph.read_column("passing_candidates", article_ids=list(scores), **without_cart.parameters)
    ranked = sorted(passing, key=lambda one: (-round(math.log(scores[one]), 12), one))
    return [Row(article_id, scores[article_id], best[article_id][1]) for article_id in ranked]


def _blend(with_cart: list[Row], own: list[Row]) -> list[Row]:
    """Return the articles of both lists by reciprocal rank fusion; an article of both has both reasons."""
    scores: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for rows, weight in ((with_cart, CART_WEIGHT), (own, 1)):
        for place, row in enumerate(rows, start=1):
            known = reasons.get(row.article_id)
            scores[row.article_id] = scores.get(row.article_id, 0.0) + weight / (FUSION + place)
            reasons[row.article_id] = row.because if known is None else f"{known}; {row.because}"
    ranked = sorted(scores, key=lambda one: -scores[one])  # equal scores stay in order, the cart's first
    return [Row(article_id, scores[article_id], reasons[article_id]) for article_id in ranked]


def _fill_with_popular(graph: Graph, rows: list[Row], request: Request, scored_by: dict[str, str]) -> list[Row]:
    """Return the rows, followed by popular articles that pass the filters, until there are `k`; note their methods."""
    for step in LAST:
        if len(rows) < request.k:
            more = graph.read_as(Row, step.method, k=request.k + len(rows), **step.parameters, **request.parameters)
            added = leave_out(rows, more)
            scored_by.update(dict.fromkeys((row.article_id for row in added), step.method))
            rows = [*rows, *added]
    return rows


def _describe_age(graph: Graph, request: Request) -> str:
    """Return a sentence about the age of the relationships that a list was made from."""
    version = read_version(graph)
    if version is None or not version.is_usable(request.as_of):
        return ""
    return version.describe(None if request.as_of else read_state(graph).until)
