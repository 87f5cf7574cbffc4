"""hmrec evaluate: how good are the recommendations?"""

from __future__ import annotations

from typing import Annotated

import typer

from .bars import Bars
from .connect import open_graph
from .show import Format, show


def evaluate(
    days: Annotated[int, typer.Option(min=1, help="Hold out that many days at the end.")] = 7,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many articles are recommended.")] = 12,
    methods: Annotated[str | None, typer.Option(help="Only these methods, apart by commas.")] = None,
    customers: Annotated[int | None, typer.Option(min=1, help="Only that many customers, drawn at random.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Hold the last days out, recommend as on the day before, and score each method.

    MAP, precision, recall, NDCG and hit rate at k. Reads the graph and trains in memory on what came before; writes
    nothing. "all" counts every purchase of the days held out, as Kaggle does; "new" only articles that the customer
    had not bought before.

    Example: hmrec evaluate --methods popular,cf
    """
    from ..graph_ml.evaluate import evaluate as run

    chosen = tuple(name.strip() for name in methods.split(",")) if methods else None
    with Bars() as bars, open_graph(bars) as graph:
        result = run(graph, days=days, k=k, methods=chosen, customers=customers, progress=bars)
    show(result, form)
