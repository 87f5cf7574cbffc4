"""hmrec report: the graph as a page with plots."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import tell


def report(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page to write.")] = Path("graph.html"),
    as_json: AsJson = False,
) -> None:
    """Write a page on the graph: purchases by week, the long tail, repeats, cold customers and articles, baskets.

    Reads the whole graph once for each of five saved queries (cypher/report/); writes FILE, which needs nothing
    else to be looked at.

    Example: hmrec report --out graph.html
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.evaluate.graph_report import write_graph_report

    if out.is_dir():
        raise UserMistake(f"--out must name a file; {out} is a folder.")
    with Bars() as bars, open_graph(bars) as graph:
        facts = write_graph_report(graph, out, bars)
    if as_json:
        dump_json({"file": str(out), **facts})
    else:
        tell(f"The report on {facts['purchases']:,} purchases is in {out}.")
