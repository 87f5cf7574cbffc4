"""Connect a command to the graph: to NEO4J_URI, or else to the local server, started if it is stopped."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from .terminal.bars import Bars
from .terminal.words import echo_note

if TYPE_CHECKING:
    from ..cypher.graph import Graph
    from ..cypher.local.server import LocalServer

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
    from ..loader.connect import find_stopped_server, start_server

    if (server := find_stopped_server()) is not None:
        with Bars() if bars is None else nullcontext(bars) as shown:
            start_server(server, shown)
    return Graph.connect(notify=echo_note)
