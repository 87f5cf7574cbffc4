"""Recall of the candidates that each of the ranker's sources proposes, and of all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ...cypher.recommenders import Method
from ..candidates.gnn import gnn
from ..candidates.learn_cf import learn_cf
from ..candidates.lists import look_up
from ..candidates.nearest import Vectors
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.read_views import add_views
from ..export.subgraph import Integers, SubgraphSpec, to_days
from ..holdout.intervals import bootstrap_interval
from ..holdout.ranking import Truth
from ..holdout.split import HoldOut, hold_out_weeks
from ..network.devices import DeviceName
from ..network.trained_model import TrainSettings
from ..ranker.context import CUSTOMERS_AT_ONCE
from ..ranker.sources import BY_EMBEDDING, SOURCES, apply_cf, collect_candidates, drop_unseen
from .evaluation import KINDS, make_truths
from .networks import prepare_networks

DEPTHS = (12, 50, 100, 200)
"""The numbers of candidates per source that recall is measured at by default."""
UNION = "union"
"""The name of the row of all sources together."""

Recall = npt.NDArray[np.float64]
"""Shares of purchases."""


def evaluate_candidates(
    graph: Graph,
    settings: TrainSettings | None = None,
    *,
    days: int = 7,
    weeks: int = 1,
    depths: tuple[int, ...] = DEPTHS,
    until: date | None = None,
    sources: tuple[str, ...] | None = None,
    customers: int | None = None,
    progress: Progress = silent,
    device: DeviceName = "auto",
    version: int | None = None,
) -> pd.DataFrame:
    """Measure what share of the purchases is among the candidates of each of the ranker's sources.

    Candidates, embeddings and the learned parameters of `user_based_cf` come from the purchases before the days held
    out. The graph is only read. Recall as in `hmrec.graph_ml.holdout.metrics`, with lists of candidates.

    Parameters
    ----------
    graph : holds the purchases.
    settings : settings of the neural network; None for the defaults.
    days, weeks, until : the hold-out periods, as for `evaluate`.
    depths : measure recall among the first N candidates of each source, for each of these N.
    sources : names of sources; None for all that a ranker would have. Without `gnn`, no network is trained.
    customers : number of customers per period, sampled with a fixed seed; None for all who bought in the period.
    progress : receives the number of customers.
    device : where the network is trained, as for `choose_device`.
    version : use this version of the model instead of training; it must not have seen the periods.

    Returns
    -------
    A row for each source and for `UNION`, and kind of purchases ("all", or "new": pairs never bought before): source,
    purchases, candidates (the number that the ranker asks for; NA for the union), recall (among these), recall_low
    and recall_high (its 95 % bootstrap interval), recall_at_N for each depth, and customers. The union at N has the
    first N candidates of every source. Customers without a history count. `attrs` as for `evaluate`.

    Raises
    ------
    UserMistake : a source is unknown, or the days cannot be held out.
    UnknownVersion : the graph has no such version, or no longer stores its embeddings.
    """
    chosen = _choose(sources)
    if not depths or min(depths) < 1:
        raise UserMistake("Measure recall among at least one candidate.")
    subgraph = export_kept(graph, SubgraphSpec(until=until, isolated=True), progress)
    if any(source.needs_views for source in chosen):
        subgraph = add_views(graph, subgraph, to_days(subgraph.until) - days * weeks, progress)
    periods = list(hold_out_weeks(subgraph, weeks, days))
    if sources is None:
        chosen = drop_unseen(periods[0].before, chosen)
    network = prepare_networks(graph, periods[-1].cut, settings, version, device, progress)
    measured: list[_Measured] = []
    for held in periods:
        vectors = None
        if BY_EMBEDDING in chosen:
            trained = network(held)
            vectors = Vectors(trained.customers, trained.articles)
        truths = make_truths(held, customers)
        found = list(_measure(held, truths, chosen, vectors, depths, progress))
        measured += [_Measured.join(kind, [part for part in found if part.kind == kind]) for kind in KINDS]
    table = _tabulate(measured, chosen, depths)
    table.attrs |= {"cut": periods[0].cut.isoformat(), "days": days, "weeks": weeks, "depths": list(depths)}
    return table


@dataclass(frozen=True)
class _Measured:
    """Recall of customers of one period.

    Attributes
    ----------
    kind : of purchases.
    customers : [n].
    recall : [n, sources + 1, depths + 1]; the union comes last, and so does the number that the ranker asks for.
    """

    kind: str
    customers: Integers
    recall: Recall

    @classmethod
    def join(cls, kind: str, parts: list[_Measured]) -> _Measured:
        return cls(
            kind,
            np.concatenate([part.customers for part in parts]),
            np.concatenate([part.recall for part in parts]),
        )


def _choose(names: tuple[str, ...] | None) -> tuple[Method, ...]:
    known = {method.name: method for method in (*SOURCES, BY_EMBEDDING)}
    if names is None:
        return tuple(known.values())
    for name in names:
        if name not in known:
            raise UserMistake(f"There is no source {name[:40]!r}.", f"There are: {', '.join(known)}.")
    return tuple(method for name, method in known.items() if name in names)


def _measure(
    held: HoldOut,
    truths: dict[str, Truth],
    chosen: tuple[Method, ...],
    vectors: Vectors | None,
    depths: tuple[int, ...],
    progress: Progress,
) -> Iterator[_Measured]:
    """Yield the recall of the period's customers, some at a time."""
    snapshot = Snapshot.of(held.before, held.cut)
    named = tuple(method for method in chosen if method is not BY_EMBEDDING)
    if any(method.name == "user_based_cf" for method in named):
        named = apply_cf(learn_cf(held.before, progress), held.before, named)
    asked = [method.candidates for method in chosen]
    longest = max(*depths, *asked)
    deep = tuple(replace(method, candidates=longest) for method in named)
    customers = truths["all"].customers
    for begin in range(0, len(customers), CUSTOMERS_AT_ONCE):
        batch = customers[begin : begin + CUSTOMERS_AT_ONCE]
        nearest = None
        if vectors is not None:
            nearest = lambda some: gnn(snapshot, some, vectors=vectors, k=longest, new_only=True)  # noqa: E731
        found = collect_candidates(snapshot, batch, deep, nearest)
        place = np.where(np.isnan(found.place), np.inf, found.place)  # [m, sources]
        within = [place <= depth for depth in (*depths, np.array(asked))]  # each [m, sources]
        for kind, truth in truths.items():
            wanted = np.isin(batch, truth.customers)
            rows = np.searchsorted(truth.customers, batch[wanted])
            bought = look_up(truth.bought, found.customer, found.article) > 0
            recall = np.zeros((len(batch), len(chosen) + 1, len(within)))
            for depth, inside in enumerate(within):
                both = np.column_stack([inside, inside.any(axis=1)])
                np.add.at(recall[:, :, depth], found.row[bought], both[bought])
            relevant = truth.relevant[rows][:, None, None]
            yield _Measured(kind, batch[wanted], recall[wanted] / relevant)
        progress("Measuring candidates", begin + len(batch), len(customers))


def _tabulate(measured: list[_Measured], chosen: tuple[Method, ...], depths: tuple[int, ...]) -> pd.DataFrame:
    rows = []
    for kind in KINDS:
        whole = _Measured.join(kind, [part for part in measured if part.kind == kind])
        for column, name in enumerate((*(method.name for method in chosen), UNION)):
            recall = whole.recall[:, column]
            means = recall.mean(axis=0) if len(recall) else np.zeros(len(depths) + 1)
            low, high = bootstrap_interval(recall[:, -1], whole.customers)
            rows.append(
                {
                    "source": name,
                    "purchases": kind,
                    "candidates": chosen[column].candidates if column < len(chosen) else None,
                    "recall": means[-1],
                    "recall_low": low,
                    "recall_high": high,
                    **{f"recall_at_{depth}": value for depth, value in zip(depths, means, strict=False)},
                    "customers": len(np.unique(whole.customers)),
                }
            )
    return pd.DataFrame(rows).astype({"candidates": "Int64"})
