"""`hmrec segments --write` killed with SIGKILL at a random moment: readers see the old segments or the new, whole."""

from __future__ import annotations

import time

from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer

from tests.conftest import empty, run_text
from tests.faults.children import count_repeats, draw_moments, kill_after, server_environment, start_command

CUSTOMERS = 8_000
CREATE = """
    UNWIND range(1, $n) AS n CALL (n) {
        MATCH (a:Article {article_id: toString(n % 4)})
        CREATE (:Customer {customer_id: toString(n)})-[:BOUGHT {
            t_dat: date('2020-01-01') + duration({days: n % 50}), article_id: a.article_id, quantity: 1,
            sales_channel_id: 1
        }]->(a)
    } IN TRANSACTIONS OF 10000 ROWS
"""
ARTICLES = "UNWIND range(0, 3) AS n CREATE (:Article {article_id: toString(n), department_name: 'D' + n})"
FIND = """
    MATCH (now:SegmentsInForce) MATCH (s:Segment {version: now.version})
    RETURN count(s) AS segments, sum(s.size) AS size, sum(COUNT { (s)<-[:IN_SEGMENT]-(:Customer) }) AS members
"""


def test_a_killed_command_leaves_the_old_or_the_new_segments(local_server: LocalServer) -> None:
    chance = draw_moments()
    local_server.start()
    environment = server_environment(local_server)
    with Graph.connect(local_server.connection()) as graph:
        empty(graph)
        graph.write("constraints")
        graph.write("indexes")
        run_text(graph, ARTICLES)
        run_text(graph, CREATE, n=CUSTOMERS)
        begun = time.monotonic()
        assert start_command("segments", "--write", "-k", "2", **environment).wait() == 0
        seconds, held = time.monotonic() - begun, 2
        for _ in range(count_repeats(2)):
            command = start_command("segments", "--write", "-k", str(6 - held), **environment)
            kill_after(command, chance.uniform(seconds / 3, seconds))
            time.sleep(1)  # for the server to end the transaction of a client that is gone
            (found,) = run_text(graph, FIND)
            assert found["segments"] in (2, 4)
            assert found["size"] == found["members"] == CUSTOMERS
            held = int(str(found["segments"]))
        assert start_command("segments", "--write", "-k", "3", **environment).wait() == 0
        assert run_text(graph, "MATCH (s:Segment) RETURN count(s) AS n") == [{"n": 3}]
