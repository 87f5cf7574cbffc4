"""Options that cannot be together: one that would have no effect is refused, not ignored."""

from __future__ import annotations

import typer


def is_given(context: typer.Context, name: str) -> bool:
    """Whether the user wrote the option in the line, be it with its default value."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse(context: typer.Context, *names: str, because: str) -> None:
    """Refuse options that the user wrote and that would have no effect.

    Parameters
    ----------
    context : of the command.
    names : the options' parameters.
    because : when and why they would have no effect, to follow "has no effect".

    Raises
    ------
    UserMistake : one of them was given; the message names it.
    """
    from ..cypher.errors import UserMistake

    for parameter in context.command.params:
        if parameter.name in names and is_given(context, parameter.name):
            option = next(name for name in parameter.opts if name.startswith("--"))
            raise UserMistake(f"{option} has no effect {because}.", "Leave one of them out.")
