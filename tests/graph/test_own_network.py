"""A network of one's own: exported, trained elsewhere, written back, switched, evaluated, ranked, refused."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml import load_export
from hmrec.graph_ml.evaluate.evaluation import evaluate
from hmrec.graph_ml.export.export_folder import BadExport
from hmrec.graph_ml.export.hetero import BOUGHT, to_hetero
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.own_vectors import write_own_vectors
from hmrec.graph_ml.write_back.embed_new import embed_new
from hmrec.graph_ml.write_back.write import use_version, write_embeddings
from typer.testing import CliRunner

from tests.conftest import name_connection
from tests.graph.shops import load_two_tastes

ROOT = Path(__file__).parents[2]
SETTINGS = TrainSettings(dim=16, epochs=2, negatives=64)
runner = CliRunner()


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    transactions = load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    write_embeddings(module_graph, train(export_subgraph(module_graph, SubgraphSpec(isolated=True)), SETTINGS))
    return transactions


@pytest.fixture
def environment(connection: ConnectionSettings, tmp_path: Path) -> dict[str, str]:
    return name_connection(connection) | {"HMREC_HOME": str(tmp_path / "home"), "COLUMNS": "200"}


def write_vectors(graph: Graph, file: Path, until: dt.date | None = None) -> tuple[Path, dict[str, np.ndarray]]:
    """Write vectors that say who bought what: an article's is its customers', of 40 dimensions."""
    subgraph = export_subgraph(graph, SubgraphSpec(isolated=True, until=until))
    counts = np.zeros((len(subgraph.customer_ids), len(subgraph.article_ids)), dtype=np.float32)
    np.add.at(counts, (subgraph.customer, subgraph.article), 1)
    left, values, right = np.linalg.svd(counts, full_matrices=False)
    arrays = {
        "customer_ids": np.array(list(subgraph.customer_ids)),
        "customers": (left * values)[:, :8] + 1e-3,
        "article_ids": np.array(list(subgraph.article_ids)),
        "articles": right.T[:, :8] + 1e-3,
    }
    np.savez(file, **arrays)
    return file, arrays


def test_an_export_loads_and_trains_as_the_graph_does(
    module_graph: Graph, shop: pl.DataFrame, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    result = runner.invoke(app, ["export", str(folder), "--json"], env=environment)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["customer"] == 42
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    data, expected = load_export(folder), to_hetero(subgraph)
    assert data.metadata() == expected.metadata()
    for name in ("edge_index", "time", "price", "quantity", "channel"):
        np.testing.assert_array_equal(data[BOUGHT][name].numpy(), expected[BOUGHT][name].numpy())
    assert data["article"].ids == expected["article"].ids
    assert data["customer"].encoder == expected["customer"].encoder
    np.testing.assert_array_equal(train(data, SETTINGS).articles, train(subgraph, SETTINGS).articles)
    names = {file.name for file in folder.iterdir()}
    assert {"graph.json", "tensors.safetensors", "customer.parquet", "Department.parquet"} <= names
    assert "department_no" in pl.read_parquet(folder / "article.parquet").columns


def test_an_export_of_a_part_replaces_an_earlier_one_and_nothing_else(
    shop: pl.DataFrame, environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "export"
    until = shop["t_dat"].max() - dt.timedelta(days=20)  # type: ignore[operator]
    for options in ([], ["--until", until.isoformat(), "--category", "Even"]):
        assert runner.invoke(app, ["export", str(folder), *options], env=environment).exit_code == 0
    data = load_export(folder)
    days = shop.filter(pl.col("t_dat") < until, pl.col("article_id").cast(pl.Int64) % 2 == 0)["t_dat"]
    assert data[BOUGHT].time.max() == days.max().toordinal() - dt.date(1970, 1, 1).toordinal()  # type: ignore[union-attr]
    assert data["article"].num_nodes == 16
    (folder / "tensors.safetensors").write_bytes(b"cut off")
    with pytest.raises(BadExport, match="not a whole export"):
        load_export(folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("dear")
    result = runner.invoke(app, ["export", str(other)], env=environment)
    assert isinstance(result.exception, UserMistake)
    assert (other / "thesis.txt").read_text() == "dear"


def test_own_vectors_are_a_version_that_recommends_and_switches(
    module_graph: Graph, shop: pl.DataFrame, environment: dict[str, str], tmp_path: Path
) -> None:
    before = read_state(module_graph).model
    assert before is not None
    file, arrays = write_vectors(module_graph, tmp_path / "v.npz")
    command = ["embed", "--from", str(file), "--name", "svd", "--metric", "inner-product"]
    result = runner.invoke(app, command, env=environment)
    assert result.exit_code == 0, result.output
    assert "the vectors of svd with 9 dimensions are on 42 customers and 32 articles" in result.stdout
    assert "The ranker was not trained" in result.stderr
    scores = arrays["articles"] @ arrays["customers"][3]
    found = module_graph.read("gnn", customer_id="c03", k=10)["article_id"].tolist()
    np.testing.assert_allclose(
        sorted(scores)[::-1][:10], [scores[arrays["article_ids"].tolist().index(outer)] for outer in found], rtol=1e-4
    )
    listed = json.loads(runner.invoke(app, ["models", "--json"], env=environment).stdout)
    assert (listed[0]["name"], listed[0]["in_force"]) == ("svd", True)
    with pytest.raises(UserMistake, match="vectors alone"):
        embed_new(module_graph)
    use_version(module_graph, before.version)
    after = module_graph.read("gnn", customer_id="c03", k=10)["article_id"].tolist()
    use_version(module_graph, listed[0]["version"])
    assert module_graph.read("gnn", customer_id="c03", k=10)["article_id"].tolist() == found != after


def test_vectors_of_earlier_purchases_are_evaluated_and_ranked(
    module_graph: Graph, shop: pl.DataFrame, tmp_path: Path
) -> None:
    last = shop["t_dat"].max()
    assert isinstance(last, dt.date)
    until = last - dt.timedelta(days=34)
    file, _ = write_vectors(module_graph, tmp_path / "v.npz", until)
    trained, receipt, why = write_own_vectors(module_graph, [file], "early", "inner-product", until)
    assert not why
    assert trained.until == until
    state = read_state(module_graph)
    assert state.model is not None
    assert state.model.has_ranker
    table = evaluate(module_graph, methods=("popular", "gnn"), version=receipt.version, weeks=2)
    maps = table[(table["segment"] == "with history") & (table["purchases"] == "all")].set_index("method")["map"]
    assert maps["gnn"] > maps["popular"]  # who buys what of the two tastes is in the vectors
    with pytest.raises(UserMistake, match="knows purchases up to"):
        evaluate(module_graph, methods=("gnn",), version=receipt.version, weeks=6)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"customer_ids": "stranger"}, "1 of the 42 customers with a vector are not in the graph"),
        ({"articles": "dimensions"}, "dimensions"),
        ({"name": ""}, "Name your model"),
    ],
)
def test_wrong_vectors_change_nothing(
    module_graph: Graph, shop: pl.DataFrame, environment: dict[str, str], tmp_path: Path, changed: dict[str, str],
    sentence: str,
) -> None:  # fmt: skip
    file, arrays = write_vectors(module_graph, tmp_path / "v.npz")
    if "customer_ids" in changed:
        arrays["customer_ids"] = np.array(["stranger", *arrays["customer_ids"][1:]])
    if "articles" in changed:
        arrays["articles"] = arrays["articles"][:, :3]
    np.savez(file, **arrays)
    before = read_state(module_graph).model
    command = ["embed", "--from", str(file), "--name", changed.get("name", "svd"), "--metric", "inner-product"]
    result = runner.invoke(app, command, env=environment)
    assert isinstance(result.exception, UserMistake)
    assert sentence in str(result.exception)
    assert read_state(module_graph).model == before


def test_the_network_of_the_docs_is_written_back(
    module_graph: Graph, shop: pl.DataFrame, environment: dict[str, str], tmp_path: Path
) -> None:
    assert runner.invoke(app, ["export", str(tmp_path / "shop")], env=environment).exit_code == 0
    script = [sys.executable, str(ROOT / "docs" / "examples" / "sage.py"), "shop"]
    subprocess.run(script, cwd=tmp_path, env=os.environ | environment, check=True, timeout=300)
    command = ["embed", "--from", str(tmp_path / "vectors.npz"), "--name", "sage", "--metric", "inner-product"]
    result = runner.invoke(app, command, env=environment)
    assert result.exit_code == 0, result.output
    found = module_graph.read("gnn", customer_id="c03", k=10)["article_id"]
    assert sum(int(outer) % 2 for outer in found) >= 8  # c03 buys of department Odd alone
