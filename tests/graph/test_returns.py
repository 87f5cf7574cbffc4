"""Returns in files take back purchases of any load, in any order of loads and after any kill."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.loader.events import record_events
from hmrec.loader.load import load_folder

from tests.conftest import empty, run_text

HEADER = "t_dat,customer_id,article_id,price,sales_channel_id,quantity,invoice\n"
ROWS = 300
NODES = "MATCH (n:Customer|Article) RETURN labels(n) AS labels, coalesce(n.customer_id, n.article_id) AS id"
PICTURE = """
    MATCH (c:Customer)-[r]->(a:Article)
    RETURN c.customer_id AS customer, a.article_id AS article, type(r) AS type, properties(r) AS properties
"""
BOUGHT = """
    MATCH (c:Customer)-[b:BOUGHT]->(a:Article)
    RETURN c.customer_id AS customer, a.article_id AS article, toString(b.t_dat) AS day, b.price AS price,
        b.quantity AS units
"""


def show(graph: Graph) -> list[str]:
    """Return customers, articles and what is between them; no order."""
    rows = [*run_text(graph, NODES), *run_text(graph, PICTURE)]
    return sorted(
        repr({k: sorted(v.items(), key=str) if isinstance(v, dict) else v for k, v in row.items()}) for row in rows
    )


def make_rows() -> list[tuple[str, str, str, str, int, int, str]]:
    """Return purchases, and a third of returns by negative quantity or cancelled invoice, each with its own key."""
    chance = random.Random(5)
    found: dict[tuple[str, ...], tuple[str, str, str, str, int, int, str]] = {}
    number = 500_000
    while len(found) < ROWS:
        number += 1
        day, customer, article = (
            f"2020-09-{chance.randrange(1, 25):02}",
            f"c{chance.randrange(6)}",
            f"a{chance.randrange(5)}",
        )
        price, units = chance.choice(["", "1.5", "2.0"]), chance.randrange(1, 5)
        if chance.random() < 1 / 3:
            invoice, quantity = (f"C{number}", units) if chance.random() < 0.5 else (str(number), -units)
            found["back", day, customer, article] = (day, customer, article, price, 2, quantity, invoice)
        else:
            found["buy", day, customer, article, price] = (day, customer, article, price, 2, units, str(number))
    return list(found.values())


def subtract(rows: list[Any]) -> dict[tuple[str, str, str, float | None], int]:
    """Take each return, by day, from the latest purchases left on or before it."""
    left: dict[tuple[str, str, str, float], int] = {}
    for day, customer, article, price, _, quantity, invoice in sorted(
        rows, key=lambda row: (row[0], row[5] < 0 or row[6][0] == "C")
    ):
        if quantity > 0 and invoice[0] != "C":
            left[customer, article, day, float(price or -1)] = quantity
            continue
        back = abs(quantity)
        for key in sorted(
            (key for key in left if key[:2] == (customer, article)), key=lambda key: key[2:], reverse=True
        ):
            taken = min(left[key], back)
            left[key], back = left[key] - taken, back - taken
    return {(*key[:3], None if key[3] < 0 else key[3]): units for key, units in left.items() if units}


def read_bought(graph: Graph) -> dict[Any, Any]:
    return {tuple(row.values())[:4]: row["units"] for row in run_text(graph, BOUGHT)}


def write(folder: Path, rows: list[Any]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / "transactions_train.csv").write_text(HEADER + lines)
    return folder


@pytest.fixture(scope="module")
def rows() -> list[Any]:
    return make_rows()


@pytest.fixture(scope="module")
def parts(rows: list[Any], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The purchases, the returns of the first days, and the other returns, each as a folder."""
    root = tmp_path_factory.mktemp("parts")
    is_return = [row[5] < 0 or row[6][0] == "C" for row in rows]
    bought = [row for row, back in zip(rows, is_return, strict=True) if not back]
    back = [row for row, back in zip(rows, is_return, strict=True) if back]
    assert len(back) > 50
    return [write(root / "0", bought), write(root / "1", back[::2]), write(root / "2", back[1::2])]


def test_any_order_of_loads_gives_the_graph_of_one_load_and_a_repeat_changes_nothing(
    rows: list[Any], parts: list[Path], module_graph: Graph, tmp_path: Path
) -> None:
    graph = module_graph
    whole = write(tmp_path / "whole", rows)
    empty(graph)
    load_folder(whole, server=None, graph=graph)
    expected = show(graph)
    assert read_bought(graph) == subtract(rows)
    shuffled = random.Random(1).sample(rows, len(rows))
    orders: list[tuple[Path, ...]] = [(parts[1], parts[0], parts[2]), tuple(reversed(parts))]
    orders.append((write(tmp_path / "half", rows[:150]), parts[1], whole))
    orders.append((write(tmp_path / "late", shuffled[:100]), write(tmp_path / "early", shuffled[50:]), parts[2]))
    for order in orders:
        empty(graph)
        for folder in order:
            load_folder(folder, server=None, graph=graph)
        assert show(graph) == expected, [folder.name for folder in order]
    for folder in (*parts, whole):
        assert load_folder(folder, server=None, graph=graph).changes == {}
    assert show(graph) == expected


def test_both_modes_create_one_graph(
    parts: list[Path], rows: list[Any], local_server: LocalServer, tmp_path: Path
) -> None:
    whole = write(tmp_path / "whole", rows)
    local_server.start()
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        bulk = load_folder(whole, server=local_server, graph=graph, mode="bulk")
    with Graph.connect(local_server.connection()) as graph:
        by_bulk = show(graph)
        assert read_bought(graph) == subtract(rows)
        assert load_folder(whole, server=None, graph=graph, mode="stream").changes == {}
        assert load_folder(parts[1], server=None, graph=graph, mode="stream").changes == {}
        empty(graph)
        stream = load_folder(whole, server=None, graph=graph, mode="stream")
        assert show(graph) == by_bulk
    assert stream.counts == bulk.counts


def test_a_load_of_returns_that_is_killed_at_any_write_is_completed_by_the_next(
    parts: list[Path], rows: list[Any], module_graph: Graph
) -> None:
    graph = module_graph
    empty(graph)
    load_folder(parts[0], server=None, graph=graph)
    written = graph.write
    expected = subtract(rows)
    calls, fatal = 0, 0

    def write_until(query: Any, **parameters: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == fatal:
            raise KeyboardInterrupt
        return written(query, **parameters)

    while fatal < 40:
        calls, fatal = 0, fatal + 1
        graph.write = write_until  # type: ignore[method-assign]
        try:
            load_folder(parts[1], server=None, graph=graph)
            break
        except KeyboardInterrupt:
            pass
        finally:
            graph.write = written  # type: ignore[method-assign]
    assert fatal > 3
    load_folder(parts[2], server=None, graph=graph)
    assert read_bought(graph) == expected


def test_a_return_that_is_in_a_file_and_came_as_an_event_counts_once(module_graph: Graph, tmp_path: Path) -> None:
    graph = module_graph
    buy, back = ("2020-09-20", "c", "a", "1.0", 2, 3, "1"), ("2020-09-22", "c", "a", "1.0", 2, -1, "2")
    event = {
        "event_id": "r",
        "type": "return",
        "customer_id": "c",
        "article_id": "a",
        "time": "2020-09-22",
        "quantity": 2,
    }
    pictures = []
    for order in (("file", "event", "return"), ("return", "event", "file")):
        empty(graph)
        for step in order:
            if step == "event":
                record_events(graph, [event])
            else:
                load_folder(write(tmp_path / step, [buy if step == "file" else back]), server=None, graph=graph)
        assert read_bought(graph) == {("c", "a", "2020-09-20", 1.0): 1}, order
        pictures.append(show(graph))
    assert all(picture == pictures[0] for picture in pictures)
