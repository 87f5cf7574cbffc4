"""Hold the last days out, let each method foresee them, and measure the methods side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pandas as pd

from ..cypher.errors import UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .export import Integers, Subgraph, SubgraphSpec, export_subgraph
from .metrics import METRICS
from .ranking import Truth, collect_pairs, make_truth, mark_hits, rank_by_cosine
from .split import HoldOut, hold_out
from .train import TrainSettings, train

QUERIES: Mapping[str, tuple[str, ...]] = {
    "popular": ("popular",),
    "own_repurchases": ("own_repurchases", "popular"),
    "cf": ("user_based_cf",),
}
"""Methods that are saved queries: the first one's articles, filled up with the next one's."""

METHODS = (*QUERIES, "gnn")


def evaluate(
    graph: Graph,
    settings: TrainSettings | None = None,
    *,
    days: int = 7,
    k: int = 12,
    until: date | None = None,
    methods: tuple[str, ...] | None = None,
    customers: int | None = None,
    workers: int = 2,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Measure methods on the last days, from what was known before them; the graph is only read.

    Saved queries are asked with `as_of` the first day held out. The neural network is trained on earlier purchases and
    asked in memory, by exact cosine; embeddings that are in the graph know the future and are not used.

    Parameters
    ----------
    graph : holds the purchases.
    settings : the neural network's; None for the defaults.
    days : how many days are held out.
    k : length of the lists.
    until : the day after the last of them; None for the end of the purchases.
    methods : which of `METHODS`; None for all.
    customers : only so many customers, drawn by a fixed seed; None for all who bought before and after the cut.
    workers : how many queries run at once.
    progress : told each method's customers.

    Returns
    -------
    A row for each method and kind of purchases ("all", or "new": pairs never bought before): method, purchases, the
    means of `METRICS` over the customers, how many customers, and the method's seconds for both kinds. Its `attrs` have
    the cut.

    Raises
    ------
    UserMistake : an unknown method, or days that cannot be held out.
    """
    methods = methods or METHODS
    for method in methods:
        if method not in METHODS:
            raise UserMistake(f"There is no method {method[:40]!r} to evaluate.", f"There are: {', '.join(METHODS)}.")
    subgraph = export_subgraph(graph, SubgraphSpec(until=until), progress)
    held = hold_out(subgraph, days)
    truths = {"all": make_truth(held, new_only=False), "new": make_truth(held, new_only=True)}
    if customers is not None:
        truths = {kind: _draw(truth, customers, truths["all"].customers) for kind, truth in truths.items()}
    rows = []
    for method in methods:
        begun = time.monotonic()
        if method == "gnn":
            lists = _rank_by_gnn(held, truths, settings, k, progress)
        else:
            lists = _rank_by_queries(graph, method, held, truths, k, workers, progress)
        seconds = round(time.monotonic() - begun, 1)
        rows += [_measure(method, kind, lists[kind], truth) | {"seconds": seconds} for kind, truth in truths.items()]
    table = pd.DataFrame(rows)
    table.attrs |= {"cut": held.cut.isoformat(), "days": days, "k": k}
    return table


def _draw(truth: Truth, number: int, everyone: Integers) -> Truth:
    chosen = np.random.default_rng(0).permutation(everyone)[:number]
    kept = np.isin(truth.customers, chosen)
    return Truth(truth.customers[kept], truth.bought, truth.owned, truth.relevant[kept])


def _measure(method: str, kind: str, ranked: Integers, truth: Truth) -> dict[str, str | float | int]:
    hits = mark_hits(ranked, truth)
    means = {name: float(metric(hits, truth.relevant).mean()) if len(hits) else 0.0 for name, metric in METRICS.items()}
    return {"method": method, "purchases": kind, **means, "customers": len(truth.customers)}


def _rank_by_gnn(
    held: HoldOut, truths: dict[str, Truth], settings: TrainSettings | None, k: int, progress: Progress
) -> dict[str, Integers]:
    known = held.before.without_isolated()  # what is first bought later is not there to be found
    trained = train(known, settings, progress)
    place = {outer: index for index, outer in enumerate(held.before.article_ids)}
    to_whole = np.array([place[outer] for outer in trained.article_ids], dtype=np.int64)
    lists = {}
    for kind, truth in truths.items():
        rows = [trained.customer_ids.index(held.before.customer_ids.id(int(customer))) for customer in truth.customers]
        owned = None if truth.owned is None else truth.owned[truth.customers][:, to_whole]
        ranked = rank_by_cosine(trained.customers[rows], trained.articles, k, owned)
        lists[kind] = np.where(ranked >= 0, to_whole[np.maximum(ranked, 0)], -1)
    return lists


def _rank_by_queries(
    graph: Graph, method: str, held: HoldOut, truths: dict[str, Truth], k: int, workers: int, progress: Progress
) -> dict[str, Integers]:
    """Ask for each customer once, for a list so long that k new articles are in it after what they own is left out."""
    subgraph = held.before
    everyone = np.unique(np.concatenate([truth.customers for truth in truths.values()]))
    length = np.diff(collect_pairs(held.before).indptr)
    shared = _ask(graph, subgraph, "popular", "", k + int(length[everyone].max(initial=0)), held.cut)

    def ask(customer: int) -> Integers:
        parts = []
        for query in QUERIES[method]:
            outer = subgraph.customer_ids.id(customer)
            wanted = k + int(length[customer])
            parts.append(shared if query == "popular" else _ask(graph, subgraph, query, outer, wanted, held.cut))
        joined = np.concatenate(parts)
        return joined[np.sort(np.unique(joined, return_index=True)[1])]

    found: dict[int, Integers] = {}
    with ThreadPoolExecutor(workers) as pool:
        for customer, articles in zip(everyone.tolist(), pool.map(ask, everyone.tolist()), strict=True):
            found[customer] = articles
            progress(f"Asking {method}", len(found), len(everyone))
    lists = {}
    for kind, truth in truths.items():
        lists[kind] = np.full((len(truth.customers), k), -1, dtype=np.int64)
        for row, customer in enumerate(truth.customers.tolist()):
            articles = found[customer]
            if truth.owned is not None:
                bought = truth.owned.indices[truth.owned.indptr[customer] : truth.owned.indptr[customer + 1]]
                articles = articles[~np.isin(articles, bought)]
            lists[kind][row, : min(k, len(articles))] = articles[:k]
    return lists


def _ask(graph: Graph, subgraph: Subgraph, query: str, customer_id: str, k: int, cut: date) -> Integers:
    """The articles' numbers that a query recommends; -2 for one that nobody in the subgraph bought."""
    keys, rows = graph.read_rows(query, customer_id=customer_id, k=k, as_of=cut)
    column = keys.index("article_id")
    ids = subgraph.article_ids
    return np.array([ids.index(row[column]) if row[column] in ids else -2 for row in rows], dtype=np.int64)
