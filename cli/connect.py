"""The graph that a command works on: the server the user names, or else the local one, started if it sleeps."""

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
    """The local server, or None where NEO4J_URI names another one."""
    from ..cypher.local.server import LocalServer
    from ..cypher.settings import ConnectionSettings

    return None if ConnectionSettings().uri else LocalServer()


def choose_timeout(seconds: float | None) -> None:
    """Wait so long for a server that is away, here and in every process that this one starts; None changes nothing."""
    from ..cypher.settings import TIMEOUT

    global _chosen
    _chosen = seconds
    if seconds is not None:
        os.environ[TIMEOUT] = str(seconds)


def chosen_timeout() -> float | None:
    """Return the seconds of --timeout; None if the line has none."""
    return _chosen


def open_graph(bars: Bars | None = None) -> Graph:
    """Connect to the graph; an installed local server that does not run is started first.

    While it waits for a server that is away, a note on standard error says so.

    Parameters
    ----------
    bars : where progress is shown; None shows it in bars of its own.

    Raises
    ------
    ServerUnavailable : no server is named and none is installed, or it does not answer.
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
    """Start the local server, and make the constraints that a bulk load owes which was killed.

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
