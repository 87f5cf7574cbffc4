"""hmrec models: list, show and switch the trained versions."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from .combinations import refuse
from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, Form, Format, JsonForm, choose_format, dump_json, show
from .terminal.words import echo

app = typer.Typer(no_args_is_help=False, invoke_without_command=True)

Number = Annotated[int, typer.Argument(min=1, metavar="VERSION", help="Version number, see `hmrec models`.")]
COLUMNS = ("version", "created", "in_force", "usable", "name", "dim", "since", "until", "purchases",
           "validation_map_all", "validation_map_new")  # fmt: skip
SHOWN = {"version": "version", "created": "created", "in_force": "active", "usable": "usable", "name": "name",
         "validation_map_all": "MAP all", "validation_map_new": "MAP new"}  # fmt: skip
"""The columns of the table on a terminal, with their headings."""


@app.callback()
def models(
    context: typer.Context,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """List the trained versions of the model, newest first; `usable` ones can be activated again.

    Reads the (:Model) nodes; writes nothing. JSON has all properties.

    Example: hmrec models
    """
    if context.invoked_subcommand is not None:
        refuse(context, "form", "as_json", because=f"before {context.invoked_subcommand}; put it after that")
        return
    form = choose_format(form, as_json)
    import pandas as pd

    from ..graph_ml.write_back.versions import list_versions

    with open_graph() as graph:
        versions = [_unpack(one.model) | {"usable": one.kept} for one in list_versions(graph)]
    if form is Format.json:
        dump_json(versions)
    elif not versions and form is Format.table:
        echo("This graph has no model yet; `hmrec train` creates one.")
    else:
        table = pd.DataFrame([{name: one.get(name) for name in COLUMNS} for one in versions], columns=COLUMNS)
        show(table[list(SHOWN)].rename(columns=SHOWN) if form is Format.table else table, form)


@app.command("show")
def show_version(version: Number, as_json: AsJson = True) -> None:
    """Print a version's properties as JSON: hyperparameters, data window, metrics, library versions.

    Reads its (:Model) node; writes nothing.

    Example: hmrec models show 1
    """
    from ..graph_ml.write_back.versions import find_version

    with open_graph() as graph:
        found = find_version(graph, version)
    dump_json(_unpack(found.model) | {"usable": found.kept})


@app.command("use")
def use(version: Number, as_json: AsJson = False) -> None:
    """Activate a version: write its embeddings to the nodes again.

    Reads the version's embeddings stored in the graph; writes Customer.embedding, Article.embedding and the vector
    index. Recommendations use the previous version until this one is complete.

    Example: hmrec models use 1
    """
    from ..graph_ml.write_back.write import use_version

    with Bars() as bars, open_graph(bars) as graph:
        receipt = use_version(graph, version, bars)
    if as_json:
        dump_json(vars(receipt))
        return
    echo(
        f"Model {receipt.version} is active: its embeddings are on {receipt.customers:,} customers and "
        f"{receipt.articles:,} articles."
    )


def _unpack(model: dict[str, Any]) -> dict[str, Any]:
    """Return the properties, with JSON values parsed."""
    return {
        name: json.loads(value) if name in ("hyperparameters", "libraries") and isinstance(value, str) else value
        for name, value in model.items()
    }
