"""Cached exports: the same arrays while the graph is unchanged, and never a stale or damaged copy."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export import kept as kept_export
from hmrec.graph_ml.export.hetero import to_hetero
from hmrec.graph_ml.export.kept import ARRAYS, MAX_COPIES, export_kept
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import Subgraph, SubgraphSpec
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
def test_a_cached_export_is_the_same(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, spec: SubgraphSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = export_kept(module_graph, spec, folder=tmp_path)
    monkeypatch.setattr(kept_export, "export_subgraph", None)
    again = export_kept(module_graph, spec, folder=tmp_path)
    assert_same(first, again)
    again.quantity[0] = 99  # changes no file
    assert_same(first, export_kept(module_graph, spec, folder=tmp_path))
    assert to_hetero(again).validate()


def test_fresh_and_another_part_read_the_graph(
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
def test_a_damaged_copy_is_replaced_and_reported(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path, file: str
) -> None:
    first = export_kept(module_graph, folder=tmp_path)
    (copy,) = tmp_path.iterdir()
    whole = (copy / file).read_bytes()
    (copy / file).write_bytes(whole[: len(whole) // 2])
    steps: list[str] = []
    assert_same(export_kept(module_graph, progress=lambda step, *_: steps.append(step), folder=tmp_path), first)
    assert any("damaged" in step for step in steps)
    assert (next(tmp_path.iterdir()) / file).read_bytes() == whole


def test_only_the_copies_last_used_stay(module_graph: Graph, shop: pl.DataFrame, tmp_path: Path) -> None:
    for customers in range(1, MAX_COPIES + 3):
        export_kept(module_graph, SubgraphSpec(customers=customers), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == MAX_COPIES


def test_an_unwritable_folder_does_not_fail_the_export(module_graph: Graph, shop: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_same(export_kept(module_graph, folder=tmp_path / "file"), export_subgraph(module_graph))


def load_more(graph: Graph, folder: Path, customers: str = "", articles: str = "", **rows: object) -> None:
    """Load more transactions (by column), customers and articles (CSV text) into the graph."""
    folder.mkdir(parents=True)
    columns = {"t_dat": [], "customer_id": [], "article_id": [], "price": [], "sales_channel_id": []} | rows
    pl.DataFrame(columns).write_csv(folder / "transactions_train.csv")
    for name, text in (("customers", customers), ("articles", articles)):
        if text:
            (folder / f"{name}.csv").write_text(text)
    load_folder(folder, server=None, graph=graph, mode="stream")


ADDED = {
    "a day": {
        "t_dat": [dt.date(2020, 9, 22)] * 3, "customer_id": ["c00", "c41", "c00"],
        "article_id": ["0000000003", "0000000031", "0000000003"], "price": [0.1, 0.2, 0.1], "sales_channel_id": [1] * 3,
    },
    "an earlier day and a higher quantity": {
        "t_dat": [dt.date(2020, 7, 21)] * 3, "customer_id": ["c07"] * 3, "article_id": ["0000000001"] * 3,
        "price": [0.3] * 3, "sales_channel_id": [2] * 3,
    },
    "unknown customers and articles": {
        "t_dat": [dt.date(2020, 9, 23)] * 2, "customer_id": ["a-first", "c05x"],
        "article_id": ["0000000900", "0000000000"], "price": [0.1, 0.2], "sales_channel_id": [1, 2],
    },
    "a customer without purchases and another one's age": {"customers": "customer_id,age\nc02,77\nzed,33\n"},
    "an article's department": {"articles": "article_id,department_no,department_name\n0000000004,1,Odd\n"},
    "returns": {
        "t_dat": [dt.date(2020, 9, 22), dt.date(2020, 7, 21)], "customer_id": ["c00", "c07"],
        "article_id": ["0000000003", "0000000001"], "price": [0.1, 0.3], "sales_channel_id": [1, 2],
        "quantity": [-2, -1],
    },
}  # fmt: skip


@pytest.mark.parametrize("isolated", [True, False])
def test_a_copy_updated_after_loads_equals_a_fresh_export(
    graph: Graph, tmp_path: Path, isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    spec, folder = SubgraphSpec(isolated=isolated), tmp_path / "cache"
    before = export_kept(graph, spec, folder=folder)
    days_read: list[object] = []
    stream = Graph.stream

    def watch(own: Graph, query: str, **parameters: object) -> object:
        if query == "export_day":
            days_read.append(parameters["day"])
        assert query != "export_purchases"
        return stream(own, query, **parameters)  # type: ignore[arg-type]

    for number, rows in enumerate(ADDED.values()):
        load_more(graph, tmp_path / str(number), **rows)  # type: ignore[arg-type]
        fresh = export_subgraph(graph, spec)
        if number == 1:
            continue  # the next turn updates after two loads
        with monkeypatch.context() as patch:
            patch.setattr(kept_export, "export_subgraph", None)
            patch.setattr(Graph, "stream", watch)
            days_read.clear()
            updated = export_kept(graph, spec, folder=folder)
            assert_same(updated, fresh)
            assert_same(export_kept(graph, spec, folder=folder), fresh)
        days = {*rows.get("t_dat", ())} | ({dt.date(2020, 7, 21)} if number == 2 else set())
        assert days_read == sorted(days)
    assert updated.num_edges == before.num_edges + 5 - 1
    assert len(updated.customer_ids) - len(before.customer_ids) == 3


def test_the_graph_is_read_again_if_a_copy_cannot_be_updated(graph: Graph, tmp_path: Path) -> None:
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    folder = tmp_path / "cache"
    for number, harm in enumerate(
        (
            "MATCH (:Customer {customer_id: 'c01'})-[b:BOUGHT]->() WITH b LIMIT 1 DELETE b",
            "MATCH (a:Article {article_id: '0000000008'}) DETACH DELETE a",
            "MATCH (l:Load) REMOVE l.days_written",
        )
    ):
        export_kept(graph, folder=folder)
        load_more(graph, tmp_path / str(number), **dict(ADDED["a day"], t_dat=[dt.date(2020, 10, 1 + number)] * 3))
        run_text(graph, harm)
        assert_same(export_kept(graph, folder=folder), export_subgraph(graph))


def test_after_a_killed_or_replacing_load_the_export_equals_a_fresh_one(graph: Graph, tmp_path: Path) -> None:
    load_two_tastes(graph, tmp_path / "shop", weeks=4)
    spec, folder = SubgraphSpec(isolated=True), tmp_path / "cache"
    export_kept(graph, spec, folder=folder)
    more = tmp_path / "more"
    rows = ADDED["unknown customers and articles"]
    load_more(graph, more, customers="customer_id,age\nc02,77\nzed,33\n", **rows)
    # the state after a load was killed after its last batch: all is written, but it has not finished
    run_text(
        graph, "MATCH (l:Load) WHERE l.folder ENDS WITH 'more' REMOVE l.finished, l.days_written, l.customers_written"
    )
    assert_same(export_kept(graph, spec, folder=folder), export_subgraph(graph, spec))
    load_folder(more, server=None, graph=graph, mode="stream")  # resumes, and finds nothing left to do
    steps: list[str] = []
    assert_same(
        export_kept(graph, spec, lambda step, *_: steps.append(step), folder=folder), export_subgraph(graph, spec)
    )
    assert any("up to date" in step for step in steps)
    load_folder(tmp_path / "shop", server=None, graph=graph, mode="stream", replace=True)
    assert_same(export_kept(graph, spec, folder=folder), export_subgraph(graph, spec))


def test_nothing_is_cached_while_a_load_is_unfinished(module_graph: Graph, shop: pl.DataFrame, tmp_path: Path) -> None:
    run_text(module_graph, "CREATE (:Load {id: 'half', started: '2020-01-01'})")
    try:
        export_kept(module_graph, folder=tmp_path)
        assert not list(tmp_path.iterdir())
    finally:
        run_text(module_graph, "MATCH (l:Load {id: 'half'}) DELETE l")
