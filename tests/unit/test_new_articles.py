"""The ranker adapts to a shop whose customers buy articles never sold before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hmrec.cypher.recommenders import Method
from hmrec.graph_ml.export.subgraph import Attribute, Subgraph
from hmrec.graph_ml.holdout.metrics import average_precision
from hmrec.graph_ml.holdout.ranking import make_truth, mark_hits
from hmrec.graph_ml.holdout.split import HoldOut, hold_out
from hmrec.graph_ml.ranker.context import RankingContext
from hmrec.graph_ml.ranker.fit import RankSettings, train_ranker
from hmrec.graph_ml.ranker.sources import SOURCES, choose_sources

from tests.unit.purchases import make_subgraph

DEPARTMENTS, LAUNCHED, WEEKS = 6, 5, 12
QUICK = RankSettings(rounds=20)
WITHOUT_ATTRIBUTES = tuple(source for source in SOURCES if source.name not in ("by_attributes", "popular_in_segment"))


def make_fashion() -> Subgraph:
    """Return purchases of 120 customers, who each buy two of their department's five new articles per week.

    They also buy one article of the week before. Two thirds of a week's purchases are thus of articles never sold
    before. The articles of a week are numbered after those of earlier weeks.
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
    """Return the ranker's MAP@12 with these sources, on the days held out."""
    ranker = train_ranker(held.before, None, QUICK, sources)
    assert ranker is not None
    truth = make_truth(held, new_only=False)
    ranked = RankingContext.of(held, None, choose_sources(ranker.sources)).rank(
        ranker, truth.customers, 12, new_only=False
    )
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).mean())


def test_unsold_articles_are_found_in_the_customers_departments() -> None:
    held = hold_out(make_fashion())
    assert np.isin(held.after.article, held.before.article).mean() < 0.4
    without = tuple(source for source in WITHOUT_ATTRIBUTES if source.name != "new_arrivals")
    found, missed = measure(held, WITHOUT_ATTRIBUTES), measure(held, without)
    assert found > 0.3  # the best possible order reaches about 0.4
    assert found > 2 * missed
