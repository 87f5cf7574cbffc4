"""Estimate from logged lists how much customers would have bought from the lists of another method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from ...cypher.errors import NoEmbedding, UserMistake
from ...cypher.graph import Graph
from ...cypher.limits import WINDOW
from ...cypher.progress import Progress, silent
from ..holdout.intervals import bootstrap_interval
from ..recommend import Recommender, Request
from .shown import ShownList, read_shown

if TYPE_CHECKING:
    import pandas as pd

SHOWN = "what was shown"
"""The name of the logged lists in the table, beside the methods."""
ESTIMATES = ("ips", "snips")
"""The estimates, each with the bounds of its 95 % bootstrap interval over customers."""


@dataclass(frozen=True)
class Estimate:
    """The precision that a method's lists would have had, estimated.

    Attributes
    ----------
    ips, ips_low, ips_high : by inverse propensities; unbiased if every article of the method's lists could be shown.
    snips, snips_low, snips_high : the same, divided by `support`. It varies less, and takes articles that could not be
        shown to be as good as the others.
    support : estimated share of the places of the method's lists whose articles could be shown; about 1 at best.
    """

    ips: float
    ips_low: float
    ips_high: float
    snips: float
    snips_low: float
    snips_high: float
    support: float


def estimate_precision(lists: Sequence[ShownList], targets: Sequence[Sequence[str]]) -> Estimate:
    """Estimate the precision of target lists from lists that were shown with known propensities.

        gain of a list = 1 / k * sum over shown articles of [in the target] * [bought] / propensity

    IPS is the mean gain; SNIPS divides it by the mean of the same sum without [bought]. Both assume that whether an
    article is bought depends on the article, not on its place or on the other articles.

    Source: the item estimator of Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen, Offline evaluation of
    ranking policies with click models, KDD 2018; self-normalised as in Swaminathan and Joachims, The self-normalized
    estimator for counterfactual learning, NIPS 2015.

    Parameters
    ----------
    lists : what was shown; all have propensities.
    targets : for each, what the other method would have shown; k is its length.
    """
    gain, mass = np.zeros(len(lists)), np.zeros(len(lists))
    for number, (shown, target) in enumerate(zip(lists, targets, strict=True)):
        wanted = frozenset(target)
        for article, propensity in zip(shown.articles, shown.propensities, strict=True):
            if article in wanted and propensity:
                mass[number] += 1 / propensity / len(target)
                gain[number] += (article in shown.bought) / propensity / len(target)
    customers = np.unique([one.customer_id for one in lists], return_inverse=True)[1]
    ips = (float(gain.mean()), *bootstrap_interval(gain, customers))
    snips = (float("nan"),) * 3
    if mass.any():
        snips = (float(gain.sum() / mass.sum()), *bootstrap_interval(gain, customers, per=mass))
    return Estimate(*ips, *snips, float(mass.mean()))


def measure_off_policy(
    graph: Graph,
    methods: Sequence[str],
    since: date | None = None,
    until: date | None = None,
    *,
    window: int = WINDOW,
    most: int | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Return how much customers would have bought from the lists of some methods, estimated from explored lists.

    Each method's lists are made as of the day on which the logged list was shown. Only lists that the service explored
    count, because only they have propensities.

    Parameters
    ----------
    graph : the open graph.
    methods : names of methods; not `auto`, which chooses among them.
    since, until, window : as for `read_shown`.
    most : the greatest number of lists to make for the methods, all together; None for any number.
    progress : called with the number of lists done.

    Returns
    -------
    A row for what was shown, and one for each method: method, lists, customers and the fields of `Estimate`.

    Raises
    ------
    UserMistake : no explored lists were logged on these days, or too many, or a method is `auto` or unknown.
    NoRanker : `hybrid` is named, and its ranker was trained on purchases of a list's day or later.
    """
    import pandas as pd

    requests = [Request(customer_id="", method=method) for method in methods]
    names = [request.chosen.name for request in requests]
    if "auto" in names or not names:
        raise UserMistake("Name the methods to estimate, without `auto`.", "`auto` chooses among them.")
    found = read_shown(graph, since, until, window=window, progress=progress)
    lists = [one for one in found if one.explored]
    if not lists:
        raise UserMistake("No explored lists of these days were logged.", "`hmrec serve --explore 0.05` explores them.")
    if most is not None and len(lists) * len(names) > most:
        raise UserMistake(
            f"There are {len(lists):,} explored lists; at most {most // len(names):,} are estimated in one request.",
            "Choose fewer days, or run `hmrec outcomes --off-policy`.",
        )
    recommender = Recommender(graph)
    counts = {"lists": len(lists), "customers": len({one.customer_id for one in lists})}
    shown = [tuple(bought for bought in one.mark(one.bought)) for one in lists]
    precision = np.array([np.mean(hits) for hits in shown])
    customers = np.unique([one.customer_id for one in lists], return_inverse=True)[1]
    actual = (float(precision.mean()), *bootstrap_interval(precision, customers))
    rows = [{"method": SHOWN, **counts, **asdict(Estimate(*actual, *actual, 1.0))}]
    known: dict[Request, tuple[str, ...]] = {}
    for name in names:
        targets = []
        for done, one in enumerate(lists):
            progress(f"Making lists of {name}", done, len(lists))
            request = Request(customer_id=one.customer_id, method=name, k=len(one.articles), as_of=one.shown_at.date())
            if request not in known:
                known[request] = _list_articles(recommender, request)
            targets.append(known[request])
        rows.append({"method": name, **counts, **asdict(estimate_precision(lists, targets))})
    return pd.DataFrame(rows)


def _list_articles(recommender: Recommender, request: Request) -> tuple[str, ...]:
    """Return a customer's list; empty if the method cannot serve the customer."""
    try:
        return tuple(recommender.recommend(request).articles["article_id"])
    except NoEmbedding:
        return ()
