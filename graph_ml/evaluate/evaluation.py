"""Hold out the last days of purchases, predict them with each method, and compare the methods."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.learned_cf import LearnedCf
from ...cypher.progress import Progress, silent
from ...cypher.recommenders import Method, explain_old_name, find_method, list_evaluated
from ..candidates.batch_recommender import find_batch_recommender
from ..candidates.learn_cf import learn_cf
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.read_views import add_views
from ..export.subgraph import Integers, SubgraphSpec, to_days
from ..holdout.ranking import Truth, make_truth, rank_by_cosine
from ..holdout.split import WEEK, HoldOut, hold_out_weeks
from ..hybrid import make_ranking_context, train_ranker_for
from ..network.devices import DeviceName
from ..network.trained_model import TrainedModel, TrainSettings
from ..ranker.fit import RankSettings
from ..ranker.sources import apply_cf
from ..recommend.batch import BatchStep, recommend_by_steps
from ..recommend.campaign import AT_ONCE
from ..recommend.plan import CF, OWN
from .networks import prepare_networks
from .outcome import BASELINES, Outcome, WeekOutcome, count_history, score_lists, tabulate

METHODS = list_evaluated()
"""The methods that can be measured, baselines first."""
KINDS = ("all", "new")
"""The kinds of purchases: all, and pairs of customer and article that were never bought before."""
DEFAULT_METHODS = tuple(name for name in METHODS if find_method(name).is_evaluated)
"""The methods that are measured by default."""

Peer = Callable[[HoldOut, Mapping[str, Truth], int, Mapping[str, float]], dict[str, Integers]]
"""A method of the caller's. It takes the purchases held out, the truth by kind of purchases, k, and the seconds per
period of each earlier method. It returns lists [n, k] by kind, a row for each customer of the truth, padded with -1."""


def evaluate(
    graph: Graph,
    settings: TrainSettings | None = None,
    *,
    days: int = 7,
    weeks: int = 1,
    k: int = 12,
    until: date | None = None,
    methods: tuple[str, ...] | None = None,
    customers: int | None = None,
    peers: Mapping[str, Peer] | None = None,
    baselines: Collection[str] = BASELINES,
    progress: Progress = silent,
    device: DeviceName = "auto",
    version: int | None = None,
) -> pd.DataFrame:
    """Measure methods on the last days, using only what was known before them. The graph is only read.

    Saved queries are measured by their batch versions as of the first day held out, which return the same lists. The
    neural network is trained on the purchases before that day and ranks in memory by exact cosine. Embeddings in the
    graph would leak the future and are not used.

    Parameters
    ----------
    graph : holds the purchases.
    settings : settings of the neural network; None for the defaults.
    days : length of each hold-out period, in days.
    weeks : number of consecutive hold-out periods; each is predicted from the purchases before it.
    k : length of the lists.
    until : the day after the last period; None for the end of the purchases.
    methods : names from `METHODS` and `peers`, in this order; None for `DEFAULT_METHODS` and all peers.
    customers : number of customers per period, sampled with a fixed seed; None for all who bought in the period.
    peers : additional methods by name, measured on the same purchases.
    baselines : every method is compared with the best of these.
    progress : receives each method's customers.
    device : where the network is trained, as for `choose_device`.
    version : use this version of the model instead of training; it must not have seen the periods.

    Returns
    -------
    The table of `tabulate`: a row for each method, kind of purchases ("all", or "new": pairs never bought before) and
    customer segment. Its `attrs` hold the first day of the latest period (`cut`), `days`, `weeks` and `k`.

    Raises
    ------
    UserMistake : a method is unknown, the days cannot be held out, or the version has seen them.
    UnknownVersion : the graph has no such version, or no longer stores its embeddings.
    """
    peers = peers or {}
    wanted = methods or (*DEFAULT_METHODS, *peers)
    methods = tuple(name if name in peers else choose_method(name) for name in wanted)
    for old in set(wanted) - set(methods):
        warnings.warn(explain_old_name(old), FutureWarning, stacklevel=2)
    subgraph = export_kept(graph, SubgraphSpec(until=until, isolated=True), progress)
    if "hybrid" in methods or any(find_method(name).needs_views for name in methods if name not in peers):
        first = to_days(subgraph.until) - days * weeks - WEEK * RankSettings().weeks
        subgraph = add_views(graph, subgraph, first, progress)
    periods = [
        (held, count_history(held), make_truths(held, customers)) for held in hold_out_weeks(subgraph, weeks, days)
    ]
    train_before = prepare_networks(graph, periods[-1][0].cut, settings, version, device, progress)
    learned: dict[date, LearnedCf] = {}

    def learn_before(held: HoldOut) -> LearnedCf:
        """Return the parameters of `user_based_cf` as of the cut; the methods share them."""
        if held.cut not in learned:
            learned[held.cut] = learn_cf(held.before, progress)
        return learned[held.cut]

    outcomes: list[Outcome] = []
    for method in methods:
        begun = time.monotonic()
        found: dict[str, list[WeekOutcome]] = {kind: [] for kind in KINDS}
        for held, known, truths in periods:
            if method in peers:
                lists = peers[method](held, truths, k, {done.method: done.seconds / weeks for done in outcomes})
            elif method == "gnn":
                lists = _rank_by_gnn(held, truths, train_before(held), k)
            elif method == "hybrid":
                sources = apply_cf(learn_before(held), held.before)
                lists = _rank_by_hybrid(held, truths, train_before(held), k, sources, progress, device)
            else:
                given: dict[str, Mapping[str, Any]] = {}
                if method == CF:
                    given = {kind: learn_before(held).parameters(new_only=kind == "new") for kind in KINDS}
                elif method == OWN:
                    given = dict.fromkeys(KINDS, find_method(OWN).parameters)
                lists = _rank_in_batch(method, held, truths, k, given, progress)
            for kind in KINDS:
                found[kind].append(score_lists(known, lists[kind], truths[kind]))
        seconds = round(time.monotonic() - begun, 1)
        outcomes += [Outcome(method, kind, seconds, tuple(found[kind])) for kind in KINDS]
    table = tabulate(outcomes, baselines)
    table.attrs |= {"cut": periods[0][0].cut.isoformat(), "days": days, "weeks": weeks, "k": k}
    return table


def choose_method(name: str) -> str:
    """Return the name of the method that has this name, or had it before.

    Parameters
    ----------
    name : a method's name, today's or an earlier one.

    Raises
    ------
    UserMistake : it cannot be evaluated.
    """
    try:
        found = find_method(name).name
    except UserMistake:
        found = ""
    if found not in METHODS:
        raise UserMistake(f"There is no method {name[:40]!r} to evaluate.", f"There are: {', '.join(METHODS)}.")
    return found


def list_queries(method: str) -> tuple[str, ...]:
    """Return the queries of a method: the list of a baseline is filled with popular articles."""
    return tuple(dict.fromkeys((method, "popular"))) if find_method(method).is_baseline else (method,)


def make_truths(held: HoldOut, customers: int | None) -> dict[str, Truth]:
    """Return what customers bought in the period, by kind of purchases.

    Parameters
    ----------
    held : the purchases before and after the cut.
    customers : number of customers to sample with a fixed seed; None for all who bought in the period.
    """
    truths = {kind: make_truth(held, new_only=kind == "new", cold=True) for kind in KINDS}
    if customers is None:
        return truths
    return {kind: _sample(truth, customers, truths["all"].customers) for kind, truth in truths.items()}


def _sample(truth: Truth, number: int, population: Integers) -> Truth:
    chosen = np.random.default_rng(0).permutation(population)[:number]
    kept = np.isin(truth.customers, chosen)
    return Truth(truth.customers[kept], truth.bought, truth.owned, truth.relevant[kept])


def _rank_by_gnn(held: HoldOut, truths: dict[str, Truth], trained: TrainedModel, k: int) -> dict[str, Integers]:
    """Rank by cosine. Customers without an embedding have no list; articles without one are in none."""
    lists = {}
    places = np.flatnonzero(~np.isnan(trained.articles[:, 0]))
    for kind, truth in truths.items():
        lists[kind] = np.full((len(truth.customers), k), -1, dtype=np.int64)
        rows = np.flatnonzero(~np.isnan(trained.customers[truth.customers, 0]))
        customers = truth.customers[rows]
        owned = None if truth.owned is None else truth.owned[customers][:, places]
        found = rank_by_cosine(trained.customers[customers], trained.articles[places], k, owned)
        lists[kind][rows] = np.where(found < 0, -1, places[found])
    return lists


def _rank_by_hybrid(
    held: HoldOut,
    truths: dict[str, Truth],
    trained: TrainedModel,
    k: int,
    sources: tuple[Method, ...],
    progress: Progress,
    device: DeviceName,
) -> dict[str, Integers]:
    ranker = train_ranker_for(trained, held.before, sources=sources, progress=progress, device=device)
    if ranker is None:
        return _rank_by_gnn(held, truths, trained, k)
    context = make_ranking_context(held, trained, ranker)
    return {kind: context.rank(ranker, truth.customers, k, new_only=kind == "new") for kind, truth in truths.items()}


def _rank_in_batch(
    method: str,
    held: HoldOut,
    truths: dict[str, Truth],
    k: int,
    parameters: Mapping[str, Mapping[str, Any]],
    progress: Progress,
) -> dict[str, Integers]:
    """Rank by the batch versions of the method's queries, which return the queries' lists.

    Availability is ignored: stock is a fact of now, and customers bought on those days what is out of stock today.
    """
    snapshot = Snapshot.of(held.before, held.cut)
    everyone = np.ones(len(held.before.customer_ids), dtype=np.bool_)
    total = sum(len(truth.customers) for truth in truths.values())
    done, lists = 0, {}
    for kind, truth in truths.items():
        steps = [
            BatchStep(
                query,
                partial(
                    find_batch_recommender(query),
                    snapshot,
                    k=k,
                    new_only=kind == "new",
                    **(parameters.get(kind, {}) if query == method else {}),
                ),
                everyone,
            )
            for query in list_queries(method)
        ]
        lists[kind] = np.full((len(truth.customers), k), -1, dtype=np.int64)
        for begin in range(0, len(truth.customers), AT_ONCE):
            found = recommend_by_steps(steps, truth.customers[begin : begin + AT_ONCE], k)
            for row, customer_list in enumerate(found, begin):
                lists[kind][row, : len(customer_list.articles)] = customer_list.articles
            done += len(found)
            progress(f"Ranking by {method}", done, total)
    return lists
