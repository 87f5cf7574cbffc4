"""hmrec relate: write which articles are bought together, bought after each other, and similar."""

from __future__ import annotations

from typing import Annotated

import typer

from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo


def relate(
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Ignore the cached export and read the graph again, e.g. after manual changes."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write relationships between articles: BOUGHT_WITH, BOUGHT_AFTER and, if there is a trained model, SIMILAR.

    Each article gets the best 30 of each, computed from all purchases and the embeddings in force. Each department gets
    SELLS and RECEIVED: what it sells now, and what it has not sold yet. Everyone, and each segment of age and club
    status, gets BUYS: what it buys now. `hmrec train` does this as its last step; run it alone after loading purchases.
    `hmrec recommend` and `hmrec related` read them. Readers see the previous version until the new one is complete; a
    killed run leaves the previous one.

    Example: hmrec relate
    """
    from ..graph_ml.relate.relate import relate as write_relations

    with Bars() as bars, open_graph(bars) as graph:
        receipt = write_relations(graph, bars, fresh=fresh)
    if as_json:
        dump_json(vars(receipt))
    else:
        echo(receipt.describe())
