"""hmrec mcp: let an assistant ask the graph, by the Model Context Protocol."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .combinations import refuse
from .connect import open_graph
from .serve import TIMEOUT, listen
from .terminal.show import AsJson, dump_json
from .terminal.words import echo, echo_note
from .warm_up import start_warm_up


def mcp(
    context: typer.Context,
    http: Annotated[bool, typer.Option("--http", help="Serve over HTTP instead of standard input and output.")] = False,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Address to listen on; other machines can connect only with HMREC_TOKEN."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8001,
    as_json: AsJson = False,
) -> None:
    """Let an assistant ask the graph, by the Model Context Protocol (MCP), until the assistant ends it.

    The tools recommend, explain, find related articles and audiences, run saved queries and describe the graph. They
    read the graph; nothing can write. Over HTTP, requests must send HMREC_TOKEN if it is set (Authorization: Bearer).

    Example: hmrec mcp

    Example: hmrec mcp --http --port 8001
    """
    from ..cypher.errors import UserMistake

    if not http:
        refuse(context, "host", "port", "as_json", because="without --http")
    try:
        import uvicorn

        from ..graph_ml.recommend import Recommender
        from .assistant.server import PATH, make_http_app, make_server, serve_stdio
        from .service.settings import choose_token
    except ImportError as error:
        raise UserMistake(f"The server for assistants needs {error.name}.", "pip install 'hmrec[mcp]'") from error

    if not http:
        if sys.stdin.isatty():
            echo_note("An assistant starts this command and writes to its standard input: docs/assistants.md.")
        with open_graph() as graph:
            graph.timeout, graph.notify = TIMEOUT, None  # a request fails fast instead of waiting
            recommender = Recommender(graph)
            start_warm_up(recommender)
            serve_stdio(make_server(recommender))
        return
    token = choose_token(host)
    with listen(host, port) as listener, open_graph() as graph:
        graph.timeout, graph.notify = TIMEOUT, None
        recommender = Recommender(graph)
        app = make_http_app(make_server(recommender), token)
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        name = f"[{host}]" if ":" in host else host
        address = f"http://{name}:{listener.getsockname()[1]}{PATH}"
        if as_json:
            dump_json({"address": address})
        else:
            echo(f"hmrec answers assistants at {address}")
        sys.stdout.flush()
        start_warm_up(recommender)
        uvicorn.Server(config).run(sockets=[listener])
