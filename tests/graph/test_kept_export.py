"""Kept exports: the same arrays while the graph is the same, and never a stale or damaged one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml import kept_export
from hmrec.graph_ml.export import Subgraph, SubgraphSpec, export_subgraph
from hmrec.graph_ml.kept_export import ARRAYS, MOST_COPIES, export_kept
from hmrec.loader.load import load_folder

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=3)


def assert_same(one: Subgraph, other: Subgraph) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    assert (one.customer_ids, one.article_ids) == (other.customer_ids, other.article_ids)
    assert one.customers.equals(other.customers)
    assert one.articles.equals(other.articles)
    assert one.features == other.features
    assert list(one.attributes) == list(other.attributes)
    for label, attribute in one.attributes.items():
        assert attribute.keys == other.attributes[label].keys
        assert (attribute.edge_index == other.attributes[label].edge_index).all()


@pytest.mark.parametrize("spec", [SubgraphSpec(), SubgraphSpec(category="Odd", rows=50)])
def test_a_kept_export_is_the_same(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, spec: SubgraphSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = export_kept(module_graph, spec, folder=tmp_path)
    monkeypatch.setattr(kept_export, "export_subgraph", None)
    again = export_kept(module_graph, spec, folder=tmp_path)
    assert_same(first, again)
    again.quantity[0] = 99  # touches no file
    assert_same(first, export_kept(module_graph, spec, folder=tmp_path))
    assert again.to_hetero().validate()


def test_another_part_and_fresh_read_the_graph(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_kept(module_graph, folder=tmp_path)
    monkeypatch.setattr(kept_export, "export_subgraph", None)
    export_kept(module_graph, folder=tmp_path)
    with pytest.raises(TypeError):
        export_kept(module_graph, SubgraphSpec(customers=3), folder=tmp_path)
    with pytest.raises(TypeError):
        export_kept(module_graph, folder=tmp_path, fresh=True)


@pytest.mark.parametrize("file", ["price.npy", "customers.parquet", "facts.json"])
def test_a_damaged_copy_is_exported_anew_with_a_note(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, file: str
) -> None:
    first = export_kept(module_graph, folder=tmp_path)
    (copy,) = tmp_path.iterdir()
    whole = (copy / file).read_bytes()
    (copy / file).write_bytes(whole[: len(whole) // 2])
    told: list[str] = []
    assert_same(export_kept(module_graph, progress=lambda step, *_: told.append(step), folder=tmp_path), first)
    assert any("damaged" in step for step in told)
    assert (next(tmp_path.iterdir()) / file).read_bytes() == whole


def test_only_the_copies_last_used_are_kept(module_graph: Graph, shop: pl.DataFrame, tmp_path: Path) -> None:
    for customers in range(1, MOST_COPIES + 3):
        export_kept(module_graph, SubgraphSpec(customers=customers), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == MOST_COPIES


def test_a_folder_that_cannot_be_written_costs_the_copy_alone(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert_same(export_kept(module_graph, folder=tmp_path / "file"), export_subgraph(module_graph))


def test_after_a_load_the_graph_is_read_anew(module_graph: Graph, shop: pl.DataFrame, tmp_path: Path) -> None:
    before = export_kept(module_graph, folder=tmp_path / "kept")
    new = tmp_path / "new"
    new.mkdir()
    row = {"t_dat": dt.date(2020, 9, 22), "customer_id": "c00", "article_id": "0000000003", "price": 0.1}
    pl.DataFrame([row | {"sales_channel_id": 1}]).write_csv(new / "transactions_train.csv")
    load_folder(new, server=None, graph=module_graph, road="stream")
    after = export_kept(module_graph, folder=tmp_path / "kept")
    assert after.num_edges == before.num_edges + 1
    assert_same(after, export_subgraph(module_graph))
    assert_same(after, export_kept(module_graph, folder=tmp_path / "kept"))


def test_while_a_load_is_unfinished_nothing_is_kept(module_graph: Graph, shop: pl.DataFrame, tmp_path: Path) -> None:
    run_text(module_graph, "CREATE (:Load {id: 'half', started: '2020-01-01'})")
    try:
        export_kept(module_graph, folder=tmp_path)
        assert not list(tmp_path.iterdir())
    finally:
        run_text(module_graph, "MATCH (l:Load {id: 'half'}) DELETE l")
