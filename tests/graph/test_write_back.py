"""Write-back: every node gets its embedding, and readers always see one complete version, even after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hmrec.cypher.errors import HmrecError
from hmrec.cypher.graph import Graph
from hmrec.cypher.statement import Receipt
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.epochs import START_POWERS
from hmrec.graph_ml.network.trained_model import TrainedModel, TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.write_back.versions import list_versions
from hmrec.graph_ml.write_back.write import write_embeddings

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes

SMALL = TrainSettings(dim=16, epochs=2, negatives=64)


@pytest.fixture
def models(graph: Graph, tmp_path: Path) -> tuple[TrainedModel, TrainedModel]:
    load_two_tastes(graph, tmp_path / "shop", weeks=5)
    subgraph = export_subgraph(graph)
    return train(subgraph, SMALL), train(subgraph, SMALL.model_copy(update={"seed": 7}))


def stored(graph: Graph, label: str, key: str) -> dict[str, np.ndarray]:
    rows = run_text(graph, f"MATCH (n:{label}) WHERE n.embedding IS NOT NULL RETURN n.{key} AS id, n.embedding AS x")
    return {str(row["id"]): np.array(row["x"]) for row in rows}


def has_embeddings_of(graph: Graph, trained: TrainedModel) -> bool:
    """Return whether `Customer.embedding` and `Article.embedding` are exactly those of the model."""
    for label, key, ids, vectors in (
        ("Customer", "customer_id", trained.customer_ids, trained.customers),
        ("Article", "article_id", trained.article_ids, trained.articles),
    ):
        found = stored(graph, label, key)
        if set(found) != set(ids) or not all((found[o].astype(np.float32) == vectors[ids.index(o)]).all() for o in ids):
            return False
    return True


def nearest(graph: Graph) -> list[list[Any]]:
    """Return the lists that readers get for three customers."""
    return [
        graph.read("gnn", customer_id=c, k=5)[["article_id", "score"]].to_numpy().tolist()
        for c in ("c00", "c01", "c17")
    ]


def nearest_of(trained: TrainedModel) -> list[list[Any]]:
    """Compute the lists of `nearest` by numpy."""
    lists = []
    for customer in ("c00", "c01", "c17"):
        cosine = trained.articles @ trained.customers[trained.customer_ids.index(customer)]
        order = sorted(range(len(cosine)), key=lambda a: (-cosine[a], trained.article_ids.id(a)))[:5]
        lists.append([[trained.article_ids.id(a), pytest.approx(float(cosine[a]), abs=1e-5)] for a in order])
    return lists


def test_every_node_gets_its_embedding_and_the_index_is_usable(
    graph: Graph, models: tuple[TrainedModel, TrainedModel]
) -> None:
    receipt = write_embeddings(graph, models[0])
    assert (receipt.version, receipt.customers, receipt.articles) == (1, 40, 30)
    assert has_embeddings_of(graph, models[0])
    indexes = graph.read("vector_indexes").sort_values("name")
    assert indexes["name"].tolist() == ["article_embedding", "article_embedding_staged"]
    assert (indexes["state"] == "ONLINE").all()
    assert nearest(graph) == nearest_of(models[0])


def test_the_next_version_replaces_the_previous_one(graph: Graph, models: tuple[TrainedModel, TrainedModel]) -> None:
    write_embeddings(graph, models[0])
    assert write_embeddings(graph, models[1]).version == 2
    assert has_embeddings_of(graph, models[1])
    assert nearest(graph) == nearest_of(models[1])
    left = run_text(graph, "MATCH (n) WHERE n.embedding_staged IS NOT NULL RETURN count(*) AS left")
    assert left == [{"left": 0}]
    assert sorted(graph.read("vector_indexes")["name"]) == ["article_embedding", "article_embedding_staged"]
    assert [(model["version"], model["in_force"]) for model in graph.read("models")["model"]] == [(2, True), (1, False)]


def test_an_index_with_other_settings_is_rebuilt(
    graph: Graph, models: tuple[TrainedModel, TrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("hmrec.graph_ml.write_back.vector_indexes.EF_CONSTRUCTION", 100)
        write_embeddings(graph, models[0])
    assert set(graph.read("vector_indexes")["ef_construction"]) == {100}
    write_embeddings(graph, models[1])
    assert set(graph.read("vector_indexes")["ef_construction"]) == {300}
    assert nearest(graph) == nearest_of(models[1])


def test_nothing_of_the_previous_version_is_left_with_another_dimension_and_other_nodes(
    graph: Graph, models: tuple[TrainedModel, TrainedModel]
) -> None:
    write_embeddings(graph, models[0])
    few = train(export_subgraph(graph, SubgraphSpec(category="Odd")), SMALL.model_copy(update={"dim": 8}))
    write_embeddings(graph, few)
    assert has_embeddings_of(graph, few)
    assert len(graph.read("gnn", customer_id="c01", k=5)) == 5
    assert not len(graph.read("gnn", customer_id="c00", k=5))


def test_the_model_node_has_the_settings_and_data_of_the_training(
    graph: Graph, models: tuple[TrainedModel, TrainedModel]
) -> None:
    trained = models[0]
    write_embeddings(graph, trained, {"map_new": 0.25})
    model = graph.read("models")["model"][0]
    assert (model["version"], model["in_force"], model["dim"], model["map_new"]) == (1, True, 16, 0.25)
    assert (model["since"], model["until"]) == (trained.since, trained.until)
    assert trained.settings.start_power in START_POWERS  # the only setting that training chose itself
    found = SMALL.model_copy(update={"start_power": trained.settings.start_power})
    assert TrainSettings.model_validate_json(model["hyperparameters"]) == found
    assert set(json.loads(model["libraries"])) >= {"torch", "torch-geometric", "hmrec"}
    assert model["created"].year >= 2024


class Killed(BaseException):
    """Stands for a SIGKILL."""


def count_writes(graph: Graph, trained: TrainedModel, monkeypatch: pytest.MonkeyPatch, stop_after: int | None) -> int:
    """Write back, killed after `stop_after` writes; return the number of writes."""
    done = 0
    write = Graph.write

    def count_write(self: Graph, query: Any, **parameters: Any) -> Receipt:
        nonlocal done
        if done == stop_after:
            raise Killed
        receipt = write(self, query, **parameters)
        done += 1
        return receipt

    with monkeypatch.context() as patch:
        patch.setattr(Graph, "write", count_write)
        try:
            write_embeddings(graph, trained)
        except Killed:
            assert stop_after is not None
    return done


def test_after_a_kill_at_any_write_readers_see_one_version_and_a_new_run_completes(
    graph: Graph, models: tuple[TrainedModel, TrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = models
    write_embeddings(graph, old)
    total = count_writes(graph, new, monkeypatch, None)
    assert total >= 10
    old, new = new, old
    seen = []
    for stop_after in range(total):
        count_writes(graph, new, monkeypatch, stop_after)
        found = nearest(graph)
        assert found in (nearest_of(old), nearest_of(new)), stop_after
        seen.append(found == nearest_of(new))
        write_embeddings(graph, new)
        assert has_embeddings_of(graph, new), stop_after
        old, new = new, old
    assert seen == sorted(seen)  # the old version up to some write, and the new one from then on
    assert True in seen
    assert False in seen


def test_an_incomplete_first_write_back_is_not_visible_to_readers(
    graph: Graph, models: tuple[TrainedModel, TrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = [[], [], []]
    seen = []
    while not seen or seen[-1] == nothing:
        count_writes(graph, models[0], monkeypatch, stop_after=len(seen))
        seen.append(nearest(graph))
        assert len(list_versions(graph)) == (seen[-1] != nothing)
    assert len(seen) > 8
    assert seen[-1] == nearest_of(models[0])
    write_embeddings(graph, models[0])
    assert [one.model["version"] for one in list_versions(graph)] == [2, 1]


def test_the_previous_version_stays_in_use_if_an_index_fails(
    graph: Graph, models: tuple[TrainedModel, TrainedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_embeddings(graph, models[0])
    monkeypatch.setattr("hmrec.graph_ml.write_back.vector_indexes.INDEX_SECONDS", -1)
    with pytest.raises(HmrecError, match="could not build the vector indexes"):
        write_embeddings(graph, models[1])
    assert nearest(graph) == nearest_of(models[0])


def test_packed_vectors_and_lists_are_stored_alike(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    run_text(graph, "UNWIND range(0, 2) AS n CREATE (:Article {article_id: toString(n)})")
    nodes = [row["node"] for row in run_text(graph, "MATCH (n:Article) RETURN id(n) AS node ORDER BY n.article_id")]
    for rows in (graph.to_vectors(array), array.tolist()):
        graph.write("write_embeddings", slot="embedding", nodes=nodes, vectors=rows)
        found = stored(graph, "Article", "article_id")
        assert all((found[str(n)].astype(np.float32) == array[n]).all() for n in range(3))
