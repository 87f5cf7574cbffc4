"""Lists from the articles that are related to the customer's own: what `related_together` and `related_next` share."""

from __future__ import annotations

from functools import partial

import scipy.sparse as sp

from ..export.subgraph import Integers
from .lists import Candidates, in_batches, take_top_k
from .neighbours import Neighbours
from .snapshot import Snapshot
from .sparse import take_heaviest


def recommend_related(
    snapshot: Snapshot,
    customers: Integers,
    name: str,
    relate: partial[Neighbours],
    k: int,
    new_only: bool,
    half_life: float,
    articles: int,
) -> Candidates:
    """Return the articles with the largest sums of weight times relation to each customer's heaviest articles.

    Parameters
    ----------
    snapshot, customers, k, new_only : as for every batch recommender.
    name : the recommender's; the relationships that the graph has under this name are taken if the snapshot has them.
    relate : computes the neighbours of all articles otherwise.
    half_life : days after which a purchase of the customer counts half.
    articles : use this many of the customer's articles, those of largest weight.
    """

    def score(batch: Integers) -> Candidates:
        sums = (take_heaviest(weights[batch], articles) @ related).tocsr()
        return take_top_k(sums, k, without=snapshot.owned_to_exclude(batch, new_only), only=snapshot.only)

    weights, related = snapshot.decayed_counts(half_life), take_related(snapshot, name, relate)
    return in_batches(customers, 2_000, score)


def take_related(snapshot: Snapshot, name: str, relate: partial[Neighbours]) -> sp.csr_matrix:
    """Return [A, A], how strongly each article is related to the others: as the graph has it, else computed."""
    if name in snapshot.related:
        return snapshot.related[name]

    def make() -> sp.csr_matrix:
        found = relate()
        return sp.csr_matrix((found.score, found.article, found.indptr), (snapshot.shape[1],) * 2)

    matrix: sp.csr_matrix = snapshot.cached(("related", name, *sorted(relate.keywords.items())), make)
    return matrix
