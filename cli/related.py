"""hmrec related: show the articles that are related to an article."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ..cypher.catalogue import find_query
from .connect import open_graph
from .options import IncludeUnavailable
from .recommend import AsOf
from .terminal.show import Form, Format, JsonForm, choose_format, show
from .terminal.words import echo, echo_note

RELATED = find_query("related")


def related(
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="The article's id, with its leading zeros.")],
    k: Annotated[
        int, typer.Option("-k", min=1, max=RELATED.default("most"), help="Number of articles.")
    ] = RELATED.default("k"),
    kind: Annotated[
        Literal["complement", "substitute", "next", "together"],
        typer.Option(
            help="complement: bought with it and not similar to it; substitute: similar to it; next: bought after it; "
            "together: bought with it."
        ),
    ] = "complement",
    include_unavailable: IncludeUnavailable = False,
    as_of: AsOf = None,
    form: Form = Format.table,
    as_json: JsonForm = False,
) -> None:
    """Show the articles that are related to an article, each with its reason.

    Reads the relationships that `hmrec train` and `hmrec relate` write, and says how old they are. Without them, it
    computes the same from the purchases. Reads the graph; writes nothing.

    Example: hmrec related 0706016001 --kind substitute
    """
    from ..graph_ml.recommend import Recommender

    shown = choose_format(form, as_json)
    with open_graph() as graph:
        found = Recommender(graph).related(
            article, kind=kind, k=k, include_unavailable=include_unavailable, as_of=as_of.date() if as_of else None
        )
    (echo if shown is Format.table else echo_note)(found.note)
    show(found.articles, shown)
