"""Views and carts in lists, in training and in evaluation; and that nothing is left of a forgotten customer's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.candidates.recently_viewed import recently_viewed
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.evaluate.candidates import evaluate_candidates
from hmrec.graph_ml.evaluate.evaluation import evaluate
from hmrec.graph_ml.export.kept import export_kept
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.read_views import add_views
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec, to_days
from hmrec.graph_ml.forget import forget_customer
from hmrec.graph_ml.hybrid import train_hybrid
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.ranker.fit import RankSettings, first_day
from hmrec.graph_ml.ranker.orders import TREES
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.events import record_events

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes
from tests.graph.test_hybrid import read_lists
from tests.graph.test_plans import FORBIDDEN, profile, walk

SMALL, QUICK = TrainSettings(dim=16, epochs=3, negatives=64), RankSettings(rounds=20, forests=1)
WHOLE = SubgraphSpec(isolated=True)
NAME = "recently_viewed"


def make_event(number: object, type_: str, customer: str, article: str, day: object, **others: Any) -> dict[str, Any]:
    event = {"event_id": f"{type_}-{number}", "type": type_, "customer_id": customer, "article_id": article}
    return event | {"time": str(day)} | others


def read_with_views(graph: Graph) -> Subgraph:
    """Return the graph's purchases, with the views that a training reads."""
    subgraph = export_subgraph(graph, WHOLE)
    return add_views(graph, subgraph, first_day(subgraph, QUICK))


def train_and_write(graph: Graph, subgraph: Subgraph) -> Ranker:
    """Train small, write it to the graph, and return the ranker."""
    trained, rank = train_hybrid(subgraph, SMALL, QUICK)
    assert rank is not None
    write_embeddings(graph, trained, rank=rank)
    return rank.ranker


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Subgraph:
    """The shop of two tastes, trained. Customers viewed half of what they bought some days before, and much else.

    A visitor and a customer without purchases only viewed. Some events came after the last purchase.
    """
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    subgraph, random = export_subgraph(module_graph, WHOLE), np.random.default_rng(0)
    customers, articles = list(subgraph.customer_ids), list(subgraph.article_ids)
    epoch, events = dt.date(1970, 1, 1), []
    for place in range(0, subgraph.num_edges, 2):
        day = epoch + dt.timedelta(days=int(subgraph.time[place]) - int(random.integers(6)))
        kind = "cart" if place % 6 == 0 else "view"
        customer, article = customers[subgraph.customer[place]], articles[subgraph.article[place]]
        events.append(make_event(place, kind, customer, article, day))
    for number in range(600):
        day = subgraph.until + dt.timedelta(days=2 - int(random.integers(60)))
        customer = [*customers, "visitor"][int(random.integers(len(customers) + 1))]
        kind = "cart" if number % 5 == 0 else "view"
        events.append(make_event(f"x{number}", kind, customer, articles[int(random.integers(len(articles)))], day))
    assert record_events(module_graph, events).recorded == len(events)
    subgraph = read_with_views(module_graph)
    assert len(subgraph.views) > 500
    ranker = train_and_write(module_graph, subgraph)
    assert ranker.orders[0].order == TREES
    assert ranker.boosters[0][0].feature_importance()[ranker.boosters[0][0].feature_name().index(f"{NAME}_place")] > 0
    return subgraph


@pytest.mark.parametrize("new_only", [False, True])
@pytest.mark.parametrize("days", [None, -1, 0, 1, 3, 7, 20, 40])
def test_the_batch_version_equals_the_query_for_all_customers(
    module_graph: Graph, shop: Subgraph, days: int | None, new_only: bool
) -> None:
    cut = None if days is None else shop.until - dt.timedelta(days=days)
    whole = add_views(module_graph, shop, to_days(cut or shop.until))
    found = recently_viewed(Snapshot.of(whole, cut), np.arange(len(shop.customer_ids)), k=40, new_only=new_only)
    assert len(found.article)
    for place, customer in enumerate(shop.customer_ids):
        asked = {"customer_id": customer, "as_of": cut, "k": 40, "new_only": new_only}
        rows = module_graph.read(NAME, **asked)
        article, score = found.of(place)
        assert [shop.article_ids.id(int(a)) for a in article] == rows["article_id"].tolist()
        assert score == pytest.approx(rows["score"].astype(float).to_numpy(), rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"new_only": True}, {"department": "Odd"}], ids=["all", "new", "filtered"])
@pytest.mark.parametrize("method", ["hybrid", NAME])
def test_lists_of_all_customers_equal_one_by_one_lists(
    module_graph: Graph, shop: Subgraph, method: str, options: dict[str, Any], tmp_path: Path
) -> None:
    recommender, out = Recommender(module_graph), tmp_path / "lists.csv"
    assert recommender.recommend_all(Request(method=method, **options), out) == len(shop.customer_ids)
    reasons = set[str]()
    for customer, listed in read_lists(out).items():
        one = recommender.recommend(Request(customer_id=customer, method=method, **options)).articles
        assert listed[: len(one)] == one["article_id"].tolist()
        reasons |= set(one["because"])
    assert method == "hybrid" or any(because.startswith("you viewed it ") for because in reasons)


def test_the_query_reads_only_what_the_customer_did(
    module_graph: Graph, connection: ConnectionSettings, shop: Subgraph
) -> None:
    for as_of in (None, str(shop.until - dt.timedelta(days=7))):
        operators = list(walk(profile(connection, NAME, customer_id="c00", as_of=as_of)))
        kinds = [operator["operatorType"].split("@")[0] for operator in operators]
        assert not [kind for kind in kinds if any(word in kind for word in FORBIDDEN)]
        assert any("NodeUniqueIndexSeek" in kind for kind in kinds)
        assert max(operator["rows"] for operator in operators) < 200


def test_views_are_read_from_their_relationships_alone(connection: ConnectionSettings, shop: Subgraph) -> None:
    kinds = [operator["operatorType"].split("@")[0] for operator in walk(profile(connection, "export_views"))]
    assert [kind for kind in kinds if "Scan" in kind] == ["DirectedRelationshipTypeScan"] * 2


def test_views_and_carts_are_evaluated_from_what_was_known(module_graph: Graph, shop: Subgraph) -> None:
    table = evaluate(module_graph, methods=("popular", NAME), weeks=2)
    found = table[(table["method"] == NAME) & (table["purchases"] == "all")]
    assert 0 < found["map"].iloc[0] < 1
    recall = evaluate_candidates(module_graph, sources=(NAME, "popular"))
    assert recall.set_index(["source", "purchases"]).loc[(NAME, "all"), "recall"] > 0


def test_a_new_view_is_in_the_next_lists_of_all(module_graph: Graph, shop: Subgraph, tmp_path: Path) -> None:
    recommender, out = Recommender(module_graph), tmp_path / "lists.csv"
    request = Request(method=NAME, k=5)
    recommender.recommend_all(request, out)
    before = read_lists(out)["c40"]
    article = next(one for one in shop.article_ids if one not in before)
    record_events(module_graph, [make_event(f"new{n}", "cart", "c40", article, shop.until) for n in range(9)])
    try:
        recommender.recommend_all(request, out)
        assert read_lists(out)["c40"][0] == article
    finally:
        run_text(module_graph, "MATCH ()-[r:ADDED_TO_CART]->() WHERE r.event_id CONTAINS 'new' DELETE r")


def recommend(graph: Graph, customer: str, **options: Any) -> dict[str, str]:
    """Return the articles of the method and their reasons."""
    articles = Recommender(graph).recommend(Request(customer_id=customer, method=NAME, **options)).articles
    return dict(zip(articles["article_id"], articles["because"], strict=True))


def test_a_list_has_what_was_viewed_and_not_bought_since(graph: Graph) -> None:
    events = [
        make_event(1, "view", "ann", "1", "2020-09-01"),
        make_event(2, "view", "ann", "1", "2020-09-03T10:00:00+02:00"),
        make_event(3, "view", "ann", "1", "2020-09-03T11:00:00+02:00"),
        make_event(1, "cart", "ann", "1", "2020-09-03T11:01:00+02:00"),
        make_event(4, "view", "ann", "2", "2020-09-04"),
        make_event(2, "cart", "ann", "3", "2020-09-02"),
        make_event(3, "cart", "ann", "3", "2020-09-02"),
        make_event(5, "view", "ann", "4", "2020-08-06"),  # too long ago, but on 2020-09-02
        make_event(1, "buy", "ann", "5", "2020-09-05", price=1.0),
        make_event(2, "buy", "bob", "1", "2020-09-04", price=1.0),
        make_event(6, "view", "cookie", "2", "2020-09-05"),
    ]
    assert record_events(graph, events).recorded == len(events)
    words = {
        "1": "you put it into your cart on 2020-09-03, and viewed it 3 times, last on 2020-09-03",
        "2": "you viewed it on 2020-09-04",
        "3": "you put it into your cart twice, last on 2020-09-02",
    }
    assert list(recommend(graph, "ann")) == ["3", "1", "2"]  # two carts before one cart and three views
    assert recommend(graph, "ann") == words
    assert recommend(graph, "ann", as_of=dt.date(2020, 9, 4)) == {name: words[name] for name in ("3", "1")}
    assert recommend(graph, "ann", as_of=dt.date(2020, 9, 2)) == {
        "1": "you viewed it on 2020-09-01",
        "4": "you viewed it on 2020-08-06",
    }
    assert recommend(graph, "bob") == {}
    assert recommend(graph, "cookie") == {"2": "you viewed it on 2020-09-05"}

    record_events(graph, [make_event(3, "buy", "ann", "1", "2020-09-05", price=1.0)])
    assert list(recommend(graph, "ann")) == ["3", "2"]
    assert "1" in recommend(graph, "ann", as_of=dt.date(2020, 9, 5))
    record_events(graph, [make_event(4, "buy", "ann", "3", "2020-09-02", price=1.0)])  # on the day of the carts
    assert list(recommend(graph, "ann")) == ["2"]
    record_events(graph, [make_event(7, "view", "ann", "1", "2020-09-06")])
    assert recommend(graph, "ann") == {"1": "you viewed it on 2020-09-06", "2": words["2"]}
    assert list(recommend(graph, "ann", new_only=True)) == ["2"]
    record_events(
        graph, [make_event(1, "return", "ann", "1", "2020-09-07"), make_event(2, "return", "ann", "1", "2020-09-07")]
    )
    assert recommend(graph, "ann")["1"].startswith("you put it into your cart on 2020-09-03, and viewed it 4 times")


def test_nothing_changes_without_views_or_until_the_next_training(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Callable[..., Any]
) -> None:
    monkeypatch.setenv("HMREC_HOME", str(tmp_path / "home"))
    load_two_tastes(graph, tmp_path / "shop")
    assert list(graph.stream("export_views")) == []
    assert recommend(graph, "c00") == {}
    assert set(evaluate_candidates(graph, SMALL)["source"]).isdisjoint({NAME})
    subgraph = read_with_views(graph)
    assert len(subgraph.views) == 0
    assert NAME not in train_and_write(graph, subgraph).sources
    out = tmp_path / "lists.csv"
    Recommender(graph).recommend_all(Request(method="hybrid"), out)
    before = read_lists(out)
    articles, days = list(subgraph.article_ids), [subgraph.until - dt.timedelta(days=age) for age in (2, 9, 12, 16, 23)]
    record_events(graph, [
        make_event(f"{customer}-{n}", "cart", customer, articles[(7 * n + place) % len(articles)], day)
        for place, customer in enumerate(subgraph.customer_ids) for n, day in enumerate(days)
    ])  # fmt: skip
    Recommender(graph).recommend_all(Request(method="hybrid"), out)
    assert read_lists(out) == before
    assert len(command("recommend", "c00", "--method", NAME)) == 5
    known = read_with_views(graph)
    assert len(known.views) == 5 * len(known.customer_ids)
    assert NAME in train_and_write(graph, known).sources


def test_nothing_is_left_of_a_forgotten_customers_views(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMREC_HOME", str(tmp_path / "home"))
    load_two_tastes(graph, tmp_path / "shop")
    day = dt.date(2020, 9, 18)
    record_events(graph, [
        make_event(n, ("view", "cart")[n % 2], customer, f"{n:010}", day)
        for n, customer in enumerate(["c00", "c01", "c00", "c01", "visitor", "visitor"])
    ])  # fmt: skip
    subgraph = add_views(graph, export_kept(graph, WHOLE), to_days(day))
    assert len(subgraph.views) == 6
    for customer in ("c00", "visitor"):
        forget_customer(graph, customer)
    assert {row[0] for row in graph.stream("export_views")} == {"c01"}
    assert len(add_views(graph, subgraph, to_days(day)).views) == 2  # although the subgraph knows the others
    assert len(run_text(graph, "MATCH ()-[r:VIEWED|ADDED_TO_CART]->() RETURN r")) == 2
    left = [file for file in (tmp_path / "home").rglob("*") if file.is_file() and b"visitor" in file.read_bytes()]
    assert left == []
