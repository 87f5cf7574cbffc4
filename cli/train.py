"""hmrec train: the graph to embeddings, and back onto its nodes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from .bars import Bars
from .connect import open_graph
from .show import dump_json


def train(
    preset: Annotated[
        str, typer.Option(help="default, or slides: as the project's source trained, on 20,000 rows.")
    ] = "default",
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only purchases from that day on."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only purchases before that day."),
    ] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Only that many customers, the first by id.")] = None,
    category: Annotated[
        str | None, typer.Option(help="Only articles of that department, product group or index group.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most that many rounds over the purchases.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed gives the same embeddings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Train the graph neural network on the graph's purchases and write its embeddings back to the nodes.

    Reads the subgraph that the options choose; writes Customer.embedding, Article.embedding, a vector index, and a
    (:Model) that tells where they came from.

    Example: hmrec train --since 2017-06-01
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.export import export_subgraph
    from ..graph_ml.train import PRESETS
    from ..graph_ml.train import train as train_model
    from ..graph_ml.write_back import write_embeddings

    if preset not in PRESETS:
        raise UserMistake(f"--preset is one of {', '.join(PRESETS)}, not {preset[:20]!r}.")
    spec, settings = PRESETS[preset]
    chosen = {
        "since": since and since.date(), "until": until and until.date(), "customers": customers, "category": category,
    }  # fmt: skip
    spec = spec.model_copy(update={name: value for name, value in chosen.items() if value is not None})
    hyper = {"epochs": epochs, "seed": seed}
    settings = settings.model_copy(update={name: value for name, value in hyper.items() if value is not None})
    with Bars() as bars, open_graph(bars) as graph:
        subgraph = export_subgraph(graph, spec, bars)
        trained = train_model(subgraph, settings, bars)
        receipt = write_embeddings(graph, trained, bars)
    if as_json:
        dump_json(vars(receipt) | {"metrics": trained.metrics})
        return
    typer.echo(
        f"Model {receipt.version}: embeddings of {receipt.dim} dimensions are on {receipt.customers:,} customers and "
        f"{receipt.articles:,} articles."
    )
    for name, value in trained.metrics.items():
        typer.echo(f"{name:24} {value:.4f}")
