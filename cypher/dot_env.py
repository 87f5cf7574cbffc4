"""Settings in the file .env of the working folder, as KEY=VALUE lines."""

from __future__ import annotations

import io
import re
from pathlib import Path

from .errors import UserMistake

DOT_ENV = Path(".env")
_OURS = re.compile(r"(?:export\s+)?(NEO4J_|HMREC_)")
_LITERAL = re.compile(r"[^=]*=[^\S\r\n]*'")


def read_dot_env(file: Path = DOT_ENV) -> dict[str, str]:
    """Read the file's settings; empty if there is no file.

    `${NAME}` is replaced by another variable's value, but not between single quotes.

    Raises
    ------
    UserMistake : the file is not UTF-8 text, or one of hmrec's lines cannot be parsed.
    """
    if not file.exists() or file.is_dir():
        return {}
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserMistake(f"{file.absolute()} is not UTF-8 text (line {line}).", "Save it as UTF-8.") from None
    return parse_dot_env(text, file)


def parse_dot_env(text: str, file: Path = DOT_ENV) -> dict[str, str]:
    """Parse settings from text; see `read_dot_env`."""
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    values = {}
    literal = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error and _OURS.match(binding.original.string.lstrip()):
            raise UserMistake(
                f"{file.absolute()}, line {binding.original.line}, is not KEY=VALUE.",
                "Close its quotes: KEY='VALUE'.",
            )
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
            literal[binding.key] = bool(_LITERAL.match(binding.original.string))
    expanded = dotenv_values(stream=io.StringIO(text)) if "$" in text else values
    return {key: value if literal[key] else (expanded.get(key) or "") for key, value in values.items()}
