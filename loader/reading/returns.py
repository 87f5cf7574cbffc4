"""Subtract returned units and cancelled invoices from purchases."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# Online Retail's numbers of cancelled invoices; its other invoice numbers are digits only.
CANCELLED = r"^[Cc]\d"
KINDS = {1: "negative quantity", 2: "cancelled invoice", 3: "negative price"}
PAIR = ["customer", "article"]


@dataclass(frozen=True)
class Returns:
    """The remaining purchases, and what happened to the returns.

    Attributes
    ----------
    purchases : those with units left, with all columns, and `loaded`: the units before the returns; null if the
        customer returned nothing of the article.
    vanished : the purchases that were returned entirely, with their units.
    unmatched : number of returns that match no purchase.
    partly : number of returns with more units than were bought.
    """

    purchases: pl.DataFrame
    vanished: pl.DataFrame
    unmatched: int
    partly: int

    def describe(self, returns: pl.DataFrame) -> list[str]:
        """Return notes on the number of returns, their kinds, and how many match no purchase.

        Parameters
        ----------
        returns : the input of `subtract_returns`, with `kind`.
        """
        kinds = ", ".join(
            f"{count:,} by {KINDS[kind]}" for kind, count in returns.group_by("kind").len().sort("kind").iter_rows()
        )
        count = returns.height
        notes = [f"{count:,} {'row is a return' if count == 1 else 'rows are returns'} ({kinds})."]
        if self.unmatched:
            match = "return matches" if self.unmatched == 1 else "returns match"
            notes.append(f"{self.unmatched:,} {match} no purchase of these files; purchases of other loads may match.")
        if self.partly:
            more = "return has" if self.partly == 1 else "returns have"
            notes.append(
                f"{self.partly:,} {more} more units than these files' purchases; those of other loads may match."
            )
        return notes


def count_units() -> pl.Expr:
    """Return an expression for a row's units, from price, quantity and `cancelled`: negative for a return."""
    is_return = (pl.col("quantity") < 0) | pl.col("cancelled") | (pl.col("price") < 0).fill_null(False)
    return pl.when(is_return).then(-pl.col("quantity").abs()).otherwise("quantity")


def detect_kind() -> pl.Expr:
    """Return an expression for the reason why a row is a return, a key of KINDS."""
    return pl.when(pl.col("quantity") < 0).then(1).when(pl.col("cancelled")).then(2).otherwise(3).cast(pl.Int8)


def subtract_returns(purchases: pl.DataFrame, returns: pl.DataFrame) -> Returns:
    """Subtract returned units from the customer's latest purchase of the article up to that day, then from earlier
    ones.

    The units of a customer and an article are a stack: a purchase pushes units, a return pops them from the top. The
    stack's height is the running sum of units, kept from falling below 0. A purchase keeps the units between its own
    base and the lowest later height. This needs no loop, and the order of the rows does not matter.

    Parameters
    ----------
    purchases : customer, t_dat, article, price, sales_channel_id, quantity and more; distinct.
    returns : customer, article (null if only returns name it), t_dat, units (below 0).
    """
    pairs = returns.select(PAIR).unique()
    touched = purchases.join(pairs, on=PAIR, how="semi")
    events = pl.concat(
        [
            touched.with_columns(units="quantity", is_return=False),
            returns.select(*PAIR, "t_dat", "units", is_return=True),
        ],
        how="diagonal",
    ).sort(*PAIR, "t_dat", "is_return", "price", "sales_channel_id")
    events = (
        events.with_columns(total=pl.col("units").cum_sum().over(PAIR))
        .with_columns(missing=pl.max_horizontal(-pl.col("total"), 0).cum_max().over(PAIR))
        .with_columns(height=pl.col("total") + pl.col("missing"))
        .with_columns(lowest=pl.col("height").cum_min(reverse=True).over(PAIR))
        .with_columns(
            left=(pl.col("lowest") - pl.col("height") + pl.col("units")).clip(0),
            excess=pl.col("missing") - pl.col("missing").shift(1, fill_value=0).over(PAIR),
        )
    )
    excessive = events.filter(pl.col("is_return") & (pl.col("excess") > 0))
    unmatched = excessive.filter(pl.col("excess") == -pl.col("units")).height
    bought = events.filter(~pl.col("is_return"))
    stays = bought.filter(pl.col("left") > 0).with_columns(quantity="left", loaded="quantity")
    untouched = purchases.join(pairs, on=PAIR, how="anti").with_columns(loaded=pl.lit(None, pl.Int64))
    return Returns(
        pl.concat([untouched, stays.select(untouched.columns).cast({"loaded": pl.Int64})]),
        bought.filter(pl.col("left") == 0).select(purchases.columns),
        unmatched,
        excessive.height - unmatched,
    )
