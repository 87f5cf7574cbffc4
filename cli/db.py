"""hmrec db: the local Neo4j."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .connect import chosen_timeout, local_server, open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json, format_unready_indexes
from .terminal.words import echo

if TYPE_CHECKING:
    from ..cypher.local.backup import BackupReceipt
    from ..cypher.local.server import LocalServer

app = typer.Typer(
    no_args_is_help=True, help="The local Neo4j server: install, start, stop, status, backup, restore, open, logs."
)


@app.command()
def install(as_json: AsJson = False) -> None:
    """Download Neo4j Community and Neo4j Browser (about 175 MB, checked by SHA-256) and set a password.

    Reads Maven Central; writes the folder HMREC_HOME (default: the user's data folder). Needs neither Java nor Docker.

    Example: hmrec db install
    """
    from ..cypher.local.server import LocalServer

    server = LocalServer()
    with Bars() as bars:
        server.install(bars)
    if as_json:
        dump_json(vars(server.status()))
    else:
        echo(f"Neo4j is installed in {server.home}. Start it with: hmrec db start")


@app.command()
def start(
    as_json: AsJson = False,
) -> None:
    """Start the local server, installing it if needed, and wait until it answers.

    Writes its logs and data under HMREC_HOME. The server listens on 127.0.0.1 only and keeps running after this
    command. Waits for at most 180 seconds, or --timeout SECONDS.

    Example: hmrec db start
    """
    from ..cypher.local.server import START_SECONDS, LocalServer
    from ..loader.connect import start_server

    with Bars() as bars:
        status = start_server(LocalServer(), bars, chosen_timeout() or START_SECONDS)
    if as_json:
        dump_json(vars(status))
    else:
        echo(f"Neo4j {status.version} answers at {status.uri}; Neo4j Browser is at {status.http}/browser/")


@app.command()
def stop(as_json: AsJson = False) -> None:
    """Stop the local server and wait until it has stopped; the graph remains on disk.

    Example: hmrec db stop
    """
    from ..cypher.local.server import LocalServer

    with Bars() as bars:
        stopped = LocalServer().stop(bars)
    if as_json:
        dump_json({"stopped": stopped})
    else:
        echo("Neo4j has stopped." if stopped else "Neo4j was not running.")


BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, e.g. monday.dump.")]


@app.command()
def backup(
    file: BackupFile,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the local server's graph to one file: purchases, embeddings, models and ranker.

    Stops the server during the backup, and restarts it if it was running. FILE appears only when it is complete. It is
    a neo4j-admin dump, which any Neo4j of this version or later can load. The password is not part of it.

    Example: hmrec db backup monday.dump
    """
    from ..cypher.local.backup import back_up

    server = require_local_server("back it up with its own tools: neo4j-admin database dump, or a snapshot in Aura.")
    with Bars() as bars:
        receipt = back_up(server, file, force, bars)
    print_receipt(receipt, f"The backup is in {receipt.file}", as_json)


@app.command()
def restore(
    file: BackupFile,
    as_json: AsJson = False,
) -> None:
    """Replace the local server's graph by the one in FILE, after unpacking and checking it.

    Reads a file of `hmrec db backup` or a neo4j-admin dump; installs the local server if needed. Needs disk space for
    both graphs while it runs. If the file is damaged, the graph is unchanged.

    Example: hmrec db restore monday.dump
    """
    from ..cypher.local.backup import restore as restore_graph
    from ..loader.connect import start_server

    server = require_local_server("restore it with its own tools: neo4j-admin database load, or a snapshot in Aura.")
    with Bars() as bars:
        receipt = restore_graph(server, file, bars)
        if receipt.running:
            start_server(server, bars)  # also creates the constraints that a killed load has left out
    print_receipt(receipt, f"The graph is restored from {receipt.file}", as_json)


def require_local_server(otherwise: str) -> LocalServer:
    """Return the local server.

    Raises
    ------
    UserMistake : NEO4J_URI selects another; the message says what to do `otherwise`.
    """
    from ..cypher.errors import UserMistake

    server = local_server()
    if server is None:
        raise UserMistake("NEO4J_URI selects your own server;", otherwise)
    return server


def print_receipt(receipt: BackupReceipt, what: str, as_json: bool) -> None:
    """Print the result of a backup or a restore."""
    if as_json:
        dump_json(vars(receipt))
        return
    echo(
        f"{what}: {receipt.customers:,} customers, {receipt.articles:,} articles and {receipt.bought:,} BOUGHT in "
        f"{receipt.bytes / 1e6:,.1f} MB, {receipt.seconds:.0f} s."
    )


@app.command("status")
def show_status(as_json: AsJson = False) -> None:
    """Show the server's address and state, the size of the graph, and the loads.

    Reads the server; writes nothing. Prints the file of the password, not the password.

    Example: hmrec db status --json
    """
    from ..cypher.graph import Graph
    from ..cypher.settings import ConnectionSettings
    from ..cypher.state import read_counts

    server = local_server()
    facts: dict[str, object] = {}
    running = True
    if server is not None:
        status = server.status()
        running = status.running
        facts = {
            "running": running, "installed": status.installed, "uri": status.uri, "http": status.http,
            "user": status.user, "password_file": str(status.password_file), "version": status.version,
            "home": str(status.home), "pid": status.pid,
        }  # fmt: skip
    else:
        settings = ConnectionSettings()
        facts = {
            "running": True,
            "uri": settings.uri,
            "user": settings.username,
            "database": settings.database,
        }
    loads: list[dict[str, Any]] = []
    if running:
        with Graph.connect(timeout=0) as graph:
            facts["version"] = graph.server_version()
            facts |= vars(read_counts(graph))
            loads = list(graph.read("loads")["load"])
            facts["indexes"] = format_unready_indexes(graph) or "online"
    if as_json:
        dump_json(facts | {"loads": [_unpack(load) for load in loads]})
        return
    for name, value in facts.items():
        echo(f"{name:14} {value if value is not None else ''}")
    for load in loads:
        sums = ", ".join(
            f"{load.get(f'transactions_train_{name}', 0):,} {name}" for name in ("read", "loaded", "merged", "rejected")
        )
        echo(f"load           {load['started']} {load.get('mode', '')} {load['folder']}: purchases {sums}")


def _unpack(load: dict[str, Any]) -> dict[str, Any]:
    """Return a load's properties, with its report as JSON instead of text."""
    return load | {"report": json.loads(load["report"])} if "report" in load else load


@app.command("open")
def open_browser(
    guide: Annotated[
        bool, typer.Option("--guide", help="Write a guide to this graph, saved queries and a style; play the guide.")
    ] = False,
    customer: Annotated[str | None, typer.Option(help="The guide's example customer; chosen if omitted.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print Neo4j Browser's address, user and password, and open it if there is a display.

    Reads the password file; starts the server if it is not running. With --guide, reads the graph and writes the
    folder web/browser/hmrec under HMREC_HOME, which the server shows in Neo4j Browser.

    Example: hmrec db open --guide
    """
    from ..cypher.browser.guide import write_guide
    from ..cypher.errors import UserMistake

    server = local_server()
    if server is None:
        raise UserMistake("NEO4J_URI selects your own server; open its Neo4j Browser as its provider describes.")
    if customer is not None and not guide:
        raise UserMistake("--customer needs --guide: it sets the guide's example customer.")
    with open_graph() as graph:
        status = server.status()
        address = f"{status.http}/browser/"
        written = write_guide(graph, server.guide_folder, status.http, customer) if guide else None
    facts = {
        "Neo4j Browser": written.browser if written else address,
        "Connect URL": status.uri,
        "Username": status.user,
        "Password": server.password_file.read_text(encoding="utf-8").strip(),
    }
    if written:
        facts |= {
            "Guide": f":play {written.play}",
            "Style": f":style {written.style}",
            "Saved queries": f"{written.saved_queries} (download it and drop it on the Browser's window)",
        }
    if as_json:
        dump_json({name.lower().replace(" ", "_"): value for name, value in facts.items()})
    else:
        for name, value in facts.items():
            echo(f"{name:14} {value}")
    if has_display():
        import webbrowser

        webbrowser.open(written.browser if written else address)


def has_display() -> bool:
    """Return whether a web browser can be opened for the user."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@app.command()
def logs(
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Number of lines.")] = 40,
    as_json: AsJson = False,
) -> None:
    """Print the end of the local server's log.

    Reads logs/console.log and logs/neo4j.log under HMREC_HOME.

    Example: hmrec db logs -n 100
    """
    from ..cypher.errors import UserMistake
    from ..cypher.local.server import LocalServer

    server = LocalServer()
    files = [file for file in (server.logs / "neo4j.log", server.logs / "console.log") if file.is_file()]
    if not files:
        raise UserMistake(
            f"There is no log in {server.logs}.", "The local server has not been started yet; run: hmrec db start"
        )
    tails = {str(file): file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:] for file in files}
    if as_json:
        dump_json([{"file": file, "lines": tail} for file, tail in tails.items()])
        return
    for file, tail in tails.items():
        if tail:
            echo(f"== {file}")
            echo("\n".join(tail))
