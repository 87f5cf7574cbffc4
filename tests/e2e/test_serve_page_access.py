"""The page of hmrec serve for everyone: by axe-core, by the keyboard alone, on a narrow screen, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import quote

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import SECONDS, settle, visit

VIEWS = (
    "", "search", "customers", "compare", "why", "alike", "articles", "segments", "segment", "audience", "cart",
    "rules", "outcomes",
)  # fmt: skip
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def targets(client: httpx.Client, customer: str) -> dict[str, tuple[str, dict[str, str]]]:
    """For each name of `VIEWS`, the view's address and parameters."""
    segment = client.get("/segments").json()["segments"][0]["name"]
    own = f"customers/{quote(customer, safe='')}"
    first = client.get(f"/recommend/{customer}").json()["articles"][0]["article_id"]
    alike = client.get(f"/recommend/{customer}", params={"method": "user_based_cf"}).json()["articles"][0]["article_id"]
    return {
        "": ("", {}),
        "search": ("search", {"q": "a"}),
        "customers": (own, {}),
        "compare": (own, {"compare": "popular", "department": "GROCERY"}),
        "why": (own, {"why": first}),
        "alike": (own, {"method": "user_based_cf", "why": alike}),
        "articles": (f"articles/{first}", {}),
        "segments": ("segments", {}),
        "segment": (f"segments/{quote(segment, safe='')}", {}),
        "audience": ("audience", {"department": "DELI", "segment": segment, "k": "5"}),
        "cart": ("cart", {"article": f"{first}*2", "customer": customer}),
        "rules": ("rules", {"customer": customer}),
        "outcomes": ("outcomes", {"by": "place", "method": "popular"}),
    }


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    yield page
    page.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390), ("light", 640)])
def test_axe_finds_nothing_on_any_view(
    page: Page, targets: dict[str, tuple[str, dict[str, str]]], scheme: Scheme, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    found = {}
    for name in VIEWS:
        view, parameters = targets[name]
        visit(page, view, **parameters)
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        settle(page)
        results = Axe().run(page)
        if results.violations_count:
            found[name] = results.generate_report()
    assert found == {}
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.parametrize("width", [1440, 640, 390])
def test_no_view_is_wider_than_the_screen(
    page: Page, targets: dict[str, tuple[str, dict[str, str]]], width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for name in VIEWS:
        view, parameters = targets[name]
        visit(page, view, **parameters)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_the_keyboard_alone_is_enough(page: Page, customer: str) -> None:
    settle(page)
    press = page.keyboard.press
    press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    press("Tab")
    press("Tab")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type(customer)
    expect(page.locator("#found [role=option]").first).to_be_visible(timeout=SECONDS)
    press("ArrowDown")
    press("Enter")
    expect(page.locator("h1")).to_have_text(f"Customer {customer}", timeout=SECONDS)
    settle(page)
    reached = tab_to(page, "select[name=method]")
    assert "select[name=from]" in reached
    press("ArrowDown")
    expect(page.locator("select[name=method]")).not_to_have_value("auto")
    expect(page.locator("#one")).to_have_attribute("aria-busy", "false", timeout=SECONDS)
    tab_to(page, "#one .item button")
    why = str(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    settle(page)
    press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == why


def tab_to(page: Page, selector: str) -> list[str]:
    """Press Tab until an element of the selector has the focus; return the named elements on the way."""
    passed: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        where = page.evaluate(
            "wanted => [document.activeElement.matches(wanted), "
            "`${document.activeElement.localName}[name=${document.activeElement.name}]`]",
            selector,
        )
        if where[0]:
            return passed
        passed.append(str(where[1]))
    raise AssertionError(f"Tab never reaches {selector}; it passes {passed}")
