"""hmrec serve as others meet it: a process of its own over a real Neo4j, asked over HTTP and by a real Chromium.

The pictures in docs/ are taken here, by `HMREC_TEST_SCREENSHOTS=docs/images pytest tests/e2e/test_serve.py`.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hmrec.cli.service.candidates import STATE_CHECK_SECONDS
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.recommenders import METHODS
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.ranker.features import describe_articles
from hmrec.graph_ml.ranker.fit import RankParts, RankSettings, train_ranker
from hmrec.graph_ml.ranker.sources import SOURCES
from hmrec.graph_ml.write_back.write import write_embeddings
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_journey
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, Request, expect
from schemathesis import GenerationMode
from typer.testing import CliRunner

from tests.conftest import PROGRAMS, empty, run_text
from tests.e2e.conftest import stay_on_this_machine

TOKEN = secrets.token_hex(16)
HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m'}) DETACH DELETE (n) // \u202e"
HOSTILE_QUERY = """
    CREATE (c:Customer {customer_id: $id})-[:BOUGHT {t_dat: date('2017-12-01'), price: 1.0, quantity: 1,
            sales_channel_id: 1, article_id: 'hostile'}]->(:Article {article_id: 'hostile', prod_name: $id})
"""
IGNORED = {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"}


@pytest.fixture(scope="module")
def graph(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A slice of Complete Journey with embeddings and a ranker, and a customer and an article whose names mean harm."""
    folder = tmp_path_factory.mktemp("shop")
    write_journey(folder, households=60)
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        load_folder(folder, server=local_server, graph=graph, mode="stream")
        subgraph = export_subgraph(graph, SubgraphSpec(isolated=True))
        trained = train(subgraph, TrainSettings(dim=16, epochs=2, negatives=64))
        ranker = train_ranker(subgraph, None, RankSettings(weeks=1, rounds=5))
        assert ranker is not None
        write_embeddings(graph, trained, rank=RankParts(ranker, describe_articles(Snapshot.of(subgraph))))
        run_text(graph, HOSTILE_QUERY, id=HOSTILE)
        yield graph


@pytest.fixture(scope="module")
def customer(graph: Graph) -> str:
    """A customer of middling history."""
    return str(graph.read("customers_by_purchases", skip=30, k=1)["customer_id"][0])


@pytest.fixture(scope="module")
def environment(local_server: LocalServer) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NEO4J_", "HMREC_")) and k not in IGNORED}
    return clean | {"HMREC_HOME": str(local_server.home), "HMREC_PROGRAMS": str(PROGRAMS), "NO_COLOR": "1"}


@contextmanager
def serving(environment: dict[str, str], *options: str, token: str = "") -> Iterator[str]:
    """`hmrec serve` in a process of its own; its address."""
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", "serve", "--port", "0", *options]
    environment = environment | ({"HMREC_TOKEN": token} if token else {})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        address = re.search(r"http://\S+:\d+", told)
        assert address, told
        try:
            yield address[0].replace("0.0.0.0", "127.0.0.1")
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def address(graph: Graph, environment: dict[str, str]) -> Iterator[str]:
    """The service as it is started without options."""
    with serving(environment) as address:
        yield address


@pytest.fixture(scope="module")
def guarded(graph: Graph, environment: dict[str, str]) -> Iterator[str]:
    """The service open to other machines, with a token."""
    with serving(environment, "--host", "0.0.0.0", token=TOKEN) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def command(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A command of hmrec's, its JSON read."""
    from hmrec.cli.main import app

    monkeypatch.setenv("HMREC_HOME", environment["HMREC_HOME"])
    monkeypatch.setenv("HMREC_PROGRAMS", environment["HMREC_PROGRAMS"])

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--format", "json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


def assert_failed(answer: httpx.Response, status: int) -> str:
    """The answer is one sentence and perhaps a hint; returns them."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "hint"}
    sentence = answer.json()["error"]
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert "Traceback" not in answer.text
    return f"{sentence} {answer.json()['hint']}"


# The API


def test_the_ranker_is_asked_for_in_vain_before_it_is_trained(
    client: httpx.Client, graph: Graph, customer: str
) -> None:
    run_text(graph, "MATCH (m:Model)-[ranked:RANKED_BY]->(r) CREATE (m)-[:WAS_RANKED_BY]->(r) DELETE ranked")
    try:
        answer = client.get(f"/recommend/{customer}", params={"method": "hybrid", "k": 11})
        assert "hmrec train" in assert_failed(answer, 409)
    finally:
        run_text(graph, "MATCH (m:Model)-[was:WAS_RANKED_BY]->(r) CREATE (m)-[:RANKED_BY]->(r) DELETE was")


def test_the_rankers_reasons_name_the_source_that_counted_and_are_of_its_query(
    client: httpx.Client, graph: Graph, customer: str
) -> None:
    sources = {source.label: source for source in SOURCES}
    for parameters in ({}, {"new_only": True}, {"department": "GROCERY"}):
        articles = client.get(f"/recommend/{customer}", params={"method": "hybrid", **parameters}).json()["articles"]
        assert len(articles) == 12
        for article in articles:
            name, _, reason = article["because"].partition(": ")
            source = sources[name]
            asked = {
                "customer_id": customer,
                "k": source.candidates,
                "new_only": not source.proposes_bought,
                **source.parameters,
            }
            told = graph.read(source.name, **(asked | {n: v for n, v in parameters.items() if n != "new_only"}))
            assert reason == told.set_index("article_id")["because"][article["article_id"]]


@pytest.mark.parametrize("method", [method.name for method in METHODS])
def test_recommend_answers_what_the_command_prints(
    method: str, client: httpx.Client, command: Callable[..., Any], customer: str
) -> None:
    answer = client.get(f"/recommend/{customer}", params={"method": method, "k": 7})
    assert answer.status_code == 200, answer.text
    assert answer.json()["articles"] == command("recommend", customer, "--method", method, "-k", "7")
    assert client.get(f"/recommend/{customer}", params={"method": method, "k": 7}).content == answer.content


def test_an_old_method_name_gives_the_same_list_and_a_note(
    client: httpx.Client, environment: dict[str, str], customer: str
) -> None:
    new = client.get(f"/recommend/{customer}", params={"method": "user_based_cf"}).json()
    old = client.get(f"/recommend/{customer}", params={"method": "cf"}).json()
    assert old == new | {"note": "`cf` is now called `user_based_cf`."}
    names = client.get("/openapi.json").json()["paths"]["/recommend/{customer_id}"]["get"]["parameters"]
    assert next(one for one in names if one["name"] == "method")["schema"]["enum"] == [one.name for one in METHODS]
    hmrec = [sys.executable, "-c", "from hmrec.cli.main import main; main()"]
    asked = [*hmrec, "recommend", customer, "--method", "cf", "--json"]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == new["articles"]
    assert done.stderr == "`cf` is now called `user_based_cf`.\n"


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({"new_only": True}, ["--new-only"]),
        ({"department": "GROCERY"}, ["--department", "GROCERY"]),
        ({"max_price": 2.5, "in_season": 30}, ["--max-price", "2.5", "--in-season", "30"]),
        ({"as_of": "2017-10-01"}, ["--as-of", "2017-10-01"]),
    ],
)
def test_filters_are_the_command_s(
    parameters: dict[str, Any], options: list[str], client: httpx.Client, command: Callable[..., Any], customer: str
) -> None:
    answer = client.get(f"/recommend/{customer}", params=parameters)
    assert answer.json()["articles"] == command("recommend", customer, *options)


def test_explain_answers_what_the_command_prints_and_its_parts_add_up(
    client: httpx.Client, command: Callable[..., Any], customer: str
) -> None:
    recommended = client.get(f"/recommend/{customer}", params={"method": "user_based_cf"}).json()["articles"][0]
    found = client.get(f"/explain/{customer}/{recommended['article_id']}").json()
    assert found["parts"] == command("explain", customer, recommended["article_id"])
    assert found["score"] == pytest.approx(recommended["score"])
    kinds = {node["id"]: node["kind"] for node in found["drawing"]["nodes"]}
    assert list(kinds.values()).count("customer") == list(kinds.values()).count("article") == 1
    assert all({edge["source"], edge["target"]} <= set(kinds) for edge in found["drawing"]["edges"])


def test_similar_is_nearest_by_embedding_without_the_article_itself(
    client: httpx.Client, graph: Graph, customer: str
) -> None:
    article = graph.read("last_purchases", customer_id=customer, k=1)["article_id"][0]
    articles = client.get(f"/similar/{article}", params={"k": 5}).json()["articles"]
    text = """MATCH (a:Article {article_id: $id}), (x:Article) WHERE x <> a AND x.embedding IS NOT NULL
              RETURN x.article_id AS id ORDER BY vector.similarity.cosine(a.embedding, x.embedding) DESC LIMIT 5"""
    assert [found["article_id"] for found in articles] == [row["id"] for row in run_text(graph, text, id=article)]


def test_similar_without_embeddings_is_a_conflict_and_without_the_article_not_found(
    client: httpx.Client, graph: Graph, customer: str
) -> None:
    assert "no embedding" in assert_failed(client.get("/similar/hostile"), 409)
    assert_failed(client.get("/similar/nothing"), 404)
    article = graph.read("last_purchases", customer_id=customer, k=1)["article_id"][0]
    run_text(graph, "MATCH (now:ModelInForce) SET now.was = now.version, now.version = null")
    try:
        assert "hmrec train" in assert_failed(client.get(f"/similar/{article}"), 409)
    finally:
        run_text(graph, "MATCH (now:ModelInForce) SET now.version = now.was REMOVE now.was")


def test_a_customer_is_shown_with_purchases_newest_first_and_found_by_the_first_letters(
    client: httpx.Client, graph: Graph, customer: str
) -> None:
    shown = client.get(f"/customers/{customer}").json()
    rows = graph.read("last_purchases", customer_id=customer, k=1000).to_dict("records")
    assert shown["purchases"] == [row | {"t_dat": row["t_dat"].isoformat()} for row in rows]
    days = [purchase["t_dat"] for purchase in shown["purchases"]]
    assert days == sorted(days, reverse=True)
    assert shown["last"] == days[0]
    found = client.get("/customers", params={"start": customer}).json()["customers"]
    assert found[0]["customer_id"] == customer
    assert all(other["customer_id"].startswith(customer) for other in found)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/recommend/nobody", 404),
        ("/explain/nobody/1", 404),
        ("/customers/nobody", 404),
        ("/nowhere", 404),
        ("/recommend/1?k=0", 422),
        ("/recommend/1?k=1001", 422),
        ("/recommend/1?newonly=true", 422),
        ("/recommend/1?method=magic", 422),
        ("/recommend/1?as_of=yesterday", 422),
        ("/recommend/1?max_price=nan", 422),
        (f"/recommend/{'x' * 5000}", 422),
        (f"/recommend/{quote(HOSTILE)}?method=gnn", 409),
    ],
)
def test_a_mistake_is_answered_by_one_sentence(client: httpx.Client, path: str, status: int) -> None:
    assert_failed(client.get(path), status)


def test_an_unknown_article_is_not_found(client: httpx.Client, customer: str) -> None:
    assert "no article" in assert_failed(client.get(f"/explain/{customer}/nothing"), 404)


def test_what_was_computed_holds_until_the_next_load_or_model(
    client: httpx.Client, graph: Graph, customer: str
) -> None:
    hits = re.compile(r"hmrec_candidates_hits_total (\d+)")

    def count() -> int:
        found = hits.search(client.get("/metrics").text)
        assert found
        return int(float(found[1]))

    client.get(f"/recommend/{customer}?k=3")
    before = count()
    first = client.get(f"/recommend/{customer}?k=3").json()
    assert count() == before + 1
    run_text(graph, "CREATE (:Load {id: 'later', number: 1000000, started: '2999-01-01', finished: '2999-01-01'})")
    rename = "MATCH (a:Article {article_id: $id}) SET a.prod_name = $name"
    article = first["articles"][0]
    run_text(graph, rename, id=article["article_id"], name="Renamed")
    try:
        time.sleep(STATE_CHECK_SECONDS + 0.1)
        assert client.get(f"/recommend/{customer}?k=3").json()["articles"][0]["prod_name"] == "Renamed"
        assert count() == before + 1
    finally:
        run_text(graph, "MATCH (l:Load {id: 'later'}) DELETE l")
        run_text(graph, rename, id=article["article_id"], name=article["prod_name"])
        time.sleep(STATE_CHECK_SECONDS + 0.1)


def test_health_and_metrics(client: httpx.Client) -> None:
    health = client.get("/health").json()
    assert health["status"] == "ok"
    assert health["model"] == 1
    assert not health["loading"]
    client.get("/recommend/some-customer")
    text = client.get("/metrics").text
    assert 'hmrec_requests_total{path="/recommend/{customer_id}",status="404"}' in text
    assert "some-customer" not in text
    assert 'hmrec_request_seconds_bucket{le="0.15",path="/health"}' in text


def test_nothing_is_ever_written(client: httpx.Client, graph: Graph, customer: str) -> None:
    text = "SHOW DATABASES YIELD name, lastCommittedTxn WHERE name = $database RETURN lastCommittedTxn AS number"
    database = graph.settings.database
    before = run_text(graph, text, database=database)
    article = client.get(f"/recommend/{customer}").json()["articles"][0]["article_id"]
    for path in (f"recommend/{customer}?method=item_based_cf", f"similar/{article}", f"explain/{customer}/{article}",
                 "customers", f"customers/{customer}", "health", "metrics"):  # fmt: skip
        assert client.get(f"/{path}").status_code == 200, path
    assert run_text(graph, text, database=database) == before


def test_a_server_that_is_gone_is_unavailable_within_seconds(tmp_path: Path) -> None:
    from fastapi.testclient import TestClient
    from hmrec.cli.service.app import make_app
    from hmrec.cypher.settings import ConnectionSettings

    with Graph(ConnectionSettings(uri="bolt://localhost:1"), timeout=1.0) as gone:
        client = TestClient(make_app(gone), base_url="http://localhost")
        for path in ("/health", "/recommend/1"):
            assert_failed(client.get(path), 503)


# Who may ask


def test_without_the_token_nothing_is_told(guarded: str, customer: str) -> None:
    with httpx.Client(base_url=guarded, trust_env=False) as client:
        for path in (f"/recommend/{customer}", "/similar/1", f"/explain/{customer}/1", "/customers", "/metrics"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
                answer = client.get(path, headers=headers)
                assert "HMREC_TOKEN" in assert_failed(answer, 401)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.get("/health").status_code == 200
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get(f"/recommend/{customer}", headers=right).status_code == 200


@pytest.mark.parametrize("token", ["", "short", "with blanks in the middle"])
def test_other_machines_are_not_let_in_without_a_good_token(environment: dict[str, str], token: str) -> None:
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", "serve", "--host", "0.0.0.0"]
    given = environment | {"HMREC_TOKEN": token}
    result = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert "HMREC_TOKEN" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_named(environment: dict[str, str], address: str) -> None:
    port = address.rsplit(":", 1)[1]
    command = [sys.executable, "-c", "from hmrec.cli.main import main; main()", "serve", "--port", port]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert port in result.stderr


def test_a_foreign_site_s_name_for_this_machine_is_refused(client: httpx.Client) -> None:
    assert_failed(client.get("/customers", headers={"Host": "evil.example"}), 421)
    assert client.get("/customers", headers={"Host": "localhost:1"}).status_code == 200
    assert (
        "access-control-allow-origin" not in client.get("/customers", headers={"Origin": "http://evil.example"}).headers
    )


# Hostile input


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_no_id_breaks_the_service(client: httpx.Client, text: str) -> None:
    word = quote(text, safe="")
    for path in (f"/recommend/{word}", f"/similar/{word}", f"/explain/{word}/{word}", f"/customers/{word}"):
        answer = client.get(path)
        assert answer.status_code in (200, 307, 404, 409), (path, answer.text)


def test_an_id_with_cypher_in_it_is_a_name_like_any_other(client: httpx.Client, graph: Graph) -> None:
    before = graph.read("counts").iloc[0].to_dict()
    answer = client.get(f"/customers/{quote(HOSTILE, safe='')}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["customer_id"] == HOSTILE
    assert "\x1b" not in answer.text
    assert graph.read("counts").iloc[0].to_dict() == before


def test_the_service_keeps_to_its_description(guarded: str) -> None:
    """What schemathesis makes of the description, right and wrong, is answered as described and never by a failure."""
    schema = schemathesis.openapi.from_url(f"{guarded}/openapi.json")
    tried = set()

    def try_operation(operation: Any) -> None:
        @settings(max_examples=30, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode)))
        def try_case(case: Any) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {TOKEN}"})
            tried.add(operation.path)

        try_case()

    for operation in schema.get_all_operations():
        try_operation(operation.ok())
    assert {"/recommend/{customer_id}", "/similar/{article_id}", "/customers", "/health"} <= tried


# The page


@pytest.fixture
def asked() -> list[str]:
    """The addresses that the page asked for."""
    return []


@pytest.fixture
def page(chromium: Browser, address: str, asked: list[str]) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1200, "height": 900})

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.route("**/*", stay_on_this_machine)
    page.goto(address)
    yield page
    page.close()


def search(page: Page, customer: str) -> None:
    page.get_by_label("Customer", exact=True).first.fill(customer)
    page.get_by_role("button", name="Show").click()


def listed(page: Page, place: str = "#one") -> list[str]:
    """The ids of the articles listed, once they are."""
    expect(page.locator(f"{place} li").first).to_be_visible(timeout=30_000)
    return [str(item.get_attribute("data-article")) for item in page.locator(f"{place} li").all()]


def recommended(client: httpx.Client, customer: str, **parameters: Any) -> list[str]:
    answer = client.get(f"/recommend/{quote(customer, safe='')}", params=parameters)
    return [article["article_id"] for article in answer.json()["articles"]]


def test_the_page_shows_purchases_and_recommendations_with_reasons(
    page: Page, client: httpx.Client, customer: str, address: str, asked: list[str], take_picture: Callable[[str], None]
) -> None:
    page.get_by_label("Customer", exact=True).first.fill(customer[:1])
    expect(page.locator("#found option").first).to_be_attached()
    search(page, customer)
    expect(page.locator("#name")).to_have_text(f"Customer {customer}")
    assert listed(page) == recommended(client, customer)
    first = client.get(f"/recommend/{customer}").json()["articles"][0]
    expect(page.locator("#one li").first).to_contain_text(first["because"])
    days = {purchase["t_dat"]: purchase for purchase in client.get(f"/customers/{customer}").json()["purchases"]}
    expect(page.locator("#timeline button")).to_have_count(len(days))
    oldest = list(days)[-1]
    page.locator("#timeline button").first.click()
    expect(page.locator("#day")).to_contain_text(oldest)
    expect(page.locator("#day")).to_contain_text(days[oldest]["prod_name"] or days[oldest]["article_id"])
    take_picture("service-customer")
    assert all(url.startswith(address) for url in asked), asked


def test_switching_the_method_and_what_is_new_asks_anew(page: Page, client: httpx.Client, customer: str) -> None:
    search(page, customer)
    listed(page)
    for method in ("popular", "item_based_cf", "gnn"):
        page.locator("#one select").select_option(method)
        expect(page.locator("#one")).not_to_have_class("list busy")
        assert listed(page) == recommended(client, customer, method=method)
    page.get_by_label("only new articles").check()
    page.get_by_label("number of articles").fill("5")
    page.get_by_label("number of articles").blur()
    expect(page.locator("#one li")).to_have_count(5)
    assert listed(page) == recommended(client, customer, method="gnn", new_only=True, k=5)
    page.reload()
    assert listed(page) == recommended(client, customer, method="gnn")


def test_two_methods_stand_side_by_side(
    page: Page, client: httpx.Client, customer: str, take_picture: Callable[[str], None]
) -> None:
    search(page, customer)
    listed(page)
    page.get_by_label("compare two methods").check()
    page.locator("#two select").select_option("popular")
    right = listed(page, "#two")
    left = listed(page, "#one")
    assert left == recommended(client, customer)
    assert right == recommended(client, customer, method="popular")
    both = len(set(left) & set(right))
    expect(page.locator("#overlap")).to_have_text(f"In both lists: {both} of 12.")
    assert page.locator("#one li.both").count() == both
    page.locator("#recommendations").scroll_into_view_if_needed()
    take_picture("service-compare")


def test_the_explanation_is_drawn(
    page: Page, client: httpx.Client, customer: str, take_picture: Callable[[str], None]
) -> None:
    search(page, customer)
    evidence = {article: client.get(f"/explain/{customer}/{article}").json() for article in listed(page)}
    article, found = max(evidence.items(), key=lambda item: len(item[1]["parts"]))
    page.locator(f"#one li[data-article='{article}']").get_by_role("button", name="why?").click()
    expect(page.locator("#drawing canvas").first).to_be_visible()
    drawn = page.evaluate("document.querySelector('#drawing')._cyreg.cy.elements().map(e => e.id())")
    assert {node["id"] for node in found["drawing"]["nodes"]} <= set(drawn)
    assert len(drawn) == len(found["drawing"]["nodes"]) + len(found["drawing"]["edges"])
    page.wait_for_timeout(500)  # the canvas is painted
    painted = page.evaluate("""() => {
        const canvas = document.querySelectorAll('#drawing canvas')[2]
        const dots = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
        const seen = new Set()
        for (let i = 0; i < dots.length; i += 4) seen.add(`${dots[i]},${dots[i + 1]},${dots[i + 2]}`)
        return [...seen]
    }""")
    assert {"47,109,181", "224,99,43"} <= set(painted)  # the customer's and the article's colour
    expect(page.locator("#parts li").first).to_contain_text(found["parts"][0]["because"])
    page.locator("#explanation").scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # scrolled there
    take_picture("service-why")


def test_names_that_mean_harm_are_shown_as_text(page: Page) -> None:
    page.evaluate("id => location.hash = new URLSearchParams({ customer: id })", HOSTILE)
    page.reload()
    shown = re.sub("[\x1b\u202e]", "?", HOSTILE)
    expect(page.locator("#name")).to_have_text(f"Customer {shown}")
    expect(page.locator("#day li")).to_contain_text(shown)
    listed(page)
    assert page.locator("img").count() == 0
    assert "\x1b" not in page.locator("body").inner_text()


def test_an_unknown_customer_is_told_in_a_sentence(page: Page) -> None:
    search(page, "nobody")
    expect(page.get_by_role("alert")).to_contain_text("The graph has no customer 'nobody'.")


def test_the_page_asks_for_the_token(chromium: Browser, guarded: str, customer: str) -> None:
    page = chromium.new_page()
    page.goto(guarded)
    page.get_by_label("This service requires a token").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("missing or wrong")
    page.get_by_label("This service requires a token").fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_hidden()
    search(page, customer)
    assert listed(page)
    page.close()


def test_the_api_s_description_needs_no_internet(page: Page, address: str, asked: list[str]) -> None:
    page.goto(f"{address}/docs")
    expect(page.get_by_text("/recommend/{customer_id}")).to_be_visible()
    assert all(url.startswith((address, "data:")) for url in asked), asked
