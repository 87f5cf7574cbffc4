"""Experiments in a service: a customer's arm is the hash's, exposure is logged, and the winner becomes the default."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hmrec.cli.experiment import describe, to_dict
from hmrec.cli.service.app import make_app
from hmrec.cli.service.candidates import STATE_CHECK_SECONDS
from hmrec.cli.service.impressions import ImpressionLog
from hmrec.cli.terminal.show import records
from hmrec.cypher.errors import UserMistake
from hmrec.cypher.foreign import find_foreign
from hmrec.cypher.graph import Graph
from hmrec.cypher.limits import WINDOW
from hmrec.cypher.state import read_state
from hmrec.graph_ml.evaluate.experiment import measure_experiment
from hmrec.graph_ml.evaluate.off_policy import SHOWN, measure_off_policy
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.recommend.experiment import Experiment, ExperimentBook, UnknownExperiment, assign
from hmrec.loader.events import record_events
from hmrec.loader.impressions import Impression, ShownArticle, record_impressions

from tests.conftest import run_text
from tests.graph.test_impressions import READ, WRITE, connect, loaded

__all__ = ["loaded"]  # a fixture
CUSTOMERS = [f"c{number:02}" for number in range(12)]
ARMS = ("popular", "user_based_cf")
EXPOSED = """
    MATCH (c:Customer)<-[:OF]-(i:Impression)
    RETURN c.customer_id AS customer, i.experiment AS experiment, i.arm AS arm, i.method AS method
"""
EXPLORED = """
    MATCH (i:Impression)-[s:SHOWED]->() WITH i, s ORDER BY s.rank
    RETURN i.impression_id AS id, collect(s.propensity) AS propensities
"""


@pytest.fixture
def shop(loaded: Graph) -> Iterator[Graph]:
    run_text(loaded, "MATCH (n:Impression|Experiment) DETACH DELETE n")
    yield loaded
    run_text(loaded, "MATCH (n:Impression|Experiment) DETACH DELETE n")


def list_methods(client: TestClient, **given: Any) -> dict[str, str]:
    """Return the method by which each customer is served."""
    found = {}
    for customer in CUSTOMERS:
        answer = client.get(f"/recommend/{customer}", params={"k": 3} | given)
        assert answer.status_code == 200, answer.text
        found[customer] = answer.json()["method"]
    return found


def test_arms_are_the_hash_s_and_exposure_is_logged(shop: Graph, command: Callable[..., Any]) -> None:
    reader, log = connect(shop, READ)
    writer, _ = connect(shop, WRITE)
    wanted = {"name": "pop or cf", "arms": ["popular", "cf"], "share": 70, "window": 3}
    assert reader.post("/experiments", json=wanted).status_code == 403
    assert set(list_methods(reader).values()) == {"auto"}
    assert writer.post("/experiments", json=wanted).json() == {"started": "pop or cf"}
    time.sleep(STATE_CHECK_SECONDS)  # the other service notices by itself
    experiment = ExperimentBook(shop).find("pop or cf")
    assert (experiment.arms, experiment.salt, experiment.window) == (ARMS, "pop or cf", 3)
    arms = {customer: experiment.choose_arm(customer) for customer in CUSTOMERS}
    assert set(arms.values()) == {None, *ARMS}
    for _ in range(2):  # the second time from the cache
        assert list_methods(reader) == {customer: arm or "auto" for customer, arm in arms.items()}
    without, silent = connect(shop, READ, write="")  # it has no right to log, so it shows what it always did
    assert without.get("/recommend/c01").json()["method"] == without.get("/recommend/c02").json()["method"] == "auto"
    assert len(silent) == 0
    state = read_state(shop)
    assert {c: assign(state, Request(customer_id=c)).arm for c in CUSTOMERS} == arms
    assert set(list_methods(reader, method="popular").values()) == {"popular"}  # a choice of the request stands
    assert reader.get("/recommend/c01", params={"log": "false"}).json()["impression_id"] is None
    assert log.flush(30)
    exposed = run_text(shop, EXPOSED)
    assert {row["customer"]: row["arm"] for row in exposed} == {c: arm for c, arm in arms.items() if arm}
    assert len(exposed) == 2 * sum(arm is not None for arm in arms.values())
    assert all(row["method"] == row["arm"] and row["experiment"] == "pop or cf" for row in exposed)
    ((found, customers),) = ExperimentBook(shop).list()
    assert customers == sum(arm is not None for arm in arms.values())
    assert reader.get("/experiments").json()["experiments"] == command("experiment", "list")
    assert command("experiment", "list") == [describe(found) | {"customers": customers}]
    assert find_foreign(shop).others == 0


def test_the_winner_becomes_the_default_within_a_second_and_can_be_taken_back(
    shop: Graph, command: Callable[..., Any]
) -> None:
    client, _ = connect(shop, WRITE)
    assert set(list_methods(client).values()) == {"auto"}
    assert command("experiment", "start", "one", "--arms", "popular,cf") == {"started": "one"}
    for name, sentence in (("two", "is running"), ("one", "already")):
        with pytest.raises(UserMistake, match=sentence):
            ExperimentBook(shop).start(Experiment(name=name, arms=ARMS))
    with pytest.raises(UserMistake, match="not an arm"):
        ExperimentBook(shop).stop("one", "gnn")
    assert client.post("/experiments/one/stop", params={"keep": "cf"}).json() == {
        "stopped": "one", "kept": "user_based_cf",
    }  # fmt: skip
    assert set(list_methods(client).values()) == {"user_based_cf"}
    stopped = ExperimentBook(shop).find("one").stopped
    assert command("experiment", "stop", "one", "--keep", "auto") == {"stopped": "one", "kept": "auto"}
    time.sleep(STATE_CHECK_SECONDS)
    assert set(list_methods(client).values()) == {"auto"}
    assert ExperimentBook(shop).find("one").stopped == stopped
    with pytest.raises(UserMistake, match="needs a trained model"):
        ExperimentBook(shop).start(Experiment(name="trees", arms=("hybrid", "popular")))
    with pytest.raises(UnknownExperiment):
        ExperimentBook(shop).stop("nothing")
    assert client.get("/experiments/nothing").status_code == 404
    assert client.post("/experiments", json={"name": "x", "arms": ["popular"]}).status_code == 400


def test_a_customer_whom_the_arm_cannot_serve_gets_a_list_and_counts_for_the_arm(shop: Graph) -> None:
    run_text(shop, "CREATE (:Experiment {name: 'x', salt: 'x', arms: ['gnn', 'hybrid'], started: datetime()})")
    client, log = connect(shop, READ)
    assert set(list_methods(client).values()) == {"auto"}
    assert log.flush(30)
    experiment = Experiment(name="x", arms=("gnn", "hybrid"))
    rows = run_text(shop, EXPOSED)
    assert {row["customer"]: row["arm"] for row in rows} == {c: experiment.choose_arm(c) for c in CUSTOMERS}
    assert not {row["method"] for row in rows} & {"gnn", "hybrid"}


def test_a_customer_for_whom_the_arm_has_nothing_gets_a_list_and_counts_for_the_arm(shop: Graph) -> None:
    ExperimentBook(shop).start(Experiment(name="x", arms=("own_repurchases", "popular")))
    client, log = connect(shop, READ)
    for _ in range(2):  # the second time from the cache
        served = list_methods(client, new_only=True)
        assert set(served.values()) == {"auto", "popular"}
    assert log.flush(30)
    arms = {c: Experiment(name="x", arms=("own_repurchases", "popular")).choose_arm(c) for c in CUSTOMERS}
    rows = run_text(shop, EXPOSED)
    assert len(rows) == 2 * len(CUSTOMERS)
    assert {row["customer"]: row["arm"] for row in rows} == arms
    assert {c for c, method in served.items() if method == "auto"} == {c for c in arms if arms[c] == "own_repurchases"}


def test_results_are_the_same_by_command_python_and_http(shop: Graph, command: Callable[..., Any]) -> None:
    ExperimentBook(shop).start(Experiment(name="x", arms=ARMS, window=5))
    ago = datetime.now(UTC) - timedelta(days=6)
    lists = [
        Impression(customer, (ShownArticle("0000000001"),), arm, shown_at=ago, experiment="x", arm=arm)
        for number, customer in enumerate(CUSTOMERS)
        for arm in [ARMS[number % 2]]
    ]
    record_impressions(shop, lists)
    bought = {"type": "buy", "article_id": "0000000001", "time": (ago + timedelta(days=4)).isoformat()}
    record_events(shop, [bought | {"event_id": f"x{n}", "customer_id": CUSTOMERS[n]} for n in (0, 2, 4, 1)])
    result = measure_experiment(shop, "x")
    assert result.arms["hit_rate"].tolist() == [3 / 6, 1 / 6]
    assert result.arms["counted"].tolist() == [6, 6]
    assert result.sample_ratio == 1.0
    client, _ = connect(shop, READ)
    printed = command("experiment", "show", "x")
    assert client.get("/experiments/x").json() == printed
    assert printed["results"][1]["verdict"] == "too early"
    assert {name: value for name, value in to_dict(result).items() if name != "results"} == {
        name: value for name, value in printed.items() if name != "results"
    }
    assert command("outcomes", "--by", "arm", "--window", "5")[0]["hit_rate"] == 0.5


def test_explored_lists_have_their_propensities_and_give_the_same_estimates_by_command_and_python(
    shop: Graph, command: Callable[..., Any]
) -> None:
    with pytest.raises(UserMistake, match="No explored lists"):
        measure_off_policy(shop, ["popular"])
    log = ImpressionLog(shop, share=1.0)
    client = TestClient(make_app(shop, impressions=log, explore=0.5), base_url="http://localhost")
    ask = {"method": "cf", "k": 4}
    plain = {c: client.get(f"/recommend/{c}", params=ask | {"log": "false"}).json() for c in CUSTOMERS}
    shown = {c: client.get(f"/recommend/{c}", params=ask).json() for c in CUSTOMERS}
    again = client.get("/recommend/c01", params=ask).json()  # from the cache, explored anew
    filtered = client.get("/recommend/c01", params=ask | {"department": "Odd"}).json()
    assert log.flush(30)
    rows = run_text(shop, EXPLORED)
    explored = 0
    for customer, answer in shown.items():
        (found,) = [row for row in rows if row["id"] == answer["impression_id"]]
        base = [article["article_id"] for article in plain[customer]["articles"]]
        pool = len(Recommender(shop).recommend(Request(customer_id=customer, method="cf", k=16)).articles) - 4
        assert len({article["article_id"] for article in answer["articles"]}) == len(answer["articles"]) == 4
        for article, stays, propensity in zip(answer["articles"], base, found["propensities"], strict=True):  # type: ignore[call-overload]
            by_chance = article["because"].endswith("shown to learn from")
            assert by_chance == (article["article_id"] not in base)
            assert by_chance or article["article_id"] == stays
            assert propensity == pytest.approx(0.5 * 4 / pool if by_chance else 0.5)
            explored += by_chance
    assert 0 < explored < 4 * len(CUSTOMERS)
    (other,) = [row for row in rows if row["id"] == filtered["impression_id"]]
    assert other["propensities"] == []  # its lists would not compare with plain ones
    assert again["impression_id"] != shown["c01"]["impression_id"]
    now = datetime.now(UTC).isoformat()
    buys = [
        {"event_id": f"p-{c}", "type": "buy", "customer_id": c, "article_id": one["articles"][0]["article_id"],
         "time": now, "impression_id": one["impression_id"]}
        for c, one in shown.items()
    ]  # fmt: skip
    record_events(shop, buys)
    table = measure_off_policy(shop, ["cf", "popular"])
    assert table["method"].tolist() == [SHOWN, "user_based_cf", "popular"]
    assert set(table["lists"]) == {len(CUSTOMERS) + 1}
    assert table["ips"][0] == table["snips"][0] == pytest.approx(len(CUSTOMERS) / 4 / (len(CUSTOMERS) + 1))
    assert table["support"][1] == pytest.approx(1, abs=0.5)
    assert all(table["ips_low"] <= table["ips"])
    printed = command("outcomes", "--off-policy", "cf,popular")
    assert printed == records(table)
    reader, _ = connect(shop, READ)
    answer = reader.get("/outcomes/off-policy", params={"method": ["cf", "popular"]})
    assert answer.json() == {"estimates": printed}
    answer = reader.get("/outcomes").json()
    assert (answer["explored"], answer["window"]) == (len(CUSTOMERS) + 1, WINDOW)
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    assert reader.get("/outcomes", params={"since": tomorrow}).json()["explored"] == 0
    for given in ({"method": "auto"}, {"method": "cheap"}, {"method": "popular", "since": tomorrow}, {}):
        refused = reader.get("/outcomes/off-policy", params=given)
        assert refused.status_code in (400, 422), (given, refused.text)
        assert refused.json()["error"].endswith(".")
    for most, methods in ((len(CUSTOMERS), ["cf"]), (2 * len(CUSTOMERS) + 1, ["cf", "popular"])):
        with pytest.raises(UserMistake, match=f"at most {len(CUSTOMERS)} are"):
            measure_off_policy(shop, methods, most=most)
    with pytest.raises(UserMistake, match="without `auto`"):
        measure_off_policy(shop, ["auto"])


def test_replacing_the_graph_removes_lists_and_experiments(shop: Graph) -> None:
    ExperimentBook(shop).start(Experiment(name="x", arms=ARMS))
    record_impressions(shop, [Impression("c01", (ShownArticle("0000000001"),), "popular")])
    shop.write("delete_graph")
    assert run_text(shop, "MATCH (n) RETURN labels(n) AS labels") == []
