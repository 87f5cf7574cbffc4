"""The commands of the typer app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hmrec.cli.main import app
from typer.main import get_command


def list_commands() -> dict[tuple[str, ...], Any]:
    """Return every command by its words, e.g. ("db", "start"), including groups that are commands themselves."""
    return dict(_walk(get_command(app), ()))


def _walk(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    children = getattr(command, "commands", {})
    if words and (not children or command.invoke_without_command):
        yield words, command
    for name, child in children.items():
        yield from _walk(child, (*words, name))
