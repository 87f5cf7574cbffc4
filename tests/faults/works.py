"""The four long tasks over a connection, each with a check of the result, whatever happened to the connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.state import read_state
from hmrec.graph_ml.export.kept import export_kept
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic

from tests.conftest import empty, run_text
from tests.faults.children import digest
from tests.graph.test_write_back import has_embeddings_of

PURCHASES = 8_000
WHOLE = SubgraphSpec(isolated=True)


@dataclass(frozen=True)
class Work:
    """A task to disturb.

    Attributes
    ----------
    do : runs it over the disturbed connection, and returns the input of `check`.
    check : asserts that the result equals that of an undisturbed run.
    prepare : restores the state in which `do` has something to do.
    """

    do: Callable[[Graph], Any]
    check: Callable[[Any], None]
    prepare: Callable[[], object] = lambda: None

    def measure(self, graph: Graph) -> float:
        """Return the seconds that it takes undisturbed."""
        self.prepare()
        begun = time.monotonic()
        self.do(graph)
        return time.monotonic() - begun


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small data set."""
    folder = tmp_path_factory.mktemp("shop")
    write_synthetic(folder, customers=600, articles=200, transactions=PURCHASES, seed=3)
    return folder


def make_work(name: str, direct: Graph, shop: Path, folder: Path) -> Work:
    """Return one of `load`, `export`, `recommend_all` and `write_back`.

    Parameters
    ----------
    name : of the task.
    direct : an undisturbed connection; the shop is in its graph afterwards.
    shop, folder : the data set, and a folder for files.
    """

    def load(graph: Graph) -> Any:
        return load_folder(shop, server=None, graph=graph, mode="stream", report=folder)

    empty(direct)
    if name == "load":
        wanted: set[str] = set()  # of the first, undisturbed load, and of all others

        def do_load(graph: Graph) -> Any:
            report = load(graph)
            wanted.add(digest(direct))
            return report

        def check_load(_: Any) -> None:
            assert len(wanted) == 1
            assert not run_text(direct, "MATCH (l:Load) WHERE l.finished IS NULL RETURN l")
            assert load(direct).changes == {}

        return Work(do_load, check_load, lambda: empty(direct))
    load(direct)
    whole = export_subgraph(direct, WHOLE)
    if name == "export":

        def check_export(found: Any) -> None:
            assert (found.edge_index == whole.edge_index).all()
            assert (found.time == whole.time).all()
            assert list(found.customer_ids) == list(whole.customer_ids)

        kept = folder / "exports"
        return Work(lambda graph: export_kept(graph, WHOLE, fresh=True, folder=kept), check_export)
    if name == "recommend_all":
        out, undisturbed = folder / "submission.csv", folder / "undisturbed.csv"
        Recommender(direct).recommend_all(Request(method="user_based_cf"), undisturbed, at_once=100)

        def check_file(_: Any) -> None:
            assert out.read_bytes() == undisturbed.read_bytes()

        def write_file(graph: Graph) -> int:
            return Recommender(graph).recommend_all(Request(method="user_based_cf"), out, at_once=100)

        return Work(write_file, check_file, lambda: out.unlink(missing_ok=True))
    settings = TrainSettings(dim=16, epochs=1, negatives=64)
    models = [train(whole, settings.model_copy(update={"seed": seed})) for seed in (0, 1)]

    def check_model(_: Any) -> None:
        assert has_embeddings_of(direct, models[0])
        assert read_state(direct).model is not None
        assert not run_text(direct, "MATCH (p:ModelPart) WHERE NOT (:Model)-[:KEPT_IN]->(p) RETURN p.part")

    return Work(lambda graph: write_embeddings(graph, models[0]), check_model, models.reverse)
