"""hmrec train: train on the graph, and write the embeddings back to its nodes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .combinations import refuse
from .connect import open_graph
from .options import Category, Device, FirstCustomers, Since, Until
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo, echo_note

if TYPE_CHECKING:
    pass


def train(
    context: typer.Context,
    preset: Annotated[
        Literal["default", "lightgcn"],
        typer.Option(help="default, or lightgcn: the source project's training, on 20,000 rows."),
    ] = "default",
    since: Since = None,
    until: Until = None,
    customers: FirstCustomers = None,
    category: Category = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Maximum number of epochs.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The same seed trains the same embeddings.")] = None,
    most_purchases: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Train on a sample of customers with about this many purchases in total; embed the others by their "
            "purchases; 0: all.",
            show_default="4000000",
        ),
    ] = None,
    engine: Annotated[
        Literal["hmrec", "torchrec"],
        typer.Option(help="hmrec (the network), or torchrec (tables over 2 processes, no graph: docs/scale.md)."),
    ] = "hmrec",
    ranker: Annotated[
        bool, typer.Option("--ranker/--no-ranker", help="Also train the ranker of hybrid (needs the whole graph).")
    ] = True,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Ignore the cached export and read the graph again, e.g. after manual changes."),
    ] = False,
    customer_index: Annotated[
        bool,
        typer.Option("--customer-index", help="Also create a vector index of customers; hmrec itself does not use it."),
    ] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train the graph neural network on the graph's purchases and write its embeddings back to the nodes.

    Reads the subgraph that the options select; writes Customer.embedding, Article.embedding, a vector index, and a
    (:Model) node that describes the training.

    If the whole graph is read, it also learns the parameters of `--method user_based_cf`, trains the ranker of
    `--method hybrid`, both on the last weeks, and writes the relationships of `hmrec relate`. Ctrl-C ends training and
    keeps the best model so far. A killed training continues from its last checkpoint when run again.

    Example: hmrec train --since 2017-06-01
    """
    from ..graph_ml.api import reads_all
    from ..graph_ml.api import train as train_graph
    from ..graph_ml.network.devices import choose_device

    if engine == "torchrec":
        refuse(context, "most_purchases", because="with --engine torchrec, which trains on all purchases")
        refuse(context, "device", because="with --engine torchrec, which trains on the CPU")
        if preset != "default":
            refuse(context, "preset", because="with --engine torchrec, which has its own settings")
    choose_device(device)  # refuse before anything is read
    first = since and since.date()
    if ranker and not reads_all(preset, engine, first, customers, category):
        refuse(
            context, "ranker", because="here: it is trained only on the whole graph, with the default preset and engine"
        )
    with Bars() as bars, open_graph(bars) as graph:
        done = train_graph(
            graph, preset=preset, since=first, until=until and until.date(), customers=customers, category=category,
            epochs=epochs, seed=seed, most_purchases=most_purchases, engine=engine, ranker=ranker, fresh=fresh,
            customer_index=customer_index, device=device, progress=bars, notify=echo_note,
        )  # fmt: skip
    trained, best = done.trained, done.trained.best
    if trained.interrupted:
        echo_note("Training was interrupted: the best model so far is active, without a ranker.")
    if as_json:
        dump_json(
            vars(done.receipt)
            | {"purchases": trained.purchases, "epochs": trained.epochs, "best": best and best._asdict()}
            | {"user_based_cf": done.cf and asdict(done.cf), "relations": done.relations and vars(done.relations)}
        )
        return
    for line in done.describe():
        echo(line)
