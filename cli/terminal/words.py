"""Print results on standard output and notes on standard error, without control characters from the data."""

from __future__ import annotations

import re
from typing import Any, TextIO

import typer

from ...cypher.redaction import redact

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters except tab and line feed, marks that change the writing direction, and surrogates."""

_quiet = False


def set_quiet(quiet: bool) -> None:
    """Print only results and errors from now on, or everything."""
    global _quiet
    _quiet = quiet


def is_quiet() -> bool:
    """Return whether only results and errors are printed."""
    return _quiet


def clean(text: str) -> str:
    """Return the text with `?` in place of each control character."""
    return _CONTROL.sub("?", text)


def one_line(sentence: str) -> str:
    """Return one line of at most 2,000 characters, without control characters and secrets."""
    return clean(redact(sentence).replace("\r", " ").replace("\n", " "))[:2000]


def escape_json(text: str) -> str:
    """Return JSON text with all control characters escaped, including those that JSON allows in strings."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_usage_error(error: Exception) -> bool:
    """Return whether typer rejected the command line. Its error class comes from click in older versions."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def echo(text: str = "") -> None:
    """Print a part of the result."""
    typer.echo(clean(redact(text)))


def echo_note(text: str) -> None:
    """Print a note on standard error; nothing with --quiet."""
    if not _quiet:
        typer.echo(clean(redact(text)), err=True)


class Redacted:
    """A stream that removes secrets from everything written to it, by hmrec, a library or a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text without its secrets."""
        self._stream.write(redact(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
