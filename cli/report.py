"""hmrec report: write a page with plots about the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo, echo_note


def report(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The page to write.")] = Path("graph.html"),
    as_json: AsJson = False,
) -> None:
    """Write a page about the graph: purchases by week, long tail, repeats, cold shares, baskets.

    Reads the graph once for each of five saved queries (cypher/report/); writes FILE, a self-contained page.

    Example: hmrec report --out graph.html
    """
    from ..cypher.result_file import find_result_file
    from ..graph_ml.evaluate.graph_report import write_graph_report

    target = find_result_file(out)
    with Bars() as bars, open_graph(bars) as graph:
        facts = write_graph_report(graph, out, bars)
    if as_json:
        dump_json({"file": str(out), **facts})
    else:
        say = echo_note if target.is_standard_output else echo
        say(f"The report about {facts['purchases']:,} purchases is in {out}.")
