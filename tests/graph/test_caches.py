"""What the ranker knows about articles is read once, and never of another state, another model or an older minute."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hmrec.cli.warm_up import warm_up
from hmrec.cypher.errors import ServerUnavailable
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.ports import find_free_port
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import GraphState, read_state
from hmrec.graph_ml.ranker.features import FACTS
from hmrec.graph_ml.recommend import Recommender, caches
from hmrec.graph_ml.recommend.caches import ArticleDescriptions
from hmrec.graph_ml.recommend.gather import CustomerHistory

from tests.conftest import run_text
from tests.graph.shops import load_and_train

IDS = [f"{number:010}" for number in range(32)]


@pytest.fixture(scope="module")
def state(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> GraphState:
    load_and_train(module_graph, tmp_path_factory.mktemp("shop"))
    return read_state(module_graph)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the articles that are read from here on, a list for each query."""
    found: list[list[str]] = []
    read_as = Graph.read_as

    def listen(self: Graph, row: Any, query: Any, **parameters: Any) -> list[Any]:
        found.append(parameters["article_ids"])
        return read_as(self, row, query, **parameters)

    monkeypatch.setattr(Graph, "read_as", listen)
    return found


def test_articles_are_those_of_the_graph(module_graph: Graph, state: GraphState) -> None:
    found = ArticleDescriptions(module_graph).read(state, {*IDS, "nothing"})
    assert [article.article_id for article in found] == IDS
    rows = run_text(module_graph, "MATCH (a:Article) RETURN a.article_id AS id, properties(a) AS known ORDER BY id")
    for article, row in zip(found, rows, strict=True):
        known = row["known"]
        assert isinstance(known, dict)
        facts = [np.nan if known.get(name) is None else known[name] for name in FACTS]
        np.testing.assert_allclose(article.facts, np.array(facts, dtype=np.float32))
        assert article.department == str(known["department_no"])
        assert article.embedding is not None
        np.testing.assert_allclose(article.embedding, np.array(known["embedding"]), rtol=1e-6)


def test_only_unknown_articles_are_read_and_the_least_recently_used_are_dropped(
    module_graph: Graph, state: GraphState, asked: list[list[str]]
) -> None:
    known = ArticleDescriptions(module_graph, kept=3)
    for wanted in (IDS[:2], IDS[1:3], IDS[:1], IDS[3:4], IDS[1:2]):
        known.read(state, wanted)
    assert asked == [IDS[:2], IDS[2:3], IDS[3:4], IDS[1:2]]  # 3 came in place of 1, which was used before 2 and 0


@pytest.mark.parametrize(
    "change",
    [
        {"database": "another"},
        {"articles": 31},
        {"loads": ()},
        {"model": None},
    ],
)
def test_another_state_is_read_again(
    module_graph: Graph, state: GraphState, asked: list[list[str]], change: dict[str, Any]
) -> None:
    known = ArticleDescriptions(module_graph)
    for now in (state, replace(state, events=1), replace(state, **change)):
        known.read(now, IDS[:1])
    assert asked == [IDS[:1]] * 2  # an event changes no article


def test_nothing_is_kept_during_a_load_or_for_longer_than_a_minute(
    module_graph: Graph, state: GraphState, asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ArticleDescriptions(module_graph)
    loading = replace(state, loads=(state.loads[0]._replace(finished=None), *state.loads[1:]))
    for now in (loading, loading, state, state):
        known.read(now, IDS[:1])
    assert len(asked) == 3
    monkeypatch.setattr(caches, "FORGET_SECONDS", -1.0)
    known.read(state, IDS[:1])
    assert len(asked) == 4


def test_embeddings_of_another_model_are_not_compared(module_graph: Graph, state: GraphState) -> None:
    assert state.model is not None
    other = replace(state, model=replace(state.model, version=state.model.version + 1))
    (article,) = ArticleDescriptions(module_graph).read(other, IDS[:1])
    assert article.embedding is None
    for version, size in ((state.model.version, state.model.dim), (state.model.version + 1, 0)):
        history = module_graph.read_one(CustomerHistory, "customer_history", customer_id="c00", model=version)
        assert history is not None
        assert len(history.embedding or ()) == size


def test_a_service_whose_graph_is_gone_starts_without_a_warm_up() -> None:
    with Graph(ConnectionSettings(uri=f"bolt://localhost:{find_free_port(17_000)}"), timeout=0) as gone:
        recommender = Recommender(gone)
        with pytest.raises(ServerUnavailable):
            recommender.warm_up()
        warm_up(recommender)
