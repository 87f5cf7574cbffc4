"""hmrec explain: show why a customer is recommended an article."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from .combinations import refuse
from .connect import local_server, open_graph
from .options import (
    FILTERS,
    Colours,
    Departments,
    Exclude,
    IncludeUnavailable,
    InSeason,
    MaxPrice,
    NotColours,
    NotDepartments,
    Only,
    Where,
    read_filters,
)
from .recommend import AsOf, use_new_name
from .terminal.show import Form, Format, JsonForm, choose_format, records, show
from .terminal.words import clean, echo, echo_note

if TYPE_CHECKING:
    import pandas as pd

    from ..graph_ml.recommend import Request

STRONGEST = 5
"""Parts of a score that are printed."""
_UNAVAILABLE = "If it is out of stock, --include-unavailable explains it all the same."


def explain(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    article: Annotated[str, typer.Argument(help="The article's id.")],
    by: Annotated[
        str, typer.Option(help="user_based_cf: the neighbours' shares; hybrid: the ranker's sources and their shares.")
    ] = "user_based_cf",
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Explain the score in the list of `hmrec recommend --new-only`.")
    ] = False,
    as_of: AsOf = None,
    department: Departments = None,
    not_department: NotDepartments = None,
    colour: Colours = None,
    not_colour: NotColours = None,
    max_price: MaxPrice = None,
    in_season: InSeason = None,
    where: Where = "",
    only: Only = None,
    exclude: Exclude = None,
    include_unavailable: IncludeUnavailable = False,
    form: Form = Format.table,
    as_json: JsonForm = False,
    everything: Annotated[
        bool, typer.Option("--all", help=f"Print every part of the score, not only the {STRONGEST} strongest.")
    ] = False,
    draw: Annotated[
        bool, typer.Option("--draw", help="Also print the paths from the customer to the article.")
    ] = False,
    cypher: Annotated[
        bool, typer.Option("--cypher", help="Also print the query that draws this subgraph in Neo4j Browser.")
    ] = False,
    in_browser: Annotated[
        bool, typer.Option("--open", help="Open Neo4j Browser with the query that draws this subgraph.")
    ] = False,
) -> None:
    """Show the neighbours and shared articles behind an article's user-based CF score.

    Prints the evidence as sentences whose parts add up to the score, the strongest first. With --by hybrid, prints
    what each source that proposes the article to the ranker adds to the score of `hmrec recommend`, with its reason.
    Features of the customer, of the article and of both add the rest. Filters such as --department explain the score in
    the list of `hmrec recommend` with the same filters; they need --by hybrid. Reads the graph; writes nothing.

    Example: hmrec explain 1 0706016001
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.recommend import Recommender, Request

    form = choose_format(form, as_json)
    by = use_new_name(by)
    if by not in ("user_based_cf", "hybrid"):
        raise UserMistake(f"--by must be user_based_cf or hybrid, not {by[:20]!r}.")
    if form is not Format.table:
        refuse(context, "everything", "draw", "cypher", because=f"with --format {form}, which has every part")
    day = as_of.date().isoformat() if as_of else None
    if by == "hybrid":
        if in_browser:
            raise UserMistake("--open needs --by user_based_cf: the ranker's parts are numbers, without paths to draw.")
        refuse(context, "draw", "cypher", because="with --by hybrid: the ranker's parts are numbers, without paths")
        request = Request(
            customer_id=customer,
            as_of=as_of.date() if as_of else None,
            new_only=new_only,
            **read_filters(context),
            include_unavailable=include_unavailable,
        )
        explain_by_sources(request, article, form, everything)
        return
    refuse(context, *FILTERS, because="with --by user_based_cf: they do not change its scores")
    with open_graph() as graph:
        recommender = Recommender(graph)
        asked = {"new_only": new_only, "include_unavailable": include_unavailable}
        evidence = recommender.explain(customer, article, as_of=day, **asked)
        text = recommender.write_drawing(customer, article, as_of=day, **asked)
    if form is not Format.table:
        show(evidence, form)
    elif evidence.empty:
        hidden = "" if include_unavailable else ", or it is unavailable"
        echo(f"Article {article} has no CF score: neither customer {customer} nor a neighbour bought it{hidden}.")
        if not include_unavailable:
            echo(_UNAVAILABLE)
        echo("--by hybrid shows which sources propose it to the ranker.")
    else:
        print_evidence(customer, article, evidence, everything)
        if draw:
            print_paths(customer, article, evidence)
        if cypher:
            echo(f"\nThe query that draws this in Neo4j Browser:\n\n{text}")
    if in_browser and not evidence.empty:
        open_query(text)


def explain_by_sources(request: Request, article: str, form: Format, everything: bool) -> None:
    """Print the sources that propose the article to the ranker, and what each adds to its score."""
    from ..graph_ml.recommend import Recommender

    with open_graph() as graph:
        evidence = Recommender(graph).explain_ranked(request, article)
    if form is not Format.table:
        show(evidence, form)
    elif evidence.empty:
        echo(f"No source proposes article {article} to customer {request.customer_id}.")
        if not request.include_unavailable:
            echo(_UNAVAILABLE)
    else:
        echo(f"Score of {article} for {request.customer_id}: {evidence['part'].sum():.6g} =")
        rows = []
        for row in records(evidence):
            place = "" if row["place"] is None else f", place {row['place']:.0f}"
            reason = "" if row["because"] in (None, "", row["source"]) else f": {row['because']}"
            rows.append(f"{row['source']}{place}{reason}")
        print_parts(evidence["part"].tolist(), rows, everything)


def print_evidence(customer: str, article: str, evidence: pd.DataFrame, everything: bool) -> None:
    """Print the score, and a sentence for each of its parts."""
    echo(f"Score of {article} for {customer}: {evidence['part'].sum():.6g} =")
    rows = [
        f"{row['because']}  (similarity {row['similarity']:.4g} x weight {row['weight']:.4g})"
        for row in records(evidence)
    ]
    print_parts(evidence["part"].tolist(), rows, everything)


def print_parts(parts: list[float], sentences: list[str], everything: bool) -> None:
    """Print the parts of a score, largest first; after the strongest, the sum of the rest unless all are asked for."""
    order = sorted(range(len(parts)), key=lambda place: -abs(parts[place]))
    shown = order if everything or len(order) <= STRONGEST + 1 else order[:STRONGEST]
    for place in shown:
        echo(f"  {parts[place]:+.4g}  {sentences[place]}")
    if rest := order[len(shown) :]:
        echo(f"  {sum(parts[place] for place in rest):+.4g}  {len(rest)} more (--all)")


def print_paths(customer: str, article: str, evidence: pd.DataFrame) -> None:
    """Print the paths from the customer to the article as a tree."""
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    tree = Tree(escape(clean(f"({customer})")))
    for row in records(evidence)[:8]:
        if row["who"] == "own history":
            tree.add(escape(clean(f"-[:BOUGHT]-> ({article})")))
            continue
        for shared in row["shared"][:3]:
            name = f" {shared['prod_name']}" if shared["prod_name"] else ""
            share = f"{shared['part']:.3g} of the similarity"
            branch = tree.add(escape(clean(f"-[:BOUGHT]-> ({shared['article_id']}{name})  {share}")))
            branch.add(escape(clean(f"<-[:BOUGHT]- ({row['customer_id'][:12]}) -[:BOUGHT]-> ({article})")))
    echo()
    Console(soft_wrap=True, highlight=False, force_terminal=sys.stdout.isatty()).print(tree)


def open_query(text: str) -> None:
    """Open Neo4j Browser with the text in its editor, or print the address if there is no display.

    Raises
    ------
    UserMistake : the server is not the local one, so its Browser's address is unknown.
    """
    import webbrowser

    from ..cypher.errors import UserMistake
    from .db import has_display

    server = local_server()
    if server is None:
        raise UserMistake("NEO4J_URI selects your own server; paste the query into its Neo4j Browser.")
    address = f"{server.status().http}/browser/?cmd=edit&arg={quote(text)}"
    echo_note(f"Neo4j Browser  {address}")
    if has_display():
        webbrowser.open(address)
