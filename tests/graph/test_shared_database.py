"""A database with foreign nodes, relationships and indexes: hmrec neither uses nor changes them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hmrec.cli.main import app
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.foreign import Foreign, find_foreign
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.recommenders import METHODS
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.evaluate.graph_report import write_graph_report
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.hybrid import train_hybrid
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.ranker.fit import RankSettings
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.relate.relate import relate
from hmrec.graph_ml.stored.store import store_lists
from hmrec.graph_ml.write_back.preflight import check_before_training
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder
from typer.testing import CliRunner

from tests.conftest import connection_environment, run_text
from tests.graph.shops import load_two_tastes

pytestmark = pytest.mark.bare

THEIRS = """
CREATE (:Movie {title: 'Heat'})-[:X {since: 1995}]->(:Movie {title: 'Ronin'}),
       (:Customer {id: 1, embedding: [1.0, 2.0]})-[:BOUGHT]->(:Article {sku: 'x', embedding: [3.0]}),
       (:Customer {customer_id: 17850}), (:Model {name: 'Golf', prepared: true}), (:Ranker {version: 'first'}),
       (:ModelPart {name: 'wheel'}), (:Load {id: 7, number: 'many'}), (:Product {colour: 'red'})
"""
OTHERS = 10  # foreign nodes
OTHERS_PICTURE = """
MATCH (n) WHERE NOT coalesce(n.customer_id IS :: STRING NOT NULL OR n.article_id IS :: STRING NOT NULL, false)
            AND (n:Movie OR n:Customer OR n:Article OR n.name IN ['Golf', 'wheel'] OR n:Ranker AND n.version = 'first'
                 OR n:Load AND n.id = 7 OR n:Product AND n.colour = 'red')
OPTIONAL MATCH (n)-[r]->(m)
RETURN labels(n) AS labels, properties(n) AS node, type(r) AS type, properties(r) AS relationship
ORDER BY elementId(n)
"""
THEIR_INDEX = """
CREATE VECTOR INDEX movie_plot FOR (m:Movie) ON m.embedding
OPTIONS {indexConfig: {`vector.dimensions`: 384, `vector.similarity_function`: 'cosine'}}
"""
TEXT_INDEX = THEIR_INDEX.replace("movie_plot", "{name}").replace("(m:Movie)", "(m:{label})")
SMALL = TrainSettings(dim=16, epochs=1, negatives=64)


def their_things(graph: Graph) -> str:
    indexes = run_text(graph, "SHOW INDEXES YIELD name, labelsOrTypes, properties WHERE name = 'movie_plot' RETURN *")
    kept = run_text(graph, "MATCH (a:Article {article_id: '0000000003'})-[r:SEEN_IN]->(m:Movie) RETURN m.title AS m")
    return json.dumps([run_text(graph, OTHERS_PICTURE), [str(row) for row in indexes], kept], default=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def theirs(module_graph: Graph) -> str:
    run_text(module_graph, THEIRS)
    run_text(module_graph, THEIR_INDEX)
    return their_things(module_graph)


@pytest.fixture(scope="module")
def shared(module_graph: Graph, theirs: str, folder: Path) -> Graph:
    """Load and train the shop of two tastes in a database with foreign data."""
    load_two_tastes(module_graph, folder)
    assert their_things(module_graph) == theirs
    run_text(
        module_graph,
        "MATCH (a:Article {article_id: '0000000003'}), (m:Movie {title: 'Heat'}) CREATE (a)-[:SEEN_IN]->(m)",
    )
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    assert (len(subgraph.customer_ids), len(subgraph.article_ids)) == (42, 32)
    trained, rank = train_hybrid(subgraph, SMALL, RankSettings(rounds=5, forests=1))
    receipt = write_embeddings(module_graph, trained, rank=rank, customer_index=True)
    assert (receipt.version, receipt.customers, receipt.articles) == (1, 42, 32)
    write_embeddings(module_graph, trained, rank=rank)  # into the other slot
    return module_graph


def test_foreign_data_is_counted(shared: Graph) -> None:
    found = find_foreign(shared)
    bought = run_text(shared, "MATCH (:Customer)-[b:BOUGHT]->(a:Article) WHERE a.article_id > '' RETURN count(b) AS n")
    assert found == Foreign(found.own, bought[0]["n"], OTHERS, found.labels, 2, 1, 1)  # type: ignore[arg-type]
    assert found.labels == ("Customer", "Movie", "Article", "Load", "Model")
    assert "10 nodes are not hmrec's" in found.describe()
    assert "2 Customer and 1 Article without a text id, with 1 BOUGHT" in found.describe()


@pytest.mark.parametrize("method", [method.name for method in METHODS])
def test_foreign_nodes_are_not_recommended(shared: Graph, method: str) -> None:
    recommender = Recommender(shared)
    for new_only in (False, True):
        found = recommender.recommend(Request(customer_id="c01", k=40, method=method, new_only=new_only)).articles
        assert all(isinstance(article, str) and len(article) == 10 for article in found["article_id"])
    assert len(recommender.recommend(Request(customer_id="c01", k=12, method="popular")).articles) == 12


def test_batch_lists_do_not_contain_foreign_nodes(shared: Graph, tmp_path: Path) -> None:
    for method in ("hybrid", "gnn", "user_based_cf"):
        out = tmp_path / f"{method}.csv"
        assert Recommender(shared).recommend_all(Request(method=method), out) == 42
        lists = pl.read_csv(out, infer_schema=False)
        assert lists["customer_id"].to_list() == [f"c{number:02}" for number in range(42)]
        assert lists["prediction"].str.split(" ").list.len().to_list() == [12] * 42


def test_saved_queries_use_only_hmrecs_data(shared: Graph, tmp_path: Path) -> None:
    facts = write_graph_report(shared, tmp_path / "report.html")
    assert (facts["customers"], facts["customers_without_purchases"]) == (42, 2)
    assert (facts["articles"], facts["articles_never_sold"], facts["purchases"]) == (32, 2, 1602)
    assert shared.read("customers_by_purchases", k=100)["customer_id"].str.startswith("c").all()
    assert len(shared.read("customers_by_purchases", k=100)) == 40
    assert [model["version"] for model in shared.read("models")["model"]] == [2, 1]
    assert len(shared.read("loads")) == 1
    assert shared.read("export_days")["purchases"].sum() == 1602
    similar = Recommender(shared).similar("0000000003", k=40)["article_id"]
    assert len(similar) == 31


def test_doctor_reports_foreign_data(
    shared: Graph, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    output = CliRunner().invoke(app, ["doctor"]).output
    lines = [line for line in output.splitlines() if "other nodes" in line]
    assert len(lines) == 1
    assert "10 nodes are not hmrec's" in lines[0]
    assert "NEO4J_DATABASE" in lines[0]


def test_foreign_data_is_unchanged(shared: Graph, theirs: str) -> None:
    nodes, indexes, kept = json.loads(their_things(shared))
    assert [nodes, indexes] == json.loads(theirs)[:2]
    assert kept == [{"m": "Heat"}]


def test_replacing_asks_and_deletes_only_hmrecs_data(
    graph: Graph, tmp_path: Path, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_text(graph, THEIRS)
    run_text(graph, THEIR_INDEX)
    load_two_tastes(graph, tmp_path / "old", weeks=1)
    run_text(
        graph,
        "MATCH (a:Article {article_id: '0000000003'}), (m:Movie {title: 'Heat'}) CREATE (a)-[:SEEN_IN]->(m) "
        "SET a.embedding = [1.0, 0.0] CREATE (:Model {version: 1, dim: 2})",
    )
    assert graph.read_column("foreign_relationships") == [2]  # X and SEEN_IN
    assert relate(graph).bought_with > 0
    assert store_lists(graph, Request(k=2, method="popular")).articles > 0
    assert graph.read_column("foreign_relationships") == [2]
    theirs, before = their_things(graph), find_foreign(graph)
    new = tmp_path / "new"
    new.mkdir()
    (new / "transactions_train.csv").write_text("t_dat,customer_id,article_id\n2020-09-01,k1,0000000099\n")
    questions: list[str] = []

    def refuse(question: str) -> bool:
        questions.append(question)
        return False

    for confirm, words in ((None, "add --yes"), (refuse, "nothing was replaced")):
        with pytest.raises(UserMistake, match=words):
            load_folder(new, server=None, graph=graph, replace=True, confirm=confirm)
    assert find_foreign(graph) == before
    assert f"{before.own:,} nodes and 160 purchases; the 10 other nodes" in questions[0]

    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    refused = CliRunner().invoke(app, ["load", str(new), "--replace"])
    assert refused.exit_code == 2 or isinstance(refused.exception, UserMistake)
    done = CliRunner().invoke(app, ["load", str(new), "--replace", "--yes"])
    assert done.exit_code == 0, done.output
    assert "10 nodes are not hmrec's" in done.output
    assert their_things(graph) == theirs
    own = run_text(graph, "MATCH (c:Customer) WHERE c.customer_id IS :: STRING NOT NULL RETURN c.customer_id AS id")
    assert own == [{"id": "k1"}]
    articles = run_text(
        graph,
        "MATCH (a:Article) WHERE a.article_id IS :: STRING NOT NULL "
        "RETURN a.article_id AS id, a.embedding AS embedding ORDER BY id",
    )
    assert not run_text(
        graph, "MATCH (n:Relations|RelationsInForce|CustomerGroup|Lists|ListsInForce) RETURN n.version AS version"
    )
    assert not run_text(
        graph,
        "MATCH ()-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR|SELLS|RECEIVED|BUYS|RECOMMENDED]->() RETURN type(r) AS type",
    )
    # an article with foreign relationships is not deleted
    assert articles == [{"id": "0000000003", "embedding": None}, {"id": "0000000099", "embedding": None}]
    assert run_text(graph, "MATCH (m:Model) RETURN m.name AS name") == [{"name": "Golf"}]
    check_before_training(graph)


def test_without_foreign_data_replacing_does_not_ask(graph: Graph, tmp_path: Path) -> None:
    load_two_tastes(graph, tmp_path, weeks=1)
    report = load_folder(tmp_path, server=None, graph=graph, replace=True)
    assert not any("not hmrec's" in line for line in report.notes)
    assert find_foreign(graph).others == 0


def test_the_bulk_import_is_refused_in_a_shared_store(local_server: LocalServer, tmp_path: Path) -> None:
    with Graph.connect(local_server.connection()) as graph:
        run_text(graph, "MATCH (n) DETACH DELETE n")
        run_text(graph, "CREATE (:Invoice)-[:FOR]->(:Supplier)")
        (tmp_path / "transactions_train.csv").write_text("t_dat,customer_id,article_id\n2020-09-01,k1,0000000099\n")
        with pytest.raises(UserMistake, match=r"2 nodes are not hmrec's .labels: Invoice, Supplier"):
            load_folder(tmp_path, server=local_server, graph=graph, mode="bulk")
        report = load_folder(tmp_path, server=local_server, graph=graph)
        assert report.mode == "stream"
        assert "2 nodes are not hmrec's" in report.why
        assert run_text(graph, "MATCH (:Invoice)-[r:FOR]->(:Supplier) RETURN count(r) AS n") == [{"n": 1}]
        run_text(graph, "MATCH (n) DETACH DELETE n")


@pytest.mark.parametrize(
    ("label", "name", "words"),
    [
        ("Article", "text_vec", "index 'text_vec' on :Article.embedding."),
        ("Chunk", "article_embedding", "index 'article_embedding' on :Chunk.embedding."),
        ("Customer", "people", "index 'people' on :Customer.embedding."),
        ("Chunk", "customer_embedding", "index 'customer_embedding' on :Chunk.embedding."),
    ],
)
def test_a_foreign_vector_index_is_reported_before_training(
    graph: Graph, tmp_path: Path, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch,
    label: str, name: str, words: str,
) -> None:  # fmt: skip
    load_two_tastes(graph, tmp_path, weeks=1)
    run_text(graph, TEXT_INDEX.replace("{name}", name).replace("{label}", label))
    for variable, value in connection_environment(connection).items():
        monkeypatch.setenv(variable, value)
    result = CliRunner().invoke(app, ["train", "--epochs", "1", "--no-ranker"])
    with pytest.raises(UserMistake, match=words):
        check_before_training(graph)
    assert isinstance(result.exception, UserMistake) or "Training" not in result.output
    assert result.exit_code != 0
    with pytest.raises(UserMistake, match=words):
        load_folder(tmp_path, server=None, graph=graph)
    found = run_text(graph, "SHOW VECTOR INDEXES YIELD name, labelsOrTypes RETURN name, labelsOrTypes[0] AS label")
    assert found == [{"name": name, "label": label}]


@pytest.mark.parametrize(("label", "key"), [("Article", "article_id"), ("Customer", "customer_id")])
def test_a_foreign_embedding_is_not_overwritten(graph: Graph, tmp_path: Path, label: str, key: str) -> None:
    load_two_tastes(graph, tmp_path, weeks=5)
    run_text(graph, f"MATCH (n:{label}) WITH n ORDER BY n.{key} LIMIT 3 SET n.embedding = [i IN range(1, 384) | 0.5]")
    with pytest.raises(UserMistake, match=rf"3 \(:{label}\) have a property `embedding` of 384 numbers"):
        check_before_training(graph)
    run_text(graph, f"MATCH (n:{label}) REMOVE n.embedding")
    trained, _ = train_hybrid(export_subgraph(graph), SMALL, RankSettings(rounds=5, forests=1))
    write_embeddings(graph, trained)
    check_before_training(graph)
    if label == "Article":
        run_text(graph, "MATCH (a:Article) SET a.embedding = [i IN range(1, 384) | 0.5]")
        with pytest.raises(UserMistake, match="of 384 numbers that hmrec did not write"):
            write_embeddings(graph, trained)


def test_duplicate_ids_are_named(graph: Graph, tmp_path: Path) -> None:
    run_text(graph, "UNWIND ['k1', 'k1', 'k1', 'k2'] AS id CREATE (:Customer {customer_id: id})")
    (tmp_path / "transactions_train.csv").write_text("t_dat,customer_id,article_id\n2020-09-01,k1,0000000099\n")
    with pytest.raises(UserMistake, match=r"3 \(:Customer\) have the customer_id 'k1'") as caught:
        load_folder(tmp_path, server=None, graph=graph)
    assert "Merge or remove the duplicates" in caught.value.hint
    assert "Try again" not in str(caught.value)


def test_conflicting_indexes_and_constraints_are_reported_before_loading(graph: Graph, tmp_path: Path) -> None:
    (tmp_path / "transactions_train.csv").write_text("t_dat,customer_id,article_id\n2020-09-01,k1,0000000099\n")
    for create, drop, words in (
        ("CREATE INDEX bought_t_dat FOR (n:Film) ON (n.year)", "INDEX bought_t_dat", "'bought_t_dat' on :Film.year."),
        ("CREATE TEXT INDEX customer_id FOR (n:Customer) ON (n.customer_id)", "INDEX customer_id", "'customer_id'"),
        ("CREATE INDEX mine FOR (n:Article) ON (n.article_id)", "INDEX mine", "'mine' on :Article.article_id."),
        (
            "CREATE CONSTRAINT load_id FOR (n:Lorry) REQUIRE n.id IS UNIQUE",
            "CONSTRAINT load_id",
            "'load_id' on :Lorry.id.",
        ),
    ):
        run_text(graph, create)
        with pytest.raises(UserMistake, match=words):
            load_folder(tmp_path, server=None, graph=graph)
        assert run_text(graph, "MATCH (n) RETURN count(n) AS n") == [{"n": 0}]
        run_text(graph, f"DROP {drop}")
    load_folder(tmp_path, server=None, graph=graph)


def test_a_database_of_only_foreign_data_cannot_be_reported_or_trained_on(graph: Graph, tmp_path: Path) -> None:
    run_text(graph, THEIRS)
    with pytest.raises(UserMistake, match="no purchases to report on"):
        write_graph_report(graph, tmp_path / "report.html")
    with pytest.raises(UserMistake, match="has no purchase"):
        export_subgraph(graph)
