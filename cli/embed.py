"""hmrec embed: compute embeddings of customers and articles loaded after training."""

from __future__ import annotations

from typing import Annotated

import typer

from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo


def embed(
    new: Annotated[bool, typer.Option("--new", help="Only customers and articles without an embedding.")] = False,
    as_json: AsJson = False,
) -> None:
    """Embed customers and articles that were loaded after training, without training again.

    Reads the graph and the active version's weights. Writes Customer.embedding and Article.embedding if they are
    missing, and the article facts that the ranker needs.

    Example: hmrec embed --new
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.write_back.embed_new import embed_new

    if not new:
        raise UserMistake("Add --new to embed nodes without an embedding.", "`hmrec train` recomputes all embeddings.")
    with Bars() as bars, open_graph(bars) as graph:
        receipt = embed_new(graph, bars)
    if as_json:
        dump_json(vars(receipt))
        return
    echo(
        f"Model {receipt.version}: embedded {receipt.customers:,} customers and {receipt.articles:,} articles "
        "without an embedding."
    )
    if receipt.facts:
        echo(f"The ranker's facts about {receipt.facts:,} articles now include the last purchase.")
