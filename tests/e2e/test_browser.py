"""Neo4j Browser as a user sees it: a real headless Chromium on the local server's real Browser.

`HMREC_TEST_SCREENSHOTS=docs/images pytest tests/e2e/test_browser.py` takes the screenshots in docs/.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

import pytest
from hmrec.cypher.browser.guide import Guide, choose_example, guide_queries, guide_values, write_block, write_guide
from hmrec.cypher.catalogue import find_query, load_catalogue
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.loader.load import load_folder
from hmrec.loader.samples import write_synthetic
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import PROGRAMS, empty, run_text
from tests.e2e.conftest import stay_on_this_machine

STEPS = 8
DONE = re.compile(r"Started streaming|Displaying \d|Successfully set|shaft-width|autoComplete")


def read_customer_ids(graph: Graph) -> list[str]:
    """Return the ids of all customers, in order."""
    rows = run_text(graph, "MATCH (c:Customer) RETURN c.customer_id AS id ORDER BY id")
    return [str(row["id"]) for row in rows]


@pytest.fixture(scope="module")
def graph(local_server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Load a small synthetic shop into the local server."""
    folder = tmp_path_factory.mktemp("shop")
    write_synthetic(folder, customers=400, articles=150, transactions=9_000, seed=1)
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        load_folder(folder, server=local_server, graph=graph, mode="stream")
        yield graph


@pytest.fixture(scope="module")
def guide(graph: Graph, local_server: LocalServer) -> Guide:
    return write_guide(graph, local_server.guide_folder, local_server.status().http)


@pytest.fixture
def page(chromium: Browser, guide: Guide, local_server: LocalServer) -> Iterator[Page]:
    """Log in to Neo4j Browser at the address that `hmrec db open --guide` prints."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.route("**/*", stay_on_this_machine)
    page.goto(guide.browser)
    expect(page.get_by_test_id("username")).to_have_value("neo4j", timeout=60_000)
    page.get_by_test_id("password").fill(local_server.password_file.read_text(encoding="utf-8").strip())
    page.get_by_test_id("connect").click()
    expect(page.get_by_text("You are connected as user")).to_be_visible(timeout=60_000)
    notice = page.get_by_text("To help make Neo4j Browser better").locator("xpath=following-sibling::*").last
    if notice.is_visible():
        notice.click()
    yield page
    page.close()


def _guide_frame(page: Page) -> Locator:
    return page.get_by_test_id("frame").filter(has=page.get_by_test_id("carousel"))


def _answer_frame(page: Page, place: int) -> Locator:
    """Return the newest result below the pinned guide, when it is complete and without an error."""
    frame = page.get_by_test_id("frame").nth(place)
    expect(frame).to_contain_text(re.compile(f"{DONE.pattern}|ERROR"), timeout=60_000)
    assert "ERROR" not in frame.inner_text(), frame.inner_text()
    return frame


def _run_block(page: Page, block: Locator) -> Locator:
    """Click a block of the guide, run the query that it puts into the editor, and return the result's frame."""
    before = page.get_by_test_id("frame").count()
    block.click()
    page.get_by_test_id("editor-Run").click()
    expect(page.get_by_test_id("frame")).to_have_count(before + 1)
    return _answer_frame(page, 1)


def _assert_drawn_in_style(frame: Locator, graph: Graph) -> None:
    """Check that articles and customers have their colours, and names or ids as captions."""
    nodes = frame.locator("svg g.node")
    expect(nodes.first).to_be_visible(timeout=30_000)
    customers, articles = _captions(nodes, "#2F6DB5"), _captions(nodes, "#E0632B")
    assert customers
    assert articles
    ids = read_customer_ids(graph)
    for captions, known in ((customers, ids), (articles, _article_names(graph))):
        for first, *_ in captions:  # Neo4j Browser truncates long names
            assert any(str(name).startswith(first.rstrip("…")) for name in known), first


def _captions(nodes: Locator, colour: str) -> list[list[str]]:
    """Return the lines of text on each node of that colour."""
    script = """(nodes, colour) => nodes
        .filter(node => node.querySelector('circle[fill="' + colour + '"]'))
        .map(node => Array.from(node.querySelectorAll('text.caption')).map(text => text.textContent.trim()))"""
    lines: list[list[str]] = nodes.evaluate_all(script, colour)
    return lines


def _article_names(graph: Graph) -> list[object]:
    ids = [row[1] for row in graph.read_rows("export_articles")[1]]
    keys, rows = graph.read_rows("article_names", article_ids=ids)
    return [row[keys.index("prod_name")] for row in rows]


def test_the_guide_plays_after_login_with_the_catalogues_queries(page: Page) -> None:
    frame = _guide_frame(page)
    expect(frame).to_have_count(1, timeout=60_000)
    shown = []
    for step in range(1, STEPS + 1):
        expect(frame.locator("h3")).to_contain_text(f"{step}. ")
        shown += [text.strip() for text in frame.locator("pre.runnable").all_text_contents() if text[0] == "/"]
        if step < STEPS:
            frame.get_by_test_id("nextSlide").first.click()
    assert shown == [write_block(query) for query in guide_queries()]


def test_every_step_of_the_guide_runs(page: Page, graph: Graph, take_picture: Callable[[str], None]) -> None:
    frame = _guide_frame(page)
    frame.get_by_title("Pin at top").click()
    take_picture("browser-guide")
    drawn = []
    for step in range(1, STEPS + 1):
        expect(frame.locator("h3")).to_contain_text(f"{step}. ")
        for block in frame.locator("pre.runnable").all():
            query = re.match(r"// (\w+):", (block.text_content() or "").strip())
            answer = _run_block(page, block)
            if query and load_catalogue()[query[1]].returns[0] == "path":
                _assert_drawn_in_style(answer, graph)
                drawn.append(query[1])
                if query[1] == "explain_user_based_cf_graph":  # nothing is drawn beside what the query returns
                    values = guide_values(choose_example(graph))
                    given = {name: values[name] for name in load_catalogue()[query[1]].parameters}
                    paths = graph.read_rows(query[1], **given)[1]
                    wanted = {one.element_id for row in paths for one in row[0].relationships}
                    expect(answer.locator("svg g.relationship")).to_have_count(len(wanted), timeout=30_000)
                    page.set_viewport_size({"width": 1280, "height": 1280})  # the guide and all of the drawing
                    page.wait_for_timeout(3000)  # until the nodes stop moving
                    take_picture("browser-why")
                    page.set_viewport_size({"width": 1280, "height": 900})
            elif query and query[1] == "user_based_cf":
                assert "customers who buy what you buy" in answer.inner_text()
        if step < STEPS:
            frame.get_by_test_id("nextSlide").first.click()
    assert drawn == ["neighbourhood", "explain_user_based_cf_graph"]


def test_saved_queries_can_be_imported_and_run(
    page: Page, graph: Graph, guide: Guide, take_picture: Callable[[str], None]
) -> None:
    _guide_frame(page).get_by_title("Pin at top").click()
    _run_block(page, _guide_frame(page).locator("pre.runnable").first)  # the style
    download = page.request.get(guide.saved_queries)
    assert download.ok
    _drop(page, "saved_queries.zip", download.body())
    page.get_by_test_id("navigationFavorites").click()
    for folder in ("recommend", "explain", "export"):
        page.get_by_test_id(f"expandFolder-hmrec {folder}").click()
    for query in load_catalogue().values():
        if query.folder in ("recommend", "explain", "export"):
            expect(page.get_by_test_id(f"scriptTitle-{query.name}: {query.doc}")).to_have_count(1)
    neighbourhood = load_catalogue()["neighbourhood"]
    for title in ("neighbourhood, parameters (run this first)", f"neighbourhood: {neighbourhood.doc}"):
        before = page.get_by_test_id("frame").count()
        item = page.get_by_test_id("savedScriptListItem").filter(has=page.get_by_test_id(f"scriptTitle-{title}"))
        item.hover()
        item.get_by_test_id("savedScriptsButton-Run").click()
        expect(page.get_by_test_id("frame")).to_have_count(before + 1)
        answer = _answer_frame(page, 1)
    _assert_drawn_in_style(answer, graph)
    page.wait_for_timeout(3000)
    take_picture("browser-saved-queries")


def _drop(page: Page, name: str, content: bytes) -> None:
    """Drop a file on the window, as from the desktop."""
    script = """([name, text]) => {
        const files = new DataTransfer()
        files.items.add(new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], name))
        return files
    }"""
    files = page.evaluate_handle(script, [name, base64.b64encode(content).decode()])
    page.dispatch_event(".filedrop", "drop", {"dataTransfer": files})


def test_the_style_can_be_imported_by_dropping(page: Page, guide: Guide) -> None:
    _drop(page, "style.grass", page.request.get(guide.style).body())
    answer = _answer_frame(page, 0)
    assert "{prod_name}" in answer.inner_text()


def test_explain_opens_the_subgraph_behind_a_score(
    page: Page, graph: Graph, local_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hmrec.cli import db
    from hmrec.cli.main import app
    from typer.testing import CliRunner

    monkeypatch.setenv("HMREC_HOME", str(local_server.home))
    monkeypatch.setenv("HMREC_PROGRAMS", str(PROGRAMS))
    monkeypatch.setattr(db, "has_display", lambda: False)
    customer = choose_example(graph).customer_id
    article = str(graph.read("user_based_cf", customer_id=customer, new_only=True, k=1)["article_id"][0])
    result = CliRunner().invoke(app, ["explain", customer, article, "--cypher", "--open"])
    assert result.exit_code == 0, result.output
    address = next(line for line in result.output.splitlines() if line.startswith("Neo4j Browser  ")).split()[2]
    query = find_query("explain_user_based_cf_graph")
    given = {"customer_id": customer, "article_id": article}
    assert query.write_out(given) in result.output
    page.goto(address)
    expect(page.get_by_test_id("editor-Run")).to_be_enabled(timeout=60_000)
    # the button is ready before Neo4j Browser is connected again
    expect(page.locator("body")).to_contain_text("You are connected as user", timeout=60_000)
    page.get_by_test_id("editor-Run").click()
    nodes = _answer_frame(page, 0).locator("svg g.node")
    keys, rows = graph.read_rows(query.name, **given)
    wanted = {node.element_id for row in rows for node in row[keys.index("path")].nodes}
    expect(nodes).to_have_count(len(wanted), timeout=30_000)


def test_db_open_prints_the_addresses_without_a_display(
    graph: Graph, local_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hmrec.cli import db
    from hmrec.cli.main import app
    from typer.testing import CliRunner

    monkeypatch.setenv("HMREC_HOME", str(local_server.home))
    monkeypatch.setenv("HMREC_PROGRAMS", str(PROGRAMS))
    monkeypatch.setattr(db, "has_display", lambda: False)
    customer = read_customer_ids(graph)[3]
    result = CliRunner().invoke(app, ["db", "open", "--guide", "--customer", customer])
    assert result.exit_code == 0, result.output
    http = local_server.status().http
    assert f":play {http}/browser/hmrec/guide.html" in result.output
    assert f":style {http}/browser/hmrec/style.grass" in result.output
    text = (local_server.guide_folder / "guide.html").read_text(encoding="utf-8")
    assert f'<p class="lead">{customer}</p>' in text
    missing = CliRunner().invoke(app, ["db", "open", "--guide", "--customer", "nobody"])
    assert missing.exit_code != 0
    assert "nobody" in str(missing.exception)
