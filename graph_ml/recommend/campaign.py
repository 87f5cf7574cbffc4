"""Lists for a campaign: which customers get one, and the file with a row for each article of each list."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...loader.properties import PRICE, find_property
from ..export.subgraph import IdMap, Integers
from .customers import make_customer_clauses
from .where import Clauses

if TYPE_CHECKING:
    import polars as pl

ROWS = ("customer_id", "article_id", "rank", "score", "method")
"""The columns of a file with a row for each article, before those of the articles."""
PARTIAL = ("customer_id", "article_ids", "scores", "methods")
"""The columns of the partial file from which such a file is made: a row for each customer."""
AT_ONCE = 4_000
"""How many customers' lists are computed at once; their candidates for the ranker take 0.5 GB."""
BECAUSE = "because"
"""A further column: why the article is in the list."""
SEPARATOR = "\x1f"  # between the values of one customer; no id has it


class ListForm(StrEnum):
    """The form of the file with all lists: Kaggle's, with a row for each customer, or a row for each article."""

    kaggle = "kaggle"
    csv = "csv"
    parquet = "parquet"


class MethodList(NamedTuple):
    """A customer's list.

    Attributes
    ----------
    articles : numbers of articles, best first.
    scores : of each, by the method that proposed it, and comparable only within that method.
    methods : the method that proposed each.
    reasons : why each is in the list.
    """

    articles: list[int]
    scores: list[float]
    methods: list[str]
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Campaign:
    """Which customers get a list, and what the file has.

    Attributes
    ----------
    form : of the file; None for Parquet if the file's name ends in .parquet, and otherwise Kaggle's.
    customers : ids of customers; None for all.
    segment : only customers of one of these segments; none for all.
    customers_where : only customers with these properties, such as `age >= 30`; empty for all.
    active_days : only customers with a purchase in this many days before the day of the lists; None for all.
    shard : (i, n), the i-th of n parts of these customers, i from 1. The parts in order are the whole.
    columns : further columns of a file with a row for each article: properties of articles, and `because`.

    Raises
    ------
    UserMistake : a value is out of range, an article has no such property, or Kaggle's form has no such columns.
    """

    form: ListForm | None = None
    customers: tuple[str, ...] | None = None
    active_days: int | None = None
    segment: tuple[str, ...] = ()
    customers_where: str = ""
    shard: tuple[int, int] = (1, 1)
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.active_days is not None and self.active_days < 1:
            raise UserMistake(f"Customers can be active in at least one day, not {self.active_days}.")
        if not 1 <= self.shard[0] <= self.shard[1]:
            raise UserMistake(f"There is no part {self.shard[0]} of {self.shard[1]}.", "Write --shard 3/8.")
        _ = self.clauses
        self.properties()
        self._check_columns(self.form)

    @property
    def clauses(self) -> Clauses:
        """The conditions on customers: `customers_where`, and the segments."""
        return make_customer_clauses(self.segment, self.customers_where)

    def _check_columns(self, form: ListForm | None) -> None:
        if self.columns and form is ListForm.kaggle:
            raise UserMistake("Kaggle's form has no columns for articles.", "Choose --format csv or parquet.")

    def properties(self) -> dict[str, str]:
        """Return the property of each column by the column's name, except for `because`.

        Raises
        ------
        UserMistake : articles have no such property, or a column is named twice or like one of `ROWS`.
        """
        found: dict[str, str] = {}
        if self.columns.count(BECAUSE) > 1:
            raise UserMistake(f"The file has two columns {BECAUSE!r}.", "Name each column once.")
        for column in self.columns:
            if column == BECAUSE:
                continue
            known = find_property(column).name
            if known == PRICE:
                raise UserMistake("The price is not a property of articles.", "Choose other columns.")
            if column in found or column in ROWS:
                raise UserMistake(f"The file has two columns {column[:60]!r}.", "Name each column once.")
            found[column] = known
        return found

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the partial file."""
        return (*PARTIAL, "reasons") if BECAUSE in self.columns else PARTIAL

    def choose_form(self, out: Path) -> ListForm:
        """Return the form of the file `out`.

        Raises
        ------
        UserMistake : columns are named, and the form has none.
        """
        form = self.form or (ListForm.parquet if out.suffix.lower() == ".parquet" else ListForm.kaggle)
        self._check_columns(form)
        return form

    def describe_unknown(self, customer_ids: IdMap) -> str:
        """Return a sentence about named customers that the graph does not have; empty if it has all of them."""
        unknown = sorted({outer for outer in self.customers or () if outer not in customer_ids})
        if not unknown:
            return ""
        more = f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
        return f"Not in the graph, so without a list: {', '.join(f'{outer:.40}' for outer in unknown[:3])}{more}."

    def select(
        self,
        customer_ids: IdMap,
        customer: Integers,
        time: npt.NDArray[np.int32],
        day: int,
        passing: Collection[str] | None = None,
    ) -> Integers:
        """Return the numbers of the customers who get a list, ascending.

        Parameters
        ----------
        customer_ids : all customers.
        customer, time : [num_edges], the customer and the day of each purchase.
        day : the day of the lists; days as since 1970-01-01.
        passing : ids of the customers that fulfil `clauses`; None for all.

        Raises
        ------
        UserMistake : none of the named customers is in the graph.
        """
        chosen = np.ones(len(customer_ids), dtype=np.bool_)
        if self.customers is not None:
            known = [customer_ids.index(outer) for outer in set(self.customers) if outer in customer_ids]
            if not known:
                raise UserMistake("None of these customers is in the graph.", "Name customers by their ids.")
            chosen[:] = False
            chosen[known] = True
        if passing is not None:
            chosen &= np.fromiter((outer in passing for outer in customer_ids), np.bool_, len(customer_ids))
        if self.active_days is not None:
            active = np.zeros(len(customer_ids), dtype=np.bool_)
            active[customer[(time >= day - self.active_days) & (time < day)]] = True
            chosen &= active
        return np.array_split(np.flatnonzero(chosen), self.shard[1])[self.shard[0] - 1]


def parse_shard(text: str) -> tuple[int, int]:
    """Return (3, 8) for "3/8".

    Raises
    ------
    UserMistake : it is not of that form.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None:
        raise UserMistake(f"A shard is written as 3/8, not {text[:40]!r}.")
    return int(found[1]), int(found[2])


def to_cells(found: MethodList, articles: IdMap, header: Sequence[str] = PARTIAL) -> tuple[str, ...]:
    """Return a list as the cells of a row after the customer, for the columns of `Campaign.header`."""
    reasons = () if len(header) == len(PARTIAL) else (SEPARATOR.join(found.reasons),)
    return (
        SEPARATOR.join(articles.id(article) for article in found.articles),
        SEPARATOR.join(f"{score:.6g}" for score in found.scores),
        SEPARATOR.join(found.methods),
        *reasons,
    )


def read_columns(graph: Graph, campaign: Campaign) -> pl.DataFrame:
    """Return the columns of the articles: article_id, and a column for each of the campaign's; all as text."""
    import polars as pl

    properties = campaign.properties()
    schema = {"article_id": pl.String} | dict.fromkeys(properties, pl.String)
    if not properties:
        return pl.DataFrame(schema=schema)
    rows = [
        [outer, *(None if value is None else str(value) for value in values)]
        for _, outer, values in graph.stream("export_articles", properties=list(properties.values()))
    ]
    return pl.DataFrame(rows, schema=schema, orient="row")


def write_rows(
    partial: Path, complete: Path, form: ListForm, columns: pl.DataFrame, further: Sequence[str] | None = None
) -> None:
    """Make the file with a row for each article from the partial file with a row for each customer.

    Parameters
    ----------
    partial : the file to read, with the columns of `Campaign.header`.
    complete : the file to write, with `ROWS`; score is missing where a method has none.
    form : CSV or Parquet.
    columns : properties of the articles, by article_id.
    further : the columns after `ROWS`, in order; None for those of `columns`.
    """
    import polars as pl

    further = columns.columns[1:] if further is None else further
    cells = {"article_ids": "article_id", "scores": "score", "methods": "method"}
    cells |= {"reasons": BECAUSE} if BECAUSE in further else {}
    lists = pl.scan_csv(partial, schema=dict.fromkeys(("customer_id", *cells), pl.String))
    rows = (
        lists.filter(pl.col("article_ids") != "")
        .with_columns(pl.col(name).str.split(SEPARATOR).alias(column) for name, column in cells.items())
        .with_columns(rank=pl.int_ranges(1, pl.col("article_id").list.len() + 1))
        .explode(*cells.values(), "rank")
        .with_columns(pl.col("score").cast(pl.Float64).fill_nan(None))
    )
    if columns.width > 1:
        rows = rows.join(columns.lazy(), on="article_id", how="left", maintain_order="left")
    rows = rows.select(*ROWS, *further)
    if form is ListForm.parquet:
        rows.sink_parquet(complete)
    else:
        rows.sink_csv(complete)
