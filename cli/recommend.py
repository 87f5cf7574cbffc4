"""hmrec recommend: recommend articles to one customer, or to all."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..cypher.recommenders import describe_methods
from .combinations import is_given, refuse
from .connect import open_graph
from .options import (
    Colours,
    CustomersWhere,
    Departments,
    Exclude,
    IncludeUnavailable,
    InSeason,
    MaxPrice,
    NotColours,
    NotDepartments,
    Only,
    Segments,
    Where,
    read_filters,
    read_some_ids,
)
from .terminal.bars import Bars
from .terminal.complete import complete_method
from .terminal.show import Format, JsonForm, choose_format, dump_json, show
from .terminal.words import echo, echo_note

if TYPE_CHECKING:
    from ..graph_ml.recommend import Campaign, Recommendations, Request

AsOf = Annotated[
    datetime | None,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="Recommend as of that day, from earlier purchases only."
    ),
]


def recommend(
    context: typer.Context,
    customer: Annotated[str | None, typer.Argument(help="The customer's id.")] = None,
    articles: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID[*N],...",
            help="Recommend what goes with a cart, e.g. 0706016001,0372860001*2: CUSTOMER's, or an unknown visitor's.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="Number of articles.")] = 12,
    method: Annotated[
        str,
        typer.Option(
            autocompletion=complete_method,
            help=f"{describe_methods()}.",
        ),
    ] = "auto",
    new_only: Annotated[
        bool, typer.Option("--new-only", help="Leave out articles that the customer has already bought.")
    ] = False,
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
    cap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N", help="At most N articles with the same value, e.g. department=3; may be repeated."
        ),
    ] = None,
    diversity: Annotated[
        float, typer.Option(min=0, max=1, help="From 0, the best articles, to 1, the least similar to each other.")
    ] = 0.0,
    stored: Annotated[
        bool,
        typer.Option("--stored", help="Show the customer's list that --all --write stored: faster, but not current."),
    ] = False,
    no_rules: Annotated[bool, typer.Option("--no-rules", help="Ignore the shop's rules (`hmrec rules`).")] = False,
    as_of: AsOf = None,
    form: Annotated[
        Literal["table", "json", "csv", "kaggle", "parquet"],
        typer.Option(
            "--format",
            help="One customer: table, json or csv. --all: kaggle (a row for each customer), csv or parquet (a row for "
            "each article); by default parquet for a FILE.parquet, and kaggle for others.",
        ),
    ] = "table",
    as_json: JsonForm = False,
    everyone: Annotated[
        bool, typer.Option("--all", help="Recommend to all customers; needs --out or --write.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="With --all: store the lists in the graph, in place of those stored before.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File or pipe for the lists of --all.")] = None,
    customers: Annotated[
        list[str] | None,
        typer.Option(metavar="ID,...", help="--all: only these customers; @FILE has one id per line; may be repeated."),
    ] = None,
    segment: Segments = None,
    customers_where: CustomersWhere = "",
    active_days: Annotated[
        int | None,
        typer.Option(
            "--active-days", min=1, metavar="DAYS", help="--all: only customers who bought in the last DAYS days."
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="--all: only the I-th of N parts of the customers, such as 3/8.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="--all with a row for each article: further columns, such as prod_name,department,because.",
        ),
    ] = None,
) -> None:
    """Recommend articles for a customer or a cart, with reasons; or write all customers' lists to a file or the graph.

    Articles that are out of stock or not sold on the day of the list are left out (`hmrec stock` sets both). Reads
    the graph; writes FILE and, with --write, the relationships RECOMMENDED, which --stored reads. Readers see the
    previous lists until the new ones are complete; a killed run leaves the previous ones.

    Example: hmrec recommend 1 -k 5 --method user_based_cf

    Example: hmrec recommend --articles 0706016001,0372860001*2

    Example: hmrec recommend --all --out monday.csv --format csv --active-days 365 --columns prod_name

    Example: hmrec recommend --all --write -k 20
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.recommend import Campaign, ListForm, Recommender, Request
    from ..graph_ml.recommend.campaign import parse_shard
    from ..graph_ml.recommend.request import parse_cart

    request = Request(
        customer_id=customer,
        articles=parse_cart(read_some_ids("--articles", articles, "article")),
        method=use_new_name(method),
        k=k,
        new_only=new_only,
        **read_filters(context),
        include_unavailable=include_unavailable,
        cap=tuple(cap or ()),
        diversity=diversity,
        no_rules=no_rules,
        stored=stored,
        as_of=as_of.date() if as_of else None,
    )
    if everyone:
        if customer is not None or not (write or out):
            raise UserMistake("--all needs --out FILE or --write, and no customer.")
        refuse(context, "articles", "stored", because="with --all: a cart or a stored list is one customer's")
        if write:
            refuse(context, "shard", because="with --write, which stores all lists at once")
            refuse(context, "as_of", because="with --write: stored lists are those of now")
        if out is None:
            refuse(context, "form", "columns", because="without --out FILE")
        elif form in ("table", "json"):
            refuse(context, "form", because="with --all, which writes a file; --json prints a receipt")
        chosen = read_some_ids("--customers", customers, "customer")
        campaign = Campaign(
            form=ListForm(form) if is_given(context, "form") else None,
            customers=chosen or None,
            segment=tuple(segment or ()),
            customers_where=customers_where,
            active_days=active_days,
            shard=parse_shard(shard) if shard is not None else (1, 1),
            columns=tuple(name.strip() for part in columns or () for name in part.split(",")),
        )
        _recommend_to_all(request, campaign, out, write, as_json)
        return
    if (customer is None and not articles) or out is not None:
        raise UserMistake("Pass one customer, articles by --articles, or --all with --out FILE or --write.")
    refuse(
        context,
        "write",
        "customers",
        "segment",
        "customers_where",
        "active_days",
        "shard",
        "columns",
        because="without --all",
    )
    if form in ("kaggle", "parquet"):
        refuse(context, "form", because="as a form for one customer's list")
    shown = choose_format(Format(form), as_json)
    with open_graph() as graph:
        result = Recommender(graph).recommend(request)
    if result.note:
        (echo if shown is Format.table else echo_note)(result.note)
    frame = result.articles
    if result.stored is not None and shown is not Format.table:
        frame = frame.assign(**result.stored._asdict())
    show(frame, shown, name_methods(result) if request.chosen.name == "auto" else "")


def _recommend_to_all(request: Request, campaign: Campaign, out: Path | None, write: bool, as_json: bool) -> None:
    """Write the lists of all customers into the file, the graph or both, and say so."""
    from ..cypher.result_file import find_result_file
    from ..graph_ml.recommend import Recommender

    if out is not None:
        campaign.choose_form(out)  # refuse before anything is read
    is_piped = out is not None and find_result_file(out).is_standard_output
    found: dict[str, Any] = {}
    with Bars() as bars, open_graph(bars) as graph:
        if write:
            from ..graph_ml.stored.store import store_lists

            receipt = store_lists(graph, request, campaign=campaign, out=out, progress=bars)
            count, found = receipt.customers, vars(receipt)
        elif out is not None:
            count = Recommender(graph).recommend_all(request, out, campaign=campaign, progress=bars)
    if as_json:
        dump_json({"customers": count, "file": out and str(out)} | found)
        return
    say = echo_note if is_piped else echo
    if write:
        say(receipt.describe())
    if out is not None:
        say(f"Lists for {count:,} customers are in {out}.")


def name_methods(result: Recommendations) -> str:
    """Return which methods an answer's scores are of, in words, such as `By hybrid, then popular`."""
    named = dict.fromkeys(method for method in result.scored_by if method)
    return f"By {', then '.join(named)}" if named else ""


def use_new_name(method: str) -> str:
    """Return the method's current name; if `method` is an old one, print a note on standard error.

    Raises
    ------
    UserMistake : there is no such method.
    """
    from ..cypher.recommenders import explain_old_name, find_method

    if hint := explain_old_name(method):
        echo_note(hint)
    return find_method(method).name
