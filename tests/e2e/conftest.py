"""A real headless Chromium, kept on this machine, and hmrec serve over a small shop."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, Route, sync_playwright

from tests.conftest import PROGRAMS, empty, run_json, run_text
from tests.e2e.service import TOKEN, WRITE_TOKEN, load_shop, serving

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROXIES = {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"}


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


@pytest.fixture
def asked() -> list[str]:
    """The addresses that the page asked for."""
    return []


@pytest.fixture
def page(chromium: Browser, address: str, asked: list[str]) -> Iterator[Page]:
    """A page at the start view; at the end, nothing may have failed in it or been blocked by its policy."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    wrong: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:  # an error of the API, shown
            wrong.append(message.text)

    page.on("request", note)
    page.on("console", listen)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    page.route("**/*", stay_on_this_machine)
    page.goto(address)
    yield page
    assert wrong == []
    page.close()


@pytest.fixture(scope="module")
def shop(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """A slice of Complete Journey with embeddings and a ranker, and a customer and an article with hostile names.

    It stays for the next module, unless a test has changed it.
    """
    with Graph.connect(local_server.connection()) as graph:
        if count_all(graph) not in _LOADED:
            empty(graph)
            load_shop(graph, local_server, tmp_path_factory.mktemp("shop"))
            _LOADED[:] = [count_all(graph)]
        yield graph


_LOADED: list[list[dict[str, object]]] = []
_COUNTS = """
    MATCH (n)
    RETURN labels(n) AS of, count(*) AS number, max(n.version) AS version, max(n.id) AS id
    UNION ALL
    MATCH ()-[r]->()
    RETURN [type(r)] AS of, count(*) AS number, sum(r.quantity) AS version, max(r.t_dat) AS id
"""


def count_all(graph: Graph) -> list[dict[str, object]]:
    """Return the numbers of nodes and relationships by kind, with the newest version of each."""
    return sorted(run_text(graph, _COUNTS), key=str)


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
    """The service open to other machines, with tokens for reading and writing."""
    with serving(environment | {"HMREC_WRITE_TOKEN": WRITE_TOKEN}, "--host", "0.0.0.0", token=TOKEN) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        yield client


@pytest.fixture
def command(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return `run_json`, whose commands use this local server."""
    monkeypatch.setenv("HMREC_HOME", environment["HMREC_HOME"])
    monkeypatch.setenv("HMREC_PROGRAMS", environment["HMREC_PROGRAMS"])
    return run_json
