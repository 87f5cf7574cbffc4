"""The page of hmrec serve in a real Chromium, over a real Neo4j: what it shows is what the API returns.

The pictures in docs/ are taken here: `HMREC_TEST_SCREENSHOTS=docs/images pytest tests/e2e/test_serve_page.py`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import (
    SECONDS,
    listed,
    params,
    read_bars,
    read_facts,
    recommended,
    settle,
    visit,
    visit_customer,
    write_day,
)  # fmt: skip
from tests.e2e.service import HOSTILE, TOKEN


@pytest.fixture(scope="module")
def shop_figures(client: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/shop").json()
    return answer


@pytest.fixture(scope="module")
def article(client: httpx.Client, customer: str) -> str:
    """An article that the customer bought."""
    return str(client.get(f"/customers/{customer}").json()["purchases"][0]["article_id"])


# The views


def test_the_start_view_shows_the_shop_s_figures(
    page: Page, client: httpx.Client, shop_figures: dict[str, Any], address: str, asked: list[str]
) -> None:
    settle(page)
    assert read_facts(page.locator("main > div > .tiles")) == {
        "Customers": f"{shop_figures['customers']:,}",
        "Articles": f"{shop_figures['articles']:,}",
        "Purchases": f"{shop_figures['purchases']:,}",
        "First purchase": write_day(shop_figures["first"]),
        "Last purchase": write_day(shop_figures["last"]),
    }
    weeks = client.get("/shop/weeks").json()["weeks"]
    assert read_bars(page, "Articles bought by week") == [week["purchases"] for week in weeks]
    model, shown = shop_figures["model"], read_facts(page.locator("section", has_text="Model in force"))
    assert shown["Version"] == f"{model['version']} ({model['name']})"
    assert shown["Purchases"] == f"{model['purchases']:,}"
    assert shown["MAP@12 on weeks held out, all articles"] == f"{model['validation_map_all']:.4f}"
    health = client.get("/health").json()
    assert read_facts(page.locator("section", has_text="Health"))["Neo4j"] == health["neo4j"]
    links = page.locator("main .examples a")
    expect(links).to_have_count(len(shop_figures["examples"]))
    links.first.click()
    expect(page.locator("h1")).to_have_text(f"Customer {shop_figures['examples'][0]['customer_id']}")
    assert all(url.startswith(address) for url in asked), asked


def test_the_search_finds_customers_and_articles_while_one_types(
    page: Page, client: httpx.Client, customer: str, article: str
) -> None:
    name = client.get(f"/articles/{article}").json()["prod_name"]
    box = page.get_by_role("combobox", name="Search")
    for text in (customer, article[:9], name.lower()):
        box.fill(text)
        shown = page.locator("#found").get_by_text(customer if text == customer else name, exact=True)
        expect(shown.first).to_be_visible(timeout=SECONDS)
    box.fill(article)
    expect(page.locator("#found [role=option]")).to_have_count(1)
    box.press("ArrowDown")
    box.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)
    box.fill("no such thing")
    expect(page.get_by_text("No customer and no article matches.")).to_be_visible()
    box.fill(name)
    box.press("Enter")
    expect(page.locator("h1")).to_have_text(f"Matches for “{name}”")
    settle(page)
    found = client.get("/articles", params={"name": name, "k": 50}).json()["articles"]
    expect(page.locator("section", has_text="Articles").locator("tbody tr")).to_have_count(len(found))


def test_a_customer_is_shown_with_purchases_by_month_and_recommendations(
    page: Page, client: httpx.Client, customer: str, take_picture: Callable[[str], None]
) -> None:
    shown = client.get(f"/customers/{customer}").json()
    visit_customer(page, customer)
    profile = read_facts(page.locator("section", has_text="Profile"))
    assert profile["Articles bought"] == f"{shown['bought']:,}"
    assert profile["Different articles"] == f"{shown['articles']:,}"
    assert profile["Last purchase"] == write_day(shown["last"])
    months: dict[str, int] = {}
    for purchase in shown["purchases"]:
        months[purchase["t_dat"][:7]] = months.get(purchase["t_dat"][:7], 0) + purchase["quantity"]
    bars = read_bars(page, "Articles bought by month")
    assert [bar for bar in bars if bar] == [months[month] for month in sorted(months)]
    assert sum(bars) == shown["bought"]
    first = min(months)
    page.get_by_role("combobox", name="to", exact=True).select_option(first)
    expect(page.locator("#bought")).to_have_text(re.compile(f"^{months[first]} article"))
    assert f"to={first}" in params(page)
    answer = client.get(f"/recommend/{customer}").json()
    cards = client.get("/articles", params={"article_id": [one["article_id"] for one in answer["articles"]]}).json()
    assert listed(page) == [one["article_id"] for one in answer["articles"]]
    for item, one, card in zip(page.locator("#one .item").all(), answer["articles"], cards["articles"], strict=True):
        expect(item).to_contain_text(one["because"])
        expect(item.locator(".name")).to_have_text(one["prod_name"])
        expect(item.locator(".meta")).to_contain_text(card["department"])
        assert float(item.locator(".score").inner_text().split()[1]) == pytest.approx(one["score"], rel=1e-3)
        assert float(item.locator(".price").inner_text()) == pytest.approx(card["price"], abs=0.005)
    page.get_by_role("button", name="All months").click()
    settle(page)
    take_picture("service-customer")


def test_an_article_is_shown_with_its_sales(page: Page, client: httpx.Client, article: str) -> None:
    shown = client.get(f"/articles/{article}").json()
    visit(page, f"articles/{article}")
    expect(page.locator("h1")).to_contain_text(shown["prod_name"])
    sales = read_facts(page.locator("section", has_text="Sales"))
    assert sales == {
        "Units sold": f"{shown['purchases']:,}",
        "Buyers": f"{shown['buyers']:,}",
        "Buyers in the last 28 days": f"{shown['buyers_lately']:,}",
        "Bought it again": f"{100 * shown['repeat_share']:.1f} %",
        "First sold": write_day(shown["first"]),
        "Last sold": write_day(shown["last"]),
    }
    assert read_bars(page, "Units sold by week") == [week["purchases"] for week in shown["weeks"]]
    about = read_facts(page.locator("section", has_text="About it"))
    assert about["Department"] == shown["attributes"]["department_name"]
    assert about["Available"] == ("yes" if shown["available"] else "no")
    similar = client.get(f"/similar/{article}").json()["articles"]
    links = page.locator("section", has_text="Similar articles").get_by_role("link")
    assert [str(link.get_attribute("href")) for link in links.all()] == [
        f"#/articles/{one['article_id']}" for one in similar
    ]


def test_options_ask_again_and_are_in_the_address(page: Page, client: httpx.Client, customer: str) -> None:
    visit_customer(page, customer)
    everything = listed(page)
    for method in ("popular", "item_based_cf", "gnn"):
        page.get_by_role("combobox", name="Method", exact=True).select_option(method)
        expect(page.locator("#one h3")).to_have_text(method.replace("_", " "))
        assert listed(page) == recommended(client, customer, method=method)
    page.get_by_label("Only new articles").check()
    page.get_by_role("spinbutton", name="Articles", exact=True).fill("5")
    page.get_by_role("spinbutton", name="Articles", exact=True).blur()
    expect(page.locator("#one .item")).to_have_count(5)
    assert listed(page) == recommended(client, customer, method="gnn", new_only=True, k=5)
    page.reload()
    settle(page)
    assert listed(page) == recommended(client, customer, method="gnn", new_only=True, k=5)
    page.go_back()
    expect(page.locator("#one .item")).to_have_count(12)
    page.go_back()
    expect(page.get_by_label("Only new articles")).not_to_be_checked()
    assert listed(page) == recommended(client, customer, method="gnn")
    for _ in range(3):
        page.go_back()
    expect(page.get_by_role("combobox", name="Method", exact=True)).to_have_value("auto")
    assert listed(page) == everything


def test_filters_are_the_api_s(page: Page, client: httpx.Client, customer: str) -> None:
    visit_customer(page, customer)
    page.get_by_text("Filters", exact=True).click()
    for department in ("GROCERY", "MEAT"):
        page.get_by_label("Only departments").fill(department)
        page.get_by_label("Only departments").press("Enter")
        expect(page.get_by_role("button", name=f"Remove {department}")).to_be_visible()
    wanted = {"department": ["GROCERY", "MEAT"]}
    assert listed(page) == recommended(client, customer, **wanted)
    page.get_by_role("button", name="Remove MEAT").click()
    expect(page.get_by_role("button", name="Remove MEAT")).to_have_count(0)
    without = listed(page)[:2]
    page.get_by_label("Without these articles").fill(", ".join(without))
    page.get_by_label("Without these articles").press("Enter")
    expect(page.get_by_role("button", name=f"Remove {without[1]}")).to_be_visible()
    assert listed(page) == recommended(client, customer, department="GROCERY", exclude=without)
    page.get_by_label("Also what is out of stock").check()
    page.get_by_label("No colours").fill("nonsense")
    page.get_by_label("No colours").press("Enter")
    expect(page.locator("#one").get_by_role("alert")).to_contain_text("No article has colour 'nonsense'.")
    expect(page.locator("#one").get_by_role("alert")).not_to_contain_text("hmrec")


def test_two_methods_stand_side_by_side(
    page: Page, client: httpx.Client, customer: str, take_picture: Callable[[str], None]
) -> None:
    visit_customer(page, customer)
    page.get_by_label("Compare two methods").check()
    expect(page.locator("#two")).to_be_visible()
    left, right = listed(page), listed(page, "#two")
    assert left == recommended(client, customer)
    assert right == recommended(client, customer, method="popular")
    both = set(left) & set(right)
    expect(page.locator("#overlap")).to_contain_text(f"In both lists: {len(both)} of 12;")
    for item, article in zip(page.locator("#one .item").all(), left, strict=True):
        there = right.index(article) + 1 if article in both else None
        expect(item.locator(".move")).to_contain_text(
            "only here" if there is None else f"({there} there)" if there else ""
        )
    page.locator("#overlap").scroll_into_view_if_needed()
    take_picture("service-compare")


# Why


@pytest.mark.parametrize("options", [{}, {"new_only": "true"}, {"department": "GROCERY"}, {"as_of": "2017-10-01"}])
def test_why_adds_up_to_the_score_that_the_list_shows(
    page: Page, client: httpx.Client, customer: str, options: dict[str, str]
) -> None:
    answer = client.get(f"/recommend/{customer}", params=options).json()
    visit_customer(page, customer, **options)
    for place in (0, len(answer["articles"]) - 1):
        article = answer["articles"][place]
        page.locator("#one .item").nth(place).get_by_role("button", name="Why").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator(".sentences li").first).to_be_visible(timeout=SECONDS)
        expect(dialog).to_contain_text(f"Number {place + 1} of the list")
        if answer["scored_by"][place] in ("hybrid", "user_based_cf"):
            assert float(str(dialog.locator(".sum").get_attribute("data-sum"))) == pytest.approx(
                article["score"], rel=1e-6
            )
            expect(dialog.locator(".sum")).to_contain_text("add up to the score in the list")
            dialog.locator("#parts summary").click()
            adds = dialog.locator("#parts tbody tr td:last-child").all_inner_texts()
            parts = [float(one.replace("−", "-").replace("+", "")) for one in adds]
            assert sum(parts[:-1]) == pytest.approx(parts[-1], abs=0.01 * max(map(abs, parts)))
            assert parts[-1] == pytest.approx(article["score"], rel=1e-3)
        else:
            expect(dialog).to_contain_text(article["because"])
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        page.wait_for_url(lambda url: "why=" not in url)


def test_why_by_alike_customers_is_drawn(
    page: Page, client: httpx.Client, customer: str, take_picture: Callable[[str], None]
) -> None:
    method = {"method": "user_based_cf"}
    listing = recommended(client, customer, **method)
    evidence = {article: client.get(f"/explain/{customer}/{article}").json() for article in listing}
    article, found = max(evidence.items(), key=lambda item: len(item[1]["parts"]))
    visit_customer(page, customer, **method, why=article)
    expect(page.locator("#drawing canvas").first).to_be_visible(timeout=SECONDS)
    drawn = page.evaluate("document.querySelector('#drawing')._cyreg.cy.elements().map(e => e.id())")
    assert {node["id"] for node in found["drawing"]["nodes"]} <= set(drawn)
    assert len(drawn) == len(found["drawing"]["nodes"]) + len(found["drawing"]["edges"])
    page.locator("#parts summary").click()
    expect(page.locator("#parts")).to_contain_text(found["parts"][0]["because"])
    page.locator("#parts summary").click()
    page.wait_for_timeout(500)  # the canvas is painted
    take_picture("service-why")
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_list_is_exported_as_csv(page: Page, client: httpx.Client, customer: str) -> None:
    visit_customer(page, customer, new_only="true")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    answer = client.get(f"/recommend/{customer}", params={"new_only": True}).json()
    assert [row["article_id"] for row in rows] == [one["article_id"] for one in answer["articles"]]
    assert [float(row["score"]) for row in rows] == [one["score"] for one in answer["articles"]]
    assert [row["because"] for row in rows] == [one["because"] for one in answer["articles"]]
    assert [row["method"] for row in rows] == answer["scored_by"]
    assert {row["customer_id"] for row in rows} == {customer}


# Failures


def test_names_that_mean_harm_are_shown_as_text(page: Page) -> None:
    visit_customer(page, HOSTILE)
    shown = re.sub("[\x1b\u202e]", "?", HOSTILE)
    expect(page.locator("h1")).to_have_text(f"Customer {shown}")
    expect(page.get_by_role("group", name="Purchases in these months")).to_contain_text(shown)
    visit(page, "articles/hostile")
    expect(page.locator("h1")).to_contain_text(shown)
    assert page.locator("main img").count() == 0
    assert "\x1b" not in page.locator("body").inner_text()


def test_failures_are_told_in_the_words_of_the_page(page: Page, customer: str) -> None:
    settle(page)
    page.evaluate("location.hash = '#/customers/nobody'")
    expect(page.locator("#failure")).to_have_text("The graph has no customer 'nobody'.")
    page.evaluate("location.hash = '#/articles/nothing'")
    expect(page.locator("#failure")).to_have_text("The graph has no article 'nothing'.")
    visit_customer(page, HOSTILE, method="gnn")
    expect(page.locator("#one").get_by_role("alert")).to_contain_text("needs a trained model")
    page.route("**/recommend/**", lambda route: route.abort())
    visit_customer(page, customer, method="popular")
    expect(page.locator("#one").get_by_role("alert")).to_contain_text("The service does not answer.")


def test_the_page_asks_for_the_token(chromium: Browser, guarded: str, customer: str) -> None:
    page = chromium.new_page()
    page.goto(guarded)
    page.get_by_label("This service requires a token").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#failure")).to_contain_text("missing or wrong")
    page.get_by_label("This service requires a token").fill(TOKEN)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#failure")).to_be_hidden()
    visit_customer(page, customer)
    assert listed(page)
    page.close()


def test_the_api_s_description_needs_no_internet(page: Page, address: str, asked: list[str]) -> None:
    page.goto(f"{address}/docs")
    expect(page.get_by_text("/recommend/{customer_id}")).to_be_visible()
    assert all(url.startswith((address, "data:")) for url in asked), asked
