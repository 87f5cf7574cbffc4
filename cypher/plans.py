"""Plans of queries. The server makes each for the graph as it is then, and may keep it when the graph has changed."""

from __future__ import annotations

from .errors import HmrecError, ServerUnavailable
from .graph import Graph


def renew_plans(graph: Graph) -> str | None:
    """Make the server plan each query anew, for the graph as it is now.

    Neo4j does not notice that an index was empty when it made a plan, and has been filled since. By such a plan,
    user-based CF took ten times as long (decision 0075).

    Parameters
    ----------
    graph : the graph, after a change of most of its purchases.

    Returns
    -------
    A sentence if the server refuses, for instance because the user may not run the procedure; None otherwise.

    Raises
    ------
    ServerUnavailable : the server does not answer.
    """
    try:
        graph.write("renew_plans")
    except ServerUnavailable:
        raise
    except HmrecError as error:
        return f"Queries may be slow until the server is restarted, because it kept their plans: {error}"
    return None
