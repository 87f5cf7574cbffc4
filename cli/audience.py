"""hmrec audience: the customers most likely to buy an article."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..cypher.catalogue import find_query
from ..cypher.limits import MOST_CUSTOMERS
from .connect import open_graph
from .options import CustomersWhere, Segments, read_some_ids
from .recommend import AsOf
from .terminal.show import Form, Format, JsonForm, choose_format, dump_json, show
from .terminal.words import echo, echo_note

AUDIENCE = find_query("audience")
SHOWN = 20  # rows of a table


def audience(
    article: Annotated[
        list[str] | None, typer.Argument(metavar="[ARTICLE]...", help="Ids of articles; @FILE has one per line.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=MOST_CUSTOMERS, help="Number of customers.")] = AUDIENCE.default(
        "k"
    ),
    department: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="The articles of this department; may be repeated.")
    ] = None,
    where: Annotated[
        str, typer.Option(metavar="CONDITION", help="The articles with these properties; see docs/filters.md.")
    ] = "",
    segment: Segments = None,
    customers_where: CustomersWhere = "",
    include_buyers: Annotated[
        bool, typer.Option("--include-buyers", help="Keep those who bought the article already.")
    ] = False,
    as_of: AsOf = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the customers to FILE.csv or FILE.parquet.")
    ] = None,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Find the customers most likely to buy an article, each with the reason.

    Several articles, a department or a condition count as one article. Those who bought it are left out, unless it is
    one that customers buy again. A table shows the first customers; --out and the other formats have all of them.
    Reads the graph; writes only FILE.

    Example: hmrec audience 0001029743 -k 100 --out audience.csv
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.recommend import AudienceRequest, Recommender
    from ..graph_ml.recommend.audience import write_audience

    shown = choose_format(form, as_json)
    if out is not None and out.suffix.lower() not in (".csv", ".parquet"):
        raise UserMistake(f"{out} is neither FILE.csv nor FILE.parquet.", "Choose another name.")
    if out is not None and shown is Format.csv:
        raise UserMistake("--format csv has no effect with --out.", "Omit one of them; FILE's name chooses its form.")
    request = AudienceRequest(
        article=read_some_ids("ARTICLE", article, "article"),
        department=tuple(department or ()),
        where=where,
        segment=tuple(segment or ()),
        customers_where=customers_where,
        include_buyers=include_buyers,
        as_of=as_of.date() if as_of else None,
        k=k,
    )
    with open_graph() as graph:
        found = Recommender(graph).audience(request)
    if found.note:
        echo_note(found.note)
    number = len(found.customers)
    if out is not None:
        write_audience(found, out)
        if shown is Format.json:
            dump_json({"customers": number, "file": str(out)})
        else:
            echo(f"{number:,} customers are in {out}.")
        return
    show(found.customers.head(SHOWN) if shown is Format.table else found.customers, shown)
    if shown is Format.table and number > SHOWN:
        echo(f"{number:,} customers; --out FILE.csv or --format csv has all of them.")
