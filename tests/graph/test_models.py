"""Versions of the model are stored in the graph, listed, and used again."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hmrec.cypher.errors import LoadRunning
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.network.trained_model import TrainedModel, TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.ranker.features import FACTS
from hmrec.graph_ml.ranker.fit import RankParts
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.write_back.versions import UnknownVersion, list_versions, load_version
from hmrec.graph_ml.write_back.write import use_version, write_embeddings

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes
from tests.graph.test_write_back import holds, nearest, nearest_of


@pytest.fixture(scope="module")
def models(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> list[TrainedModel]:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=4)
    subgraph = export_subgraph(module_graph)
    settings = TrainSettings(dim=16, epochs=1, negatives=64)
    return [train(subgraph, settings.model_copy(update={"seed": seed})) for seed in (0, 1)]


@pytest.fixture(autouse=True)
def no_versions(module_graph: Graph, models: list[TrainedModel]) -> None:
    run_text(module_graph, "MATCH (n:Model|ModelInForce|ModelPart|Ranker) DETACH DELETE n")
    run_text(module_graph, "MATCH (n:Customer|Article) REMOVE n.embedding, n.embedding_staged")


def test_an_earlier_version_is_used_again(module_graph: Graph, models: list[TrainedModel]) -> None:
    for trained in models:
        write_embeddings(module_graph, trained, {"map_new": 0.25})
    assert holds(module_graph, models[1])
    loaded = load_version(module_graph, 1)
    np.testing.assert_array_equal(loaded.customers, models[0].customers)
    before = list_versions(module_graph, 1)[0].model
    assert use_version(module_graph, 1).version == 1
    assert holds(module_graph, models[0])
    assert nearest(module_graph) == nearest_of(models[0])
    versions = list_versions(module_graph)
    assert [(one.model["version"], one.model["in_force"], one.kept) for one in versions] == [
        (2, False, True),
        (1, True, True),
    ]
    assert versions[1].model == before | {"in_force": True}


def test_only_the_newest_versions_and_the_one_in_use_stay_stored(
    module_graph: Graph, models: list[TrainedModel]
) -> None:
    for number in range(4):
        write_embeddings(module_graph, models[number % 2], keep=2)
    assert [one.kept for one in list_versions(module_graph)] == [True, True, False, False]
    with pytest.raises(
        UnknownVersion, match=r"no longer stores the embeddings of model version 1\. It stores those of 4, 3"
    ):
        use_version(module_graph, 1)
    with pytest.raises(UnknownVersion, match=r"no model version 9\. It has: 4, 3, 2, 1"):
        use_version(module_graph, 9)
    assert holds(module_graph, models[1])


def test_a_version_without_all_parts_is_unusable_and_unused_parts_are_removed_by_the_next_run(
    module_graph: Graph, models: list[TrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hmrec.graph_ml.write_back.versions.BYTES_A_PART", 1000)
    write_embeddings(module_graph, models[0])
    np.testing.assert_array_equal(load_version(module_graph, 1).articles, models[0].articles)
    run_text(module_graph, "MATCH (p:ModelPart {version: 1, part: 1}) DETACH DELETE p")
    assert [one.kept for one in list_versions(module_graph)] == [False]
    module_graph.write("keep_part", version=2, part=77, bytes=b"of a killed run")
    write_embeddings(module_graph, models[1])
    assert not run_text(module_graph, "MATCH (p:ModelPart {part: 77}) RETURN p.part")
    assert load_version(module_graph, 2).article_ids == models[1].article_ids


def make_parts(trained: TrainedModel, name: str) -> RankParts:
    """Return a ranker with one source as its mark, and facts of which every third is unknown."""
    facts = np.arange(len(trained.article_ids) * len(FACTS), dtype=np.float32).reshape(-1, len(FACTS))
    facts[facts % 3 == 0] = np.nan
    return RankParts(Ranker((name,), (("trees",), ("trees",))), facts)


def active_ranker(graph: Graph) -> tuple[int, str] | None:
    """Return the version and the source of the ranker that readers find."""
    model = read_state(graph).model
    found = graph.read("ranker").to_dict("records")
    assert model is not None
    assert [(model.version, model.created)] * model.has_ranker == [(row["version"], row["created"]) for row in found]
    return (model.version, Ranker.from_text(found[0]["text"]).sources[0]) if found else None


def test_facts_are_written_to_articles_and_unknown_ones_have_no_property(
    module_graph: Graph, models: list[TrainedModel]
) -> None:
    run_text(module_graph, f"MATCH (a:Article) SET a.{FACTS[0]} = 77.0")
    parts = make_parts(models[0], "popular")
    write_embeddings(module_graph, models[0], rank=parts)
    rows = run_text(module_graph, "MATCH (a:Article) RETURN a.article_id AS id, properties(a) AS facts")
    found = {row["id"]: row["facts"] for row in rows}
    for article, facts in zip(models[0].article_ids, parts.facts.tolist(), strict=True):
        known = {name: value for name, value in zip(FACTS, facts, strict=True) if value == value}
        assert {name: value for name, value in found[article].items() if name in FACTS} == known  # type: ignore[attr-defined]
    run_text(module_graph, f"MATCH (a:Article) REMOVE {', '.join(f'a.{name}' for name in FACTS)}")


def test_the_ranker_in_use_is_that_of_the_version_in_use(module_graph: Graph, models: list[TrainedModel]) -> None:
    write_embeddings(module_graph, models[0], rank=make_parts(models[0], "popular"))
    assert active_ranker(module_graph) == (1, "popular")
    write_embeddings(module_graph, models[1])
    assert active_ranker(module_graph) is None
    write_embeddings(module_graph, models[1], rank=make_parts(models[1], "user_based_cf"))
    assert active_ranker(module_graph) == (3, "user_based_cf")
    use_version(module_graph, 1)
    assert active_ranker(module_graph) == (1, "popular")


def test_rankers_of_versions_no_longer_stored_are_removed(module_graph: Graph, models: list[TrainedModel]) -> None:
    module_graph.write("keep_ranker", version=1, text="of a killed run")
    write_embeddings(module_graph, models[0], rank=make_parts(models[0], "popular"), keep=2)
    for number in range(3):
        rank = make_parts(models[0], "popular") if number else None
        write_embeddings(module_graph, models[number % 2], rank=rank, keep=2)
    stored = run_text(module_graph, "MATCH (r:Ranker) RETURN r.version AS version ORDER BY version")
    assert [row["version"] for row in stored] == [3, 4]


def test_nodes_that_no_longer_exist_are_skipped(module_graph: Graph, models: list[TrainedModel]) -> None:
    run_text(module_graph, "CREATE (:Customer {customer_id: 'gone'})")
    write_embeddings(module_graph, models[0])
    run_text(module_graph, "MATCH (c:Customer {customer_id: 'c00'}) SET c.customer_id = 'other'")
    try:
        assert use_version(module_graph, 1).customers == len(models[0].customer_ids) - 1
    finally:
        run_text(module_graph, "MATCH (c:Customer {customer_id: 'other'}) SET c.customer_id = 'c00'")
        run_text(module_graph, "MATCH (c:Customer {customer_id: 'gone'}) DELETE c")


def test_a_concurrent_write_back_is_refused_and_the_other_named(
    module_graph: Graph, models: list[TrainedModel], connection: ConnectionSettings
) -> None:
    with (
        Graph.connect(connection) as first,
        first.claim("embeddings are being written back (by the first)"),
        pytest.raises(LoadRunning, match="by the first"),
    ):
        write_embeddings(module_graph, models[0])
    assert write_embeddings(module_graph, models[0]).version == 1


def test_readers_always_get_one_complete_version_within_a_second(
    module_graph: Graph, models: list[TrainedModel], connection: ConnectionSettings
) -> None:
    for trained in (models[1], models[0]):
        write_embeddings(module_graph, trained)
        nearest(module_graph)  # lets the server plan the query, which is not part of the measurement
    allowed = [nearest_of(trained)[0] for trained in models]
    seen: list[bool] = []
    slowest = [0.0]
    done = threading.Event()

    def ask() -> None:
        with Graph.connect(connection) as reader:
            while not done.is_set():
                begun = time.monotonic()
                found = reader.read("gnn", customer_id="c00", k=5)[["article_id", "score"]].to_numpy().tolist()
                slowest[0] = max(slowest[0], time.monotonic() - begun)
                seen.append(found in allowed)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for trained in (models[1], models[0], models[1]):
            write_embeddings(module_graph, trained)
    finally:
        done.set()
        thread.join()
    assert len(seen) > 20
    assert all(seen)
    assert slowest[0] < 1.0
