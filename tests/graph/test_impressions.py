"""What was shown: logged by those who may, with what came of it by hand, equal by HTTP, command and Python."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hmrec.cli.service.app import make_app
from hmrec.cli.service.impressions import ImpressionLog
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.foreign import find_foreign
from hmrec.cypher.graph import Graph
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.evaluate.shown import GROUPS, measure_shown
from hmrec.graph_ml.forget import forget_customer
from hmrec.loader.events import record_events
from hmrec.loader.impressions import Impression, ShownArticle, record_impressions, remove_expired

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes

READ, WRITE = "a-token-for-reading", "a-token-for-writing"
SHOWN = """
    MATCH (c:Customer)<-[:OF]-(i:Impression)-[s:SHOWED]->(a:Article)
    WITH c, i, s, a ORDER BY i.shown_at, i.impression_id, s.rank
    RETURN i.impression_id AS id, c.customer_id AS customer, i.method AS method, collect(a.article_id) AS articles
"""
SEGMENT = """
    MATCH (c:Customer {customer_id: $who})
    CREATE (:SegmentsInForce {version: 1}), (:Segment {version: 1, name: 'tea drinkers', size: 1})<-[:IN_SEGMENT]-(c)
"""
FOREIGN = """
    MATCH (c:Customer {customer_id: 'c01'}), (a:Article {article_id: $article})
    CREATE (c)<-[:OF]-(:Impression {campaign: 'theirs', shown_at: datetime('2020-11-02T12:00Z')})-[:SHOWED]->(a)
"""
DAY = datetime(2020, 11, 2, 12, tzinfo=UTC)
A, B, C = "0000000001", "0000000003", "0000000005"


@pytest.fixture(scope="module")
def loaded(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"), weeks=4)
    return module_graph


@pytest.fixture
def shop(loaded: Graph) -> Graph:
    run_text(loaded, "MATCH (i:Impression) DETACH DELETE i")
    run_text(loaded, "MATCH ()-[r:ORDERED|VIEWED|ADDED_TO_CART]->() DELETE r")
    return loaded


def connect(graph: Graph, token: str, share: float = 0.0, write: str = WRITE) -> tuple[TestClient, ImpressionLog]:
    log = ImpressionLog(graph, share)
    service = make_app(graph, READ, write_token=write, impressions=log)
    return TestClient(service, base_url="http://localhost", headers={"Authorization": f"Bearer {token}"}), log


def ask(client: TestClient, log: str | None = None, who: str = "c01", k: int = 3) -> dict[str, Any]:
    given = {"method": "popular", "k": k} | ({} if log is None else {"log": log})
    answer = client.get(f"/recommend/{who}", params=given)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("write", [WRITE, ""])
def test_a_reader_cannot_make_the_graph_grow_unless_a_share_is_logged(shop: Graph, write: str) -> None:
    client, log = connect(shop, READ, write=write)
    for refused in (
        client.get("/recommend/c01", params={"log": "true"}),
        client.post("/recommend", json={"articles": [A], "customer_id": "c01", "log": True}),
    ):
        assert refused.status_code == 403
        assert refused.json()["error"].count(".") == 1
    assert ask(client)["impression_id"] is None
    sharing, every = connect(shop, READ, share=1.0, write=write)
    first, second = ask(sharing), ask(sharing)  # the second comes from the cache
    assert first["impression_id"] != second["impression_id"]
    assert first["articles"] == second["articles"] == ask(client)["articles"]
    assert ask(sharing, "false")["impression_id"] is None
    assert every.flush(30)
    assert (log.written, every.written) == (0, 2)
    rows = run_text(shop, SHOWN)
    assert {row["id"] for row in rows} == {first["impression_id"], second["impression_id"]}
    ids = [article["article_id"] for article in first["articles"]]
    assert [(row["customer"], row["method"], row["articles"]) for row in rows] == [("c01", "popular", ids)] * 2


def test_carts_are_logged_for_known_customers_and_automatic_lists_by_what_scored_them(shop: Graph) -> None:
    client, log = connect(shop, WRITE)
    assert client.post("/recommend", json={"articles": [A], "log": True}).json()["impression_id"] is None
    cart = client.post("/recommend", json={"articles": [A], "customer_id": "c01", "log": True}).json()
    own = client.get("/recommend/c02", params={"log": "true"}).json()
    assert log.flush(30)
    found = {row["id"]: row["method"] for row in run_text(shop, SHOWN)}
    assert found == {cart["impression_id"]: "cart", own["impression_id"]: own["scored_by"][0]}
    assert own["method"] == "auto"
    assert "hmrec_impressions_written_total 2.0" in client.get("/metrics").text


def test_lists_wait_while_a_load_runs_and_are_written_when_the_service_stops(
    shop: Graph, connection: ConnectionSettings
) -> None:
    client, log = connect(shop, WRITE)
    with Graph.connect(connection) as other, client, other.claim("a load"):
        shown = ask(client, "true")  # the answer does not wait
        assert not log.flush(0.5)
        assert run_text(shop, SHOWN) == []
    assert [row["id"] for row in run_text(shop, SHOWN)] == [shown["impression_id"]]
    assert not log.add(Impression("c01", (ShownArticle(A),), "popular"))
    assert log.lost == 1


def show_list(number: int, who: str, *articles: str, method: str = "popular", hours: float = 0) -> Impression:
    at = DAY + timedelta(hours=hours)
    return Impression(who, tuple(map(ShownArticle, articles)), method, shown_at=at, impression_id=f"i{number}")


def event(number: int, kind: str, who: str, article: str, hours: float, shown: str | None = None) -> dict[str, Any]:
    found = {"event_id": f"e{number}", "type": kind, "customer_id": who, "article_id": article, "price": 1.0}
    return found | {"time": (DAY + timedelta(hours=hours)).isoformat()} | ({"impression_id": shown} if shown else {})


LISTS = [
    show_list(1, "c01", A, B, C),  # B by the window, C by name long after it
    show_list(2, "c02", A, B, method="user_based_cf"),  # bought before, and too late
    show_list(3, "c03", C, A, hours=24),  # named by the purchase, so the next list is not hit
    show_list(4, "c03", C, B, method="user_based_cf", hours=25),
]
EVENTS = [
    event(1, "buy", "c01", B, 24 * 6),
    event(2, "buy", "c01", C, 24 * 20, "i1"),
    event(3, "buy", "c01", "0000000009", 1),  # relevant, and was not shown
    event(4, "buy", "c02", A, -1),
    event(5, "buy", "c02", B, 24 * 7 + 1),
    event(6, "view", "c02", B, 2),
    event(7, "buy", "c03", C, 30, "i3"),
    event(8, "cart", "c03", A, 26),  # only the first list has it
]


def test_outcomes_by_hand_and_the_same_by_command_python_and_http(shop: Graph, command: Callable[..., Any]) -> None:
    run_text(shop, SEGMENT, who="c01")
    assert record_impressions(shop, LISTS[:2]) == 2
    assert record_impressions(shop, [*LISTS, LISTS[0], LISTS[3]]) == 2  # each once
    run_text(shop, FOREIGN, article=A)
    run_text(shop, "MATCH (n:Segment|SegmentsInForce) DETACH DELETE n")
    segments = measure_shown(shop, by="segment").set_index("segment")["lists"]
    assert segments.to_dict() == {"none": 3, "tea drinkers": 1}  # as at the time
    assert not record_events(shop, EVENTS).errors
    table = measure_shown(shop).set_index("method")
    assert table["lists"].to_dict() == {"popular": 2, "user_based_cf": 2}
    assert table["customers"].to_dict() == {"popular": 2, "user_based_cf": 2}
    assert table["hit_rate"].to_dict() == {"popular": 1.0, "user_based_cf": 0.0}
    assert table["precision"]["popular"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert table["map"]["popular"] == pytest.approx(((1 / 2 + 2 / 3) / 3 + 1) / 2)
    assert table["click_rate"].to_dict() == {"popular": 0.5, "user_based_cf": 0.5}
    places = measure_shown(shop, by="place", window=30).set_index("place")
    assert places["lists"].tolist() == [4, 4, 1]
    assert places["hit_rate"].tolist() == [1 / 4, 2 / 4, 1]  # c02's B counts in 30 days
    assert measure_shown(shop, DAY.date(), DAY.date(), by="day").empty
    client, _ = connect(shop, READ)
    for by in GROUPS:
        printed = command("outcomes", "--since", "2020-11-01", "--until", "2020-11-04", "--by", by, "--window", "9")
        given = {"since": "2020-11-01", "until": "2020-11-04", "by": by, "window": 9}
        answer = client.get("/outcomes", params=given).json()
        assert [{by: row.pop("group"), **row} for row in answer["outcomes"]] == printed
        assert printed
        assert all(row["hit_rate_low"] <= row["hit_rate"] <= row["hit_rate_high"] for row in printed)
    assert client.get("/outcomes", params={"window": 0}).status_code == 422
    with pytest.raises(UserMistake, match="grouped by"):
        measure_shown(shop, by="age")  # type: ignore[arg-type]


def test_a_purchase_in_a_file_counts_by_its_day_and_once_with_its_event(shop: Graph) -> None:
    record_impressions(shop, [show_list(1, "c01", A), show_list(2, "c02", A)])
    bought = """
        UNWIND $who AS who MATCH (c:Customer {customer_id: who}), (a:Article {article_id: $article})
        CREATE (c)-[:BOUGHT {t_dat: date($day), article_id: $article, quantity: 1}]->(a)
    """
    run_text(shop, bought, who=["c01", "c02"], article=A, day="2020-11-02")
    record_events(shop, [event(1, "buy", "c02", A, -2)])  # the file's purchase of that day was before the list
    try:
        assert measure_shown(shop, by="day")["hit_rate"].tolist() == [0.5]
    finally:
        run_text(shop, "MATCH ()-[b:BOUGHT]->() WHERE b.t_dat >= date('2020-11-02') DELETE b")


def test_expired_lists_and_those_of_a_forgotten_customer_are_removed(
    shop: Graph, command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HMREC_HOME", str(tmp_path))
    old = [show_list(number, "c01", A, B) for number in range(3)]
    now = Impression("c01", (ShownArticle(A, 0.5),), "popular")
    run_text(shop, "CREATE (:Customer {customer_id: 'gone'})")
    record_impressions(shop, [*old, now, Impression("gone", (ShownArticle(A),), "popular")])
    assert find_foreign(shop).others == 0
    assert shop.read_column("foreign_relationships") == [0]
    assert command("forget", "--expired") == {"removed": 3}
    assert remove_expired(shop) == 0
    places = {removed.place: removed.count for removed in forget_customer(shop, "gone").removed}
    assert places == {"lists shown": 1, "customer in the graph": 1}
    assert [row["id"] for row in run_text(shop, SHOWN)] == [now.impression_id]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"articles": ()}, "1 to 1,000 articles"),
        ({"articles": (ShownArticle(A, 0.0),)}, "propensity"),
        ({"articles": (ShownArticle(A),), "shown_at": datetime(2020, 1, 1)}, "time zone"),
    ],
)
def test_an_invalid_list_is_refused_in_a_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserMistake, match=sentence):
        Impression("c01", **{"method": "popular", **given})
