"""A real headless Chromium, kept on this machine, and hmrec serve over a small shop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from playwright.sync_api import Browser, Page, Playwright, Route, sync_playwright

from tests.conftest import PROGRAMS, empty
from tests.e2e.service import TOKEN, load_shop, serving

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROXIES = {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"}


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """A headless Chromium: the system's, or the one that `playwright install chromium` brought."""
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
    """Keep a picture where HMREC_TEST_SCREENSHOTS says, if it says so."""

    def take(name: str) -> None:
        if folder := os.environ.get("HMREC_TEST_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


def stay_on_this_machine(route: Route) -> None:
    """Let no request go to another machine."""
    if urlsplit(route.request.url).hostname in ("localhost", "127.0.0.1", None):
        route.continue_()
    else:
        route.abort()


@pytest.fixture(scope="module")
def shop(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A slice of Complete Journey with embeddings and a ranker, and a customer and an article with hostile names."""
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        load_shop(graph, local_server, tmp_path_factory.mktemp("shop"))
        yield graph


@pytest.fixture(scope="module")
def customer(shop: Graph) -> str:
    """A customer with a history of medium length."""
    return str(shop.read("customers_by_purchases", skip=30, k=1)["customer_id"][0])


@pytest.fixture(scope="module")
def environment(local_server: LocalServer) -> dict[str, str]:
    """The environment in which a command uses the test server, and no proxy."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NEO4J_", "HMREC_")) and k not in PROXIES}
    return clean | {"HMREC_HOME": str(local_server.home), "HMREC_PROGRAMS": str(PROGRAMS), "NO_COLOR": "1"}


@pytest.fixture(scope="module")
def address(shop: Graph, environment: dict[str, str]) -> Iterator[str]:
    """The service started without options."""
    with serving(environment) as address:
        yield address


@pytest.fixture(scope="module")
def guarded(shop: Graph, environment: dict[str, str]) -> Iterator[str]:
    """The service open to other machines, with a token."""
    with serving(environment, "--host", "0.0.0.0", token=TOKEN) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client
