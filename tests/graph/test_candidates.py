"""Batch recommenders and saved queries return the same articles and scores, as of the same day."""

from __future__ import annotations

import datetime as dt
import inspect
from dataclasses import replace
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.catalogue import find_query, load_catalogue
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import METHODS
from hmrec.graph_ml.candidates import lists, products
from hmrec.graph_ml.candidates.batch_recommender import find_batch_recommender
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.read_views import add_views
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec, to_days
from hmrec.graph_ml.recommend.request import Filters, Request
from hmrec.loader.events import record_events
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

BATCH = {
    method.name: find_batch_recommender(method.name)
    for method in METHODS
    if method.has_query and not method.needs_embeddings  # tests/graph/test_hybrid.py compares gnn with its query
}
CAPS = {
    "articles": 5, "buyers": 7, "pool": 12, "candidates": 9, "neighbours": 4, "departments": 2, "products": 2,
    "purchases": 25, "variants": 2, "most": 3,
}  # fmt: skip
"""Limits so low that each of them changes lists in a shop of this size."""
TIGHT = CAPS | {
    "age_span": 3,
    "half_life": 20.0,
    "similarity_half_life": 10.0,
    "related_half_life": 15.0,
    "next_damping": 0.6,
    "days": 10,
    "damping": 0.7,
    "gap_half_life": 5.0,
    "lag": 4,
}


@pytest.fixture(scope="module")
def subgraph(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Subgraph:
    folder = tmp_path_factory.mktemp("synthetic")
    write_synthetic(folder, customers=300, articles=200, transactions=6000, seed=3)
    load_folder(folder, server=None, graph=module_graph, mode="stream")
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    record_events(module_graph, make_views(subgraph))
    return add_views(module_graph, subgraph, to_days(subgraph.until) - 21)


def make_views(subgraph: Subgraph) -> list[dict[str, Any]]:
    """Return views and carts of 60 days, and of the days after the last purchase; a third of bought articles."""
    random = np.random.default_rng(0)
    found = []
    for number in range(6_000):
        customer, article = int(random.integers(300)), int(random.integers(200))
        if number % 3 == 0:
            bought = random.integers(subgraph.num_edges)
            customer, article = int(subgraph.customer[bought]), int(subgraph.article[bought])
        found.append({
            "event_id": f"v{number}",
            "type": "cart" if number % 7 == 0 else "view",
            "customer_id": subgraph.customer_ids.id(customer),
            "article_id": subgraph.article_ids.id(article),
            "time": (subgraph.until + dt.timedelta(days=2 - int(random.integers(60)))).isoformat(),
        })  # fmt: skip
    return found


@pytest.fixture(autouse=True, params=["compiled", "plain"])
def _use_compiled_code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the compiled code for large shops, although the shop is small."""
    for module in (lists, products):
        monkeypatch.setattr(module, "COMPILE_FROM", 0 if request.param == "compiled" else 10**9)


def choose_customers(snapshot: Snapshot) -> np.ndarray[Any, Any]:
    """Sample twelve customers with a history and two without, always the same ones."""
    random = np.random.default_rng(0)
    bought = snapshot.purchases_by_customer > 0
    chosen = [random.choice(np.flatnonzero(mask), n, replace=False) for mask, n in ((bought, 12), (~bought, 2))]
    return np.concatenate(chosen)


def choose_parameters(name: str, filters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that the query of this name has."""
    return {key: value for key, value in filters.items() if key in find_query(name).parameters}


def test_every_query_that_needs_no_embeddings_is_compared_with_its_batch_version() -> None:
    queries = {name for name, query in load_catalogue().items() if query.folder == "recommend"}
    # similar_by_attributes has an article as a parameter, not a customer
    assert set(BATCH) == queries - {"gnn", "similar_by_attributes"}


@pytest.mark.parametrize(
    "filters",
    [{}, {"new_only": True}, TIGHT, {**TIGHT, "new_only": True, "k": 40}],
    ids=["plain", "new", "tight", "both"],
)
@pytest.mark.parametrize("name", BATCH)
def test_batch_lists_equal_the_querys(
    module_graph: Graph, subgraph: Subgraph, name: str, filters: dict[str, Any]
) -> None:
    cut = subgraph.until - dt.timedelta(days=21)
    snapshot = Snapshot.of(subgraph, cut)
    customers = choose_customers(snapshot)
    parameters = choose_parameters(name, filters)
    found = BATCH[name](snapshot, customers, **parameters)
    assert len(found) == len(customers)
    if name == "popular_in_departments" and filters:
        parameters["seeks"] = 3  # lets the query scan all purchases of the days instead
    for place, customer in enumerate(customers.tolist()):
        outer = subgraph.customer_ids.id(customer)
        rows = module_graph.read(name, customer_id=outer, as_of=cut, **parameters)
        article, score = found.of(place)
        assert score == pytest.approx(rows["score"].astype(float).to_numpy(), rel=1e-9)
        mine, theirs = [subgraph.article_ids.id(int(a)) for a in article], rows["article_id"].tolist()
        assert mine == theirs


@pytest.mark.parametrize(
    ("name", "cap"), [(name, cap) for name in BATCH for cap in CAPS if cap in find_query(name).parameters]
)
def test_every_limit_of_the_comparison_changes_lists(subgraph: Subgraph, name: str, cap: str) -> None:
    snapshot = Snapshot.of(subgraph, subgraph.until - dt.timedelta(days=21))
    customers = choose_customers(snapshot)
    capped = choose_parameters(name, {**TIGHT, "k": 40})
    free = {key: value for key, value in capped.items() if key != cap}  # the default of the query's header
    one, other = BATCH[name](snapshot, customers, **capped), BATCH[name](snapshot, customers, **free)
    assert len(one.article) != len(other.article) or (one.score != other.score).any()


def test_own_repurchases_count_articles_for_which_customers_come_back(module_graph: Graph, subgraph: Subgraph) -> None:
    cut = subgraph.until - dt.timedelta(days=21)
    outer, plain = list(subgraph.article_ids), Snapshot.of(subgraph, cut)
    repeats = np.where(np.arange(len(outer)) % 5, np.random.default_rng(0).random(len(outer)) * 2, np.nan)
    known = [None if np.isnan(value) else value for value in repeats.tolist()]
    try:
        rows = [[article, {"repeats": value}] for article, value in zip(outer, known, strict=True)]
        module_graph.write("write_facts", rows=rows)
        snapshot = replace(plain, repeats=repeats)
        customers = choose_customers(snapshot)
        found = BATCH["own_repurchases"](snapshot, customers, loyalty=0.35)
        for place, customer in enumerate(customers.tolist()):
            asked = {"customer_id": subgraph.customer_ids.id(customer), "as_of": cut, "loyalty": 0.35}
            listed = module_graph.read("own_repurchases", **asked)
            article, score = found.of(place)
            assert score == pytest.approx(listed["score"].astype(float).to_numpy(), rel=1e-9)
            assert [outer[int(a)] for a in article] == listed["article_id"].tolist()
    finally:
        module_graph.write("write_facts", rows=[[article, {"repeats": None}] for article in outer])
    assert (found.article != BATCH["own_repurchases"](plain, customers).article).any()
    as_trained = BATCH["own_repurchases"](replace(plain, repeats=plain.measure_repeats()), customers, loyalty=0.35)
    assert (as_trained.score == BATCH["own_repurchases"](plain, customers, loyalty=0.35).score).all()


@pytest.mark.parametrize("new_only", [False, True])
@pytest.mark.parametrize("name", BATCH)
def test_filtered_batch_lists_equal_the_querys(
    module_graph: Graph, subgraph: Subgraph, name: str, new_only: bool
) -> None:
    """Filters come before the pools: these are so small that a list would be short if they came after."""
    outer = list(subgraph.article_ids)
    rows = [{"article_id": article, "stock": number % 3} for number, article in enumerate(outer)]
    module_graph.write("set_stock", rows=rows)
    request = Request(where="price < 0.05 or department_no is null", exclude=tuple(outer[::10]))
    try:
        passing = module_graph.read_column("passing_articles", **request.parameters)
        only = np.isin(np.array(outer), passing)
        assert 20 < only.sum() < 130
        snapshot = Snapshot.of(subgraph, None, only)
        customers = choose_customers(snapshot)
        parameters = choose_parameters(name, {**TIGHT, "new_only": new_only, "k": 10})
        found = BATCH[name](snapshot, customers, **parameters)
        for place, customer in enumerate(customers.tolist()):
            asked = {"customer_id": subgraph.customer_ids.id(customer), **parameters, **request.parameters}
            listed = module_graph.read(name, **asked)
            article, score = found.of(place)
            assert score == pytest.approx(listed["score"].astype(float).to_numpy(), rel=1e-9)
            assert [outer[int(a)] for a in article] == listed["article_id"].tolist()
            assert set(listed["article_id"]) <= set(passing)
    finally:
        module_graph.write("set_stock", rows=[{"article_id": article, "stock": None} for article in outer])


def test_a_batch_recommender_declares_no_defaults_of_its_own() -> None:
    for name, batch in BATCH.items():
        declared = set(signature(inspect.unwrap(batch)).parameters) - {"snapshot", "customers"}
        others = {*Filters.model_fields, "customer_id", "seeks", "fresh", "listed"}
        assert set(find_query(name).parameters) - declared <= others
        defaults = [one.default for one in signature(inspect.unwrap(batch)).parameters.values()]
        assert set(defaults) == {inspect.Parameter.empty}


def test_later_purchases_change_nothing(subgraph: Subgraph) -> None:
    cut = subgraph.until - dt.timedelta(days=21)
    whole = Snapshot.of(subgraph, cut)
    before = Snapshot.of(subgraph.where(subgraph.time < whole.cut), cut)
    customers = choose_customers(whole)
    for batch in BATCH.values():
        one, other = batch(whole, customers), batch(before, customers)
        assert (one.article == other.article).all()
        assert (one.score == other.score).all()
