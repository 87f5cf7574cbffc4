"""hmrec embed: embeddings for what was loaded after the training, or vectors of a network of your own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from .combinations import refuse
from .connect import open_graph
from .options import Device
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo, echo_note


def embed(
    context: typer.Context,
    new: Annotated[
        bool, typer.Option("--new", help="Embed customers and articles that have no embedding, and no others.")
    ] = False,
    files: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="FILE", help="Write vectors of your own model: Parquet or .npz; repeatable."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="With --from: what `hmrec models` calls your model.")] = None,
    metric: Annotated[
        Literal["cosine", "inner-product"] | None,
        typer.Option(help="With --from: how your model compares; not needed for vectors of length 1."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="With --from: the day after the last purchase that your model knows; default: it knows all.",
        ),
    ] = None,
    ranker: Annotated[
        bool,
        typer.Option("--ranker/--no-ranker", help="With --from: train the ranker, too, on the weeks after --until."),
    ] = True,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Embed customers and articles that were loaded after the training; or write vectors of your own model.

    --new reads the graph and the weights of the version in force. It writes Customer.embedding and Article.embedding
    where there is none, and the facts about articles that the ranker needs.

    --from writes the vectors as a new version, which `hmrec models`, `hmrec recommend --method gnn` and `hmrec evaluate
    --version` treat like one of `hmrec train`. The ranker is trained if your model does not know the last weeks: export
    with an earlier --until, and name the same day here.

    Example: hmrec embed --new
    Example: hmrec embed --from vectors.npz --name sage --until 2017-12-01
    """
    from ..cypher.errors import UserMistake

    if new == bool(files):
        raise UserMistake(
            "Say what to embed: --new, nodes without an embedding, or --from FILE, vectors of your own.",
            "`hmrec train` makes all embeddings anew.",
        )
    if files:
        refuse(context, "device", because="with --from, which computes no vectors")
        _write_own(files, name, metric, until, ranker, as_json)
        return
    refuse(context, "name", "metric", "until", "ranker", because="without --from")

    from ..graph_ml.write_back.embed_new import embed_new

    with Bars() as bars, open_graph(bars) as graph:
        receipt = embed_new(graph, bars, device)
    if as_json:
        dump_json(vars(receipt))
        return
    echo(
        f"Model {receipt.version}: {receipt.customers:,} customers and {receipt.articles:,} articles that had no "
        "embedding have one now."
    )
    if receipt.facts:
        echo(f"The ranker's facts about {receipt.facts:,} articles are now as of the last purchase.")


def _write_own(
    files: list[Path],
    name: str | None,
    metric: Literal["cosine", "inner-product"] | None,
    until: datetime | None,
    ranker: bool,
    as_json: bool,
) -> None:
    from ..cypher.errors import UserMistake
    from ..graph_ml.own_vectors import write_own_vectors

    if not name:
        raise UserMistake("Name your model: --name NAME.", "`hmrec models` lists it by that name.")
    with Bars() as bars, open_graph(bars) as graph:
        trained, receipt, why_no_ranker = write_own_vectors(
            graph, files, name, metric, until and until.date(), ranker, bars
        )
    if as_json:
        dump_json(vars(receipt) | {"name": name, "dim": trained.settings.dim, "ranker": not why_no_ranker and ranker})
        return
    echo(receipt.describe(trained))
    if why_no_ranker:
        echo_note(why_no_ranker)
