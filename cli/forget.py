"""hmrec forget: remove what the graph and this machine hold about a customer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .combinations import refuse
from .connect import open_graph
from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo


def forget(
    context: typer.Context,
    customer: Annotated[str | None, typer.Argument(metavar="[CUSTOMER]", help="The customer's id.")] = None,
    expired: Annotated[
        bool, typer.Option("--expired", help="Remove expired logged lists (HMREC_LOG_DAYS) instead.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget CUSTOMER: remove purchases, events, lists, attributes and embeddings, also from models and exports.

    Prints what was removed where, and what must be removed by hand, such as backups. If it is killed, run it again.
    Writes the graph; removes hmrec's files on this machine that hold the customer.

    Example: hmrec forget 1453 --yes
    """
    from ..cypher.errors import UserMistake
    from ..graph_ml.forget import forget_customer
    from ..loader.impressions import remove_expired

    if (customer is None) != expired:
        raise UserMistake("Pass one customer, or --expired.")
    if customer is None:
        refuse(context, "yes", because="with --expired, which does not ask")
        with Bars() as bars, open_graph(bars) as graph:
            removed = remove_expired(graph, bars)
        dump_json({"removed": removed}) if as_json else echo(f"{removed:,} expired lists were removed.")
        return
    with Bars() as bars, open_graph(bars) as graph:
        if not yes:
            if not sys.stdin.isatty():
                raise UserMistake("Nothing was removed: there is no terminal to ask.", "If that is right, add --yes.")
            if not bars.confirm(f"Remove customer {customer[:80]!r} for good?"):
                raise UserMistake("The answer was no, so nothing was removed.")
        receipt = forget_customer(graph, customer, bars)
    if as_json:
        dump_json(receipt.to_dict())
    else:
        echo(receipt.summary())
