"""hmrec serve: the HTTP service and its page."""

from __future__ import annotations

import socket
import sys
from typing import Annotated

import typer

from .connect import open_graph
from .terminal.show import AsJson, dump_json
from .terminal.words import echo

TIMEOUT = 3.0  # seconds that a request waits for a Neo4j that does not answer


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; other than this machine only with HMREC_TOKEN.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    cache: Annotated[
        int, typer.Option(min=0, metavar="N", help="Recommendations kept until the next load, about 3 kB each.")
    ] = 20_000,
    as_json: AsJson = False,
) -> None:
    """Serve recommendations over HTTP, with a page to look at them, until interrupted.

    Only reads the graph, writes nothing. Where HMREC_TOKEN is set, requests must bear it (Authorization: Bearer).

    Example: hmrec serve --port 8000
    """
    from ..cypher.errors import UserMistake

    try:
        import uvicorn

        from .service.app import make_app
        from .service.settings import choose_token
    except ImportError as error:
        raise UserMistake(f"The service needs {error.name}.", "pip install 'hmrec[serve]'") from error

    token = choose_token(host)
    with listen(host, port) as door, open_graph() as graph:
        graph.timeout, graph.notify = TIMEOUT, None  # a request fails fast instead of waiting
        name = f"[{host}]" if ":" in host else host
        app = make_app(graph, token, cache)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        address = f"http://{name}:{door.getsockname()[1]}/"
        if as_json:
            dump_json({"address": address, "description": f"{address}openapi.json"})
        else:
            echo(f"hmrec serves at {address} (the API's description: /docs)")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[door])


def listen(host: str, port: int) -> socket.socket:
    """The port, taken before anything else is started.

    Raises
    ------
    UserMistake : it is taken, or the address is not this machine's.
    """
    from ..cypher.errors import UserMistake

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "no such address"
        raise UserMistake(f"Cannot listen at {host[:100]!r}, port {port}: {why}.", "--port names another.") from error
