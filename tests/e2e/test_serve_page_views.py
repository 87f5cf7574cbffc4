"""The page's views of segments, rules, audiences, carts and related articles show what the API returns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.evaluate.off_policy import measure_off_policy
from hmrec.graph_ml.recommend.rule import Rule
from hmrec.graph_ml.recommend.rule_book import RuleBook
from hmrec.loader.impressions import MOST_DAYS, Impression, ShownArticle, record_impressions
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import run_text
from tests.e2e.pages import SECONDS, listed, params, read_facts, recommended, visit, visit_customer
from tests.e2e.service import TOKEN, WRITE_TOKEN, find_ruled


@pytest.fixture(scope="module")
def article(shop: Graph) -> str:
    """The best seller."""
    counts = "MATCH (a:Article)<-[b:BOUGHT]-() RETURN a.article_id AS id, count(b) AS n ORDER BY n DESC, id LIMIT 1"
    return str(run_text(shop, counts)[0]["id"])


def read_rows(place: Locator) -> list[list[str]]:
    """The cells of the table in a place."""
    script = "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
    rows: list[list[str]] = place.locator("tbody tr").evaluate_all(script)
    return rows


def wait_for(page: Page, place: str) -> Locator:
    box = page.locator(place)
    expect(box).to_have_attribute("aria-busy", "false", timeout=SECONDS)
    return box


def related_ids(box: Locator) -> list[str]:
    ids: list[str] = box.locator("[data-article]").evaluate_all("all => all.map(one => one.dataset.article)")
    return ids


def test_segments_are_listed_and_lead_to_their_customers_and_lists(
    page: Page, client: httpx.Client, command: Callable[..., Any], take_picture: Callable[[str], None]
) -> None:
    segments = client.get("/segments").json()["segments"]
    page.get_by_role("link", name="Segments").click()
    expect(page.locator("tbody tr")).to_have_count(len(segments), timeout=SECONDS)
    for row, one in zip(read_rows(page.locator("main")), segments, strict=True):
        assert row[:3] == [one["name"], f"{one['customers']:,}", f"{100 * one['share']:.1f} %"]
        assert row[3] == "".join(one["traits"])
    name = segments[0]["name"]
    page.get_by_role("link", name=name, exact=True).click()
    about = page.locator("section", has_text="About it")
    expect(about).to_contain_text("Customers", timeout=SECONDS)  # until then, nothing of this view may be loading
    expect(page.locator(".loading")).to_have_count(0, timeout=SECONDS)
    where = f"/segments/{quote(name, safe='')}"
    shown = client.get(where).json()
    facts = read_facts(about)
    assert facts["Customers"] == f"{shown['customers']:,}"
    customers = client.get(f"{where}/customers").json()["customers"]
    assert customers == command("segments", "customers", name)
    assert customers == sorted(customers, key=lambda one: (-one["bought"], one["customer_id"]))
    table = page.get_by_role("group", name="Customers of the segment")
    assert read_rows(table) == [[one["customer_id"], f"{one['bought']:,}"] for one in customers]
    first = customers[0]["customer_id"]
    assert related_ids(page.locator(".short-list").first) == recommended(client, first, k=6)
    take_picture("service-segment")
    page.evaluate("location.hash = '#/segments/nobody'")
    expect(page.locator("#failure")).to_contain_text("There is no segment 'nobody'.")


def test_rules_are_listed_and_tested_on_a_customer(
    page: Page, client: httpx.Client, shop: Graph, command: Callable[..., Any], take_picture: Callable[[str], None]
) -> None:
    rules = client.get("/rules").json()["rules"]
    page.get_by_role("link", name="Rules").click()
    expect(page.locator("#rules tbody tr")).to_have_count(len(rules), timeout=SECONDS)
    rows = read_rows(page.locator("#rules"))
    assert [row[0] for row in rows] == [rule["name"] for rule in rules] == ["more", "few"]
    assert 'department = "PRODUCE"' in rows[0][1]
    assert "At most 2 with the same department" in rows[1][1]
    assert rules[0]["customers"] in rows[0][2]
    assert rows[0][3].startswith("From 1 Dec 2017")
    assert [row[4] for row in rows] == [str(rule["priority"]) for rule in rules]
    assert client.get("/rules/check").json()["problems"] == command("rules", "check") == []
    expect(page.get_by_role("button", name="Remove rule")).to_have_count(0)
    expect(page.locator("main")).to_contain_text("hmrec rules remove")

    customer = find_ruled(shop)
    page.get_by_role("combobox", name="Customer", exact=True).fill(customer)
    page.keyboard.press("Tab")
    expect(page.locator("#tested tbody tr").first).to_be_visible(timeout=SECONDS)
    tested = client.get(f"/rules/test/{customer}").json()["articles"]
    assert tested == command("rules", "test", customer)
    assert any(one["place"] is None for one in tested)
    assert related_ids(page.locator("#tested")) == [one["article_id"] for one in tested]
    for row, one in zip(read_rows(page.locator("#tested")), tested, strict=True):
        assert row[0] == ("left the list" if one["place"] is None else str(one["place"]))
        assert row[1].split()[0] == ("new" if one["before"] is None else str(one["before"]))
    take_picture("service-rules")
    given = {"method": "popular", "k": 5, "department": ["GROCERY", "PRODUCE"], "as_of": "2017-11-01"}
    visit(page, "rules", customer=customer, **given)
    wait_for(page, "#tested")
    words = ["--method", "popular", "-k", "5", "--department", "GROCERY", "--department", "PRODUCE"]
    tested = client.get(f"/rules/test/{customer}", params=given).json()["articles"]
    assert tested == command("rules", "test", customer, *words, "--as-of", "2017-11-01")
    assert related_ids(page.locator("#tested")) == [one["article_id"] for one in tested]


def test_only_a_page_with_the_write_token_changes_rules(chromium: Browser, guarded: str, shop: Graph) -> None:
    before = RuleBook(shop).read()
    page = chromium.new_page()
    page.goto(f"{guarded}/#/rules")
    page.get_by_label("This service requires a token").fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    unlock = page.get_by_label("enter the token for writing")
    unlock.fill("not the token")
    page.locator("#unlock button").click()
    expect(page.get_by_text("This is not the token for writing.")).to_be_visible(timeout=SECONDS)
    unlock.fill(WRITE_TOKEN)
    page.locator("#unlock button").click()
    add = page.get_by_role("form", name="Add a rule")
    add.get_by_label("Name", exact=True).fill("hero")
    add.get_by_role("combobox", name="Effect", exact=True).select_option("block")
    expect(add.get_by_label("Factor")).to_be_hidden()
    add.get_by_label("Articles that meet this condition").fill("department = 'Nonsense'")
    add.get_by_role("button", name="Add the rule").click()
    expect(add.get_by_role("alert")).to_contain_text("No article has department_name 'Nonsense'.")
    add.get_by_label("Articles that meet this condition").fill("department = 'PRODUCE'")
    add.get_by_label("Until").fill("2017-02-01")
    add.get_by_role("button", name="Add the rule").click()
    expect(page.locator("#rules")).to_contain_text("hero", timeout=SECONDS)
    expect(page.locator("#rules .problem")).to_have_text("It ended on 2017-02-01.")
    rule = Rule.model_validate(
        {"name": "hero", "kind": "block", "where": "department = 'PRODUCE'", "until_day": "2017-02-01"}
    )
    assert set(RuleBook(shop).read()) == {*before, rule}
    page.get_by_role("button", name="Remove rule hero").click()
    expect(page.get_by_text("Removed hero.")).to_be_visible(timeout=SECONDS)
    assert RuleBook(shop).read() == before
    page.close()


def test_only_a_page_with_the_write_token_sets_the_stock(chromium: Browser, guarded: str, article: str) -> None:
    headers = {"Authorization": f"Bearer {WRITE_TOKEN}"}

    def read() -> tuple[Any, Any]:
        found = httpx.get(f"{guarded}/articles/{article}", headers=headers, trust_env=False).json()
        return found["stock"], found["available"]

    before = read()
    page = chromium.new_page()
    page.goto(f"{guarded}/#/articles/{article}")
    page.get_by_label("This service requires a token").fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("About it")).to_be_visible(timeout=SECONDS)
    form = page.get_by_role("form", name="Set the stock")
    expect(form).to_have_count(0)
    page.evaluate("token => sessionStorage.setItem('token', token)", WRITE_TOKEN)
    page.reload()
    for stock, sold, wanted in (("0", "yes", (0, False)), ("7", "no", (7, False)), ("7", "yes", (7, True))):
        form.get_by_label("Pieces in stock").fill(stock)
        form.get_by_label("Is it sold").select_option(sold)
        form.get_by_role("button", name="Save").click()
        expect(page.locator("dd", has_text=re.compile(rf"^{stock}$")).first).to_be_visible(timeout=SECONDS)
        expect(page.get_by_text("yes" if wanted[1] else "no", exact=True).first).to_be_visible(timeout=SECONDS)
        assert read() == wanted
    form.get_by_label("Pieces in stock").fill("")
    form.get_by_label("Is it sold").select_option("")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_text("not known", exact=True).first).to_be_visible(timeout=SECONDS)
    page.wait_for_function("document.querySelector('#set-stock [name=stock]').value === ''")
    assert read() == before
    page.close()


def test_the_service_says_what_a_token_may_do(client: httpx.Client, guarded: str) -> None:
    assert client.get("/access").json() == {"writes": False, "has_write_token": False}
    for token, writes in ((TOKEN, False), (WRITE_TOKEN, True)):
        answer = httpx.get(f"{guarded}/access", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        assert answer.json() == {"writes": writes, "has_write_token": True}
    assert httpx.get(f"{guarded}/access", trust_env=False).status_code == 401


def test_audiences_are_the_api_s_and_are_exported(page: Page, client: httpx.Client, article: str) -> None:
    segment = client.get("/segments").json()["segments"][0]["name"]
    visit(page, "audience")
    expect(page.locator("#audience")).to_contain_text("Choose an article")
    page.get_by_label("Departments").fill("DELI")
    page.get_by_label("Departments").press("Enter")
    expect(page.get_by_role("button", name="Remove DELI")).to_be_visible()
    assert "department=DELI" in params(page)
    for given in (
        {"department": "DELI"},
        {"article": article, "segment": segment, "k": 7, "include_buyers": "true"},
        {"department": "DELI", "customers_where": "age < 45", "as_of": "2017-11-01", "k": 7},
    ):
        visit(page, "audience", **given)
        rows = read_rows(wait_for(page, "#audience"))
        found = client.get("/audience", params={"k": 100} | given).json()["customers"]
        assert [row[1] for row in rows] == [one["customer_id"] for one in found][:50]
        assert [row[3] for row in rows] == [one["because"] for one in found][:50]
        assert [float(row[2]) for row in rows] == pytest.approx([one["score"] for one in found][:50], rel=1e-3)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    exported = list(csv.DictReader(io.StringIO(text)))
    assert [{**row, "score": float(row["score"])} for row in exported] == found
    visit(page, "audience", department="Nonsense")
    expect(page.locator("#audience").get_by_role("alert")).to_contain_text("No article has department 'Nonsense'")


def test_an_article_shows_related_articles_by_kind_and_its_audience(
    page: Page, client: httpx.Client, article: str, shop: Graph
) -> None:
    visit(page, f"articles/{article}")
    related = client.get(f"/articles/{article}/related").json()["articles"]
    assert related_ids(wait_for(page, "#related")) == [one["article_id"] for one in related]
    for kind in ("substitute", "next", "together"):
        page.get_by_role("combobox", name="How they are related").select_option(kind)
        page.wait_for_url(lambda url, kind=kind: f"kind={kind}" in url)
        related = client.get(f"/articles/{article}/related", params={"kind": kind}).json()["articles"]
        assert related_ids(wait_for(page, "#related")) == [one["article_id"] for one in related]
    for reason in [one["because"] for one in related]:
        expect(page.locator("#related")).to_contain_text(reason)
    page.get_by_role("combobox", name="Customers", exact=True).select_option("50")
    page.get_by_label("Also those who bought it already").check()
    page.wait_for_url(lambda url: "include_buyers=true" in url)
    found = client.get(f"/articles/{article}/audience", params={"k": 50, "include_buyers": True}).json()["customers"]
    assert [row[1] for row in read_rows(wait_for(page, "#buyers"))] == [one["customer_id"] for one in found]

    out = related[0]["article_id"]
    run_text(shop, "MATCH (a:Article {article_id: $id}) SET a.stock = 0", id=out)
    try:
        visit(page, f"articles/{article}", kind="together", include_unavailable="true")
        item = wait_for(page, "#related").locator(f"[data-article='{out}']")
        expect(item).to_contain_text("not available")
        expect(item).to_contain_text("0 in stock")
        page.get_by_label("Also list what is out of stock or not sold").uncheck()
        expect(item).to_have_count(0, timeout=SECONDS)
        visit(page, f"articles/{out}")
        about = read_facts(page.locator("section", has_text="About it"))
        assert (about["Available"], about["In stock"]) == ("no", "0")
    finally:
        run_text(shop, "MATCH (a:Article {article_id: $id}) REMOVE a.stock", id=out)


def test_a_cart_is_recommended_for(page: Page, client: httpx.Client, article: str, customer: str) -> None:
    visit(page, "cart")
    expect(page.locator("main")).to_contain_text("The cart is empty.")
    page.get_by_label("Add an article").fill(article)
    page.get_by_label("Add an article").press("Enter")
    expect(page.get_by_role("spinbutton", name="How many of")).to_have_value("1")
    visitor = client.post("/recommend", json={"articles": [article]}).json()
    assert listed(page) == [one["article_id"] for one in visitor["articles"]]
    expect(page.get_by_role("combobox", name="Method", exact=True)).to_be_hidden()
    page.locator("#one .item").first.get_by_role("button", name="Why").click()
    expect(page.get_by_role("dialog")).to_contain_text(visitor["articles"][0]["because"])
    page.keyboard.press("Escape")
    page.get_by_role("spinbutton", name="How many of").fill("3")
    page.get_by_role("spinbutton", name="How many of").press("Enter")
    page.wait_for_url(lambda url: f"{article}*3" in url or f"{article}%2A3" in url)
    given = {"new_only": True, "k": 5, "cap": ["department=1"], "diversity": 0.5, "department": ["GROCERY", "MEAT"]}
    visit(page, "cart", article=f"{article}*3", customer=customer, method="popular", **given | {"new_only": "true"})
    body = {"articles": [f"{article}*3"], "customer_id": customer, "method": "popular"} | given
    known = client.post("/recommend", json=body)
    assert listed(page) == [one["article_id"] for one in known.json()["articles"]]
    page.locator("#items").get_by_role("button").click()
    expect(page.locator("main")).to_contain_text("The cart is empty.")


def test_lists_take_diversity_caps_and_no_rules(page: Page, client: httpx.Client, shop: Graph) -> None:
    customer = find_ruled(shop)
    visit_customer(page, customer, no_rules="true")
    assert listed(page) == recommended(client, customer, no_rules=True) != recommended(client, customer)
    page.get_by_label("At most, of the same").fill("product=1")
    page.get_by_label("At most, of the same").press("Enter")
    expect(page.get_by_role("button", name="Remove product=1")).to_be_visible()
    page.get_by_label("Diversity, 0 to 1").fill("0.6")
    page.get_by_label("Diversity, 0 to 1").press("Enter")
    page.wait_for_url(lambda url: "diversity=0.6" in url)
    given = {"no_rules": True, "cap": "product=1", "diversity": 0.6}
    assert listed(page) == recommended(client, customer, **given)
    page.locator("#one .item").first.get_by_role("button", name="Why").click()
    expect(page.get_by_role("dialog").locator(".sentences li").first).to_be_visible(timeout=SECONDS)


def test_outcomes_and_estimates_are_equal_through_all_doors(
    page: Page, client: httpx.Client, shop: Graph, command: Callable[..., Any], take_picture: Callable[[str], None]
) -> None:
    page.get_by_role("link", name="Outcomes").click()
    expect(page.locator("main")).to_contain_text("No lists of these days were logged.", timeout=SECONDS)
    expect(page.locator("#estimates")).to_be_hidden()
    day = date(2017, 12, 20)
    lists = []
    for customer in shop.read("customers_by_purchases", skip=0, k=6)["customer_id"]:
        articles = recommended(client, customer, method="user_based_cf", as_of=day.isoformat())
        shown = tuple(ShownArticle(article, 0.95) for article in articles)
        lists.append(Impression(customer, shown, "user_based_cf", datetime(2017, 12, 20, 9, tzinfo=UTC)))
    plain = Impression(customer, (ShownArticle(articles[0]),), "popular", datetime(2017, 12, 21, 9, tzinfo=UTC))
    try:
        assert record_impressions(shop, [*lists, plain], days=MOST_DAYS) == len(lists) + 1
        visit(page, "outcomes", window="10")
        page.reload()
        wait_for(page, "#outcomes")
        answer = client.get("/outcomes", params={"window": 10}).json()
        assert answer["explored"] == len(lists)
        assert [one | {"method": one.pop("group")} for one in answer["outcomes"]] == command(
            "outcomes", "--window", "10"
        )
        rows = read_rows(page.locator("#outcomes .scroll").first)
        assert [row[:3] for row in rows] == [["popular", "1", "1"], ["user_based_cf", str(len(lists)), str(len(lists))]]
        for row, one in zip(rows, answer["outcomes"], strict=True):
            assert row[4] == write_interval(one, "precision")

        page.get_by_label("Estimate methods").fill("popular")
        page.get_by_label("Estimate methods").press("Enter")
        expect(page.locator("#estimates tbody tr")).to_have_count(2, timeout=SECONDS)
        given = {"method": ["popular"], "window": 10}
        estimates = client.get("/outcomes/off-policy", params=given).json()["estimates"]
        assert estimates == command("outcomes", "--off-policy", "popular", "--window", "10")
        assert estimates == measure_off_policy(shop, ["popular"], window=10).to_dict(orient="records")
        assert estimates[0]["ips"] > 0
        for row, one in zip(read_rows(page.locator("#estimates")), estimates, strict=True):
            share = f"{100 * one['support']:.1f} %"
            assert row == [
                one["method"],
                str(len(lists)),
                *(write_interval(one, name) for name in ("ips", "snips")),
                share,
            ]
        take_picture("service-outcomes")
        visit(page, "outcomes", since="2017-12-21")
        wait_for(page, "#outcomes")
        assert [row[0] for row in read_rows(page.locator("#outcomes .scroll").first)] == ["popular"]
        expect(page.locator("#estimates")).to_be_hidden()
    finally:
        run_text(shop, "MATCH (i:Impression) DETACH DELETE i")


def write_interval(row: dict[str, Any], name: str) -> str:
    """Return a measure and its interval as the page writes them."""
    value, low, high = (f"{100 * row[f'{name}{end}']:.1f} %" for end in ("", "_low", "_high"))
    return f"{value} ({low} to {high})"
