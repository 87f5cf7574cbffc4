"""hmrec serve: run the HTTP service and its page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from .connect import open_graph
from .terminal.show import AsJson, dump_json
from .terminal.words import echo
from .warm_up import start_warm_up

if TYPE_CHECKING:
    import socket

TIMEOUT = 3.0  # seconds that a request waits for an unreachable Neo4j


def serve(
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to listen on; other machines can connect only with HMREC_TOKEN."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8000,
    cache: Annotated[
        int, typer.Option(min=0, metavar="N", help="Recommendations to cache until the graph changes, about 3 kB each.")
    ] = 20_000,
    explore: Annotated[
        float,
        typer.Option(
            min=0, max=0.5, metavar="SHARE", help="Share of the places of logged lists to fill at random, such as 0.05."
        ),
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Serve recommendations over HTTP, with a page to view them, until interrupted.

    Reads the graph. If HMREC_TOKEN is set, requests must send it (Authorization: Bearer). Only requests with the value
    of HMREC_WRITE_TOKEN can write; without that setting, the service writes nothing, except for the share of its lists
    that HMREC_LOG_SHARE lets it log.

    Example: hmrec serve --port 8000
    """
    from ..cypher.errors import UserMistake

    try:
        import uvicorn

        from .service.app import make_app
        from .service.impressions import ImpressionLog
        from .service.settings import ServiceSettings, choose_token, choose_write_token
    except ImportError as error:
        raise UserMistake(f"The service needs {error.name}.", "pip install 'hmrec[serve]'") from error

    token, write_token, settings = choose_token(host), choose_write_token(), ServiceSettings()
    with listen(host, port) as listener, open_graph() as graph:
        graph.timeout, graph.notify = TIMEOUT, None  # a request fails fast instead of waiting
        name = f"[{host}]" if ":" in host else host
        impressions = ImpressionLog(graph, settings.log_share, settings.log_days)
        app = make_app(graph, token, cache, write_token, settings.image_url, impressions, explore)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        address = f"http://{name}:{listener.getsockname()[1]}/"
        if as_json:
            dump_json({"address": address, "description": f"{address}openapi.json"})
        else:
            echo(f"hmrec serves at {address} (API documentation: /docs)")
        sys.stdout.flush()
        start_warm_up(app.state.recommender)
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket before anything else is started.

    Raises
    ------
    UserMistake : the port is taken, or the address is not this machine's.
    """
    import socket

    from ..cypher.errors import UserMistake

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, UnicodeError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "no such address"
        raise UserMistake(
            f"Cannot listen at {host[:100]!r}, port {port}: {why}.", "Choose another with --port."
        ) from error
