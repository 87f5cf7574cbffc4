"""Stored lists: what `recommend --all` computes, the same through every door, and always one whole version."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.main import app
from hmrec.cli.service.app import make_app
from hmrec.cypher.errors import NoStoredList, UnknownCustomer, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.cypher.state import read_state
from hmrec.graph_ml.forget import forget_customer
from hmrec.graph_ml.recommend import Campaign, Recommender, Request
from hmrec.graph_ml.recommend.stored import read_lists_version
from hmrec.graph_ml.stored.store import read_settings, store_lists
from typer.testing import CliRunner, Result

from tests.conftest import connection_environment, run_text
from tests.graph.shops import load_two_tastes
from tests.graph.test_plans import FORBIDDEN, profile, walk

COUNTS = "MATCH (:Customer)-[r:RECOMMENDED]->(:Article) RETURN r.version AS version, count(*) AS n"
COLUMNS = ["article_id", "prod_name", "score", "because"]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=4)
    return module_graph


@pytest.fixture(autouse=True)
def _forget_stock(shop: Graph) -> Iterator[None]:
    yield
    run_text(shop, "MATCH (a:Article) REMOVE a.stock")


@pytest.fixture
def hmrec(connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    return lambda *words: CliRunner().invoke(app, list(words))


def read_list(graph: Graph, customer_id: str, **given: Any) -> list[dict[str, Any]]:
    found = Recommender(graph).recommend(Request(customer_id=customer_id, stored=True, **given))
    return found.articles.to_dict("records")


def test_without_stored_lists_one_sentence_says_so(shop: Graph) -> None:
    with pytest.raises(NoStoredList, match="The graph has no stored lists"):
        read_list(shop, "c00")
    with pytest.raises(UnknownCustomer):
        read_list(shop, "nobody")


def test_stored_lists_are_those_of_recommend_all_through_every_door(shop: Graph, hmrec: Run, tmp_path: Path) -> None:
    out = tmp_path / "lists.csv"
    options = ["--all", "--write", "-k", "5", "--out", str(out), "--format", "csv", "--columns", "because"]
    result = hmrec("recommend", *options, "--json")
    assert result.exit_code == 0, result.output
    receipt = json.loads(result.stdout)
    assert (receipt["customers"], receipt["articles"]) == (42, 210)
    written = pl.read_csv(out, schema_overrides={"article_id": pl.String})
    table = hmrec("recommend", "c00", "--stored")
    assert table.stdout.startswith(f"Stored lists {receipt['version']}, written 20")
    assert f" UTC from the purchases before {receipt['until']}.\nBy user_based_cf" in table.stdout
    with TestClient(make_app(shop), base_url="http://localhost") as client:
        for customer in ("c00", "c07", "c40"):
            stored = read_list(shop, customer)
            rows = written.filter(pl.col("customer_id") == customer)
            assert [row["article_id"] for row in stored] == rows["article_id"].to_list()
            assert [row["because"] for row in stored] == rows["because"].to_list()
            assert [row["score"] for row in stored] == pytest.approx(rows["score"].to_list(), rel=1e-5)
            answer = client.get(f"/recommend/{customer}", params={"stored": True}).json()
            assert (answer["articles"], answer["scored_by"]) == (stored, rows["method"].to_list())
            printed = json.loads(hmrec("recommend", customer, "--stored", "--json").stdout)
            assert [{name: row[name] for name in COLUMNS} for row in printed] == stored
            assert {(row["version"], row["written"], row["until"]) for row in printed} == {
                tuple(answer["stored"].values())
            }
            assert answer["stored"]["version"] == receipt["version"]
        assert client.get("/recommend/c00").json()["stored"] is None
    live = Recommender(shop).recommend(Request(customer_id="c00", k=5))
    assert [row["article_id"] for row in read_list(shop, "c00")] == list(live.articles["article_id"])
    assert len(read_list(shop, "c00", k=3)) == 3


def test_what_is_out_of_stock_now_is_left_out(shop: Graph) -> None:
    receipt = store_lists(shop, Request(k=4, method="popular"))
    assert read_state(shop).lists == receipt.version, "the service's cache depends on it"
    before = read_list(shop, "c00")
    run_text(shop, "MATCH (a:Article {article_id: $id}) SET a.stock = 0", id=before[1]["article_id"])
    assert read_list(shop, "c00") == [before[0], *before[2:]]
    assert read_list(shop, "c00", include_unavailable=True) == before
    run_text(shop, "MATCH (a:Article) SET a.stock = 0")
    nothing = Recommender(shop).recommend(Request(customer_id="c00", stored=True))
    assert (len(nothing.articles), nothing.note[-25:]) == (0, " None of it is available.")


def test_a_version_replaces_the_one_before_and_may_be_of_some_customers(shop: Graph, tmp_path: Path) -> None:
    first = store_lists(shop, Request(k=3, method="popular"), campaign=Campaign(active_days=9))
    kept = read_lists_version(shop)
    assert kept is not None
    assert read_settings(kept) == (Request(k=3, method="popular"), Campaign(active_days=9))
    second = store_lists(shop, Request(k=3, method="popular"), campaign=Campaign(customers=("c00", "c01")), at_once=1)
    assert second.version == first.version + 1
    assert run_text(shop, COUNTS) == [{"version": second.version, "n": 6}]
    assert [row["v"] for row in run_text(shop, "MATCH (l:Lists) RETURN l.version AS v")] == [second.version]
    with pytest.raises(NoStoredList, match=r"Customer c07 has no stored list: .*2 other customers"):
        read_list(shop, "c07")
    named = read_lists_version(shop)
    assert named is not None
    assert "c00" not in named.campaign
    with pytest.raises(UserMistake, match="named by `--customers`"):
        read_settings(named)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"new_only": True}, "new_only has no effect on a stored list"),
        ({"method": "popular"}, "method has no effect"),
        ({"where": "stock > 3"}, "where has no effect"),
        ({"articles": ["0000000001"]}, "articles has no effect"),
    ],
)
def test_what_a_stored_list_does_not_take_is_refused(shop: Graph, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserMistake, match=message):
        Recommender(shop).recommend(Request(customer_id="c00", stored=True, **given))


def test_the_whole_is_written_and_that_of_now(shop: Graph, hmrec: Run) -> None:
    for options, named in ((["--shard", "1/2"], "--shard"), (["--as-of", "2020-08-01"], "--as-of")):
        assert named in str(hmrec("recommend", "--all", "--write", *options).exception)
    with pytest.raises(UserMistake, match="as a whole"):
        store_lists(shop, Request(), campaign=Campaign(shard=(1, 2)))
    with pytest.raises(UserMistake, match="not of an earlier day"):
        store_lists(shop, Request(as_of="2020-08-01"))
    with pytest.raises(UserMistake, match="by customer"):
        store_lists(shop, Request(stored=True))


def test_the_plan_reads_one_customer(shop: Graph, connection: ConnectionSettings) -> None:
    store_lists(shop, Request(k=3, method="popular"))
    operators = list(walk(profile(connection, "stored", customer_id="c00")))
    found = [one for one in operators if any(word in one["operatorType"] for word in FORBIDDEN)]
    scans = [one for one in found if "CartesianProduct" not in one["operatorType"] or one["rows"] > 10]
    details = [one["args"].get("Details", "") for one in scans]
    assert all("InForce" in one or ":Lists" in one for one in details), details
    assert sum(one.get("dbHits", 0) for one in operators) < 200


def test_a_forgotten_customer_has_no_stored_list(shop: Graph) -> None:
    store_lists(shop, Request(k=3, method="popular"))
    assert not forget_customer(shop, "c05").node_stays
    assert run_text(shop, COUNTS)[0]["n"] == 41 * 3
