"""Where the ranker's candidates come from: each a saved query, and its twin in memory for many customers at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from ..candidates.history import bought_together, item_based_cf, own_repurchases, variants
from ..candidates.lists import Candidates
from ..candidates.neighbours import user_based_cf
from ..candidates.popular import by_attributes, new_arrivals, popular, popular_in_departments, popular_in_segment
from ..candidates.snapshot import Snapshot
from ..export.subgraph import Integers
from .features import Offers

Ask = Callable[..., Candidates]


@dataclass(frozen=True)
class Source:
    """A recommender that proposes articles to the ranker.

    Attributes
    ----------
    name : as people read it.
    query : the saved query.
    ask : its twin in memory: (snapshot, customers, k, new_only=...) to lists; None for the embeddings', which need
        vectors, too.
    k : how many articles it proposes.
    parameters : of the query and its twin, besides.
    everything : whether what the customer bought before is proposed, too.
    cold : asked only for customers without purchases.
    """

    name: str
    query: str
    ask: Ask | None = None
    k: int = 60
    parameters: Mapping[str, Any] = field(default_factory=dict)
    everything: bool = False
    cold: bool = False


SOURCES = (
    Source("own repurchases", "own_repurchases", own_repurchases, k=150, everything=True),
    Source(
        "customers like you", "user_based_cf", user_based_cf, k=120, parameters={"own_weight": 0.0}, everything=True
    ),
    Source("articles like yours", "item_based_cf", item_based_cf),
    Source("bought together", "bought_together", bought_together),
    Source("variants", "variants", variants, k=30),
    Source("your departments", "popular_in_departments", popular_in_departments),
    Source("new arrivals", "new_arrivals", new_arrivals, k=40),
    Source("your segment", "popular_in_segment", popular_in_segment, k=30),
    Source("popular", "popular", popular, k=30),
    Source("customers of your age and place", "by_attributes", by_attributes, cold=True),
)
"""Every saved recommender of one customer. Embeddings come on top, where there are any: `EMBEDDING`."""

EMBEDDING = "embedding"
NEAREST = 60
BY_EMBEDDING = Source(EMBEDDING, "gnn", k=NEAREST, parameters={"reasons": False})


def choose_sources(names: tuple[str, ...]) -> tuple[Source, ...]:
    """The sources in memory of those names, in their own order; the embeddings are none of them."""
    return tuple(source for source in SOURCES if source.name in names)


def gather_offers(
    snapshot: Snapshot,
    customers: Integers,
    sources: tuple[Source, ...],
    nearest: Callable[[Integers], Candidates] | None,
) -> Offers:
    """Ask every source for every customer, and put what they propose together.

    Parameters
    ----------
    snapshot : the shop as of a day.
    customers : [n], whom for.
    sources : whom to ask.
    nearest : the lists by embedding of some customers, without what they own; None where there are none.
    """
    cold = snapshot.purchases_by_customer[customers] == 0
    lists = []
    for source in sources:
        if source.ask is None:
            continue
        ask = partial(source.ask, snapshot, k=source.k, **source.parameters)
        without = not source.everything
        lists.append(_ask_some(ask, customers, cold) if source.cold else ask(customers, new_only=without))
    if nearest is not None:
        lists.append(nearest(customers))
    return join_lists(customers, lists, snapshot.shape[1])


def join_lists(customers: Integers, lists: list[Candidates], articles: int) -> Offers:
    """The offers of several sources, each a list for each customer."""
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
    return Offers(customers, key // articles, key % articles, score, place)


def _ask_some(ask: Callable[..., Candidates], customers: Integers, wanted: npt.NDArray[np.bool_]) -> Candidates:
    """Lists for the wanted customers, and empty ones for the others."""
    found = ask(customers[wanted], new_only=False)
    sizes = np.zeros(len(customers), dtype=np.int64)
    sizes[wanted] = np.diff(found.indptr)
    return Candidates(np.append(0, np.cumsum(sizes)), found.article, found.score)
