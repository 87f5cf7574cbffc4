"""The `hmrec` command: parses, calls one library function, prints. Errors end here, in one sentence."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import version
from typing import Annotated

import typer

from . import db, demo, doctor, embed, evaluate, explain, load, models, query, recommend, sample, serve, train

app = typer.Typer(
    name="hmrec",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A recommender in a graph you can ask: load purchases into Neo4j, train a graph neural network on it, "
    "recommend by Cypher. Start with: hmrec demo",
)
app.add_typer(db.app, name="db")
app.add_typer(sample.app, name="sample")
app.add_typer(models.app, name="models")
app.command("demo")(demo.demo)
app.command("load")(load.load)
app.command("train")(train.train)
app.command("embed")(embed.embed)
app.command("recommend")(recommend.recommend)
app.command("explain")(explain.explain)
app.command("serve")(serve.serve)
app.command("query")(query.query)
app.command("evaluate")(evaluate.evaluate)
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("hmrec"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback when something fails (anywhere in the line).")
    ] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Run the command line; exit status 0 done, 1 the world's fault, 2 the user's mistake, 130 interrupted."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    if not debug:
        warnings.simplefilter("ignore")  # the libraries' words to developers, not to users
    try:
        app([word for word in arguments if word != "--debug"], prog_name="hmrec")
    except KeyboardInterrupt:
        if debug:
            raise
        typer.echo("hmrec: interrupted.", err=True)
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        from .failure import describe

        sentence, status = describe(error)
        typer.echo(f"hmrec: {sentence}", err=True)
        sys.exit(status)
