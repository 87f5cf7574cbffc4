"""Rules in the graph: the lists of one customer and of all follow them, with every method, on their days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import pytest
from hmrec.cypher.errors import HmrecError, UserMistake
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import METHODS
from hmrec.cypher.state import read_state
from hmrec.graph_ml.recommend import Recommender, Request
from hmrec.graph_ml.recommend.rule import Kind, Rule
from hmrec.graph_ml.recommend.rule_book import RuleBook, UnknownRule, compare_lists
from hmrec.graph_ml.recommend.values import UnknownValue
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import run_text
from tests.graph.shops import load_and_train

METHOD_NAMES = [method.name for method in METHODS]
ARTICLES = [f"{number:010}" for number in range(32)]  # 30 and 31 were never sold
UNSOLD = {*ARTICLES[30:]}
CUSTOMERS = ("c00", "c07", "c40")  # the last one has no purchases


class Shop(NamedTuple):
    """The shop of two tastes with embeddings and a ranker: its purchases, and the day after the last one."""

    transactions: pl.DataFrame
    today: dt.date
    recommender: Recommender


@pytest.fixture(scope="module")
def shop(module_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    transactions, until = load_and_train(module_graph, tmp_path_factory.mktemp("shop"))
    return Shop(transactions, until, Recommender(module_graph))


@pytest.fixture(autouse=True)
def _forget_rules(module_graph: Graph, shop: Shop) -> None:
    forget_rules(module_graph)


def forget_rules(graph: Graph) -> None:
    run_text(graph, "MATCH (r:Rule) DELETE r")


def set_rules(graph: Graph, *rules: dict[str, Any]) -> None:
    """Put these rules in force, and no others; contradictions are not refused."""
    forget_rules(graph)
    made = [Rule.model_validate({"name": f"r{place}"} | rule) for place, rule in enumerate(rules)]
    graph.write("add_rules", rules=[rule.to_properties() for rule in made])


def ask(shop: Shop, customer_id: str = "c00", **given: Any) -> list[str]:
    return list(shop.recommender.recommend(Request(customer_id=customer_id, **given)).articles["article_id"])


def ask_all(shop: Shop, folder: Path, **given: Any) -> dict[str, list[str]]:
    out = folder / "lists.csv"
    shop.recommender.recommend_all(Request(**given), out)
    return {customer: (lists or "").split() for customer, lists in pl.read_csv(out, infer_schema=False).rows()}


def department(article: str) -> str:
    return "Odd" if int(article) % 2 else "Even"


RULES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"kind": st.just("boost"), "factor": st.sampled_from([2, 5]), "where": st.just("price < 0.08")}
        ),
        st.fixed_dictionaries({"kind": st.just("bury"), "articles": st.sets(st.sampled_from(ARTICLES), min_size=1)}),
        st.fixed_dictionaries({"kind": st.just("block"), "articles": st.sets(st.sampled_from(ARTICLES), min_size=1)}),
        st.fixed_dictionaries(
            {"kind": st.just("pin"), "place": st.integers(1, 8), "articles": st.sampled_from(ARTICLES)}
        ),
        st.fixed_dictionaries(
            {
                "kind": st.just("cap"),
                "attribute": st.sampled_from(["department", "product"]),
                "most": st.integers(1, 5),
                "customers": st.sampled_from(["", "age >= 24"]),
            }
        ),
        st.fixed_dictionaries({"kind": st.just("share"), "share": st.sampled_from([0.1, 0.5])}),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=15, derandomize=True)
@given(
    rules=RULES,
    method=st.sampled_from(METHOD_NAMES),
    k=st.integers(1, 20),
    new_only=st.booleans(),
    where=st.sampled_from(["", "price <= 0.1 or price is null"]),
    diversity=st.sampled_from([0.0, 0.0, 0.4]),
)
def test_one_customer_and_all_have_the_same_lists_and_rules_hold(
    module_graph: Graph, shop: Shop, tmp_path_factory: pytest.TempPathFactory,
    rules: list[dict[str, Any]], method: str, k: int, new_only: bool, where: str, diversity: float,
) -> None:  # fmt: skip
    set_rules(module_graph, *rules)
    given: dict[str, Any] = {"method": method, "k": k, "new_only": new_only, "where": where, "diversity": diversity}
    lists = ask_all(shop, tmp_path_factory.mktemp("lists"), **given)
    blocked = {article for rule in rules if rule["kind"] == "block" for article in rule["articles"]}
    for customer in CUSTOMERS:
        found, listed = ask(shop, customer, **given), lists[customer]
        is_short = len(found) < k
        assert listed[: len(found)] == found or (is_short and "pin" in {rule["kind"] for rule in rules})
        for articles in (found, listed):
            assert len(set(articles)) == len(articles) <= k
            assert not set(articles) & blocked
            for rule in rules:
                if rule["kind"] == "cap" and (not rule["customers"] or customer == "c07"):
                    of = {"department": department, "product": lambda article: str(int(article) // 4)}
                    counted = Counter(map(of[rule["attribute"]], articles))
                    assert not counted or max(counted.values()) <= rule["most"]


@pytest.mark.parametrize("method", ["auto", "user_based_cf", "gnn", "popular"])
def test_a_rule_that_touches_nothing_changes_no_list(
    module_graph: Graph, shop: Shop, tmp_path: Path, method: str
) -> None:
    before, all_before = ask(shop, method=method), ask_all(shop, tmp_path, method=method)
    reasons = shop.recommender.recommend(Request(customer_id="c00", method=method)).articles
    set_rules(
        module_graph, {"kind": "cap", "attribute": "department", "most": 100}, {"kind": "block", "where": "price > 9"}
    )
    assert ask(shop, method=method) == before
    assert ask_all(shop, tmp_path, method=method) == all_before
    after = shop.recommender.recommend(Request(customer_id="c00", method=method)).articles
    assert after.equals(reasons)


@pytest.mark.parametrize("customer_id", ["c00", None])
def test_a_rule_that_touches_nothing_changes_no_cart(module_graph: Graph, shop: Shop, customer_id: str | None) -> None:
    request = Request.model_validate({"customer_id": customer_id, "articles": [ARTICLES[3], ARTICLES[8]], "k": 20})
    before, short = (shop.recommender.recommend(request.model_copy(update={"k": k})) for k in (20, 5))
    set_rules(module_graph, {"kind": "block", "where": "price > 9"})
    after = shop.recommender.recommend(request)
    assert after.articles.equals(before.articles)
    assert after.scored_by == before.scored_by
    assert short.articles.equals(before.articles[:5])
    assert after.scored_by[0] == "cart"


def test_without_rules_and_with_no_rules_lists_are_the_same(module_graph: Graph, shop: Shop, tmp_path: Path) -> None:
    before, all_before = ask(shop), ask_all(shop, tmp_path)
    set_rules(module_graph, {"kind": "block", "articles": before[:3]})
    assert ask(shop)[:9] == before[3:]
    assert ask(shop, no_rules=True) == before
    assert ask_all(shop, tmp_path, no_rules=True) == all_before
    assert not {*before[:3]} & {article for found in ask_all(shop, tmp_path).values() for article in found}


def test_caps_give_k_articles_whenever_k_pass_with_filled_methods(
    module_graph: Graph, shop: Shop, tmp_path: Path
) -> None:
    for method in ("auto", "hybrid"):
        found = ask(shop, method=method, k=12, cap="department=6")
        assert Counter(map(department, found)) == {"Odd": 6, "Even": 6}
        found = ask(shop, method=method, k=20, cap=("product=2", "department=8"))
        assert len(found) == 16  # two of each of 8 products
        assert ask_all(shop, tmp_path, method=method, k=20, cap=("product=2", "department=8"))["c00"] == found
    set_rules(module_graph, {"kind": "cap", "attribute": "department", "most": 6})
    assert ask(shop, method="auto", k=12) == ask(shop, method="auto", k=12, cap="department=6", no_rules=True)


def test_a_pinned_article_is_in_the_list_if_it_passes(module_graph: Graph, shop: Shop, tmp_path: Path) -> None:
    never_sold = ARTICLES[31]
    set_rules(module_graph, {"kind": "pin", "place": 3, "articles": never_sold, "name": "hero"})
    answer = shop.recommender.recommend(Request(customer_id="c00", method="popular")).articles
    assert answer["article_id"][2] == never_sold
    assert answer["because"][2] == "pinned to place 3 by rule 'hero'"
    assert answer["prod_name"][2] == "Thing 7"
    lists = ask_all(shop, tmp_path)
    assert {found[2] for found in lists.values()} == {never_sold}
    assert never_sold not in ask(shop, department="Even")
    assert never_sold not in ask(shop, only=ARTICLES[:20])
    assert never_sold not in ask(shop, exclude=never_sold)
    module_graph.write("set_stock", rows=[{"article_id": never_sold, "stock": 0}])
    assert never_sold not in ask(shop)
    assert never_sold in ask(shop, include_unavailable=True)
    module_graph.write("set_stock", rows=[{"article_id": never_sold, "stock": None}])
    bought = ask(shop, method="own_repurchases")[0]
    set_rules(module_graph, {"kind": "pin", "place": 1, "articles": bought})
    assert ask(shop)[0] == bought
    assert bought not in ask(shop, new_only=True)
    assert bought not in ask_all(shop, tmp_path, new_only=True)["c00"]


def test_a_share_brings_new_arrivals(module_graph: Graph, shop: Shop, tmp_path: Path) -> None:
    assert ARTICLES[30] not in ask(shop, method="user_based_cf")
    set_rules(module_graph, {"kind": "share", "share": 0.01, "name": "fresh"})
    for method in ("auto", "user_based_cf", "popular"):
        answer = shop.recommender.recommend(Request(customer_id="c00", method=method, k=5)).articles
        assert ARTICLES[30] in set(answer["article_id"])
        assert ask_all(shop, tmp_path, method=method, k=5)["c00"][: len(answer)] == list(answer["article_id"])
    assert answer["because"].iloc[-1].endswith("; added by rule 'fresh'")


@pytest.mark.parametrize("method", ["auto", "hybrid", "by_attributes"])
def test_a_share_brings_new_arrivals_to_customers_without_purchases(
    module_graph: Graph, shop: Shop, tmp_path: Path, method: str
) -> None:
    assert not UNSOLD & set(ask(shop, "c40", method=method, k=5))
    set_rules(module_graph, {"kind": "share", "share": 0.2})
    found = shop.recommender.recommend(Request(customer_id="c40", method=method, k=5))
    listed = list(found.articles["article_id"])
    assert listed[-1] == ARTICLES[31]
    assert found.scored_by[-1] == "unsold"
    assert ask_all(shop, tmp_path, method=method, k=5)["c40"][: len(listed)] == listed
    set_rules(module_graph, {"kind": "share", "share": 1.0}, {"kind": "block", "articles": ARTICLES[31]})
    assert UNSOLD & set(ask(shop, "c40", method=method, k=5)) == {ARTICLES[30]}, "there are no more"


def test_a_share_for_some_customers_leaves_the_others_lists_alone(
    module_graph: Graph, shop: Shop, tmp_path: Path
) -> None:
    for method in ("own_repurchases", "variants"):  # lists that are too short
        before = ask_all(shop, tmp_path, method=method, k=25)
        set_rules(module_graph, {"kind": "share", "share": 0.1, "customers": "age > 149"})
        assert ask_all(shop, tmp_path, method=method, k=25) == before
        forget_rules(module_graph)


def test_a_share_brings_new_arrivals_to_carts(module_graph: Graph, shop: Shop) -> None:
    set_rules(module_graph, {"kind": "share", "share": 0.2})
    for customer_id in ("c00", None):
        request = Request.model_validate({"customer_id": customer_id, "articles": [ARTICLES[3]], "k": 5})
        assert UNSOLD & set(shop.recommender.recommend(request).articles["article_id"])


def test_every_article_that_passes_is_in_a_list_that_is_long_enough(shop: Shop, tmp_path: Path) -> None:
    for method in ("auto", "hybrid"):
        for customer_id in ("c00", "c40"):
            assert sorted(ask(shop, customer_id, method=method, k=50)) == ARTICLES
            assert ask(shop, customer_id, method=method, only=(ARTICLES[30],)) == [ARTICLES[30]]
        for listed in ask_all(shop, tmp_path, method=method, only=(ARTICLES[30],)).values():
            assert listed == [ARTICLES[30]]
    cart = Request.model_validate({"articles": [ARTICLES[3]], "only": [ARTICLES[30]]})
    found = shop.recommender.recommend(cart)
    assert (list(found.articles["article_id"]), found.scored_by) == ([ARTICLES[30]], ("unsold",))


def test_rules_hold_on_their_days(module_graph: Graph, shop: Shop, tmp_path: Path) -> None:
    best, day = ask(shop, method="popular")[0], dt.timedelta(days=1)
    for fields, is_blocked in (
        ({"from_day": shop.today}, True),
        ({"until_day": shop.today}, True),
        ({"from_day": shop.today + day}, False),
        ({"until_day": shop.today - day}, False),
        ({"from_day": shop.today - day, "until_day": shop.today + day}, True),
    ):
        set_rules(module_graph, {"kind": "block", "articles": best} | fields)
        assert (best not in ask(shop, method="popular", k=30)) == is_blocked
        assert (best not in ask_all(shop, tmp_path, method="popular", k=30)["c00"]) == is_blocked
    earlier = shop.today - 7 * day
    before = ask(shop, method="popular", as_of=earlier)
    set_rules(module_graph, {"kind": "block", "articles": before[0], "until_day": earlier})
    assert before[0] not in ask(shop, method="popular", as_of=earlier)
    assert before[0] in ask(shop, method="popular", k=30)
    assert ask(shop, method="popular", as_of=earlier + day, k=3) == ask(
        shop, method="popular", as_of=earlier + day, k=3, no_rules=True
    )


def test_rules_are_for_their_customers_and_departments(module_graph: Graph, shop: Shop, tmp_path: Path) -> None:
    best = ask(shop, method="popular")[0]  # c00 is 20 years old, c01 21; the age of c02 is unknown
    set_rules(module_graph, {"kind": "block", "articles": best, "customers": "age <= 20"})
    lists = ask_all(shop, tmp_path, method="popular")
    for customer, is_blocked in (("c00", True), ("c01", False), ("c02", False)):
        assert (best not in ask(shop, customer, method="popular")) == is_blocked
        assert (best not in lists[customer]) == is_blocked
    own, other = department(best), "Even" if department(best) == "Odd" else "Odd"
    set_rules(module_graph, {"kind": "block", "articles": best, "departments": own})
    assert best in ask(shop, method="popular")
    assert best not in ask(shop, method="popular", department=own)
    assert best in ask(shop, method="popular", department=(own, other))
    assert best not in ask_all(shop, tmp_path, method="popular", department=own)["c00"]


def test_many_rules_for_some_customers_cost_one_query(
    module_graph: Graph, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = ask(shop, method="popular")[0]  # c00 is 20 years old
    conditions = [f"age > {age}" for age in range(15, 25)] + ["segment = 'Odd' or age is null", "segment is null"]
    rules = [{"kind": "block", "articles": best, "customers": text} for text in conditions]
    asked: list[Any] = []
    read = Graph.read_column

    def count(self: Graph, query: Any, **parameters: Any) -> list[Any]:
        found = read(self, query, **parameters)
        if query == "scopes_of_customer":
            asked.append(found)
        return found

    set_rules(module_graph, *rules)
    monkeypatch.setattr(Graph, "read_column", count)
    assert best not in ask(shop, method="popular")
    assert [len(places) for found in asked for places in found] == [6]


def test_reasons_say_what_a_rule_did(module_graph: Graph, shop: Shop) -> None:
    before = shop.recommender.recommend(Request(customer_id="c00")).articles
    third = before["article_id"][2]
    set_rules(module_graph, {"kind": "boost", "factor": 5, "articles": third, "name": "summer"})
    after = shop.recommender.recommend(Request(customer_id="c00")).articles
    assert after["article_id"][0] == third
    assert after["because"][0] == f"{before['because'][2]}; boosted by rule 'summer'"
    assert list(after["because"][1:3]) == list(before["because"][:2])
    compared = compare_lists(shop.recommender, Request(customer_id="c00"))
    assert compared["place"].tolist() == list(range(1, 13))
    assert compared["before"].tolist()[:3] == [3, 1, 2]
    set_rules(module_graph, {"kind": "block", "articles": third})
    last = compare_lists(shop.recommender, Request(customer_id="c00")).iloc[-1]
    assert (last["article_id"], last["before"]) == (third, 3)
    assert last.isna()["place"]


def test_rules_are_added_replaced_listed_and_removed(module_graph: Graph, shop: Shop) -> None:
    book = RuleBook(module_graph)
    one = Rule(name="a", kind="cap", attribute="department", most=3, from_day=shop.today)  # type: ignore[arg-type]
    two = Rule(name="b", kind="block", articles=(ARTICLES[0], "x"), priority=4)  # type: ignore[arg-type]
    before = read_state(module_graph)
    assert book.add([one, two]) == "1 of 2 ids to choose from are not in the graph, such as x."
    assert book.read() == (two, one)
    assert read_state(module_graph) != before
    assert [Rule.model_validate(rule.to_properties()) for rule in book.read()] == [two, one]
    with pytest.raises(UserMistake, match="There is a rule 'a' already"):
        book.add([one])
    more = one.model_copy(update={"most": 4, "from_day": None})
    book.add([more], replace=True)
    assert book.read() == (two, more)
    book.remove("a")
    with pytest.raises(UnknownRule, match="no rule 'a'"):
        book.remove("a", "b")
    assert book.read() == ()
    assert read_state(module_graph) == before


def test_a_rule_that_cannot_be_is_refused_and_nothing_is_added(module_graph: Graph, shop: Shop) -> None:
    book = RuleBook(module_graph)
    good = {"name": "good", "kind": "pin", "place": 1, "articles": ARTICLES[0]}
    for rule, error, sentence in (
        ({"kind": "block", "where": "department = 'Od'"}, UnknownValue, "No article has department_name 'Od'"),
        ({"kind": "block", "articles": "1"}, UnknownValue, "no article '1' to choose from"),
        (
            {"kind": "bury", "articles": ARTICLES[0], "departments": "Od"},
            UnknownValue,
            "No article has department 'Od'",
        ),
        ({"kind": "pin", "place": 1, "articles": ARTICLES[1]}, UserMistake, "pin to the same place 1"),
        ({"kind": "block", "where": "product_code = 0"}, UserMistake, "blocks article 0000000000"),
        ({"kind": "cap", "attribute": "department", "most": 0}, UserMistake, "allows 0 articles of Even"),
        (
            {"kind": "pin", "place": 1, "articles": ARTICLES[1], "customers": "age > 30"},
            UserMistake,
            "pin to the same place 1",
        ),
    ):
        with pytest.raises(error, match=sentence):
            book.add([Rule.model_validate(good), Rule.model_validate({"name": "bad"} | rule)])
        assert book.read() == ()


def test_a_boost_and_a_bury_of_common_articles_are_refused(module_graph: Graph, shop: Shop) -> None:
    book = RuleBook(module_graph)
    boost = Rule(name="up", kind=Kind.boost, factor=2, where="department = 'Odd'")
    for opposed in (
        {"articles": (ARTICLES[2], ARTICLES[3])},
        {"where": "department in ['Odd', 'Even']"},
        {"where": "price > 0"},
    ):
        with pytest.raises(UserMistake, match="Rule 'up' boosts articles that rule 'down' buries"):
            book.add([boost, Rule.model_validate({"name": "down", "kind": "bury"} | opposed)])
    for other in (
        {"articles": ARTICLES[2]},
        {"where": "department = 'Even'"},
        {"where": "price > 100"},
        {"where": "price > 0", "priority": 1},
    ):
        book.add([boost, Rule.model_validate({"name": "down", "kind": "bury"} | other)])
        book.remove("up", "down")


def test_check_finds_what_later_data_broke(module_graph: Graph, shop: Shop) -> None:
    book = RuleBook(module_graph)
    assert book.check() == []
    set_rules(
        module_graph,
        {"name": "ended", "kind": "block", "articles": ARTICLES[0], "until_day": "2020-01-01"},
        {"name": "gone", "kind": "block", "articles": "x"},
        {"name": "value", "kind": "bury", "where": "department = 'Old'"},
        {"name": "none", "kind": "bury", "where": "price < 0"},
        {"name": "nobody", "kind": "cap", "attribute": "department", "most": 3, "customers": "age > 149"},
        {"name": "pin", "kind": "pin", "place": 1, "articles": ARTICLES[2]},
        {"name": "block", "kind": "block", "articles": (ARTICLES[2], ARTICLES[4])},
        {"name": "fine", "kind": "boost", "factor": 2, "where": "department = 'Odd'"},
        {"name": "room", "kind": "pin", "place": 2, "articles": ARTICLES[6], "departments": "Odd"},
    )
    run_text(module_graph, "CREATE (:Rule {name: 'odd', kind: 'boost', factor: 'many'})")
    module_graph.write("set_stock", rows=[{"article_id": ARTICLES[2], "stock": 0}])
    problems = [tuple(problem) for problem in book.check()]
    module_graph.write("set_stock", rows=[{"article_id": ARTICLES[2], "stock": None}])
    assert sorted(problems) == [
        ("block", f"Rule 'block' blocks article {ARTICLES[2]}, which rule 'pin' pins."),
        ("ended", "It ended on 2020-01-01."),
        ("gone", "The graph has no article 'x' to choose from."),
        ("nobody", "It is for no customer."),
        ("none", "No article fulfils its condition."),
        ("odd", problems[0][1]),
        ("pin", f"Article {ARTICLES[2]} is out of stock or not sold now, so it is in no list."),
        ("room", f"Article {ARTICLES[6]} is in none of the departments whose lists the rule is for."),
        ("value", "No article has department_name 'Old'."),
    ]
    assert problems[0][1].startswith("It cannot be read. The rule's factor cannot be 'many'")
    assert len(ask(shop)) == 12  # what cannot be read does nothing


def test_diversity_makes_lists_less_alike_for_one_customer_and_all(
    module_graph: Graph, shop: Shop, tmp_path: Path
) -> None:
    earlier = shop.today - dt.timedelta(days=7)  # for which no embedding counts, but attributes
    for given_ in ({"method": "auto"}, {"method": "popular", "as_of": earlier}):
        plain = ask(shop, k=8, **given_)
        assert ask(shop, k=8, diversity=0, **given_) == plain
        mixed = ask(shop, k=8, diversity=0.8, **given_)
        assert mixed[0] == plain[0]
        assert mixed != plain
        lists = ask_all(shop, tmp_path, k=8, diversity=0.8, **given_)
        assert {customer: lists[customer] for customer in CUSTOMERS} == {
            customer: ask(shop, customer, k=8, diversity=0.8, **given_) for customer in CUSTOMERS
        }
    by_attributes = ask(shop, method="popular", as_of=earlier, k=4, diversity=1)
    assert Counter(map(department, by_attributes)) == {"Odd": 2, "Even": 2}


def test_names_of_rules_are_unique_in_graphs_made_before_too(module_graph: Graph, shop: Shop) -> None:
    book = RuleBook(module_graph)
    run_text(module_graph, "DROP CONSTRAINT rule_name IF EXISTS")
    run_text(module_graph, "CREATE (:Rule {name: 'twice', kind: 'bury', articles: ['0000000001']})")
    run_text(module_graph, "CREATE (:Rule {name: 'twice', kind: 'bury', articles: ['0000000002']})")
    rule = Rule(name="once", kind="block", articles="0000000003")  # type: ignore[arg-type]
    with pytest.raises(UserMistake, match=r"Several rules have the name 'twice'.*hmrec rules remove twice"):
        book.add([rule])
    book.remove("twice")
    book.add([rule])
    with pytest.raises(HmrecError, match="already exists"):
        run_text(module_graph, "CREATE (:Rule {name: 'once', kind: 'bury'})")


def test_rules_of_other_software_stay_as_they_are(module_graph: Graph, shop: Shop) -> None:
    run_text(module_graph, "DROP CONSTRAINT rule_name IF EXISTS")
    run_text(module_graph, "UNWIND [1, 2] AS n CREATE (:Rule {name: 'theirs', kind: 'firewall'})")
    book = RuleBook(module_graph)
    with pytest.raises(UserMistake, match=r"A \(:Rule\) of other software has the name 'theirs'"):
        book.add([Rule(name="theirs", kind="block", articles="0000000003")])  # type: ignore[arg-type]
    book.add([Rule(name="ours", kind="block", articles="0000000003")])  # type: ignore[arg-type]
    assert [rule.name for rule in book.read()] == ["ours"]
    assert run_text(module_graph, "SHOW CONSTRAINTS YIELD name WHERE name = 'rule_name' RETURN name") == []
