"""Related articles and carts: with embeddings, with availability, through every door."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hmrec.cli.service.app import make_app
from hmrec.cli.service.body import MAX_BYTES
from hmrec.cypher.errors import UnknownArticle, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.relate.relate import RelateReceipt, relate
from hmrec.graph_ml.write_back.write import write_embeddings

from tests.conftest import run_text
from tests.graph.shops import load_two_tastes

ARTICLE = "0000000003"
CART = ["0000000003*2", "0000000004", "0000000003"]
KINDS = ("complement", "substitute", "next", "together")
Rows = list[dict[str, Any]]


def rows_of(graph: Graph, kind: str, article: str = ARTICLE, **given: Any) -> Rows:
    rows: Rows = graph.read("related", article_id=article, kind=kind, k=30, **given).to_dict("records")
    return rows


@pytest.fixture(scope="module")
def live(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Rows]]:
    """Load and train a shop, and return what is computed live."""
    load_two_tastes(module_graph, tmp_path_factory.mktemp("shop"))
    subgraph = export_subgraph(module_graph, SubgraphSpec(isolated=True))
    write_embeddings(module_graph, train(subgraph, TrainSettings(dim=16, epochs=1, negatives=64)))
    return {article: {kind: rows_of(module_graph, kind, article) for kind in KINDS} for article in subgraph.article_ids}


@pytest.fixture(scope="module")
def receipt(module_graph: Graph, live: dict[str, dict[str, Rows]]) -> RelateReceipt:
    return relate(module_graph)


@pytest.fixture
def client(module_graph: Graph, receipt: RelateReceipt) -> Iterator[TestClient]:
    with TestClient(make_app(module_graph), base_url="http://localhost") as client:
        yield client


def test_stored_relationships_equal_live_ones_with_embeddings(
    module_graph: Graph, live: dict[str, dict[str, Rows]], receipt: RelateReceipt
) -> None:
    assert receipt.model == 1
    assert receipt.similar > 100
    compared = 0
    for article, by_kind in live.items():
        for kind, rows in by_kind.items():
            stored = rows_of(module_graph, kind, article)
            by_id = {row["article_id"]: row for row in stored}
            assert set(by_id) == {row["article_id"] for row in rows}, (article, kind)
            for row in rows:
                assert by_id[row["article_id"]]["score"] == pytest.approx(row["score"], rel=1e-5, abs=1e-5)
                assert by_id[row["article_id"]]["because"] == row["because"]
            compared += len(rows)
    assert compared > 1000


def test_articles_that_nobody_bought_have_substitutes_without_relationships(
    module_graph: Graph, live: dict[str, dict[str, Rows]], receipt: RelateReceipt
) -> None:
    found = run_text(
        module_graph,
        "MATCH (a:Article) RETURN a.article_id AS article_id, EXISTS { (a)<-[:BOUGHT]-() } AS bought, "
        "COUNT { (a)-[:SIMILAR]->() } AS similar",
    )
    assert sum(row["similar"] for row in found) == receipt.similar
    new = [row for row in found if not row["bought"]]
    assert new
    for row in new:
        assert row["similar"] == 0
        assert rows_of(module_graph, "substitute", row["article_id"]) == live[row["article_id"]]["substitute"] != []


def test_a_complement_is_bought_with_it_and_unlike_it(module_graph: Graph, receipt: RelateReceipt) -> None:
    together = {row["article_id"]: row["score"] for row in rows_of(module_graph, "together")}
    likeness = {row["article_id"]: row["score"] for row in rows_of(module_graph, "substitute")}
    complements = rows_of(module_graph, "complement")
    assert complements
    for row in complements:
        known = likeness.get(row["article_id"], 0.0)
        assert row["score"] == pytest.approx(together[row["article_id"]] * (1 - known), rel=1e-6)


def test_each_version_is_whole_and_the_old_one_is_gone(module_graph: Graph, receipt: RelateReceipt) -> None:
    again = relate(module_graph)
    assert again.version == receipt.version + 1
    counts = run_text(
        module_graph,
        "MATCH ()-[r:BOUGHT_WITH|BOUGHT_AFTER|SIMILAR|SELLS|RECEIVED|BUYS]->(:Article) "
        "RETURN type(r) AS type, coalesce(r.version, startNode(r).version) AS version, count(*) AS n ORDER BY type",
    )
    assert [(row["type"], row["version"], row["n"]) for row in counts] == [
        ("BOUGHT_AFTER", again.version, again.bought_after),
        ("BOUGHT_WITH", again.version, again.bought_with),
        ("BUYS", again.version, again.buys),
        ("RECEIVED", again.version, again.received),
        ("SELLS", again.version, again.sells),
        ("SIMILAR", again.version, again.similar),
    ]
    assert len(run_text(module_graph, "MATCH (r:Relations) RETURN r.version AS version")) == 1


def test_every_door_returns_the_same_related_articles(
    module_graph: Graph, command: Callable[..., Any], client: TestClient
) -> None:
    recommender = Recommender(module_graph)
    for kind in KINDS:
        found = recommender.related(ARTICLE, kind=kind, k=5)
        expected = json.loads(found.articles.to_json(orient="records", double_precision=15))
        by_query = module_graph.read("related", article_id=ARTICLE, kind=kind, k=5)
        assert by_query.equals(found.articles)
        printed = command("related", ARTICLE, "--kind", kind, "-k", "5")
        answered = client.get(f"/articles/{ARTICLE}/related", params={"kind": kind, "k": 5}).json()
        assert answered["articles"] == printed
        assert [row["article_id"] for row in printed] == [row["article_id"] for row in expected]
        assert answered["version"] == found.version
        assert answered["note"].startswith(f"Article relationships {found.version}, written ")


def test_unavailable_articles_are_left_out(module_graph: Graph, receipt: RelateReceipt) -> None:
    first = rows_of(module_graph, "together")[0]["article_id"]
    run_text(module_graph, "MATCH (a:Article {article_id: $id}) SET a.stock = 0 RETURN 1 AS one", id=first)
    try:
        for kind in ("together", "complement"):
            assert first not in {row["article_id"] for row in rows_of(module_graph, kind)}
            assert first in {row["article_id"] for row in rows_of(module_graph, kind, include_unavailable=True)}
        cart = Recommender(module_graph).recommend(Request(articles=CART, k=30)).articles  # type: ignore[arg-type]
        assert first not in set(cart["article_id"])
    finally:
        run_text(module_graph, "MATCH (a:Article {article_id: $id}) REMOVE a.stock RETURN 1 AS one", id=first)


def test_a_cart_is_the_sum_of_its_articles_relationships(module_graph: Graph, receipt: RelateReceipt) -> None:
    scores: dict[str, float] = {}
    for article, quantity in (("0000000003", 3), ("0000000004", 1)):
        for kind in ("together", "next"):
            for row in rows_of(module_graph, kind, article):
                scores[row["article_id"]] = scores.get(row["article_id"], 0) + math.log2(1 + quantity) * row["score"]
    found = Recommender(module_graph).recommend(Request(articles=CART, k=10))  # type: ignore[arg-type]
    expected = sorted((one for one in scores if one not in ("0000000003", "0000000004")), key=lambda one: -scores[one])
    assert found.articles["article_id"].tolist() == expected[:10]
    assert found.articles["score"].tolist() == pytest.approx([scores[one] for one in expected[:10]])
    assert found.articles["because"].str.startswith("goes with Thing ").all()
    assert "Article relationships" in found.note
    assert (found.customer_id, found.method) == (None, "cart")


@pytest.mark.parametrize("customer", [None, "c01", "c41"])
@pytest.mark.parametrize(
    "filters", [{}, {"department": ["Even"]}, {"where": "prod_name = 'Thing 3'"}, {"exclude": ["0000000005"]}]
)
def test_a_cart_gets_k_articles_whenever_k_pass_through_every_door(
    module_graph: Graph,
    command: Callable[..., Any],
    client: TestClient,
    customer: str | None,
    filters: dict[str, Any],
) -> None:
    request = Request(customer_id=customer, articles=CART, k=20, **filters)  # type: ignore[arg-type]
    found = Recommender(module_graph).recommend(request)
    ids = found.articles["article_id"].tolist()
    passing = set(module_graph.read_column("passing_articles", **request.parameters))
    sold = {
        str(row["id"]) for row in run_text(module_graph, "MATCH (a)<-[:BOUGHT]-() RETURN DISTINCT a.article_id AS id")
    }
    possible = (passing & sold) - {"0000000003", "0000000004"}
    assert min(20, len(possible)) <= len(ids) == len(set(ids)) <= 20
    assert set(ids) <= passing - {"0000000003", "0000000004"}
    options = [word for name, value in filters.items() for one in ([value] if isinstance(value, str) else value)
               for word in (f"--{name}", one)]  # fmt: skip
    printed = command(
        "recommend", *([customer] if customer else []), "--articles", ",".join(CART), "-k", "20", *options
    )
    body = {"articles": CART, "k": 20, **filters} | ({"customer_id": customer} if customer else {})
    answered = client.post("/recommend", json=body).json()
    assert answered["articles"] == printed
    assert tuple(answered["scored_by"]) == found.scored_by
    assert [row["article_id"] for row in printed] == ids
    assert answered["customer_id"] == customer


def test_the_customers_own_list_is_blended_in(module_graph: Graph, receipt: RelateReceipt) -> None:
    recommender = Recommender(module_graph)
    cart = recommender.recommend(Request(articles=CART, k=30)).articles["article_id"].tolist()  # type: ignore[arg-type]
    own = recommender.recommend(Request(customer_id="c02", k=30, exclude=("0000000003", "0000000004"))).articles
    both = recommender.recommend(Request(customer_id="c02", articles=CART, k=30)).articles  # type: ignore[arg-type]
    blended = {article: 2 / (10 + place) for place, article in enumerate(cart[:-1], start=1)}
    for place, article in enumerate(own["article_id"], start=1):
        blended[article] = blended.get(article, 0) + 1 / (10 + place)
    best = both["article_id"][0]
    assert both["score"][0] == pytest.approx(blended[best])
    assert blended[best] == max(blended.values())
    first = own["article_id"][0]
    assert both["article_id"].tolist().index(first) < cart.index(first)
    new = recommender.recommend(Request(customer_id="c02", articles=CART, k=30, new_only=True)).articles  # type: ignore[arg-type]
    bought = run_text(
        module_graph, "MATCH (:Customer {customer_id: 'c02'})-[:BOUGHT]->(a) RETURN DISTINCT a.article_id AS id"
    )
    assert len(new)
    assert not {row["id"] for row in bought} & set(new["article_id"])


def test_a_cart_says_each_thing_once_and_which_scores_are_not_its_own(
    module_graph: Graph, receipt: RelateReceipt, client: TestClient
) -> None:
    request = Request(
        customer_id="c02", articles=CART, method="cf", exclude=("0000000005", "nothing")  # type: ignore[arg-type]
    )  # fmt: skip
    note = Recommender(module_graph).recommend(request).note
    assert note.count("is now called") == 1, note
    assert note.count("not in the graph") == note.count("1 of 2 ids to exclude") == 1, note
    run_text(
        module_graph,
        "CREATE (:Rule {name: 'fresh', kind: 'share', share: 0.25, days: 36525, priority: 0}),"
        " (:Rule {name: 'hero', kind: 'pin', place: 1, articles: ['0000000031'], priority: 0})",
    )
    try:
        body = {"customer_id": "c02", "articles": CART, "k": 12}
        answer = client.post("/recommend", json=body).json()
        found = Recommender(module_graph).recommend(Request(**body))  # type: ignore[arg-type]
        assert tuple(answer["scored_by"]) == found.scored_by
        for row, method in zip(answer["articles"], answer["scored_by"], strict=True):
            if method == "cart":
                continue
            assert method == ("" if row["score"] is None else "new_arrivals")
        assert len(answer["scored_by"]) == len(answer["articles"])
    finally:
        run_text(module_graph, "MATCH (r:Rule) DELETE r")


def test_a_cart_is_read_only_behind_the_guard_and_up_to_a_size(module_graph: Graph, receipt: RelateReceipt) -> None:
    client = TestClient(make_app(module_graph, "a-token"), base_url="http://localhost")
    assert client.post("/recommend", content=b"no JSON").status_code == 401
    headers = {"Authorization": "Bearer a-token"}
    assert client.post("/recommend", content=b"no JSON", headers=headers).status_code == 422
    with_too_much = client.post("/recommend", content=b" " * (MAX_BYTES + 1), headers=headers)
    assert with_too_much.status_code == 413
    document = client.get("/openapi.json", headers=headers).json()
    schema = document["paths"]["/recommend"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"articles", "customer_id", "k", "where"} <= set(schema["properties"])
    assert "$ref" not in json.dumps(schema)


def test_a_body_without_a_cart_gets_the_customers_own_list(receipt: RelateReceipt, client: TestClient) -> None:
    own = client.get("/recommend/c00", params={"k": 5, "method": "popular"}).json()
    asked = {"customer_id": "c00", "k": 5, "method": "popular"}
    assert client.post("/recommend", json=asked).json() == own
    unknown = [f"x{number}" for number in range(100_000)]  # more than an address can have
    best = own["articles"][0]["article_id"]
    found = client.post("/recommend", json=asked | {"exclude": [best, *unknown]}).json()
    left = client.get("/recommend/c00", params={"k": 5, "method": "popular", "exclude": best}).json()
    assert found["articles"] == left["articles"]
    assert "100,000 of 100,001 ids" in found["note"]
    assert not Request.model_validate(asked | {"exclude": [best, *unknown]}).is_small, "no cache keeps it"
    assert client.post("/recommend", json={"customer_id": "nobody"}).status_code == 404
    nobody = client.post("/recommend", json={"k": 5})
    assert nobody.status_code == 422
    assert "name a customer, articles of a cart, or both" in nobody.text


def test_an_unknown_article_is_one_sentence_with_suggestions(
    module_graph: Graph, receipt: RelateReceipt, client: TestClient
) -> None:
    recommender = Recommender(module_graph)
    with pytest.raises(UnknownArticle, match=r"no article '3'\. Did you mean .*0000000003"):
        recommender.related("3")
    with pytest.raises(UnknownArticle, match="no article '0000000099'"):
        recommender.recommend(Request(articles=["0000000003", "0000000099"]))  # type: ignore[arg-type]
    assert client.get("/articles/nothing/related").status_code == 404
    assert client.post("/recommend", json={"articles": ["nothing"]}).status_code == 404
    assert client.post("/recommend", json={"articles": []}).status_code == 422
    assert client.post("/recommend", json={"articles": ["1*0"]}).status_code == 400
    for wrong in ({"new_only": True}, {"method": "popular"}):
        with pytest.raises(UserMistake, match="needs a customer"):
            recommender.recommend(Request(articles=CART, **wrong))  # type: ignore[arg-type]
    with pytest.raises(UserMistake, match="The kind must be one of complement"):
        recommender.related(ARTICLE, kind="opposite")


def test_the_answer_says_that_later_purchases_are_missing(module_graph: Graph, receipt: RelateReceipt) -> None:
    run_text(
        module_graph,
        "MATCH (c:Customer {customer_id: 'c01'}), (a:Article {article_id: $id}) "
        "CREATE (c)-[:BOUGHT {t_dat: date('2020-10-02'), article_id: $id, price: 0.01}]->(a) RETURN 1 AS one",
        id=ARTICLE,
    )
    try:
        note = Recommender(module_graph).related(ARTICLE).note
        assert "Purchases until 2020-10-02 came later; `hmrec relate` includes them." in note
    finally:
        run_text(module_graph, "MATCH ()-[b:BOUGHT {t_dat: date('2020-10-02')}]->() DELETE b RETURN 1 AS one")
