"""Connect to the graph: to NEO4J_URI, or else to the local server, started if it is stopped."""

from __future__ import annotations

from ..cypher.graph import Graph
from ..cypher.local.server import START_SECONDS, LocalServer, ServerStatus
from ..cypher.progress import Notify, Progress, silent
from ..cypher.settings import ConnectionSettings
from .bulk import finish_bulk


def connect(*, timeout: float | None = None, notify: Notify | None = None, progress: Progress = silent) -> Graph:
    """Connect to the graph that the commands use; an installed local server that is stopped is started first.

    Parameters
    ----------
    timeout, notify : as for `Graph.connect`.
    progress : receives the steps of starting the server.

    Raises
    ------
    ServerUnavailable : no server is configured and none is installed, or it does not answer.
    """
    if (server := find_stopped_server()) is not None:
        start_server(server, progress)
    return Graph.connect(timeout=timeout, notify=notify)


def find_stopped_server() -> LocalServer | None:
    """Return the local server if it must be started before connecting; None if NEO4J_URI selects another."""
    if ConnectionSettings().uri:
        return None
    server = LocalServer()
    return server if server.is_installed and not server.is_answering() else None


def start_server(server: LocalServer, progress: Progress, timeout: float = START_SECONDS) -> ServerStatus:
    """Start the local server, and create the constraints that a killed bulk load has left out.

    Parameters
    ----------
    server : the local server.
    progress : receives the steps.
    timeout : seconds to wait for its first answer.

    Raises
    ------
    ServerUnavailable : it does not answer in time.
    """
    status = server.start(progress, timeout)
    with Graph.connect(server.connection()) as graph:
        finish_bulk(graph, progress)
    return status
