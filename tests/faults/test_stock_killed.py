"""A stock file whose command is killed with SIGKILL at a random moment: all of its rows are in the graph, or none."""

from __future__ import annotations

import time
from pathlib import Path

from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer
from hmrec.cypher.state import read_state

from tests.conftest import empty, run_text
from tests.faults.children import count_repeats, draw_moments, kill_after, server_environment, start_command

ARTICLES = 50_000
CREATE = (
    "UNWIND range(1, $n) AS n CALL (n) { CREATE (:Article {article_id: toString(n)}) } IN TRANSACTIONS OF 10000 ROWS"
)
FIND = "MATCH (a:Article) RETURN a.stock AS stock, count(*) AS articles"


def test_a_killed_stock_command_leaves_the_old_or_the_new_stock(local_server: LocalServer, tmp_path: Path) -> None:
    chance = draw_moments()
    local_server.start()
    files = []
    for stock in (1, 2):
        files.append(tmp_path / f"{stock}.csv")
        files[-1].write_text("article_id,stock\n" + "".join(f"{n},{stock}\n" for n in range(1, ARTICLES + 1)))
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        graph.write("constraints")
        run_text(graph, CREATE, n=ARTICLES)
        begun = time.monotonic()
        assert start_command("stock", str(files[0]), **server_environment(local_server)).wait() == 0
        seconds, held = time.monotonic() - begun, 1
        for _ in range(count_repeats(2)):
            version = read_state(graph).stock
            command = start_command("stock", str(files[held % 2]), **server_environment(local_server))
            kill_after(command, chance.uniform(seconds / 3, seconds))
            time.sleep(1)  # for the server to end the transaction of a client that is gone
            (found,) = run_text(graph, FIND)
            assert found["articles"] == ARTICLES
            assert found["stock"] in (1, 2)
            assert read_state(graph).stock - version == (found["stock"] != held)
            held = int(str(found["stock"]))
