"""From an exception to the sentence and the exit status that the user gets."""

from __future__ import annotations

import re

from ..cypher.errors import HmrecError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def describe(error: Exception) -> tuple[str, int]:
    """The sentence for `error` and the exit status: 2 for the user's mistakes, 1 for the world's.

    Parameters
    ----------
    error : whatever a command raised.
    """
    import pydantic
    from neo4j.exceptions import DriverError, Neo4jError

    if isinstance(error, HmrecError):
        return one_line(str(error)), error.exit_status
    if isinstance(error, pydantic.ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        return one_line(f"The setting {name} of {error.title} is wrong: {first['msg']}."), 2
    if isinstance(error, FileNotFoundError):
        return one_line(f"There is no file {error.filename}."), 2
    if isinstance(error, UnicodeDecodeError):
        return "A file is not text in UTF-8.", 2
    if isinstance(error, OSError):
        return one_line(f"{error.filename or 'The system'}: {error.strerror or error}."), 1
    if isinstance(error, (DriverError, Neo4jError)):
        return one_line(f"Neo4j failed: {error}."), 1
    return one_line(f"Unexpected: {type(error).__name__}: {error}. The same command with --debug shows where."), 1


def one_line(sentence: str) -> str:
    """One line, whatever a file or a server put into it: no control characters, none that turn the writing around."""
    return _CONTROL.sub("?", sentence.replace("\r", " ").replace("\n", " "))[:2000]
