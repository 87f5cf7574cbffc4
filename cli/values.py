"""hmrec values: list the values that articles' properties have, to filter by."""

from __future__ import annotations

from typing import Annotated

import typer

from .combinations import refuse
from .connect import open_graph
from .terminal.complete import complete_property
from .terminal.show import Form, Format, JsonForm, choose_format, show


def values(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="PROPERTY",
            autocompletion=complete_property,
            help="A property such as department_name, or department for short; none to list the properties.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--number", min=1, max=1_000_000, help="Number of values.")] = 100,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """List the values of a property of articles, the most frequent first, with the number of articles.

    These are what `hmrec recommend` takes for --department, --colour and in --where. Reads the graph; writes nothing.

    Example: hmrec values department -k 10
    """
    from ..graph_ml.recommend.values import list_properties, list_values

    form = choose_format(form, as_json)
    if name is None:
        refuse(context, "k", because="without PROPERTY, which lists all properties")
    with open_graph() as graph:
        show(list_properties(graph) if name is None else list_values(graph, name, k=k), form)
