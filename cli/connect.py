"""The graph that a command works on: the server the user names, or else the local one, started if it sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .bars import Bars

if TYPE_CHECKING:
    from ..cypher.graph import Graph
    from ..cypher.server import LocalServer


def local_server() -> LocalServer | None:
    """The local server, or None where NEO4J_URI names another one."""
    from ..cypher.server import LocalServer
    from ..cypher.settings import ConnectionSettings

    return None if ConnectionSettings().uri else LocalServer()


def open_graph(bars: Bars | None = None) -> Graph:
    """Connect to the graph; an installed local server that does not run is started first.

    Raises
    ------
    ServerUnavailable : no server is named and none is installed, or it does not answer.
    """
    from ..cypher.graph import Graph

    server = local_server()
    if server is not None and server.is_installed and server.find_process() is None:
        if bars is not None:
            server.start(bars)
        else:
            with Bars() as own:
                server.start(own)
    return Graph.connect()
