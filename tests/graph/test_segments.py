"""Segments of customers: what they are made of, their names, how they are written, and what they choose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.state import read_state
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.recommend import AudienceRequest, Campaign, ListForm, Recommender, Request
from hmrec.graph_ml.recommend.customers import read_segment
from hmrec.graph_ml.recommend.values import UnknownValue
from hmrec.graph_ml.segments.cluster import find_nearest
from hmrec.graph_ml.segments.write import add_to_segments, find_segments, write_segments
from hmrec.graph_ml.write_back.write import write_embeddings

from tests.conftest import empty, run_text
from tests.graph.shops import load_two_tastes

MEMBERS = (
    "MATCH (now:SegmentsInForce) MATCH (c:Customer)-[:IN_SEGMENT]->(s:Segment {version: now.version}) "
    "RETURN c.customer_id AS id, s.name AS name ORDER BY id"
)


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    yield module_graph
    empty(module_graph)


def read_members(graph: Graph) -> dict[Any, Any]:
    return {row["id"]: row["name"] for row in run_text(graph, MEMBERS)}


def test_segments_of_two_tastes_are_named_by_their_departments(shop: Graph) -> None:
    found = find_segments(shop, 2)
    assert {segment.name for segment in found.segments} == {"Even", "Odd"}
    assert [segment.size for segment in found.segments] == [20, 20]
    assert found.taste.by == "departments"
    assert found.segments[0].traits == (f"{found.segments[0].name} 2.0 times as often (100 % of purchases)",)
    assert (found.of_customer >= 0).sum() == 40  # two customers bought nothing
    assert shop.read("segments").empty, "nothing is written"


def test_writing_again_replaces_segments_and_gives_the_same(shop: Graph) -> None:
    receipt, found = write_segments(shop, 2)
    members = read_members(shop)
    assert (receipt.segments, receipt.customers) == (2, 40)
    assert members == {f"c{n:02}": "Odd" if n % 2 else "Even" for n in range(40)}
    listed = shop.read("segments")
    assert listed["customers"].tolist() == [20, 20]
    assert listed["share"].tolist() == [0.5, 0.5]
    again, other = write_segments(shop, 2)
    assert again.version == receipt.version + 1
    assert other.segments == found.segments
    assert read_members(shop) == members
    assert run_text(shop, "MATCH (s:Segment) RETURN count(s) AS n") == [{"n": 2}]
    assert run_text(shop, "MATCH ()-[r:IN_SEGMENT]->() RETURN count(r) AS n") == [{"n": 40}]
    shown = read_segment(shop, "Odd").iloc[0]
    assert (shown["customers"], shown["grouped_by"]) == (20, "departments")


def test_the_graphs_state_follows_segments_so_that_no_cache_outlives_them(shop: Graph) -> None:
    receipt, _ = write_segments(shop, 2)
    before = read_state(shop)
    assert before.segments == (receipt.version, 40)
    assert read_state(shop) == before
    again, _ = write_segments(shop, 2)
    assert read_state(shop).segments == (again.version, 40)
    run_text(shop, "MATCH (:Customer {customer_id: 'c00'})-[r:IN_SEGMENT]->() DELETE r")
    run_text(shop, "MATCH (s:Segment) SET s.size = COUNT { (s)<-[:IN_SEGMENT]-() }")
    left = read_state(shop)
    add_to_segments(shop)
    assert (left.segments[1], read_state(shop).segments[1]) == (39, 40)


def test_a_write_that_stops_anywhere_leaves_the_old_segments_whole(
    shop: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_segments(shop, 2)
    members, listed = read_members(shop), shop.read("segments").to_dict()
    write = Graph.write
    for stopping in ("create_segments", "write_segment_members", "activate_segments"):

        def stop(self: Graph, query: Any, stopping: str = stopping, **parameters: Any) -> Any:
            done = None if stopping == query == "activate_segments" else write(self, query, **parameters)
            if query == stopping:
                raise KeyboardInterrupt
            return done

        with monkeypatch.context() as patch:
            patch.setattr(Graph, "write", stop)
            with pytest.raises(KeyboardInterrupt):
                write_segments(shop, 2, seed=1)
        assert read_members(shop) == members
        assert shop.read("segments").to_dict() == listed
    write_segments(shop, 2)
    assert run_text(shop, "MATCH (s:Segment) RETURN count(s) AS n") == [{"n": 2}]


def test_later_customers_join_the_nearest_segment(shop: Graph) -> None:
    write_segments(shop, 2)
    run_text(
        shop,
        "MATCH (a:Article {article_id: '0000000001'}) CREATE (c:Customer {customer_id: 'new'})"
        "-[:BOUGHT {t_dat: date('2020-09-01'), article_id: a.article_id, quantity: 1, sales_channel_id: 1}]->(a)",
    )
    try:
        before = read_members(shop)
        assert add_to_segments(shop).customers == 1
        assert read_members(shop) == before | {"new": "Odd"}
        assert shop.read("segments")["customers"].tolist() == [21, 20]
        assert add_to_segments(shop).customers == 0
    finally:
        run_text(shop, "MATCH (c:Customer {customer_id: 'new'}) DETACH DELETE c")


def test_segments_choose_who_gets_lists_and_audiences(shop: Graph, tmp_path: Path) -> None:
    write_segments(shop, 2)
    recommender, out = Recommender(shop), tmp_path / "lists.csv"

    def list_customers(**given: Any) -> list[str]:
        campaign = Campaign(form=ListForm.csv, **given)
        recommender.recommend_all(Request(method="popular", k=2), out, campaign=campaign)
        return pl.read_csv(out, infer_schema=False)["customer_id"].unique().sort().to_list()

    odd = [f"c{n:02}" for n in range(1, 40, 2)]
    assert list_customers(segment=("Odd",)) == odd
    assert list_customers(customers_where="segment = 'Odd'") == odd
    assert list_customers(customers_where="age >= 50 and segment = 'Odd'") == ["c33", "c37"]
    assert list_customers(customers_where="segment is null") == ["c40", "c41"]
    request = AudienceRequest(article=("0000000001",), include_buyers=True, segment=("Odd",))
    assert set(recommender.audience(request).customers["customer_id"]) <= set(odd)
    assert len(recommender.audience(request).customers) > 10
    assert recommender.audience(request.model_copy(update={"segment": ("Even",)})).customers.empty
    with pytest.raises(UnknownValue, match="Did you mean Odd"):
        list_customers(segment=("odd ",))
    with pytest.raises(UserMistake, match="Customers have no property 'price'"):
        list_customers(customers_where="price < 2")


def test_too_many_segments_are_refused(shop: Graph) -> None:
    with pytest.raises(UserMistake, match="too few for 1,000 segments"):
        find_segments(shop, 1000)


def test_embeddings_group_customers_if_there_are_any(shop: Graph) -> None:
    subgraph = export_subgraph(shop, SubgraphSpec(isolated=True))
    write_embeddings(shop, train(subgraph, TrainSettings(dim=8, epochs=3, negatives=16)))
    receipt, found = write_segments(shop, 2)
    assert found.taste.by == "embeddings"
    assert receipt.segments == 2
    assert len({segment.name for segment in found.segments}) == 2
    known = found.of_customer >= 0
    centres = np.array([segment.centre for segment in found.segments])
    assert (find_nearest(found.taste.vectors[known].astype(np.float64), centres) == found.of_customer[known]).all()
    write_embeddings(shop, train(subgraph, TrainSettings(dim=8, epochs=1, negatives=16)))
    with pytest.raises(UserMistake, match="embeddings of another model"):
        add_to_segments(shop)
