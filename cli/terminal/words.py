"""What commands say: results on standard output, notes on standard error, never a control character of the data's."""

from __future__ import annotations

import re
from typing import Any, TextIO

import typer

from ...cypher.redaction import redact

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, what turns the direction of writing around, and halves of characters."""

_quiet = False


def set_quiet(quiet: bool) -> None:
    """Say results and errors alone from now on, or everything."""
    global _quiet
    _quiet = quiet


def is_quiet() -> bool:
    """Whether results and errors alone are said."""
    return _quiet


def clean(text: str) -> str:
    """The text without control characters, whatever a file or a server put into it; a `?` for each."""
    return _CONTROL.sub("?", text)


def one_line(sentence: str) -> str:
    """Return one line of at most 2,000 characters, without control characters and secrets."""
    return clean(redact(sentence).replace("\r", " ").replace("\n", " "))[:2000]


def escape_json(text: str) -> str:
    """JSON with the control characters that JSON itself leaves as they are in strings as its escapes."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_usage_error(error: Exception) -> bool:
    """Whether typer did not understand the line. Older versions take the class from click, newer have their own."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def echo(text: str = "") -> None:
    """Print a part of the result."""
    typer.echo(clean(redact(text)))


def echo_note(text: str) -> None:
    """Print on standard error what is worth knowing besides the result; nothing with --quiet."""
    if not _quiet:
        typer.echo(clean(redact(text)), err=True)


class Redacted:
    """A stream that hides secrets from whatever is written to it: by hmrec, a library or a log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write the text without its secrets."""
        self._stream.write(redact(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
