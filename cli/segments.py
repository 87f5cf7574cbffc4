"""hmrec segments: group customers by taste, list and show the groups."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ..cypher.catalogue import find_query
from ..cypher.limits import SEED, SEGMENTS
from .combinations import refuse
from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, Form, Format, JsonForm, choose_format, dump_json, records, show
from .terminal.words import echo

app = typer.Typer(no_args_is_help=False, invoke_without_command=True)


@app.callback()
def segments(
    context: typer.Context,
    k: Annotated[int, typer.Option("-k", min=2, max=1000, help="Number of segments.")] = SEGMENTS,
    seed: Annotated[int, typer.Option(min=0, help="Another seed may group customers in another way.")] = SEED,
    write: Annotated[bool, typer.Option("--write", help="Write the segments to the graph.")] = False,
    new: Annotated[
        bool, typer.Option("--new", help="Only add customers without a segment to the nearest one.")
    ] = False,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Group customers by taste, and name each group by what distinguishes it.

    Customers are grouped by their embeddings, or without a model by the departments that they buy from. Customers
    without an embedding, or without a model those without a purchase, get no segment. Without --write, the segments are
    only printed; with it, they replace all (:Segment) nodes and IN_SEGMENT relationships. --new adds customers who came
    later to the segment with the nearest centre.

    Example: hmrec segments -k 6 --write
    """
    if context.invoked_subcommand is not None:
        refuse(
            context, "k", "seed", "write", "new", "form", "as_json",
            because=f"before {context.invoked_subcommand}; put it after that",
        )  # fmt: skip
        return
    import pandas as pd

    from ..graph_ml.segments.write import add_to_segments, find_segments, write_segments

    form = choose_format(form, as_json)
    if new:
        refuse(context, "k", "seed", "write", because="with --new, which keeps the segments")
        if form is Format.csv:
            refuse(context, "form", because="with --new, which prints a receipt")
        with Bars() as bars, open_graph(bars) as graph:
            added = add_to_segments(graph, bars)
        if form is Format.json:
            dump_json(asdict(added))
        else:
            echo(f"{added.customers:,} customers were added to {added.segments:,} segments.")
        return
    with Bars() as bars, open_graph(bars) as graph:
        if write:
            receipt, found = write_segments(graph, k, seed, bars)
        else:
            receipt, found = None, find_segments(graph, k, seed, bars)
    total = sum(segment.size for segment in found.segments)
    rows = [
        {"name": one.name, "customers": one.size, "share": one.size / total, "traits": list(one.traits)}
        for one in found.segments
    ]
    show(pd.DataFrame(rows), form)
    if form is Format.table:
        done = f"version {receipt.version} is in force" if receipt else "nothing was written (--write does that)"
        echo(f"Grouped {total:,} customers by {found.taste.by}; {done}.")


@app.command("list")
def list_segments(form: Form = Format.table, as_json: JsonForm = False) -> None:
    """List the segments in force, the largest first. Reads the (:Segment) nodes; writes nothing.

    Example: hmrec segments list
    """
    form = choose_format(form, as_json)
    with open_graph() as graph:
        found = graph.read("segments")
    if found.empty and form is Format.table:
        echo("This graph has no segments yet; `hmrec segments --write` makes them.")
    else:
        show(found, form)


@app.command("show")
def show_segment(
    name: Annotated[str, typer.Argument(help="The segment's name, see `hmrec segments list`.")], as_json: AsJson = True
) -> None:
    """Print a segment as JSON: size, share, what distinguishes its customers, their mean age, how it was made.

    Reads the (:Segment) nodes; writes nothing.

    Example: hmrec segments show GROCERY
    """
    from ..graph_ml.recommend.customers import read_segment

    with open_graph() as graph:
        dump_json(records(read_segment(graph, name))[0])


@app.command("customers")
def list_customers(
    name: Annotated[str, typer.Argument(help="The segment's name, see `hmrec segments list`.")],
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Number of customers.")] = find_query(
        "segment_customers"
    ).default("k"),
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """List customers of a segment, those with the most purchases first. Reads the graph; writes nothing.

    Example: hmrec segments customers GROCERY -k 5
    """
    from ..graph_ml.recommend.customers import read_segment_customers

    form = choose_format(form, as_json)
    with open_graph() as graph:
        show(read_segment_customers(graph, name, k=k), form)
