"""Foreign purchases, models and loads that resemble hmrec's change no recommendation or report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hmrec.cli.main import app
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.foreign import find_foreign
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.write_back.preflight import check_before_training
from hmrec.loader.load import load_folder
from typer.testing import CliRunner

from tests.conftest import connection_environment, empty, run_text
from tests.graph.shops import load_two_tastes

# Dates in the range of hmrec's index: the shop's last days, and long after them.
DATED = """
MATCH (c:Customer {customer_id: 'c01'}), (a:Article {article_id: '0000000003'})
CREATE (t:Customer {customer_id: 17850}), (x:Article {sku: 'x'}), (y:Article {article_id: 85123})
CREATE (t)-[:BOUGHT {t_dat: date('2020-09-20'), article_id: 85123}]->(y),
       (t)-[:BOUGHT {t_dat: date('2021-03-01')}]->(x),
       (t)-[:BOUGHT {t_dat: date('2020-09-20')}]->(a),
       (c)-[:BOUGHT {t_dat: date('2020-09-20')}]->(x),
       (c)-[:BOUGHT {t_dat: '2020-09-20'}]->(a)
"""
MODELS = """
CREATE (:Model {version: 3, name: 'churn'})-[:RUNS]->(:Ranker {version: 3}), (:ModelPart {version: 3, name: 'wheel'}),
       (:Load {id: 'L-1', tons: 20})-[:ON]->(:Lorry)
"""
PURCHASES = "t_dat,customer_id,article_id\n2020-09-01,k1,0000000099\n"
RECOMMENDERS = sorted(q.name for q in load_catalogue().values() if q.folder == "recommend" and q.name != "gnn")


def answers(graph: Graph) -> dict[str, Any]:
    """Return the results of each recommender and report for two customers of the shop of two tastes."""
    known = {"customer_id": "c01", "article_id": "0000000003"}
    found: dict[str, Any] = {}
    for name in (*RECOMMENDERS, "explain_user_based_cf"):
        parameters = load_catalogue()[name].parameters
        for as_of in (None, "2020-09-21"):
            given = {key: value for key, value in (known | {"as_of": as_of}).items() if key in parameters}
            rows = graph.read_rows(name, **given)[1]
            found[f"{name} {as_of}"] = [row[0] for row in rows]
    for name in ("weeks", "articles_by_sales", "repeat_rhythm", "baskets", "customers_by_purchases"):
        found[name] = graph.read_rows(name)[1] if name != "articles_by_sales" else None
    found["customer"] = graph.read_rows("customer", customer_id="c01")[1]
    found["last"] = graph.read_rows("last_purchases", customer_id="c01")[1]
    found["history"] = graph.read_rows("customer_history", customer_id="c01")[1]
    found["until"] = read_state(graph).until
    found["days"] = graph.read_rows("export_days")[1]
    return found


def test_foreign_purchases_with_a_date_change_no_result(graph: Graph, tmp_path: Path) -> None:
    load_two_tastes(graph, tmp_path)
    before, whole = answers(graph), export_subgraph(graph, SubgraphSpec(isolated=True))
    run_text(graph, DATED)
    after, now = answers(graph), export_subgraph(graph, SubgraphSpec(isolated=True))
    # c01 and article 3 have two more BOUGHT each, and these methods use the degree in the store
    by_degree = {"customers_by_purchases", "item_based_cf None", "bought_together None", "bought_after None"}
    assert {name for name in before if before[name] != after[name]} <= by_degree
    assert list(now.customer_ids) == list(whole.customer_ids)
    assert list(now.article_ids) == list(whole.article_ids)
    assert (now.edge_index == whole.edge_index).all()
    assert load_folder(tmp_path, server=None, graph=graph).changes == {}


def test_foreign_models_and_loads_are_ignored(graph: Graph, tmp_path: Path) -> None:
    run_text(graph, MODELS)
    load_two_tastes(graph, tmp_path, weeks=1)
    assert graph.read_rows("models")[1] == []
    assert len(graph.read_rows("loads")[1]) == 1
    assert graph.read_rows("unfinished_loads")[1] == []
    assert read_state(graph).is_settled
    assert find_foreign(graph).others == 5
    load_folder(tmp_path, server=None, graph=graph, replace=True, confirm=lambda question: True)
    text = (
        "MATCH (n)-[r]->(m) WHERE n:Model OR n:Load OR n:ModelPart RETURN properties(n) AS n, type(r) AS r ORDER BY r"
    )
    assert run_text(graph, text) == [
        {"n": {"id": "L-1", "tons": 20}, "r": "ON"},
        {"n": {"version": 3, "name": "churn"}, "r": "RUNS"},
    ]
    assert run_text(graph, "MATCH (n:ModelPart) RETURN n.name AS name") == [{"name": "wheel"}]


def test_a_purchase_without_a_date_is_kept_and_reported(
    graph: Graph, tmp_path: Path, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_two_tastes(graph, tmp_path, weeks=1)
    run_text(
        graph,
        "MATCH (c:Customer {customer_id: 'c01'}), (a:Article {article_id: '0000000003'}) "
        "CREATE (c)-[:BOUGHT {note: 'gift'}]->(a)",
    )
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    output = CliRunner().invoke(app, ["doctor"]).output
    assert "1 BOUGHT has no date t_dat" in output
    load_folder(tmp_path, server=None, graph=graph, replace=True, confirm=lambda question: True)
    assert run_text(graph, "MATCH ()-[b:BOUGHT {note: 'gift'}]->() RETURN count(b) AS n") == [{"n": 1}]


def test_the_bulk_import_is_refused_if_it_would_delete_foreign_data(local_server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "transactions_train.csv").write_text(PURCHASES)
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        run_text(graph, "CREATE FULLTEXT INDEX names FOR (a:Article) ON EACH [a.prod_name]")
        with pytest.raises(UserMistake, match=r"indexes are not hmrec's: 'names' on :Article.prod_name."):
            load_folder(tmp_path, server=local_server, graph=graph, mode="bulk")
        report = load_folder(tmp_path, server=local_server, graph=graph)
        assert (report.mode, "'names'" in report.why) == ("stream", True)
        run_text(graph, "DROP INDEX names")
        run_text(graph, "MATCH (c:Customer) CREATE (c)-[:KNOWS]->(c)")
        with pytest.raises(UserMistake, match="1 relationship is of types not hmrec's"):
            load_folder(tmp_path, server=local_server, graph=graph, mode="bulk", replace=True)
        empty(graph)


def test_a_foreign_index_with_hmrecs_name_is_kept_and_reported(graph: Graph, tmp_path: Path) -> None:
    load_two_tastes(graph, tmp_path, weeks=1)
    run_text(
        graph,
        "CREATE VECTOR INDEX article_embedding FOR (a:Article) ON a.embedding "
        "OPTIONS {indexConfig: {`vector.dimensions`: 384, `vector.similarity_function`: 'cosine'}}",
    )
    with pytest.raises(UserMistake, match="vector index 'article_embedding' of 384 dimensions that hmrec did not make"):
        check_before_training(graph)
    assert graph.read("vector_indexes")["dim"].tolist() == [384]
