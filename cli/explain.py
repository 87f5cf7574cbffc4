"""hmrec explain: show why a customer is recommended an article."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from .combinations import refuse
from .connect import local_server, open_graph
from .options import IncludeUnavailable
from .recommend import AsOf, use_new_name
from .terminal.show import Form, Format, JsonForm, choose_format, show
from .terminal.words import clean, echo, echo_note

if TYPE_CHECKING:
    import pandas as pd


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
    include_unavailable: IncludeUnavailable = False,
    form: Form = Format.table,
    as_json: JsonForm = False,
    in_browser: Annotated[
        bool, typer.Option("--open", help="Open Neo4j Browser with the query that draws this subgraph.")
    ] = False,
) -> None:
    """Show the neighbours and shared articles behind an article's user-based CF score.

    Prints the evidence as sentences whose parts add up to the score, as a small graph, and as a query for Neo4j
    Browser. With --by hybrid, prints the sources that propose the article to the ranker, their reasons, and
    what each adds to the score of `hmrec recommend`. Features of the customer, of the article and of both add the
    rest. Reads the graph; writes nothing.

    Example: hmrec explain 1 0706016001
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.recommend import Recommender

    form = choose_format(form, as_json)
    by = use_new_name(by)
    if by not in ("user_based_cf", "hybrid"):
        raise UserMistake(f"--by must be user_based_cf or hybrid, not {by[:20]!r}.")
    day = as_of.date().isoformat() if as_of else None
    if by == "hybrid":
        refuse(context, "new_only", because="with --by hybrid: it explains the ranker's score for all articles")
        if in_browser:
            raise UserMistake("--open needs --by user_based_cf: the ranker's parts are numbers, without paths to draw.")
        explain_by_sources(customer, article, form, day, include_unavailable)
        return
    refuse(context, "include_unavailable", because="without --by hybrid: neighbours explain any article")
    with open_graph() as graph:
        recommender = Recommender(graph)
        evidence = recommender.explain(customer, article, as_of=day, new_only=new_only)
        text = recommender.write_drawing(customer, article, as_of=day, new_only=new_only)
    if form is not Format.table:
        show(evidence, form)
    elif evidence.empty:
        echo(f"Neither customer {customer} nor a neighbour of theirs bought article {article}, so it has no CF score.")
        echo("--by hybrid shows which sources propose it to the ranker.")
    else:
        print_evidence(customer, article, evidence)
        echo(f"\nThe query that draws this in Neo4j Browser:\n\n{text}")
    if in_browser and not evidence.empty:
        open_query(text)


def explain_by_sources(customer: str, article: str, form: Format, as_of: str | None, include_unavailable: bool) -> None:
    """Print the sources that propose the article to the ranker, and what each adds to its score."""
    from ..graph_ml.recommend import Recommender

    with open_graph() as graph:
        evidence = Recommender(graph).explain_by_ranker(
            customer, article, as_of=as_of, include_unavailable=include_unavailable
        )
    if form is Format.table and evidence.empty:
        echo(f"No source proposes article {article} to customer {customer}.")
        if not include_unavailable:
            echo("If it is out of stock, --include-unavailable explains it all the same.")
    else:
        if form is Format.table:
            echo(f"Score of {article} for {customer}: {evidence['part'].sum():.6g}, the sum of these parts:")
        show(evidence, form)


def print_evidence(customer: str, article: str, evidence: pd.DataFrame) -> None:
    """Print the score, a sentence for each of its parts, and the paths from the customer to the article."""
    from rich.console import Console
    from rich.markup import escape
    from rich.tree import Tree

    rows: list[dict[str, Any]] = evidence.to_dict("records")  # type: ignore[assignment]
    echo(f"Score of {article} for {customer}: {evidence['part'].sum():.6g} =")
    for row in rows:
        measure = f"(similarity {row['similarity']:.4g} x weight {row['weight']:.4g})"
        echo(f"  {row['part']:.6g}  {row['because']}  {measure}")
    tree = Tree(escape(clean(f"({customer})")))
    for row in rows[:8]:
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
