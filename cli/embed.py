"""hmrec embed: embeddings for what was loaded after the training."""

from __future__ import annotations

from typing import Annotated

import typer

from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo


def embed(
    new: Annotated[
        bool, typer.Option("--new", help="Customers and articles that have no embedding, and no others.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give embeddings to customers and articles that were loaded after the training, without training again.

    Reads the graph and the weights of the version in force; writes Customer.embedding and Article.embedding where there
    is none, and the facts about articles that the ranker asks for.

    Example: hmrec embed --new
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.write_back.embed_new import embed_new

    if not new:
        raise UserMistake("Say which nodes: --new, those without an embedding.", "`hmrec train` makes all anew.")
    with Bars() as bars, open_graph(bars) as graph:
        receipt = embed_new(graph, bars)
    if as_json:
        dump_json(vars(receipt))
        return
    echo(
        f"Model {receipt.version}: {receipt.customers:,} customers and {receipt.articles:,} articles that had no "
        "embedding have one now."
    )
    if receipt.facts:
        echo(f"What the ranker knows of {receipt.facts:,} articles is as of the last purchase now.")
