"""Recommend to all customers at once, in memory; the lists are those of the saved queries and the ranker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from ...cypher.errors import HmrecError, NoEmbedding, UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress
from ...cypher.recommenders import Method, find_method
from ...cypher.state import GraphState, read_state
from ..candidates.batch_recommender import find_batch_recommender
from ..candidates.lists import Candidates
from ..candidates.nearest import Vectors
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.read_views import add_views
from ..export.subgraph import IdMap, Integers, Mask, Subgraph, SubgraphSpec, to_days
from ..ranker.context import RankingContext
from ..ranker.features import FACTS, Matrix
from ..ranker.ranker import Ranker
from ..ranker.sources import BY_EMBEDDING, choose_sources
from .active_ranker import ActiveRanker
from .batch_related import read_group_lists, read_related
from .batch_rules import BatchRules
from .campaign import Campaign, ListForm, MethodList, read_columns, to_cells, write_rows
from .customers import find_customers
from .in_force import choose_arrangement
from .plan import BEST_SELLERS, LAST, OWN, Plan, Step, plan_steps
from .request import Request
from .submission import HEADER, write_lists

FILL = (Step("popular_in_segment"), *LAST)
"""The steps that fill the lists that those of the plan leave too short."""
FORM = 6  # raise it when the same graph gives other lists, so that no run resumes a file of the old ones


@dataclass(frozen=True)
class BatchStep:
    """A step with its batch recommender.

    Attributes
    ----------
    method : the recommender's name.
    recommend : returns the lists of the customers with these numbers.
    suited : [C], whether the step is for a customer.
    because : why it recommends its articles, in words; the ranker's candidates have the label of a source instead.
    sources : the ranker's sources; empty for other steps.
    """

    method: str
    recommend: Callable[[Integers], Candidates]
    suited: Mask
    because: str = ""
    sources: tuple[str, ...] = ()

    def find_reasons(self, lists: Candidates, row: int) -> list[str]:
        """Return why the articles of a list are recommended.

        Parameters
        ----------
        lists : what `recommend` returned.
        row : the place of the list.
        """
        begin, end = lists.indptr[row : row + 2].tolist()
        if lists.source is None:
            return [self.because] * (end - begin)
        labels = [find_method(name).label for name in self.sources]
        return [labels[source] for source in lists.source[begin:end].tolist()]


@dataclass(frozen=True)
class Shop:
    """Everything that lists are made from.

    Attributes
    ----------
    snapshot : the purchases before the day of the request, and which articles pass the filters.
    bought : [C], whether a customer has any purchase, before that day or after it.
    vectors : the embeddings in force; None if there are none or no step needs them.
    facts : [A, FACTS] float32, what a training wrote on the articles, NaN where it wrote nothing; None if no step needs
        them.
    """

    snapshot: Snapshot
    bought: Mask
    vectors: Vectors | None
    facts: Matrix | None = None


@dataclass(frozen=True)
class AllLists:
    """The lists of all customers of a campaign, computed batch by batch as they are asked for.

    Attributes
    ----------
    subgraph : the purchases that they are made from, with the ids of customers and articles.
    customers : the numbers of the customers who get a list, ascending.
    recommend : returns the lists of the customers from a first position up to, but not including, a second.
    depends_on : everything that the lists depend on, as values for JSON.
    state : the graph's state that they are made from.
    """

    subgraph: Subgraph
    customers: Integers
    recommend: Callable[[int, int], list[MethodList]]
    depends_on: list[Any]
    state: GraphState


def prepare_all(
    graph: Graph, active_ranker: ActiveRanker, request: Request, campaign: Campaign, progress: Progress
) -> AllLists:
    """Read what the lists are made from, and return them; they are computed when they are asked for.

    Parameters
    ----------
    graph, active_ranker : the graph and its trees.
    request : the request for all customers.
    campaign : which customers get a list.
    progress : receives the steps.

    Raises
    ------
    NoRanker, NoEmbedding : the method needs one, and the graph has none.
    UserMistake : the graph has no customers, or none is chosen.
    HmrecError : a load or a training changed the graph meanwhile.
    """
    before = read_state(graph)
    if not before.customers:
        raise UserMistake("The graph has no customers.", "Load some first: hmrec load DIR")
    plan = plan_steps(request, lambda: before)
    ranker = active_ranker.read(plan.state) if plan.state is not None else None
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    if _needs_views(ranker, plan):
        subgraph = add_views(graph, subgraph, to_days(request.as_of or subgraph.until), progress)
    shop = graph.read_with_retry(lambda: read_shop(graph, subgraph, ranker, plan, request, before))
    ranked = None
    if ranker is not None and shop.facts is not None:
        chosen_sources = choose_sources(ranker.sources, ranker.parameters)
        context = RankingContext(shop.snapshot, shop.facts, shop.vectors, chosen_sources)
        ranked = partial(rank_in_context, context, ranker, request)
    arrangement = choose_arrangement(request, lambda: before)
    arranged = None
    if arrangement is not None:
        known = arrangement
        arranged = graph.read_with_retry(lambda: BatchRules.read(graph, subgraph, shop.snapshot, request, known))

    def prepare(depth: int) -> tuple[list[BatchStep], list[BatchStep]]:
        deeper = None if ranked is None else partial(ranked, depth=depth)
        sources = ranker.sources if ranker is not None else ()
        planned = prepare_steps(shop, plan.steps, request, depth, deeper, sources)
        return planned, prepare_steps(shop, FILL, request, depth)

    main, last = prepare(request.k)
    if before.is_settled and read_state(graph).checksum != before.checksum:
        raise HmrecError("The graph changed while it was read.", "Try again when the load or training is done.")
    settings = request.model_dump(mode="json") | {"method": request.chosen.name} | asdict(campaign)
    state = before.checksum if before.is_settled else uuid4().hex  # no run resumes the file of an unsettled graph
    depends_on = [FORM, version("hmrec"), state, _digest(shop, ranker), settings]
    if (note := campaign.describe_unknown(subgraph.customer_ids)) and graph.notify is not None:
        graph.notify(note)
    passing = find_customers(graph, campaign.clauses) if campaign.clauses else None
    chosen = campaign.select(subgraph.customer_ids, subgraph.customer, subgraph.time, shop.snapshot.cut, passing)
    if passing is not None:
        depends_on.append(hashlib.blake2b("\n".join(sorted(passing)).encode(), digest_size=16).hexdigest())

    def deepen(customers: Integers, depth: int, is_fill: bool) -> list[MethodList]:
        return recommend_by_steps(prepare(depth)[is_fill], customers, depth)

    def recommend(begin: int, end: int) -> list[MethodList]:
        if arranged is None:
            return recommend_by_steps([*main, *last], chosen[begin:end], request.k)
        return arranged.recommend(chosen[begin:end], deepen)

    return AllLists(subgraph, chosen, recommend, depends_on, before)


def write_file(graph: Graph, lists: AllLists, out: Path, campaign: Campaign, at_once: int, progress: Progress) -> None:
    """Write lists into a file, as `write_lists` describes.

    Parameters
    ----------
    graph : the graph, for the campaign's columns.
    lists : the lists.
    out : the file.
    campaign : the form of the file, and its columns.
    at_once : customers in a batch.
    progress : called with the number of customers done.
    """
    form, articles = campaign.choose_form(out), lists.subgraph.article_ids
    columns = None if form is ListForm.kaggle else graph.read_with_retry(lambda: read_columns(graph, campaign))

    def predict(begin: int, end: int) -> Iterator[tuple[str, ...]]:
        for found in lists.recommend(begin, end):
            if columns is None:
                yield (" ".join(articles.id(article) for article in found.articles),)
            else:
                yield to_cells(found, articles, campaign.header)

    def finish(partial_file: Path, complete: Path) -> None:
        assert columns is not None  # noqa: S101  Kaggle's file is written as it is
        write_rows(partial_file, complete, form, columns, campaign.columns)

    write_lists(
        out,
        [*lists.depends_on, form],
        [lists.subgraph.customer_ids.id(number) for number in lists.customers.tolist()],
        predict,
        header=HEADER if columns is None else campaign.header,
        finish=None if columns is None else finish,
        at_once=at_once,
        progress=progress,
    )


def recommend_by_steps(steps: list[BatchStep], customers: Integers, k: int) -> list[MethodList]:
    """Return each customer's first `k` articles: those of the first step, then those of the next; no article twice."""
    lists = [MethodList([], [], [], []) for _ in customers]
    for step in steps:
        short = np.array([place for place, found in enumerate(lists) if len(found.articles) < k], dtype=np.int64)
        short = short[step.suited[customers[short]]]
        if not len(short):
            continue
        more = step.recommend(customers[short])
        for row, place in enumerate(short.tolist()):
            found = lists[place]
            known, reasons = set(found.articles), step.find_reasons(more, row)
            for article, score, reason in zip(*(part.tolist() for part in more.of(row)), reasons, strict=True):
                if len(found.articles) == k:
                    break
                if article not in known:
                    found.articles.append(article)
                    found.scores.append(score)
                    found.methods.append(step.method)
                    found.reasons.append(reason)
    return lists


def prepare_steps(
    shop: Shop,
    steps: tuple[Step, ...],
    request: Request,
    depth: int,
    ranked: Callable[[Integers], Candidates] | None = None,
    sources: tuple[str, ...] = (),
) -> list[BatchStep]:
    """Return steps as batch recommenders.

    Parameters
    ----------
    shop : what lists are made from.
    steps : the steps of the request's plan, or `FILL`.
    request : the request.
    depth : how many articles each step recommends.
    ranked : returns the ranker's lists, for the step `hybrid`.
    sources : the ranker's sources.
    """
    everyone = np.ones_like(shop.bought)
    embedded = ~everyone if shop.vectors is None else ~np.isnan(shop.vectors.customers[:, 0])

    def prepare(method: str, **parameters: Any) -> Callable[[Integers], Candidates]:
        if method == "hybrid" and ranked is not None:
            return ranked
        if find_method(method).needs_embeddings:
            parameters["vectors"] = shop.vectors
        batch = find_batch_recommender(method)
        return partial(batch, shop.snapshot, k=depth, new_only=request.new_only, **parameters)

    return [
        BatchStep(
            step.method,
            prepare(step.method, **step.parameters),
            everyone & step.suits(shop.bought, embedded),
            "best sellers of all time" if step == BEST_SELLERS else find_method(step.method).doc,
            sources,
        )
        for step in steps
    ]


def rank_in_context(
    context: RankingContext, ranker: Ranker, request: Request, customers: Integers, depth: int
) -> Candidates:
    """Return the ranker's lists, as deep as wanted; only the first `k` of the request are ordered by all trees."""
    ranked, scores, sources = context.rank_with_scores(ranker, customers, request.k, request.new_only, depth)
    is_article = ranked >= 0
    offsets = np.append(0, np.cumsum(is_article.sum(axis=1)))
    return Candidates(offsets, ranked[is_article], scores[is_article], sources[is_article])


def read_shop(
    graph: Graph, subgraph: Subgraph, ranker: Ranker | None, plan: Plan, request: Request, state: GraphState
) -> Shop:
    """Return what lists are made from, as of the day of the request.

    Parameters
    ----------
    graph, request : the graph and the request.
    subgraph : all purchases.
    ranker : the ranker in force; None if the plan does without.
    plan : the request's plan.
    state : the graph's state before the purchases were read.

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
    facts = _read_facts(graph, subgraph) if _needs_facts(ranker, plan) else None
    repeats = None if facts is None else facts[:, FACTS.index("repeats")].astype(np.float64)
    methods = _list_methods(ranker, plan)
    snapshot = replace(
        Snapshot.of(subgraph, request.as_of, only),
        repeats=repeats,
        related=read_related(graph, subgraph, methods, request, state),
        group_lists=read_group_lists(graph, subgraph, methods, request, state),
    )
    return Shop(snapshot, bought, vectors, facts)


def _list_methods(ranker: Ranker | None, plan: Plan) -> list[Method]:
    """Return the recommenders that the lists need."""
    names = [step.method for step in (*plan.steps, *FILL)] + ([] if ranker is None else list(ranker.sources))
    return [find_method(name) for name in names]


def _needs_facts(ranker: Ranker | None, plan: Plan) -> bool:
    return ranker is not None or any(step.method == OWN and step.parameters for step in plan.steps)


def _read_facts(graph: Graph, subgraph: Subgraph) -> Matrix:
    """Return [A, FACTS], float32: what a training wrote on the articles; NaN where it wrote nothing."""
    facts = np.full((len(subgraph.article_ids), len(FACTS)), np.nan, dtype=np.float32)
    for article_id, values in graph.stream("article_facts", facts=list(FACTS)):
        if article_id in subgraph.article_ids:
            known = [np.nan if value is None else value for value in values]
            facts[subgraph.article_ids.index(article_id)] = known
    return facts


def _needs_views(ranker: Ranker | None, plan: Plan) -> bool:
    names = (*(step.method for step in plan.steps), *(ranker.sources if ranker else ()))
    return any(find_method(name).needs_views for name in names)


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
    customers = stack_vectors(subgraph.customer_ids, model.dim, graph.stream("customer_embeddings"))
    return Vectors(customers, stack_vectors(subgraph.article_ids, model.dim, graph.stream("article_embeddings")))


def stack_vectors(ids: IdMap, dim: int, rows: Iterable[list[Any]]) -> Matrix:
    """Return [n, dim], float32, from rows of an id and its embedding; NaN for ids without one."""
    stacked = np.full((len(ids), dim), np.nan, dtype=np.float32)
    for outer, embedding in rows:
        if outer in ids:
            stacked[ids.index(outer)] = embedding
    return stacked


def _digest(shop: Shop, ranker: Ranker | None) -> str:
    """Return a checksum of which articles pass, and of what a training wrote into the graph.

    A version's number is not enough: a training writes in many steps, and readers may see some of them.
    """
    found = hashlib.blake2b((ranker.to_text() if ranker else "").encode(), digest_size=16)
    views = shop.snapshot.views
    for array in (
        *(shop.snapshot.only, *(shop.vectors or ()), shop.facts),
        *(views.customer, views.article, views.time, views.is_cart),
    ):
        if array is not None:
            found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
