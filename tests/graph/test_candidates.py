"""Candidates in memory equal those of the saved queries: the same articles and scores, as of the same day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.candidates import history, lists, neighbours, popular, products
from hmrec.graph_ml.candidates.lists import Candidates
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec, export_subgraph
from hmrec.graph_ml.ranker.sources import SOURCES
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

TWINS = {
    twin.__name__: twin
    for twin in (
        history.own_repurchases, history.variants, history.item_based_cf, history.bought_together,
        neighbours.user_based_cf, popular.popular, popular.popular_in_departments, popular.popular_in_segment,
        popular.by_attributes, popular.new_arrivals,
    )
}  # fmt: skip
BITING = {
    "articles": 5, "buyers": 7, "pool": 25, "candidates": 15, "neighbours": 6, "departments": 2, "purchases": 300,
    "age_span": 3, "half_life": 20.0, "days": 10, "damping": 0.7,
}  # fmt: skip


@pytest.fixture(scope="module")
def subgraph(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Subgraph:
    folder = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder, customers=300, articles=200, transactions=6000, seed=3)
    load_folder(folder, server=None, graph=module_graph, road="stream")
    return export_subgraph(module_graph, SubgraphSpec(isolated=True))


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def _for_many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the compiled code of large shops, although the shop is small."""
    for module in (lists, products):
        monkeypatch.setattr(module, "MANY", 0 if request.param == "compiled" else 10**9)


def choose_customers(snapshot: Snapshot) -> np.ndarray[Any, Any]:
    """Sample twelve customers with a history and two without, always the same ones."""
    random = np.random.default_rng(0)
    bought = snapshot.purchases_by_customer > 0
    chosen = [random.choice(np.flatnonzero(mask), n, replace=False) for mask, n in ((bought, 12), (~bought, 2))]
    return np.concatenate(chosen)


def test_every_ranker_source_is_compared_with_its_query() -> None:
    assert {source.query: source.ask for source in SOURCES} == TWINS


@pytest.mark.parametrize(
    "asked",
    [{}, {"new_only": True}, BITING, {**BITING, "new_only": True, "k": 40}],
    ids=["plain", "new", "few", "both"],
)
@pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS)
def test_lists_equal_those_of_the_queries(
    module_graph: Graph, subgraph: Subgraph, twin: Callable[..., Candidates], asked: dict[str, Any]
) -> None:
    cut = subgraph.until - dt.timedelta(days=21)
    snapshot = Snapshot.of(subgraph, cut)
    customers = choose_customers(snapshot)
    known = getattr(twin, "__kwdefaults__", None) or {}
    parameters = {name: value for name, value in asked.items() if name in known or name == "k"}
    found = twin(snapshot, customers, **parameters)
    assert len(found) == len(customers)
    for place, customer in enumerate(customers.tolist()):
        outer = subgraph.customer_ids.id(customer)
        rows = module_graph.read(twin.__name__, customer_id=outer, as_of=cut, **parameters)
        article, score = found.of(place)
        assert score == pytest.approx(rows["score"].astype(float).to_numpy(), rel=1e-9)
        mine, theirs = [subgraph.article_ids.id(int(a)) for a in article], rows["article_id"].tolist()
        assert mine == theirs


def test_later_purchases_change_nothing(subgraph: Subgraph) -> None:
    cut = subgraph.until - dt.timedelta(days=21)
    whole = Snapshot.of(subgraph, cut)
    before = Snapshot.of(subgraph.where(subgraph.time < whole.cut), cut)
    customers = choose_customers(whole)
    for twin in TWINS.values():
        one, other = twin(whole, customers), twin(before, customers)
        assert (one.article == other.article).all()
        assert (one.score == other.score).all()
