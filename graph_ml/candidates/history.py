"""Candidates from what the customer bought: again, in another variant, or what is taken home with it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from ..export.subgraph import Integers
from .lists import Candidates, Floats, in_batches, keep_largest, look_up, rank_absolute, row_numbers, select, take_best
from .products import multiply, number_as_met, number_by_size, spread
from .snapshot import Snapshot

SUMS_AT_ONCE = 1_000_000  # by the mean; at least 64 customers, whose sums took 26 MB on Complete Journey


def own_repurchases(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    half_life: float = 42.0,
    rhythm: float = 0.5,
) -> Candidates:
    """What each customer bought before, as the query own_repurchases gives it."""

    def make() -> sp.csr_matrix:
        pairs, weights = snapshot.pairs, snapshot.weigh(half_life)
        again = pairs.days > 1
        gap = (pairs.last - pairs.first)[again] / (pairs.days[again] - 1)
        late = (snapshot.cut - pairs.last)[again] / gap
        factor = np.ones(len(again))
        factor[again] += rhythm * np.exp(-2 * (late - 1) ** 2)
        return sp.csr_matrix((weights.data * factor, weights.indices, weights.indptr), weights.shape)

    if new_only:
        return Candidates(np.zeros(len(customers) + 1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    scores: sp.csr_matrix = snapshot.keep(("own_repurchases", half_life, rhythm), make)
    return in_batches(customers, 10_000, lambda batch: take_best(scores[batch], k, rank_absolute, only=snapshot.only))


def variants(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    half_life: float = 42.0,
    days: int = 28,
    products: int = 30,
) -> Candidates:
    """Other articles of the products that each customer bought, as the query variants gives them."""

    def score(batch: Integers) -> Candidates:
        bought = weights[batch] @ product
        bought.sort_indices()
        others = take_weightiest(bought, products) @ product.T
        sums = _subtract(others, weights[batch])
        sums.data *= sold[sums.indices]
        return take_best(sums, k, without=snapshot.leave_out(batch, new_only), only=snapshot.only)

    weights, product = snapshot.weigh(half_life), snapshot.incidence("Product")
    sold = np.log(1 + snapshot.count_since(days))
    return in_batches(customers, 2_000, score)


def item_based_cf(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    half_life: float = 42.0,
    days: int = 84,
    damping: float = 0.5,
    articles: int = 12,
    buyers: int = 30,
    pool: int = 300,
) -> Candidates:
    """Articles that go to the same customers as what each customer bought, as the query item_based_cf gives them."""

    def make() -> tuple[sp.csr_matrix, sp.csr_matrix, Floats, sp.csr_matrix, Integers]:
        sample, late = snapshot.latest(buyers), snapshot.time >= snapshot.cut - days
        bought_by = _ones(snapshot.article[sample], snapshot.customer[sample], (snapshot.shape[1], snapshot.shape[0]))
        lately = sp.csr_matrix((np.ones(late.sum()), (snapshot.customer[late], snapshot.article[late])), snapshot.shape)
        repeated = np.asarray(bought_by.multiply(lately.T.tocsr()).sum(axis=1)).ravel()
        return bought_by, lately, repeated, *_number_by_sales(snapshot, lately)

    def score(batch: Integers) -> Candidates:
        own = take_weightiest(weights[batch], articles)
        row = row_numbers(own)
        is_in = look_up(bought_by, own.indices, batch[row])
        share = _divide(own.data, size[own.indices] - is_in)
        others = spread(_with_data(own, share), bought_by)
        others = select(others, others.indices != batch[row_numbers(others)])
        sums = keep_largest(multiply(others, by_sales), pool + articles)
        sums = sp.csr_matrix((sums.data, seller[sums.indices], sums.indptr), sums.shape)
        if not new_only:  # what they add to themselves; else they are left out, and keep their places in the pool
            by_itself = repeated[own.indices] - is_in * look_up(lately, batch[row], own.indices)
            sums = _subtract(sums, _with_data(own, share * by_itself))
        return _damp(snapshot, keep_largest(sums, pool), batch, k, new_only, damping)

    weights = snapshot.weigh(half_life)
    bought_by, lately, repeated, by_sales, seller = snapshot.keep(("item_based_cf", days, buyers), make)
    size = np.diff(bought_by.indptr)
    sums = articles * buyers * by_sales.nnz // max(1, snapshot.shape[0])  # a customer, by the mean: 49,000 on Journey
    return in_batches(customers, int(np.clip(SUMS_AT_ONCE // max(1, sums), 64, 250)), score)


def bought_together(
    snapshot: Snapshot,
    customers: Integers,
    k: int = 12,
    *,
    new_only: bool = False,
    half_life: float = 42.0,
    damping: float = 0.5,
    articles: int = 12,
    buyers: int = 30,
    pool: int = 300,
) -> Candidates:
    """Articles taken home on one day with what each customer bought, as the query bought_together gives them."""

    def make() -> tuple[sp.csr_matrix, sp.csr_matrix, sp.csr_matrix, Integers]:
        sample = snapshot.latest(buyers)
        basket, number = number_as_met(snapshot.basket, snapshot.basket[sample])  # an article's baskets stand together
        inside = basket >= 0
        owner = np.zeros(number, dtype=np.int64)
        owner[basket[inside]] = snapshot.customer[inside]
        holds = _ones(basket[inside], snapshot.article[inside], (number, snapshot.shape[1]))
        within = _ones(snapshot.article[sample], basket[sample], (snapshot.shape[1], number))
        of_customer = _ones(np.arange(number), owner, (number, snapshot.shape[0]))
        return holds, within, (within @ of_customer).tocsr(), owner

    def score(batch: Integers) -> Candidates:
        own = take_weightiest(weights[batch], articles)
        size = np.diff(within.indptr)[own.indices] - look_up(of_customer, own.indices, batch[row_numbers(own)])
        share = _divide(own.data, size)
        others = spread(_with_data(own, share), within)
        others = select(others, owner[others.indices] != batch[row_numbers(others)])
        sums = _subtract(keep_largest(multiply(others, holds), pool + articles), _with_data(own, share * size))
        return _damp(snapshot, keep_largest(sums, pool), batch, k, new_only, damping)

    weights = snapshot.weigh(half_life)
    holds, within, of_customer, owner = snapshot.keep(("bought_together", buyers), make)
    of_customer.sort_indices()
    return in_batches(customers, 250, score)


def take_weightiest(weights: sp.csr_matrix, articles: int) -> sp.csr_matrix:
    """Of each row the `articles` entries of most weight, and of equal ones the first."""
    best = take_best(weights, articles, rank_absolute)
    matrix = sp.csr_matrix((best.score, best.article, best.indptr), weights.shape)
    matrix.sort_indices()
    return matrix


def _number_by_sales(snapshot: Snapshot, counts: sp.csr_matrix) -> tuple[sp.csr_matrix, Integers]:
    """The counts [C, A] with the articles numbered by how often they are bought, and by that number the article.

    What is added to most stands together, and stays in the cache: sums over customers take two thirds of the time.
    """
    number, seller = number_by_size(snapshot.purchases_by_article)
    numbered = sp.csr_matrix((counts.data.copy(), number[counts.indices], counts.indptr), counts.shape)
    numbered.sort_indices()
    return numbered, seller


def _damp(
    snapshot: Snapshot, sums: sp.csr_matrix, batch: Integers, k: int, new_only: bool, damping: float
) -> Candidates:
    known: Floats = snapshot.keep(("damped", damping), lambda: snapshot.purchases_by_article**damping)
    damped = _with_data(sums, sums.data / known[sums.indices])
    return take_best(damped, k, without=snapshot.leave_out(batch, new_only), only=snapshot.only)


def _ones(row: Integers, column: Integers, shape: tuple[int, int]) -> sp.csr_matrix:
    matrix = sp.csr_matrix((np.ones(len(row)), (row, column)), shape)  # adds up what stands at one place
    matrix.data[:] = 1
    return matrix


def _with_data(matrix: sp.csr_matrix, data: Floats) -> sp.csr_matrix:
    return sp.csr_matrix((data, matrix.indices, matrix.indptr), matrix.shape)


def _divide(weights: Floats, counts: Floats) -> Floats:
    """0 where there is nobody else."""
    return np.divide(weights, counts, out=np.zeros(len(weights)), where=counts > 0)


def _subtract(sums: sp.csr_matrix, itself: sp.csr_matrix) -> sp.csr_matrix:
    """The sums without what an article adds to itself; where nothing else did, what is left is rounding.

    A customer has at most `articles` such sums, so the `pool` largest differences are among the `pool + articles`
    largest sums: the callers look no further.
    """
    own = look_up(itself, row_numbers(sums), sums.indices)
    left = sums.data - own
    return select(_with_data(sums, left), left > 1e-12 * own)
