"""hmrec train: train on the graph, and write the embeddings back to its nodes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from .combinations import refuse
from .connect import open_graph
from .options import Category, Device, FirstCustomers, Since, Until
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo, echo_note


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

    If the whole graph is read, it also learns the parameters of `--method user_based_cf` and trains the ranker of
    `--method hybrid`, both on the last weeks. Ctrl-C ends training and keeps the best model so far. A killed training
    continues from its last checkpoint when run again.

    Example: hmrec train --since 2017-06-01
    """
    from ..graph_ml.candidates.learn_cf import learn_cf
    from ..graph_ml.export.kept import export_kept
    from ..graph_ml.hybrid import train_hybrid
    from ..graph_ml.network.checkpoint import find_checkpoint
    from ..graph_ml.network.devices import choose_device
    from ..graph_ml.network.training import PRESETS
    from ..graph_ml.network.training import train as train_model
    from ..graph_ml.ranker.sources import apply_cf
    from ..graph_ml.torchrec.engine import TableSettings, train_tables
    from ..graph_ml.write_back.preflight import check_before_training
    from ..graph_ml.write_back.write import write_embeddings

    if engine == "torchrec":
        refuse(context, "most_purchases", because="with --engine torchrec, which trains on all purchases")
        refuse(context, "device", because="with --engine torchrec, which trains on the CPU")
        if preset != "default":
            refuse(context, "preset", because="with --engine torchrec, which has its own settings")
    choose_device(device)  # refuse before anything is read
    settings, spec = PRESETS[preset]
    chosen = {
        "since": since and since.date(), "until": until and until.date(), "customers": customers, "category": category,
    }  # fmt: skip
    is_whole = preset == "default" and engine == "hmrec"
    is_whole = is_whole and not any(value for name, value in chosen.items() if name != "until")
    if ranker and not is_whole:
        refuse(
            context, "ranker", because="here: it is trained only on the whole graph, with the default preset and engine"
        )
    spec = spec.model_copy(update={name: value for name, value in chosen.items() if value is not None})
    hyper = {"epochs": epochs, "seed": seed}
    settings = settings.model_copy(update={name: value for name, value in hyper.items() if value is not None})
    if most_purchases is not None:
        settings = settings.model_copy(update={"most_purchases": most_purchases or None})
    with Bars() as bars, open_graph(bars) as graph:
        check_before_training(graph)
        subgraph = export_kept(graph, spec, bars, fresh=fresh)
        cf = learn_cf(subgraph, bars) if is_whole else None
        checkpoint = find_checkpoint(warn=echo_note)
        if engine == "torchrec":
            tables = TableSettings.model_validate({name: value for name, value in hyper.items() if value is not None})
            trained, rank = train_tables(subgraph, tables, bars), None
        elif cf is not None and ranker:
            trained, rank = train_hybrid(
                subgraph, settings, sources=apply_cf(cf), progress=bars, checkpoint=checkpoint, device=device
            )
        else:
            trained, rank = train_model(subgraph, settings, bars, checkpoint, device=device), None
        receipt = write_embeddings(graph, trained, progress=bars, customer_index=customer_index, rank=rank, cf=cf)
    if trained.interrupted:
        echo_note("Training was interrupted: the best model so far is active, without a ranker.")
    best = trained.best
    if as_json:
        dump_json(
            vars(receipt)
            | {"purchases": trained.purchases, "epochs": trained.epochs, "best": best and best._asdict()}
            | {"user_based_cf": cf and asdict(cf)}
        )
        return
    echo(receipt.describe(trained))
    if cf is not None:
        echo(f"user_based_cf, all articles: {cf.all.describe()}")
        echo(f"user_based_cf, new articles: {cf.new.describe()}")
    if rank is not None:
        for kind, choice in zip(("all", "new"), rank.ranker.orders, strict=True):
            echo(f"Ranker, {kind} articles: by {choice.order}{f'. {choice.why}' if choice.why else ''}.")
    if best is not None:
        echo(
            f"On the last weeks, held out {trained.settings.validation_days} days at a time: MAP@12 "
            f"{best.map_all:.4f} on all, {best.map_new:.4f} on new purchases."
        )
