"""Shops in local servers of their own, measured one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hmrec.cypher.graph import Graph
from hmrec.cypher.local.server import LocalServer


def visit_shops(shops: Sequence[str], measure: Callable[[Graph, str], None]) -> None:
    """Measure one shop after the other, each in its own local server, which runs only meanwhile.

    Parameters
    ----------
    shops : NAME=DIR of each; DIR is the server's HMREC_HOME.
    measure : takes the shop's graph and its name.
    """
    for shop in shops:
        name, _, home = shop.partition("=")
        server = LocalServer(Path(home))
        was_running = server.find_process() is not None
        server.start()
        try:
            with Graph.connect(server.connection()) as graph:
                measure(graph, name)
        finally:
            if not was_running:
                server.stop()
