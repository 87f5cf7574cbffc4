"""Connect a command to the graph: to NEO4J_URI, or else to the local server, started if it is stopped."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .terminal.bars import Bars
from .terminal.words import echo_note

if TYPE_CHECKING:
    from ..cypher.graph import Graph
    from ..cypher.local.server import LocalServer, ServerStatus

_chosen: float | None = None


def local_server() -> LocalServer | None:
    """Return the local server; None if NEO4J_URI selects another."""
    from ..cypher.local.server import LocalServer
    from ..cypher.settings import ConnectionSettings

    return None if ConnectionSettings().uri else LocalServer()


def choose_timeout(seconds: float | None) -> None:
    """Set the seconds to wait for an unreachable server, for this process and its children; None changes nothing."""
    from ..cypher.settings import TIMEOUT

    global _chosen
    _chosen = seconds
    if seconds is not None:
        os.environ[TIMEOUT] = str(seconds)


def chosen_timeout() -> float | None:
    """Return the value of --timeout in seconds; None if it was not passed."""
    return _chosen


def open_graph(bars: Bars | None = None) -> Graph:
    """Connect to the graph; an installed local server that is stopped is started first.

    While it waits for an unreachable server, it prints a note on standard error.

    Parameters
    ----------
    bars : shows progress; None creates its own bars.

    Raises
    ------
    ServerUnavailable : no server is configured and none is installed, or it does not answer.
    """
    from ..cypher.graph import Graph

    server = local_server()
    if server is not None and server.is_installed and not server.is_answering():
        if bars is not None:
            start_server(server, bars)
        else:
            with Bars() as own:
                start_server(server, own)
    return Graph.connect(notify=echo_note)


def start_server(server: LocalServer, bars: Bars, timeout: float = 180.0) -> ServerStatus:
    """Start the local server, and create the constraints that a killed bulk load has left out.

    Raises
    ------
    ServerUnavailable : it does not answer in time.
    """
    from ..cypher.graph import Graph
    from ..loader.bulk import finish_bulk

    status = server.start(bars, timeout)
    with Graph.connect(server.connection()) as graph:
        finish_bulk(graph, bars)
    return status
