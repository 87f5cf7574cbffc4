"""A real headless Chromium that reaches only this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Start a headless Chromium: the system's, or the one of `playwright install chromium`."""
    system = next((path for name in SYSTEM_NAMES if (path := shutil.which(name))), None)
    if system is None and not Path(playwright.chromium.executable_path).is_file():
        lack = "There is no Chromium: install the system's, or run `python -m playwright install chromium`."
        if os.environ.get("HMREC_FORBID_SKIP"):
            pytest.fail(lack)
        pytest.skip(lack)
    browser = playwright.chromium.launch(executable_path=system)
    yield browser
    browser.close()


@pytest.fixture
def take_picture(page: Page) -> Callable[[str], None]:
    """Return a function that saves a screenshot if HMREC_TEST_SCREENSHOTS names a folder."""

    def take(name: str) -> None:
        if folder := os.environ.get("HMREC_TEST_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


def stay_on_this_machine(route: Route) -> None:
    """Block requests to other machines."""
    if urlsplit(route.request.url).hostname in ("localhost", "127.0.0.1", None):
        route.continue_()
    else:
        route.abort()
