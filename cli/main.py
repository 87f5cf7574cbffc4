"""The `hmrec` command: parses, calls one library function, prints. Errors end here, as one sentence."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType, TracebackType
from typing import Annotated

import typer

from ..cypher.redaction import redact
from .connect import choose_timeout
from .terminal.words import Redacted, is_usage_error, set_quiet

INTERRUPTED = 130

COMMANDS = (
    "demo", "load", "stock", "events", "forget", "train", "embed", "relate", "refresh", "check", "export", "recommend",
    "audience", "related", "explain", "serve", "mcp", "values", "query", "evaluate", "outcomes", "report", "doctor",
    "db", "sample", "models", "segments", "rules", "experiment",
)  # fmt: skip
"""The commands in the order of the help. Each is a function in a module of its name, or an app of several."""

COMPLETION = "_HMREC_COMPLETE"
"""The environment variable with which shells ask for completions: the line itself is in another one."""

LISTING: tuple[list[str], ...] = ([], ["--help"], ["-h"], ["--version"])
"""The lines that need of the commands only their names and descriptions."""


def make_app(names: Iterable[str] = COMMANDS, *, is_listing: bool = False) -> typer.Typer:
    """Return the command line.

    Parameters
    ----------
    names : the commands to import; those of one line need not wait for the others.
    is_listing : give the commands their descriptions only, without options. Reading the options takes a quarter of the
        time of `hmrec --help`.
    """
    made = typer.Typer(
        name="hmrec",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
        help="A recommender in a graph you can ask: load purchases into Neo4j, train a graph neural network on it, "
        "recommend by Cypher. Start with: hmrec demo",
    )
    made.callback()(_options)
    for name in names:
        module = import_module(f".{name}", __package__)
        if is_listing:
            made.command(name, help=_find_description(module, name))(lambda: None)
        elif hasattr(module, "app"):
            made.add_typer(module.app, name=name)
        else:
            made.command(name)(getattr(module, name))
    return made


def _find_description(module: ModuleType, name: str) -> str:
    """Return what the help of a command begins with."""
    if not hasattr(module, "app"):
        return str(getattr(module, name).__doc__)
    callback = module.app.registered_callback
    return str(module.app.info.help if callback is None else callback.callback.__doc__)


def __getattr__(name: str) -> typer.Typer:
    """Return `app`, the whole command line, which is made when it is first used."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = made = make_app()
    return made


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from ..cypher.local.install import NEO4J_VERSION

        typer.echo(f"hmrec {version('hmrec')}, local Neo4j {NEO4J_VERSION}")
        raise typer.Exit


def _options(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the versions of hmrec and its local Neo4j, and exit.",
        ),
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
        command = find_command(arguments)
        is_listing = arguments in LISTING and COMPLETION not in os.environ
        app = make_app(COMMANDS if command is None else [command], is_listing=is_listing)
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


def find_command(words: list[str]) -> str | None:
    """Return the command of a line; None if other options or another word come first, or there is none.

    Parameters
    ----------
    words : of the line, with the options that all commands share in front.
    """
    rest = iter(words)
    for word in rest:
        if word == "--timeout":
            next(rest, None)
        elif word not in ("--quiet", "--debug") and not word.startswith("--timeout="):
            return word if word in COMMANDS else None
    return None


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
