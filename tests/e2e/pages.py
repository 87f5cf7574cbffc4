"""Shared by the tests of the page: going to a view, waiting until it is loaded, and reading what it shows."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from playwright.sync_api import Locator, Page, expect

SECONDS = 60_000  # for answers on a busy machine; milliseconds


def visit(page: Page, view: str, **parameters: Any) -> None:
    """Open a view by its address, and wait until all of it is loaded."""
    query = urlencode(parameters, doseq=True)
    page.evaluate("hash => { location.hash = hash }", f"#/{view}{'?' if query else ''}{query}")
    expect(page.locator("main h1")).to_be_visible(timeout=SECONDS)
    settle(page)


def settle(page: Page) -> None:
    expect(page.locator(".loading")).to_have_count(0, timeout=SECONDS)


def visit_customer(page: Page, customer: str, **parameters: Any) -> None:
    visit(page, f"customers/{quote(customer, safe='')}", **parameters)
    expect(page.locator("#one")).to_have_attribute("aria-busy", "false", timeout=SECONDS)
    settle(page)


def listed(page: Page, place: str = "#one") -> list[str]:
    """The ids of the articles listed, once they are."""
    expect(page.locator(place)).to_have_attribute("aria-busy", "false", timeout=SECONDS)
    return [str(item.get_attribute("data-article")) for item in page.locator(f"{place} .item").all()]


def recommended(client: httpx.Client, customer: str, **parameters: Any) -> list[str]:
    answer = client.get(f"/recommend/{quote(customer, safe='')}", params=parameters)
    return [article["article_id"] for article in answer.json()["articles"]]


def read_facts(place: Locator) -> dict[str, str]:
    """The names and values of a list of facts."""
    names, values = place.locator("dt").all_inner_texts(), place.locator("dd").all_inner_texts()
    return dict(zip(names, values, strict=True))


def read_bars(page: Page, title: str) -> list[float]:
    """The figures that a chart draws."""
    canvas = page.get_by_role("img", name=title)
    expect(canvas).to_be_visible(timeout=SECONDS)
    return list(canvas.evaluate("canvas => Chart.getChart(canvas).data.datasets[0].data"))


def write_day(text: str | None) -> str:
    """The day as the page writes it."""
    if text is None:
        return "none"
    day = date.fromisoformat(text[:10])
    return f"{day.day} {'Sept' if day.month == 9 else day.strftime('%b')} {day.year}"


def params(page: Page) -> str:
    return str(page.evaluate("location.hash"))
