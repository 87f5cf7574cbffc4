"""Recommend to all customers at once, in memory; the lists are those of the saved queries and the ranker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ...cypher.errors import HmrecError, NoEmbedding, UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress
from ...cypher.recommenders import find_method
from ...cypher.state import read_state
from ..candidates.batch_recommender import find_batch_recommender
from ..candidates.lists import Candidates
from ..candidates.nearest import Vectors
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.subgraph import IdMap, Integers, Mask, Subgraph, SubgraphSpec
from ..ranker.context import RankingContext
from ..ranker.features import FACTS, Matrix
from ..ranker.ranker import Ranker
from ..ranker.sources import BY_EMBEDDING, choose_sources
from .active_ranker import ActiveRanker
from .campaign import PARTIAL, Campaign, ListForm, MethodList, read_columns, to_cells, write_rows
from .plan import BEST_SELLERS, Plan, Step, plan_steps
from .request import Request
from .submission import HEADER, write_lists

AT_ONCE = 4_000  # customers; their candidates for the ranker take 0.5 GB
FORM = 4  # raise it when the same graph gives other lists, so that no run resumes a file of the old ones


@dataclass(frozen=True)
class BatchStep:
    """A step with its batch recommender.

    Attributes
    ----------
    method : the recommender's name.
    recommend : returns the lists of the customers with these numbers.
    suited : [C], whether the step is for a customer.
    """

    method: str
    recommend: Callable[[Integers], Candidates]
    suited: Mask


@dataclass(frozen=True)
class Shop:
    """Everything that lists are made from.

    Attributes
    ----------
    snapshot : the purchases before the day of the request, and which articles pass the filters.
    bought : [C], whether a customer has any purchase, before that day or after it.
    vectors : the embeddings in force; None if there are none or no step needs them.
    """

    snapshot: Snapshot
    bought: Mask
    vectors: Vectors | None


def recommend_all(
    graph: Graph,
    active_ranker: ActiveRanker,
    request: Request,
    out: Path,
    campaign: Campaign,
    at_once: int,
    progress: Progress,
) -> int:
    """Write the customers' lists into a file and return their number, as `Recommender.recommend_all` describes.

    Raises
    ------
    NoRanker, NoEmbedding : the method needs one, and the graph has none.
    UserMistake : the graph has no customers, none is chosen, or another run is writing the file.
    HmrecError : a load or a training changed the graph meanwhile.
    """
    form = campaign.choose_form(out)
    before = read_state(graph)
    if not before.customers:
        raise UserMistake("The graph has no customers.", "Load some first: hmrec load DIR")
    plan = plan_steps(request, lambda: before)
    ranker = active_ranker.read(plan.state) if plan.state is not None else None
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    shop = graph.read_with_retry(lambda: read_shop(graph, subgraph, ranker, plan, request))
    ranked, context = None, None
    if ranker is not None:
        context = graph.read_with_retry(lambda: read_ranking_context(graph, subgraph, shop, ranker))
        ranked = partial(rank_in_context, context, ranker, request)
    steps = prepare_steps(shop, plan.steps, request, ranked)
    if before.is_settled and read_state(graph) != before:
        raise HmrecError("The graph changed while it was read.", "Try again when the load or training is done.")
    settings = request.model_dump(mode="json") | {"method": request.chosen.name} | asdict(campaign) | {"form": form}
    columns = None if form is ListForm.kaggle else graph.read_with_retry(lambda: read_columns(graph, campaign))
    state = asdict(before) if before.is_settled else uuid4().hex  # no run resumes the file of an unsettled graph
    depends_on = [FORM, version("hmrec"), state, _digest(shop, ranker, context), settings]
    if (note := campaign.describe_unknown(subgraph.customer_ids)) and graph.notify is not None:
        graph.notify(note)
    chosen = campaign.select(subgraph.customer_ids, subgraph.customer, subgraph.time, shop.snapshot.cut)
    customers, articles = [subgraph.customer_ids.id(number) for number in chosen.tolist()], subgraph.article_ids

    def predict(begin: int, end: int) -> Iterator[tuple[str, ...]]:
        for found in recommend_by_steps(steps, chosen[begin:end], request.k):
            if columns is None:
                yield (" ".join(articles.id(article) for article in found.articles),)
            else:
                yield to_cells(found, articles)

    def finish(partial_file: Path, complete: Path) -> None:
        assert columns is not None  # noqa: S101  Kaggle's file is written as it is
        write_rows(partial_file, complete, form, columns)

    write_lists(
        out,
        depends_on,
        customers,
        predict,
        header=HEADER if columns is None else PARTIAL,
        finish=None if columns is None else finish,
        at_once=at_once,
        progress=progress,
    )
    return len(customers)


def recommend_by_steps(steps: list[BatchStep], customers: Integers, k: int) -> list[MethodList]:
    """Return each customer's first `k` articles: those of the first step, then those of the next; no article twice."""
    lists = [MethodList([], [], []) for _ in customers]
    for step in steps:
        short = np.array([place for place, found in enumerate(lists) if len(found.articles) < k], dtype=np.int64)
        short = short[step.suited[customers[short]]]
        if not len(short):
            continue
        more = step.recommend(customers[short])
        for row, place in enumerate(short.tolist()):
            found = lists[place]
            for article, score in zip(*(part.tolist() for part in more.of(row)), strict=True):
                if len(found.articles) == k:
                    break
                if article not in found.articles:
                    found.articles.append(article)
                    found.scores.append(score)
                    found.methods.append(step.method)
    return lists


def prepare_steps(
    shop: Shop, steps: tuple[Step, ...], request: Request, ranked: Callable[[Integers], Candidates] | None = None
) -> list[BatchStep]:
    """Return the plan's steps as batch recommenders, and after them those that fill the lists that are still short.

    Parameters
    ----------
    shop : what lists are made from.
    steps : the steps of the request's plan.
    request : the request.
    ranked : returns the ranker's lists, for the step `hybrid`.
    """
    everyone = np.ones_like(shop.bought)
    embedded = ~everyone if shop.vectors is None else ~np.isnan(shop.vectors.customers[:, 0])

    def prepare(method: str, **parameters: Any) -> Callable[[Integers], Candidates]:
        if method == "hybrid" and ranked is not None:
            return ranked
        if find_method(method).needs_embeddings:
            parameters["vectors"] = shop.vectors
        batch = find_batch_recommender(method)
        return partial(batch, shop.snapshot, k=request.k, new_only=request.new_only, **parameters)

    last = (Step("popular_in_segment"), Step("popular"), BEST_SELLERS)
    return [
        BatchStep(step.method, prepare(step.method, **step.parameters), everyone & step.suits(shop.bought, embedded))
        for step in (*steps, *last)
    ]


def rank_in_context(context: RankingContext, ranker: Ranker, request: Request, customers: Integers) -> Candidates:
    """Return the ranker's lists."""
    ranked, scores = context.rank_with_scores(ranker, customers, request.k, request.new_only)
    is_article = ranked >= 0
    return Candidates(np.append(0, np.cumsum(is_article.sum(axis=1))), ranked[is_article], scores[is_article])


def read_shop(graph: Graph, subgraph: Subgraph, ranker: Ranker | None, plan: Plan, request: Request) -> Shop:
    """Return what lists are made from, as of the day of the request.

    Raises
    ------
    NoEmbedding : the method recommends by embeddings alone, and the graph has none.
    """
    passes = np.zeros(len(subgraph.article_ids), dtype=np.bool_)
    for (article_id,) in graph.stream("passing_articles", **request.parameters):
        if article_id in subgraph.article_ids:
            passes[subgraph.article_ids.index(article_id)] = True
    only = None if passes.all() else passes  # without a filter, sources skip a step
    bought = np.bincount(subgraph.customer, minlength=len(subgraph.customer_ids)) > 0
    vectors = _read_vectors(graph, subgraph, request) if _needs_vectors(ranker, plan) else None
    return Shop(Snapshot.of(subgraph, request.as_of, only), bought, vectors)


def read_ranking_context(graph: Graph, subgraph: Subgraph, shop: Shop, ranker: Ranker) -> RankingContext:
    """Return what a ranker needs: the shop, and the facts about articles that the graph has."""
    facts = np.full((len(subgraph.article_ids), len(FACTS)), np.nan, dtype=np.float32)
    for article_id, values in graph.stream("article_facts", facts=list(FACTS)):
        if article_id in subgraph.article_ids:
            known = [np.nan if value is None else value for value in values]
            facts[subgraph.article_ids.index(article_id)] = known
    return RankingContext(shop.snapshot, facts, shop.vectors, choose_sources(ranker.sources, ranker.parameters))


def _needs_vectors(ranker: Ranker | None, plan: Plan) -> bool:
    if ranker is not None:
        return BY_EMBEDDING.name in ranker.sources
    return any(find_method(step.method).needs_embeddings for step in plan.steps)


def _read_vectors(graph: Graph, subgraph: Subgraph, request: Request) -> Vectors | None:
    """Return the embeddings in force; None if there are none, or if using them as of that day would leak the future."""
    model = read_state(graph).model
    if model is None:
        if request.chosen.needs_embeddings:
            raise NoEmbedding("The graph has no embeddings.", "`hmrec train` makes them.")
        return None
    if request.as_of is not None and request.as_of < model.until:
        return None
    customers = _stack(subgraph.customer_ids, model.dim, graph.stream("customer_embeddings"))
    return Vectors(customers, _stack(subgraph.article_ids, model.dim, graph.stream("article_embeddings")))


def _stack(ids: IdMap, dim: int, rows: Iterable[list[Any]]) -> Matrix:
    """Return [n, dim], float32, from rows of an id and its embedding; NaN for ids without one."""
    stacked = np.full((len(ids), dim), np.nan, dtype=np.float32)
    for outer, embedding in rows:
        if outer in ids:
            stacked[ids.index(outer)] = embedding
    return stacked


def _digest(shop: Shop, ranker: Ranker | None, context: RankingContext | None) -> str:
    """Return a checksum of which articles pass, and of what a training wrote into the graph.

    A version's number is not enough: a training writes in many steps, and readers may see some of them.
    """
    found = hashlib.blake2b((ranker.to_text() if ranker else "").encode(), digest_size=16)
    passing = () if shop.snapshot.only is None else (shop.snapshot.only,)
    for array in (*passing, *(shop.vectors or ()), *((context.facts,) if context else ())):
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
