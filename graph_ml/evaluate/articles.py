"""Hold out the last days, and rank customers for each article sold in them: how good are audiences?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from ...cypher.catalogue import find_query
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..candidates.audience import audience
from ..candidates.snapshot import Snapshot
from ..export.kept import export_kept
from ..export.subgraph import Integers, Subgraph, SubgraphSpec
from ..holdout.intervals import bootstrap_interval
from ..holdout.metrics import average_precision, recall
from ..holdout.split import hold_out_weeks
from .evaluation import KINDS

Floats = npt.NDArray[np.float64]
"""An array of float64."""
K = 100
"""The default number of customers whose order counts."""
METHODS = ("most_active", "recent_buyers_of_department", "audience")
"""The measured methods: two baselines, and the audience."""
_DAYS = 84  # of activity that the baselines look at
_AT_ONCE = 50  # articles
_METRICS = ("map", "recall", "auc")


@dataclass(frozen=True)
class _Measured:
    """The metrics of one article by one method."""

    method: str
    kind: str
    article: int
    map: float
    recall: float
    auc: float


def evaluate_articles(
    graph: Graph,
    *,
    days: int = 7,
    weeks: int = 1,
    k: int = K,
    articles: int | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Measure how well customers are ranked for the articles sold in the last days. The graph is only read.

    Articles that nobody bought before those days are left out. `most_active` ranks customers by their purchases in the
    84 days before. `recent_buyers_of_department` ranks them by their purchases in the article's department, each
    weighted by its age as in the query `audience`.

    Parameters
    ----------
    graph : holds the purchases.
    days : length of each hold-out period, in days.
    weeks : number of consecutive hold-out periods; each is predicted from the purchases before it.
    k : number of customers of each list that MAP and recall look at.
    articles : number of articles per period, sampled with a fixed seed; None for all that were sold in it.
    progress : receives the number of articles.

    Returns
    -------
    A row for each method and kind of purchases. "all" ranks all customers; "new" only those who had not bought the
    article before. Columns: method, purchases, map, map_low and map_high (95 % bootstrap interval over articles),
    recall, auc (the probability that a buyer ranks above another customer; ties count half), and articles. `attrs` hold
    the first day of the latest period (`cut`), `days`, `weeks` and `k`.

    Raises
    ------
    UserMistake : the days cannot be held out.
    """
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    periods = list(hold_out_weeks(subgraph, weeks, days))
    measured: list[_Measured] = []
    for held in periods:
        snapshot = Snapshot.of(held.before)
        sold = np.unique(held.after.article)
        sold = sold[snapshot.purchases_by_article[sold] > 0]
        if articles is not None:
            sold = np.sort(np.random.default_rng(0).permutation(sold)[:articles])
        for begin in range(0, len(sold), _AT_ONCE):
            measured += _measure(snapshot, held.after, sold[begin : begin + _AT_ONCE], k)
            progress("Ranking customers", min(begin + _AT_ONCE, len(sold)), len(sold))
    table = pd.DataFrame(_tabulate(measured))
    table.attrs |= {"cut": periods[0].cut.isoformat(), "days": days, "weeks": weeks, "k": k}
    return table


def measure_ranking(scores: Floats, is_buyer: npt.NDArray[np.bool_], k: int) -> tuple[float, float, float]:
    """Return average precision at k, recall at k and the area under the ROC curve of one ranking.

    Source of the area as a sum of ranks: Hanley and McNeil, Radiology 1982.

    Parameters
    ----------
    scores : [n], of each customer; 0 if the customer is not in the list. Ties are in the order of the customers.
    is_buyer : [n], whether the customer bought the article in the days held out; at least one did.
    k : number of customers that precision and recall look at.
    """
    buyers = int(is_buyer.sum())
    best = np.argsort(-scores, kind="stable")[:k]
    hits = np.zeros((1, k), dtype=np.bool_)
    hits[0, : len(best)] = is_buyer[best] & (scores[best] > 0)
    number = np.array([buyers])
    others = len(scores) - buyers
    ranks = float(rankdata(scores)[is_buyer].sum())
    area = (ranks - buyers * (buyers + 1) / 2) / (buyers * others) if others else float("nan")
    return float(average_precision(hits, number)[0]), float(recall(hits, number)[0]), area


def _measure(snapshot: Snapshot, after: Subgraph, batch: Integers, k: int) -> Iterator[_Measured]:
    """Measure all methods on some articles."""
    customers = snapshot.shape[0]
    owned = snapshot.owned.tocsc()
    found = {
        "all": audience(snapshot, batch, k=customers, include_buyers=True),
        "new": audience(snapshot, batch, k=customers, repeat=2.0),  # a repeat rate is at most 1: no buyers
    }
    activity = np.bincount(snapshot.customer[snapshot.time >= snapshot.cut - _DAYS], minlength=customers)
    of_department = _make_department_scores(snapshot)
    for place, article in enumerate(batch.tolist()):
        is_buyer = np.zeros(customers, dtype=np.bool_)
        is_buyer[after.customer[after.article == article]] = True
        is_owner = np.zeros(customers, dtype=np.bool_)
        is_owner[owned.indices[owned.indptr[article] : owned.indptr[article + 1]]] = True
        for kind in KINDS:
            eligible = ~is_owner if kind == "new" else np.ones(customers, dtype=np.bool_)
            if not is_buyer[eligible].any():
                continue
            scores = np.zeros(customers)
            listed, values = found[kind].of(place)
            scores[listed] = values
            for method, ranked in zip(
                METHODS, (activity.astype(np.float64), of_department(article), scores), strict=True
            ):
                yield _Measured(method, kind, article, *measure_ranking(ranked[eligible], is_buyer[eligible], k))


def _make_department_scores(snapshot: Snapshot) -> Callable[[int], Floats]:
    """Return a function of an article that returns the weights [C] of the customers' purchases in its department."""
    department = snapshot.node_of("Department")
    weights = snapshot.decay(find_query("audience").default("half_life"))

    def score(article: int) -> Floats:
        number = int(department[article])

        def make() -> Floats:
            inside = (department[snapshot.article] == number) & (number >= 0)
            counts: Floats = np.bincount(snapshot.customer[inside], weights[inside], snapshot.shape[0]).astype(
                np.float64
            )
            return counts

        scores: Floats = snapshot.cached(("buyers of department", number), make)
        return scores

    return score


def _tabulate(measured: list[_Measured]) -> Iterator[dict[str, object]]:
    for kind in KINDS:
        for method in METHODS:
            rows = [one for one in measured if (one.method, one.kind) == (method, kind)]
            values = np.array([[getattr(one, name) for name in _METRICS] for one in rows]).reshape(-1, len(_METRICS))
            low, high = bootstrap_interval(values[:, 0], np.array([one.article for one in rows], dtype=np.int64))
            means = np.nanmean(values, axis=0) if len(rows) else np.full(len(_METRICS), np.nan)
            yield {
                "method": method, "purchases": kind, "map": means[0], "map_low": low, "map_high": high,
                "recall": means[1], "auc": means[2], "articles": len(rows),
            }  # fmt: skip
