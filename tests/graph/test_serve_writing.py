"""What the service writes, and for whom: the token for writing, stock by rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hmrec.cli.service.app import make_app
from hmrec.cli.service.body import MAX_BYTES
from hmrec.cli.service.settings import ServiceSettings, choose_token, choose_write_token
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.graph import Graph
from hmrec.loader.stock import load_stock, load_stock_rows
from pydantic import SecretStr

from tests.conftest import empty, run_text

READ, WRITE = "a-token-for-reading", "a-token-for-writing"
SHOP = """
    UNWIND $ids AS id CREATE (a:Article {article_id: id})
    WITH a CREATE (:Customer {customer_id: 'c' + a.article_id})-[:BOUGHT {
        t_dat: date('2020-09-01'), article_id: a.article_id, quantity: 1, price: 1.0, sales_channel_id: 1}]->(a)
"""
IDS = ["0108775015", "0108775044", "0110065001"]
ROWS: list[dict[str, Any]] = [
    {"article_id": "0108775015", "stock": 0, "available": None, "available_from": "2020-09-01"},
    {"article_id": "0108775044", "stock": None, "available": False, "available_from": None},
    {"article_id": "0108775044", "stock": 3, "available": True, "available_from": None},
    {"article_id": "nothing", "stock": 1, "available": True, "available_from": None},
]
CSV = """article_id,stock,available,available_from
0108775015,0,,2020-09-01
0108775044,,no,
0108775044,3,yes,
nothing,1,yes,
"""


@pytest.fixture
def shop(graph: Graph) -> Graph:
    graph.write("constraints")
    graph.write("indexes")
    run_text(graph, SHOP, ids=IDS)
    run_text(graph, "CREATE (:Load {id: 'x', started: '2020', finished: '2020'})")  # otherwise nothing is cached
    return graph


def connect(graph: Graph, token: str, read: str = READ, write: str = WRITE) -> TestClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return TestClient(make_app(graph, read, write_token=write), base_url="http://localhost", headers=headers)


def show(graph: Graph) -> list[dict[str, object]]:
    return run_text(graph, "MATCH (a:Article) RETURN properties(a) AS a ORDER BY a.article_id")


@pytest.mark.parametrize(
    ("given", "read", "write", "status"),
    [
        (WRITE, READ, WRITE, 200),
        (WRITE, "", WRITE, 200),
        (READ, READ, WRITE, 403),
        ("", READ, WRITE, 401),
        ("wrong", READ, WRITE, 401),
        ("", "", WRITE, 401),  # also on the service's own machine
        (READ, READ, "", 403),
        ("", "", "", 403),
    ],
)
def test_only_the_write_token_writes_and_it_also_reads(
    shop: Graph, given: str, read: str, write: str, status: int
) -> None:
    before = show(shop)
    client = connect(shop, given, read, write)
    answer = client.post("/stock", json=[{"article_id": IDS[0], "stock": 5}])
    assert answer.status_code == status, answer.text
    if status == 200:
        assert client.get("/customers").status_code == 200
        assert show(shop) != before
    else:
        assert answer.json()["error"].count(".") == 1
        assert show(shop) == before


def test_rows_and_a_file_change_the_same_and_return_the_same_receipt(shop: Graph, tmp_path: Path) -> None:
    (tmp_path / "stock.csv").write_text(CSV)
    from_file = load_stock(shop, tmp_path / "stock.csv").to_dict()
    by_file = show(shop)
    seen = []
    for write in ("http", "python"):
        empty(shop)
        shop.write("constraints")
        run_text(shop, SHOP, ids=IDS)
        if write == "http":
            answer = connect(shop, WRITE).post("/stock", json=ROWS)
            assert answer.status_code == 200, answer.text
            seen.append(answer.json())
        else:
            seen.append(load_stock_rows(shop, ROWS).to_dict())
        assert show(shop) == by_file
    assert (from_file["articles"], from_file["changed"], from_file["merged"], from_file["unknown"]) == (2, 2, 1, 1)
    for receipt in seen:
        for name in ("read", "merged", "rejected", "articles", "changed", "unknown"):
            assert receipt[name] == from_file[name]
        assert list(receipt["missing"]) == ["nothing"]
        assert not receipt["rejects"]
    lost = [{"article_id": id.removeprefix("0"), "stock": 9} for id in IDS]
    assert connect(shop, WRITE).post("/stock", json=lost).json()["articles"] == 3


def test_null_removes_a_value_and_a_missing_field_leaves_it(shop: Graph) -> None:
    client = connect(shop, WRITE)
    client.post(
        "/stock", json=[{"article_id": IDS[0], "stock": 5, "available": True}, {"article_id": IDS[1], "stock": 2}]
    )
    answer = client.post(
        "/stock", json=[{"article_id": IDS[0], "stock": None}, {"article_id": IDS[1], "available": False}]
    )
    assert answer.json()["changed"] == 2
    assert [row["a"] for row in show(shop)[:2]] == [
        {"article_id": IDS[0], "available": True},
        {"article_id": IDS[1], "stock": 2, "available": False},
    ]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ([], 400, "There are no rows"),
        ([{"article_id": IDS[0]}], 400, "Row 0 is invalid: it names nothing to set"),
        ([{"article_id": IDS[0], "stock": 1}, {"article_id": IDS[1], "stok": 1}], 422, "stok of row 1"),
        ([{"article_id": IDS[0], "stock": "many"}], 422, "stock of row 0"),
        ([{"article_id": IDS[0], "stock": 1}, {"article_id": IDS[1], "stock": 10**10}], 400, "row 1: stock must be"),
        ([{"article_id": "1.2E+08", "stock": 1}], 400, "row 0: article_id has lost digits"),
        ([{"article_id": "unknown", "stock": 1}], 400, "The graph has none of the 1 articles"),
        ({"article_id": IDS[0], "stock": 1}, 422, "The body is invalid"),
    ],
)
def test_a_wrong_body_is_one_sentence_and_changes_nothing(shop: Graph, body: Any, status: int, sentence: str) -> None:
    before = show(shop)
    answer = connect(shop, WRITE).post("/stock", json=body)
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["error"]
    assert show(shop) == before


def test_bad_rows_are_listed_by_index_and_left_out_if_allowed(shop: Graph) -> None:
    rows = [{"article_id": IDS[0], "stock": 1}, {"article_id": IDS[1], "stock": 10**10}]
    answer = connect(shop, WRITE).post("/stock", params={"max_bad": 0.5}, json=rows).json()
    assert (answer["read"], answer["rejected"], answer["changed"]) == (2, 1, 1)
    assert [(reject["line"], reject["column"]) for reject in answer["rejects"]] == [(1, "stock")]
    assert connect(shop, WRITE).post("/stock", params={"max_bad": 1}, json=rows[1:]).status_code == 400


def test_a_body_is_not_read_for_strangers_nor_beyond_its_limit(shop: Graph) -> None:
    broken = b"[" + b" " * MAX_BYTES
    assert connect(shop, WRITE).post("/stock", content=broken).status_code == 413
    assert connect(shop, READ).post("/stock", content=broken).status_code == 403
    assert connect(shop, WRITE).post("/stock", content=b"[").status_code == 422


def test_the_next_list_lacks_what_was_just_sold_out(shop: Graph) -> None:
    client = connect(shop, WRITE)

    def list_articles() -> list[str]:
        return [row["article_id"] for row in client.get("/recommend/c0108775015?method=popular").json()["articles"]]

    assert IDS[1] in list_articles()
    assert IDS[1] in list_articles()  # from the cache
    client.post("/stock", json=[{"article_id": IDS[1], "stock": 0}])
    assert IDS[1] not in list_articles()


def test_the_write_token_must_be_good_and_another_than_the_read_token() -> None:
    def settings(read: str, write: str) -> ServiceSettings:
        return ServiceSettings(token=SecretStr(read), write_token=SecretStr(write))

    assert choose_write_token(settings(READ, "")) == ""
    assert choose_write_token(settings(READ, WRITE)) == WRITE
    for wrong in (settings(READ, READ), settings(READ, "short"), settings("", "with blanks in the middle")):
        with pytest.raises(UserMistake, match="HMREC_WRITE_TOKEN"):
            choose_write_token(wrong)
    with pytest.raises(UserMistake, match="there is no token"):  # a token for writing alone opens no door
        choose_token("0.0.0.0", settings("", WRITE))
