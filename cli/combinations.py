"""Combinations of options: one that would have no effect is an error, not ignored."""

from __future__ import annotations

import typer


def is_given(context: typer.Context, name: str) -> bool:
    """Return whether the user passed the option, even with its default value."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse(context: typer.Context, *names: str, because: str) -> None:
    """Raise an error if the user passed an option that would have no effect.

    Parameters
    ----------
    context : of the command.
    names : the options' parameters.
    because : when and why they have no effect, to follow "has no effect".

    Raises
    ------
    UserMistake : one of them was passed; the message names it.
    """
    from ..cypher.errors import UserMistake

    for parameter in context.command.params:
        if parameter.name in names and is_given(context, parameter.name):
            option = max(parameter.opts, key=len)
            raise UserMistake(f"{option} has no effect {because}.", "Omit one of them.")
