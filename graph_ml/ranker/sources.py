"""Where the ranker's candidates come from: those recommenders of the table that propose articles to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cypher.catalogue import find_query
from ...cypher.learned_cf import COMPARED_PER_NEIGHBOUR, LearnedCf, make_neighbour_parameters
from ...cypher.recommenders import METHODS, Method, find_method
from ..candidates.batch_recommender import find_batch_recommender
from ..candidates.lists import Candidates
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers, Subgraph, to_days
from ..holdout.split import WEEK
from .features import CandidateSet

SOURCES = tuple(
    method for method in METHODS if method.candidates and not method.needs_embeddings and not method.is_retired
)
"""The recommenders that need no embeddings; `BY_EMBEDDING` comes last if there are any."""

BY_EMBEDDING = find_method("gnn")

NEIGHBOURS_PURCHASES = 10_000
"""About how many purchases, of the customers compared, the ranker's `user_based_cf` reads for one customer."""
FEWEST_COMPARED = 12
"""Least number of customers that it compares."""


Learned = Mapping[str, Mapping[str, Any]]
"""Parameters that training learned, by the source's name and their own."""


def name_sources(sources: tuple[Method, ...], embedded: bool) -> tuple[str, ...]:
    """Return the sources' names in the order of their columns; the one by embedding comes last, if there are any."""
    return (*(source.name for source in sources), *((BY_EMBEDDING.name,) if embedded else ()))


def choose_sources(names: tuple[str, ...], learned: Learned | None = None) -> tuple[Method, ...]:
    """Return the sources with these names, in this order, without the one that needs embeddings."""
    return tuple(method for method in find_sources(names, learned) if not method.needs_embeddings)


def find_sources(names: tuple[str, ...], learned: Learned | None = None) -> tuple[Method, ...]:
    """Return the sources with these names, in this order, with the parameters that training learned."""
    more = learned or {}
    return tuple(
        replace(one, parameters={**one.parameters, **more.get(one.name, {})}) for one in map(find_method, names)
    )


def drop_unseen(subgraph: Subgraph, sources: tuple[Method, ...] = SOURCES) -> tuple[Method, ...]:
    """Return the sources, without those that need views and carts if a ranker could not learn from any.

    It learns from none if there are none before the last week.

    Parameters
    ----------
    subgraph : what the ranker is trained on.
    sources : the recommenders that propose articles.
    """
    if len(subgraph.views.before(to_days(subgraph.until) - WEEK)):
        return sources
    return tuple(source for source in sources if not source.needs_views)


def apply_cf(learned: LearnedCf, subgraph: Subgraph, sources: tuple[Method, ...] = SOURCES) -> tuple[Method, ...]:
    """Return the sources, of which `user_based_cf` has the half-lives that training learned for new articles.

    Other sources propose what the customer has bought before. The numbers of customers are not the learned ones:
    reading five times as many neighbours takes most of an answer's time, and changes the ranker's lists little
    (docs/decisions/0071-relationships-that-answer.md). If customers buy a lot, they are fewer than the query's
    defaults, too: an answer reads about `NEIGHBOURS_PURCHASES`
    (docs/decisions/0074-fewer-neighbours-who-buy-a-lot.md).

    Parameters
    ----------
    learned : what training learned.
    subgraph : the purchases that the ranker is trained on.
    sources : the recommenders that propose articles.
    """
    names = tuple(source.name for source in sources)
    buyers = max(1, int(np.count_nonzero(np.bincount(subgraph.customer))))
    compared = max(FEWEST_COMPARED, round(NEIGHBOURS_PURCHASES * buyers / max(1, subgraph.num_edges)))
    parameters = learned.new.half_lives()
    default: int = find_query("user_based_cf").default("candidates")
    if compared < default:
        parameters |= make_neighbour_parameters(int(compared / COMPARED_PER_NEIGHBOUR))
    return find_sources(names, {"user_based_cf": parameters})


def collect_candidates(
    snapshot: Snapshot,
    customers: Integers,
    sources: tuple[Method, ...],
    nearest: Callable[[Integers], Candidates] | None,
) -> CandidateSet:
    """Collect what every source proposes to every customer.

    Parameters
    ----------
    snapshot : the shop as of a day.
    customers : [n], the numbers of the customers to recommend for.
    sources : the recommenders that propose articles.
    nearest : returns lists by embedding, without articles that the customers own; None if there are no embeddings.
    """
    cold = snapshot.purchases_by_customer[customers] == 0
    lists = []
    for source in sources:
        batch = find_batch_recommender(source.name)
        propose = partial(batch, snapshot, k=source.candidates, **source.parameters)
        if source.is_for_cold_start:
            lists.append(_propose_in_batches(propose, customers, cold))
        else:
            lists.append(propose(customers, new_only=not source.proposes_bought))
    if nearest is not None:
        lists.append(nearest(customers))
    return merge_lists(customers, lists, snapshot.shape[1])


def merge_lists(customers: Integers, lists: list[Candidates], articles: int) -> CandidateSet:
    """Join the lists of several sources, each with a list for each customer."""
    keys = [found.row * articles + found.article for found in lists]
    key, inverse = np.unique(np.concatenate([*keys, np.zeros(0, dtype=np.int64)]), return_inverse=True)
    shape = (len(key), len(lists))
    score, place = np.full(shape, np.nan, dtype=np.float32), np.full(shape, np.nan, dtype=np.float32)
    begin = 0
    for column, found in enumerate(lists):
        at = inverse[begin : begin + len(found.article)]
        score[at, column] = found.score
        place[at, column] = np.arange(len(found.article)) - found.indptr[found.row] + 1
        begin += len(found.article)
    return CandidateSet(customers, key // articles, key % articles, score, place)


def _propose_in_batches(
    propose: Callable[..., Candidates], customers: Integers, wanted: npt.NDArray[np.bool_]
) -> Candidates:
    """Return lists for the wanted customers, and empty ones for the others."""
    found = propose(customers[wanted], new_only=False)
    sizes = np.zeros(len(customers), dtype=np.int64)
    sizes[wanted] = np.diff(found.indptr)
    return Candidates(np.append(0, np.cumsum(sizes)), found.article, found.score)
