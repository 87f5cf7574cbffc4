"""The `hmrec` command: parses, calls one library function, prints. Errors end here, as one sentence."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from importlib.metadata import version
from types import TracebackType
from typing import Annotated

import typer

from ..cypher.redaction import redact
from . import (
    db,
    demo,
    doctor,
    embed,
    evaluate,
    explain,
    export,
    load,
    models,
    query,
    recommend,
    report,
    sample,
    serve,
    stock,
    train,
    values,
)
from .connect import choose_timeout
from .terminal.words import Redacted, is_usage_error, set_quiet

INTERRUPTED = 130

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
app.command("stock")(stock.stock)
app.command("train")(train.train)
app.command("embed")(embed.embed)
app.command("export")(export.export)
app.command("recommend")(recommend.recommend)
app.command("explain")(explain.explain)
app.command("serve")(serve.serve)
app.command("values")(values.values)
app.command("query")(query.query)
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("hmrec"))
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", help="Print only results and errors, no progress and no notes (anywhere in the line)."),
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            min=0,
            max=1e6,
            metavar="SECONDS",
            help="Seconds to wait for an unreachable Neo4j, when connecting and during work (anywhere in the line; "
            "default: HMREC_TIMEOUT, or 30).",
        ),
    ] = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (anywhere in the line).")
    ] = False,
) -> None:
    """Set the options that all commands share."""
    set_quiet(quiet)
    choose_timeout(timeout)


def main() -> None:
    """Run the command line; exit status 0: success, 1: failure outside hmrec, 2: user's mistake, 130: interrupted."""
    plain = sys.stderr
    sys.stderr = Redacted(plain)
    try:
        _run()
    finally:
        sys.stderr = plain


def _run() -> None:
    arguments = _move_to_front(sys.argv[1:], ("--quiet", "--debug"), ("--timeout",))
    debug = "--debug" in arguments[:2]  # after --quiet
    if not debug:
        warnings.simplefilter("ignore")  # libraries address these to developers, not to users
    if not sys.stdout.isatty():
        os.environ.setdefault("_TYPER_FORCE_DISABLE_TERMINAL", "1")  # typer treats GitHub's runners as terminals
    try:
        _require_text(arguments)
        status = app(arguments, prog_name="hmrec", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        if debug:
            raise
        status = INTERRUPTED
    except Exception as error:
        if debug and not is_usage_error(error):
            sys.excepthook = _show_traceback  # here, because typer sets its own
            raise
        from .terminal.failure import describe

        sentence, status = describe(error)
        if sentence:
            typer.echo(f"hmrec: {sentence}", err=True)
    if status == INTERRUPTED:
        typer.echo("hmrec: interrupted.", err=True)
    sys.exit(status or 0)


def _show_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an error's traceback, without secrets."""
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))


def _move_to_front(words: list[str], options: tuple[str, ...], valued: tuple[str, ...] = ()) -> list[str]:
    """Return the words with these options in front, so that they may be anywhere before a lone `--`.

    Parameters
    ----------
    words : of the line.
    options : options without a value.
    valued : options whose value is the next word, or follows `=`.
    """
    end = words.index("--") if "--" in words else len(words)
    found = [option for option in options if option in words[:end]]
    rest: list[str] = []
    line = iter(words[:end])
    for word in line:
        if word in valued:
            found += [word, *([value] if (value := next(line, None)) is not None else [])]
        elif word.startswith(tuple(f"{option}=" for option in valued)):
            found.append(word)
        elif word not in options:
            rest.append(word)
    return [*found, *rest, *words[end:]]


def _require_text(words: list[str]) -> None:
    """Reject words that no file, server or terminal would accept.

    Raises
    ------
    UserMistake : a word is not UTF-8, or contains a null character.
    """
    for word in words:
        if "\0" in word or any("\ud800" <= character <= "\udfff" for character in word):
            from ..cypher.errors import UserMistake

            raise UserMistake("A word on the command line is not UTF-8 text.")
