"""The ranker adapts to a shop whose customers buy articles that were never sold before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hmrec.cypher.recommenders import Method
from hmrec.graph_ml.export.subgraph import Attribute, Subgraph
from hmrec.graph_ml.holdout.metrics import average_precision
from hmrec.graph_ml.holdout.ranking import make_truth, mark_hits
from hmrec.graph_ml.holdout.split import HoldOut, hold_out
from hmrec.graph_ml.ranker.fit import RankingContext, RankSettings, train_ranker
from hmrec.graph_ml.ranker.sources import SOURCES

from tests.unit.purchases import make_subgraph

DEPARTMENTS, LAUNCHED, WEEKS = 6, 5, 12
QUICK = RankSettings(rounds=20)
ATTRIBUTES_ASIDE = tuple(source for source in SOURCES if source.name not in ("by_attributes", "popular_in_segment"))


def make_fashion() -> Subgraph:
    """Return 120 customers of one department each; they buy two of its five new articles a week and one of last week's.

    Articles are numbered by week. Two thirds of a week's purchases are of articles never sold before.
    """
    random = np.random.default_rng(0)
    rows = set()
    for week in range(1, WEEKS):
        for customer in range(120):
            department = customer % DEPARTMENTS
            for launched, bought in ((week, 2), (week - 1, 1)):
                first = (launched * DEPARTMENTS + department) * LAUNCHED
                for article in first + random.permutation(LAUNCHED)[:bought]:
                    rows.add((f"c{customer:03}", f"{article:05}", 7 * week + int(random.integers(7))))
    subgraph = make_subgraph([*rows, ("c000", f"{(WEEKS - 1) * DEPARTMENTS * LAUNCHED:05}", 7 * WEEKS - 1)])
    articles = np.arange(len(subgraph.article_ids))
    department = np.array([int(subgraph.article_ids.id(place)) for place in articles.tolist()])
    department = department // LAUNCHED % DEPARTMENTS
    order = np.argsort(department, kind="stable")
    edges = np.stack([articles[order], department[order]])
    return replace(subgraph, attributes={"Department": Attribute("IN_DEPARTMENT", tuple(range(DEPARTMENTS)), edges)})


def measure(held: HoldOut, sources: tuple[Method, ...]) -> float:
    """Return MAP@12 of the ranker with these sources on the held-out days."""
    ranker = train_ranker(held.before, None, QUICK, sources)
    assert ranker is not None
    truth = make_truth(held, new_only=False)
    ranked = RankingContext.of(held, None, sources).rank(ranker, truth.customers, 12, new_only=False)
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).mean())


def test_unsold_articles_are_found_in_the_customers_departments() -> None:
    held = hold_out(make_fashion())
    assert np.isin(held.after.article, held.before.article).mean() < 0.4
    without = tuple(source for source in ATTRIBUTES_ASIDE if source.name != "new_arrivals")
    found, missed = measure(held, ATTRIBUTES_ASIDE), measure(held, without)
    assert found > 0.3  # the best possible order has about 0.4
    assert found > 2 * missed
