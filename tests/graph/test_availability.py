"""What is out of stock or not sold on a day is in no list, and lists are as long as what passes allows."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from fastapi.testclient import TestClient
from hmrec.cli.main import app as cli
from hmrec.cli.service.app import make_app
from hmrec.cypher.catalogue import load_catalogue
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import METHODS
from hmrec.cypher.settings import ConnectionSettings
from hmrec.graph_ml.evaluate.evaluation import evaluate
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.recommend.values import UnknownValue, list_properties, list_values
from hmrec.loader.events import record_events
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.conftest import connection_environment, run_text
from tests.graph.shops import load_and_train

QUERIES = sorted(query.name for query in load_catalogue().values() if query.folder == "recommend")
FILLED = ("auto", "hybrid")  # methods whose lists are filled with best sellers
PROPERTIES = ("available", "available_from", "available_until", "stock")
ARTICLES = [f"{number:010}" for number in range(32)]
CUSTOMERS = ("c00", "c07", "c40")  # the last one has no purchases


class Shop(NamedTuple):
    """The shop of two tastes with embeddings and a ranker: its purchases, and the day after the last one."""

    transactions: pl.DataFrame
    today: dt.date
    recommender: Recommender

    def owned(self, customer_id: str) -> set[str]:
        """Return the articles that a customer bought."""
        return set(self.transactions.filter(pl.col("customer_id") == customer_id)["article_id"])


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    transactions, until = load_and_train(module_graph, tmp_path_factory.mktemp("shop"))
    viewed = until - dt.timedelta(days=2)
    for number, article in enumerate(ARTICLES[1::2]):  # c00 buys the others
        event = {"event_id": str(number), "customer_id": "c00", "article_id": article, "time": viewed.isoformat()}
        record_events(module_graph, [event | {"type": "cart" if number % 3 else "view"}])
    return Shop(transactions, until, Recommender(module_graph))


@pytest.fixture(autouse=True)
def _forget_stock(module_graph: Graph, shop: Shop) -> None:
    set_stock(module_graph, {})


def set_stock(graph: Graph, facts: dict[str, dict[str, Any]]) -> None:
    """Give the articles these properties, and no others of availability."""
    nothing = dict.fromkeys(PROPERTIES)
    graph.write("set_stock", rows=[{"article_id": one} | nothing | facts.get(one, {}) for one in ARTICLES])


def read(graph: Graph, name: str, customer_id: str = "c00", **given: Any) -> list[str]:
    """Return the articles of a recommender's query."""
    parameters = load_catalogue()[name].parameters
    wanted = {"customer_id": customer_id, "article_id": "0000000000", "k": 1000, **given}
    return list(graph.read(name, **{key: value for key, value in wanted.items() if key in parameters})["article_id"])


@pytest.mark.parametrize("name", QUERIES)
def test_every_query_leaves_out_what_is_unavailable_on_the_day_and_keeps_the_order(
    module_graph: Graph, shop: Shop, name: str
) -> None:
    day = dt.timedelta(days=1)
    before = {as_of: read(module_graph, name, as_of=as_of) for as_of in (None, shop.today, shop.today - day)}
    found = before[None]
    if len(found) < 6:
        assert name in ("new_arrivals", "variants", "by_attributes", "unsold")
        return
    facts: dict[str, dict[str, Any]] = {
        found[0]: {"stock": 0},
        found[1]: {"available": False, "stock": 5},
        found[2]: {"available_from": shop.today + day},
        found[3]: {"available_until": shop.today - day},
        found[4]: {"stock": 1, "available": True, "available_from": shop.today, "available_until": shop.today},
        found[5]: {"stock": -3},
    }
    set_stock(module_graph, facts)
    gone = {found[0], found[1], found[2], found[3], found[5]}
    for as_of in (None, shop.today):  # stock counts for a day without later purchases
        assert read(module_graph, name, as_of=as_of) == [one for one in before[as_of] if one not in gone]
    earlier = shop.today - day
    if name != "gnn":  # which has no list for a day before its training
        kept = [one for one in before[earlier] if one not in (found[2], found[4])]
        assert read(module_graph, name, as_of=earlier) == kept  # stock is a fact of now
    assert read(module_graph, name, include_unavailable=True) == found
    assert read(module_graph, name, k=1) == [one for one in found if one not in gone][:1]


def test_all_filters_have_the_same_text_in_every_query() -> None:
    texts = {}
    for query in [
        *(load_catalogue()[name] for name in QUERIES),
        *(load_catalogue()[f"passing_{kind}"] for kind in ("articles", "candidates")),
    ]:
        lines = [line.strip() for line in query.body.splitlines()]
        first = next(place for place, line in enumerate(lines) if line.startswith("AND NOT a.article_id IN $exclude"))
        texts[query.name] = lines[first : lines.index("END)))") + 1]
    assert len({tuple(lines) for lines in texts.values()}) == 1
    headers = [
        [p for p in load_catalogue()[name].parameters.values() if p.name in ("only", "exclude", "where")]
        for name in texts
    ]
    assert all(header == headers[0] for header in headers)


STATES = st.sampled_from(
    [
        None,
        {"stock": 0},
        {"available": False},
        {"available_until": -1},
        {"available_from": 1},
        {"stock": 3},
        {"available_from": 0},
    ]
)


@settings(max_examples=15, derandomize=True)
@given(
    states=st.lists(STATES, min_size=32, max_size=32),
    method=st.sampled_from([method.name for method in METHODS]),
    k=st.integers(1, 30),
    new_only=st.booleans(),
    department=st.sampled_from([(), ("Odd",), ("Odd", "Even")]),
    where=st.sampled_from(["", "price <= 0.1", "not (product_code in [1, 2]) and (stock is null or stock > 1)"]),
)
def test_lists_have_k_articles_whenever_k_pass_and_none_that_does_not(
    module_graph: Graph, shop: Shop, tmp_path_factory: pytest.TempPathFactory,
    states: list[dict[str, Any] | None], method: str, k: int, new_only: bool, department: tuple[str, ...], where: str,
) -> None:  # fmt: skip
    facts = {}
    for article, state in zip(ARTICLES, states, strict=True):
        day = {name: shop.today + dt.timedelta(days=days) for name, days in (state or {}).items() if "_" in name}
        facts[article] = (state or {}) | day
    set_stock(module_graph, facts)
    request = Request(method=method, k=k, new_only=new_only, department=department, where=where)
    passing = {article for article, state in facts.items() if is_available(state, shop.today)}
    if department == ("Odd",):
        passing = {article for article in passing if int(article) % 2}
    last = (
        shop.transactions.sort("t_dat", "price", descending=[False, True])
        .group_by("article_id")
        .agg(pl.col("price").last())
    )
    prices = dict(last.rows())
    if "price" in where:
        passing = {article for article in passing if prices.get(article, 1.0) <= 0.1}
    if "stock" in where:
        passing = {a for a in passing if int(a) // 4 not in (1, 2) and facts[a].get("stock", 2) > 1}
    assert set(read(module_graph, "passing_articles", **request.parameters)) == passing
    out = tmp_path_factory.mktemp("lists") / "lists.csv"
    shop.recommender.recommend_all(request, out)
    lists = dict(pl.read_csv(out, infer_schema=False).fill_null("").rows())
    for customer in CUSTOMERS:
        found = list(
            shop.recommender.recommend(request.model_copy(update={"customer_id": customer})).articles["article_id"]
        )
        left = passing & set(prices) - (shop.owned(customer) if new_only else set())
        assert len(set(found)) == len(found)
        assert set(found) <= passing
        listed = lists[customer].split()
        assert listed[: len(found)] == found
        assert len(listed) == min(k, len(left)) or (set(listed) - left and len(listed) <= k)  # new arrivals are more
        if method in FILLED:
            assert len(found) >= min(k, len(left))


def is_available(state: dict[str, Any], today: dt.date) -> bool:
    return not (
        state.get("stock", 1) <= 0
        or state.get("available") is False
        or state.get("available_from", today) > today
        or state.get("available_until", today) < today
    )


def test_the_ranker_explains_the_list_that_it_recommends(module_graph: Graph, shop: Shop) -> None:
    article = shop.recommender.recommend(Request(customer_id="c00")).articles["article_id"][0]
    set_stock(module_graph, {article: {"stock": 0}})
    found = shop.recommender.recommend(Request(customer_id="c00")).articles
    assert article not in set(found["article_id"])
    assert shop.recommender.explain_by_ranker("c00", article).empty
    assert not shop.recommender.explain_by_ranker("c00", article, include_unavailable=True).empty
    parts = shop.recommender.explain_by_ranker("c00", found["article_id"][0])
    assert parts["part"].sum() == pytest.approx(found["score"][0])


def test_collaborative_filtering_explains_the_list_that_it_recommends(
    module_graph: Graph, shop: Shop, connection: ConnectionSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alike in Python, on the command line and over HTTP."""
    for name, value in connection_environment(connection).items():
        monkeypatch.setenv(name, value)
    article = shop.recommender.recommend(Request(customer_id="c00", method="user_based_cf")).articles["article_id"][0]
    set_stock(module_graph, {article: {"stock": 0}})
    client = TestClient(make_app(module_graph), base_url="http://localhost")
    for include in (False, True):
        request = Request(customer_id="c00", method="user_based_cf", include_unavailable=include)
        listed = shop.recommender.recommend(request).articles.set_index("article_id")["score"]
        assert (article in listed.index) == include
        found = shop.recommender.explain("c00", article, include_unavailable=include)
        drawn = shop.recommender.write_drawing("c00", article, include_unavailable=include)
        assert bool(run_text(module_graph, drawn)) == include
        assert found.empty != include
        words = ["explain", "c00", article, "--json", *(["--include-unavailable"] if include else [])]
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 0, result.output
        answer = client.get(f"/explain/c00/{article}", params={"include_unavailable": include}).json()
        for parts in (json.loads(result.stdout), answer["parts"]):
            assert [one["part"] for one in parts] == list(found["part"])
        if include:
            assert found["part"].sum() == pytest.approx(listed[article])


def test_similar_articles_are_available(module_graph: Graph, shop: Shop) -> None:
    before = list(shop.recommender.similar("0000000000", k=30)["article_id"])
    set_stock(module_graph, {article: {"stock": 0} for article in before[:20:2]})
    gone = set(before[:20:2])
    assert list(shop.recommender.similar("0000000000", k=5)["article_id"]) == [a for a in before if a not in gone][:5]
    assert list(shop.recommender.similar("0000000000", k=30, include_unavailable=True)["article_id"]) == before
    set_stock(module_graph, {article: {"stock": 0} for article in ARTICLES})
    assert shop.recommender.similar("0000000000").empty


def test_evaluation_does_not_look_at_availability(module_graph: Graph, shop: Shop) -> None:
    def measure() -> Any:
        return evaluate(module_graph, methods=["popular", "user_based_cf"]).drop(columns="seconds")

    before = measure()
    set_stock(
        module_graph, {article: {"stock": 0, "available_until": dt.date(2000, 1, 1)} for article in ARTICLES[::2]}
    )
    assert measure().equals(before)


def test_ids_are_chosen_and_excluded(module_graph: Graph, shop: Shop) -> None:
    before = list(shop.recommender.recommend(Request(customer_id="c00", k=30)).articles["article_id"])
    chosen = shop.recommender.recommend(Request(customer_id="c00", k=30, only=before[3:6], exclude=before[4]))  # type: ignore[arg-type]
    assert sorted(chosen.articles["article_id"]) == sorted([before[3], before[5]])
    assert chosen.note == ""
    with_unknown = Request(customer_id="c00", exclude=("nothing", before[0]))
    found = shop.recommender.recommend(with_unknown)
    assert found.note == "1 of 2 ids to exclude are not in the graph, such as nothing."
    assert before[0] not in set(found.articles["article_id"])
    with pytest.raises(UnknownValue, match=r"no article '1' to choose from.*leading zeros"):
        shop.recommender.recommend(Request(customer_id="c00", only="1"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"department": "Od"}, "No article has department 'Od'. Did you mean Odd?"),
        ({"department": ("Odd", "EVEN")}, "No article has department 'EVEN'. Did you mean Even?"),
        ({"not_department": "Bread"}, "No article has department 'Bread'. `hmrec values department` lists them."),
        ({"where": "prod_name <> 'Thing'"}, "No article has prod_name 'Thing'. Did you mean Thing"),
        ({"where": "product_code in [1, 99]"}, "No article has product_code '99'. "),
        ({"colour": "Black"}, "No article has colour 'Black'. `hmrec values colour` lists them."),
    ],
)
def test_a_value_that_no_article_has_is_an_error_with_suggestions(
    module_graph: Graph, shop: Shop, tmp_path: Path, given: dict[str, Any], sentence: str
) -> None:
    for _ in range(2):
        with pytest.raises(UnknownValue) as caught:
            shop.recommender.recommend(Request(customer_id="c00", **given))
        assert str(caught.value).startswith(sentence)
    with pytest.raises(UnknownValue):
        shop.recommender.recommend_all(Request(**given), tmp_path / "lists.csv")
    assert not list(tmp_path.iterdir())


def test_values_are_listed_with_their_counts(module_graph: Graph, shop: Shop) -> None:
    assert list_values(module_graph, "department").to_dict("list") == {"value": ["Even", "Odd"], "articles": [16, 16]}
    assert list_values(module_graph, "PROD_NAME", k=2)["articles"].tolist() == [4, 4]
    set_stock(module_graph, {ARTICLES[0]: {"stock": 4}, ARTICLES[1]: {"available": True}})
    counted = {
        row["property"]: (row["values"], row["articles"]) for row in list_properties(module_graph).to_dict("records")
    }
    assert counted["department_name"] == (2, 32)
    assert counted["stock"] == counted["available"] == (1, 1)
    assert "colour_group_name" not in counted


def test_a_hidden_property_of_another_type_is_ignored(module_graph: Graph, shop: Shop) -> None:
    before = read(module_graph, "popular")
    run_text(
        module_graph,
        "MATCH (a:Article {article_id: $id}) SET a.stock = 'many', a.available = 'no', a.available_from = 'x'",
        id=before[0],
    )
    assert read(module_graph, "popular") == before
