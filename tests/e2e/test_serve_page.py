"""The page of hmrec serve in a real Chromium, over a real Neo4j.

The pictures in docs/ are taken here: `HMREC_TEST_SCREENSHOTS=docs/images pytest tests/e2e/test_serve_page.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.e2e.conftest import stay_on_this_machine
from tests.e2e.service import HOSTILE, TOKEN


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
