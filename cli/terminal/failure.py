"""Convert an exception to the sentence and the exit status for the user."""

from __future__ import annotations

from typing import Any

from ...cypher.errors import HmrecError
from .words import is_usage_error, one_line

NAME = 200  # characters of a file's name in a message


def describe(error: Exception) -> tuple[str, int]:
    """Return the sentence for `error` and the exit status: 2 for the user's mistakes, 1 for other failures.

    The sentence is empty if there is nothing more to say.

    Parameters
    ----------
    error : any exception of a command.
    """
    import pydantic
    from neo4j.exceptions import DriverError, Neo4jError

    if isinstance(error, HmrecError):
        return one_line(str(error)), error.exit_status
    if is_usage_error(error):
        return _describe_usage(error), 2
    if isinstance(error, pydantic.ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        return one_line(f"The setting {name} of {error.title} is wrong: {first['msg']}."), 2
    if isinstance(error, FileNotFoundError):
        return one_line(f"The file {str(error.filename)[:NAME]} does not exist."), 2
    if isinstance(error, OSError):
        return one_line(f"{str(error.filename or 'The system')[:NAME]}: {error.strerror or error}."), 1
    if isinstance(error, (DriverError, Neo4jError)):
        return one_line(f"Neo4j failed: {error}."), 1
    return one_line(f"Unexpected: {type(error).__name__}: {error}. Run it with --debug for the traceback."), 1


def _describe_usage(error: Any) -> str:
    """Return what typer did not understand, and how to get help."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help was printed when it was raised
        return ""
    message = one_line(str(error.format_message()))[:300].rstrip(".")
    command = error.ctx.command_path if getattr(error, "ctx", None) else "hmrec"
    return f"{message}. See `{command} --help`."
