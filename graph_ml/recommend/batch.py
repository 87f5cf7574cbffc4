"""Recommend to every customer at once, in memory, what the saved queries and the ranker say one by one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ...cypher.errors import HmrecError, NoEmbedding, UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.recommender import QUERIES, Method
from ..candidates.lists import Candidates
from ..candidates.nearest import Vectors, gnn
from ..candidates.neighbours import user_based_cf
from ..candidates.popular import by_attributes, popular, popular_in_segment
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.subgraph import IdMap, Integers, Mask, Subgraph, SubgraphSpec
from ..ranker.features import FACTS, Matrix
from ..ranker.fit import Board, Ranker
from ..ranker.sources import EMBEDDING, SOURCES, choose_sources
from .customer import find_ranker
from .submission import write_submission

AT_ONCE = 4_000  # customers; their candidates for the ranker take 0.5 GB
EVER = 1_000_000  # days
FORM = 2  # of the lists; raised when the same graph is to give other ones

TWINS = {source.query: source.ask for source in SOURCES if source.ask is not None}


@dataclass(frozen=True)
class Step:
    """A recommender that is asked for those customers who have not enough articles yet.

    Attributes
    ----------
    ask : gives the lists of some customers.
    whom : [C], whom it is asked for.
    """

    ask: Callable[[Integers], Candidates]
    whom: Mask


@dataclass(frozen=True)
class Shop:
    """All that lists are made from.

    Attributes
    ----------
    snapshot : the purchases before the day as of which is recommended, and which articles pass the filters.
    bought : [C], who ever bought something, be it later.
    vectors : the embeddings in force; None where there are none or nobody needs them.
    """

    snapshot: Snapshot
    bought: Mask
    vectors: Vectors | None


def recommend_everybody(
    graph: Graph,
    out: Path,
    *,
    k: int = 12,
    method: Method = Method.auto,
    new_only: bool = False,
    at_once: int = AT_ONCE,
    progress: Progress = silent,
    **filters: Any,
) -> int:
    """Write Kaggle's submission file: every customer, `customer_id,prediction`, the article ids apart by a space.

    Each list begins as `recommend` gives it for one customer. Where it is shorter than `k` it goes on with what is
    popular in the customer's segment, then with what is popular, then with what sold best ever, so that each customer
    has `k` articles where so many pass the filters and were ever sold. A run that was killed goes on, see
    `write_submission`.

    Parameters
    ----------
    graph, k, method, new_only, filters : as of `recommend`; `gnn` falls back to `auto` where there is no embedding.
    out : the file.
    at_once : how many customers in a batch, which is as many as a killed run loses.
    progress : told the customers that are done.

    Returns
    -------
    How many customers are in the file.

    Raises
    ------
    NoRanker, NoEmbedding : the method needs one, and the graph has none.
    UserMistake : the graph has no customers, or another run is writing the file.
    """
    if k < 1:
        raise UserMistake(f"-k must be at least 1, not {k}.")
    if not int(graph.read("counts")["customers"][0]):
        raise UserMistake("The graph has no customers.", "Load some first: hmrec load DIR")
    before = _read_version(graph)
    ranker = find_ranker(graph, method, filters)
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    shop = graph.read_anew(lambda: read_shop(graph, subgraph, ranker, method, filters))
    ranked, board = None, None
    if ranker is not None:
        board = graph.read_anew(lambda: read_board(graph, subgraph, shop, ranker))
        ranked = partial(ask_board, board, ranker, k, new_only)
    steps = plan_steps(shop, method, k, new_only, ranked)
    if len(before) > 1 and _read_version(graph) != before:
        raise HmrecError("The graph changed while it was read.", "Try again when the load or training is done.")
    settings = {"k": k, "method": method, "new_only": new_only, **filters}
    depends_on = [FORM, version("hmrec"), before, _digest(shop, ranker, board), settings]
    customers, articles = list(subgraph.customer_ids), subgraph.article_ids

    def predict(begin: int, end: int) -> Iterator[list[str]]:
        for found in recommend_by_steps(steps, np.arange(begin, end), k):
            yield [articles.id(article) for article in found]

    write_submission(out, depends_on, customers, predict, at_once=at_once, progress=progress)
    return len(customers)


def recommend_by_steps(steps: list[Step], customers: Integers, k: int) -> list[list[int]]:
    """The first `k` articles that the steps give each customer, one step's after the other's, no article twice."""
    lists: list[list[int]] = [[] for _ in customers]
    for step in steps:
        short = np.array([place for place, found in enumerate(lists) if len(found) < k], dtype=np.int64)
        short = short[step.whom[customers[short]]]
        if not len(short):
            continue
        more = step.ask(customers[short])
        for row, place in enumerate(short.tolist()):
            found = lists[place]
            found += [article for article in more.of(row)[0].tolist() if article not in found][: k - len(found)]
    return lists


def plan_steps(
    shop: Shop, method: Method, k: int, new_only: bool, ranked: Callable[[Integers], Candidates] | None = None
) -> list[Step]:
    """Whom to ask, in which order, so that lists begin as `recommend` gives them and no customer is left short.

    Parameters
    ----------
    shop, method, k, new_only : what is asked for.
    ranked : the ranker's lists, where the method asks it.
    """

    def ask(twin: Callable[..., Candidates], **parameters: Any) -> Callable[[Integers], Candidates]:
        return partial(twin, shop.snapshot, k=k, new_only=new_only, **parameters)

    def fill_up(whom: Mask) -> list[Step]:
        """What `auto` gives without a ranker and without embeddings."""
        return [
            Step(ask(user_based_cf), whom & shop.bought),
            Step(ask(by_attributes), whom & ~shop.bought),
            Step(ask(popular), whom),
        ]

    everybody = np.ones_like(shop.bought)
    embedded, nearest = ~everybody, []
    if shop.vectors is not None:
        embedded = ~np.isnan(shop.vectors.customers[:, 0])
        nearest = [partial(gnn, shop.snapshot, shop.vectors, k=k, new_only=new_only)]
    if ranked is not None:
        steps = [Step(ranked, everybody), Step(ask(popular), everybody)]
    elif method is Method.auto:
        by_neighbours, *rest = fill_up(everybody)
        steps = [by_neighbours, *(Step(near, embedded & shop.bought) for near in nearest), *rest]
    elif method is Method.gnn:
        steps = [*(Step(near, embedded) for near in nearest), *fill_up(~embedded)]
    elif method is Method.cf:
        steps = [Step(ask(user_based_cf), shop.bought), *fill_up(~shop.bought)]
    else:
        steps = [Step(ask(TWINS[QUERIES[method]]), everybody)]
    last = (ask(popular_in_segment), ask(popular), ask(popular, days=EVER))
    return [*steps, *(Step(one, everybody) for one in last)]


def ask_board(board: Board, ranker: Ranker, k: int, new_only: bool, customers: Integers) -> Candidates:
    """The ranker's lists; its scores are left out."""
    ranked = board.rank(ranker, customers, k, new_only)
    return Candidates(
        np.append(0, np.cumsum((ranked >= 0).sum(axis=1))), ranked[ranked >= 0], np.zeros(int((ranked >= 0).sum()))
    )


def read_shop(
    graph: Graph, subgraph: Subgraph, ranker: Ranker | None, method: Method, filters: Mapping[str, Any]
) -> Shop:
    """What lists are made from, as of the day that is asked for.

    Raises
    ------
    NoEmbedding : the method goes by embeddings alone, and the graph has none.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    as_of = date.fromisoformat(str(given["as_of"])) if "as_of" in given else None
    only = None
    if set(given) - {"as_of"}:
        only = np.zeros(len(subgraph.article_ids), dtype=np.bool_)
        passing = (row[0] for row in graph.stream("passing_articles", **filters))
        only[[subgraph.article_ids.index(article) for article in passing if article in subgraph.article_ids]] = True
    bought = np.bincount(subgraph.customer, minlength=len(subgraph.customer_ids)) > 0
    vectors = _read_vectors(graph, subgraph, as_of, method) if _needs_vectors(ranker, method) else None
    return Shop(Snapshot.of(subgraph, as_of, only), bought, vectors)


def read_board(graph: Graph, subgraph: Subgraph, shop: Shop, ranker: Ranker) -> Board:
    """What a ranker is asked with: the shop, and the facts that are in the graph."""
    facts = np.full((len(subgraph.article_ids), len(FACTS)), np.nan, dtype=np.float32)
    for article_id, values in graph.stream("article_facts", facts=list(FACTS)):
        if article_id in subgraph.article_ids:
            known = [np.nan if value is None else value for value in values]
            facts[subgraph.article_ids.index(article_id)] = known
    return Board(shop.snapshot, facts, shop.vectors, choose_sources(ranker.sources))


def _needs_vectors(ranker: Ranker | None, method: Method) -> bool:
    if ranker is not None:
        return EMBEDDING in ranker.sources
    return method in (Method.auto, Method.gnn)


def _read_vectors(graph: Graph, subgraph: Subgraph, as_of: date | None, method: Method) -> Vectors | None:
    """The embeddings in force; None where there are none, or they would tell the future."""
    found = graph.read_rows("model_in_force")[1]
    if not found:
        if method is Method.gnn:
            raise NoEmbedding("The graph has no embeddings.", "`hmrec train` makes them.")
        return None
    _, _, dim, until = found[0]
    if as_of is not None and as_of < until:
        return None
    customers = _stack(subgraph.customer_ids, dim, graph.stream("customer_embeddings"))
    return Vectors(customers, _stack(subgraph.article_ids, dim, graph.stream("article_embeddings")))


def _stack(ids: IdMap, dim: int, rows: Iterable[list[Any]]) -> Matrix:
    """[n, dim]; not a number where there is no embedding."""
    stacked = np.full((len(ids), dim), np.nan, dtype=np.float32)
    for outer, embedding in rows:
        if outer in ids:
            stacked[ids.index(outer)] = embedding
    return stacked


def _digest(shop: Shop, ranker: Ranker | None, board: Board | None) -> str:
    """A checksum of what a training left in the graph, of which versions tell too little: it writes in many steps."""
    found = hashlib.blake2b((ranker.to_text() if ranker else "").encode(), digest_size=16)
    for array in (*(shop.vectors or ()), *((board.facts,) if board else ())):
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _read_version(graph: Graph) -> list[Any]:
    """The loads and the model that answers depend on; while a load is not finished, something never seen before."""
    exported, answered = (graph.read_rows(name)[1][0] for name in ("export_version", "graph_version"))
    is_finished = exported[2]
    return [exported, answered] if is_finished else [uuid4().hex]
