"""Options that several commands have, and how their values are read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..cypher.limits import DRIFT

Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    typer.Option(help="Where to compute; auto: an NVIDIA GPU if there is one, then an Apple GPU, then the CPU."),
]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only purchases from that day on.")
]
Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Only purchases before that day.")
]
FirstCustomers = Annotated[int | None, typer.Option(min=1, help="Use only this many customers, the first by id.")]
Category = Annotated[str | None, typer.Option(help="Only articles of that department, product group or index group.")]
MaxBad = Annotated[
    float,
    typer.Option("--max-bad", min=0, max=1, metavar="SHARE", help="Fail if more rows than this share are bad."),
]
IncludeUnavailable = Annotated[
    bool,
    typer.Option(
        "--include-unavailable", help="Include articles that are out of stock or not sold on the day of the list."
    ),
]
Departments = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only articles of this department; if repeated, of one of them."),
]
NotDepartments = Annotated[
    list[str] | None,
    typer.Option("--not-department", metavar="NAME", help="No articles of this department; may be repeated."),
]
Colours = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only articles of this colour group; if repeated, of one of them."),
]
NotColours = Annotated[
    list[str] | None,
    typer.Option("--not-colour", metavar="NAME", help="No articles of this colour group; may be repeated."),
]
MaxPrice = Annotated[
    float | None,
    typer.Option("--max-price", min=0, metavar="PRICE", help="Only articles sold for at most this price."),
]
InSeason = Annotated[
    int | None, typer.Option("--in-season", min=1, metavar="DAYS", help="Only articles sold in the last DAYS days.")
]
Where = Annotated[
    str,
    typer.Option(
        metavar="CONDITION",
        help="Only articles with these properties, e.g. 'price < 20 and section = \"Mens\"'; see docs/filters.md.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="ID,...", help="Only these articles; @FILE has one id per line; may be repeated."),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(metavar="ID,...", help="None of these articles; @FILE has one id per line; may be repeated."),
]
Segments = Annotated[
    list[str] | None, typer.Option("--segment", metavar="NAME", help="Only customers of this segment; may be repeated.")
]
CustomersWhere = Annotated[
    str,
    typer.Option(
        "--customers-where",
        metavar="CONDITION",
        help="Only customers with these properties, e.g. 'age >= 30 and Active = 1'; see docs/audience.md.",
    ),
]


def limit_option(flag: str, figure: str, description: str, metavar: str = "SHARE") -> Any:
    """Return an option from 0 to 1 that replaces the limit of a figure in `DRIFT`; None for that limit.

    Parameters
    ----------
    flag : the option's name, such as --max-drop.
    figure : a key of `DRIFT`.
    description : the option's help.
    metavar : what the value is called in the help.
    """
    return typer.Option(flag, min=0, max=1, metavar=metavar, help=description, show_default=str(DRIFT[figure]))


def read_ids(given: list[str]) -> list[str]:
    """Return the ids of an option such as --exclude: separated by commas, or @FILE with one per line.

    Raises
    ------
    UserMistake : the file cannot be read.
    """
    from ..cypher.errors import UserMistake

    ids: list[str] = []
    for part in given:
        if part.startswith("@"):
            try:
                ids += Path(part[1:]).read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise UserMistake(f"The list of ids {part[1:]} cannot be read.") from error
        else:
            ids += part.split(",")
    return [name for line in ids if (name := line.strip())]


def read_columns(pairs: list[str]) -> dict[str, str]:
    """Return the files' column names to hmrec's, from the values of --map.

    Raises
    ------
    UserMistake : a value is not THEIRS=OURS.
    """
    from ..cypher.errors import UserMistake

    names = {}
    for pair in pairs:
        theirs, separator, ours = pair.partition("=")
        if not (separator and theirs and ours):
            raise UserMistake(f"--map must be THEIRS=OURS, e.g. household_id=customer_id, not {pair[:60]!r}.")
        names[theirs] = ours
    return names


def read_some_ids(option: str, given: list[str] | None, kind: str) -> tuple[str, ...]:
    """Return the ids of an option, which must have some if it was passed.

    Raises
    ------
    UserMistake : there are none, or a file cannot be read.
    """
    from ..cypher.errors import UserMistake

    ids = tuple(read_ids(given or []))
    if given and not ids:
        raise UserMistake(f"{option} names no {kind}.", "Pass ids separated by commas, or @FILE with one per line.")
    return ids


FILTERS = ("department", "not_department", "colour", "not_colour", "max_price", "in_season", "where", "only", "exclude")
"""The parameters of a command that limit the articles of a list, and fields of a request."""


def read_filters(context: typer.Context) -> dict[str, Any]:
    """Return the fields of a request that a command's options for filters give.

    Parameters
    ----------
    context : of a command that has all of `FILTERS`.

    Raises
    ------
    UserMistake : a list of ids is empty, or its file cannot be read.
    """
    given = {name: context.params[name] for name in FILTERS}
    names = {name: tuple(given[name] or ()) for name in ("department", "not_department", "colour", "not_colour")}
    ids = {name: read_some_ids(f"--{name}", given[name], "article") for name in ("only", "exclude")}
    return given | names | ids
