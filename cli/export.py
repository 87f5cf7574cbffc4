"""hmrec export: the graph as files for PyTorch Geometric."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .connect import open_graph
from .options import Category, FirstCustomers, Since, Until
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, empty, or an earlier export, which is replaced.")],
    since: Since = None,
    until: Until = None,
    customers: FirstCustomers = None,
    category: Category = None,
    as_json: AsJson = False,
) -> None:
    """Write customers, articles, attributes and purchases to a folder, to train a network of your own on.

    `hmrec.graph_ml.load_export(DIR)` returns them as PyTorch Geometric's HeteroData. Other programs read the files:
    safetensors (features and edges), Parquet (ids and properties) and graph.json (what is there). Reads the graph.

    Example: hmrec export shop --until 2017-12-01
    """
    from ..graph_ml.export.export_folder import check_folder, save_export
    from ..graph_ml.export.kept import export_kept
    from ..graph_ml.export.subgraph import SubgraphSpec

    check_folder(folder)
    spec = SubgraphSpec(
        since=since and since.date(),
        until=until and until.date(),
        customers=customers,
        category=category,
        isolated=True,
    )
    with Bars() as bars:
        with open_graph(bars) as graph:
            subgraph = export_kept(graph, spec, bars)
        bars("Writing the export", 0, None)
        counts = save_export(subgraph, folder)
    if as_json:
        dump_json({"folder": str(folder), **counts})
        return
    echo(
        f"{folder} has {counts['purchases']:,} purchases of {counts['customer']:,} customers and "
        f"{counts['article']:,} articles. Load it by hmrec.graph_ml.load_export({str(folder)!r})."
    )
