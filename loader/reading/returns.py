"""Returns: units that were brought back, or whose invoice was cancelled, taken back from what was bought."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

# Online Retail's numbers of cancelled invoices: its others are digits only.
CANCELLED = r"^[Cc]\d"
KINDS = {1: "negative quantity", 2: "cancelled invoice", 3: "negative price"}
PAIR = ["customer", "article"]


@dataclass(frozen=True)
class Returns:
    """What is left of the purchases, and what became of the returns.

    Attributes
    ----------
    purchases : those that still have a quantity, with all columns.
    vanished : the purchases that were taken back whole.
    unmatched : how many returns match no purchase at all.
    partly : how many are of more units than were bought.
    """

    purchases: pl.DataFrame
    vanished: pl.DataFrame
    unmatched: int
    partly: int

    def describe(self, returns: pl.DataFrame) -> list[str]:
        """Sentences on how many returns there were, of which kinds, and how many match no purchase.

        Parameters
        ----------
        returns : what `take_back` took, with `kind`.
        """
        kinds = ", ".join(
            f"{count:,} by {KINDS[kind]}" for kind, count in returns.group_by("kind").len().sort("kind").iter_rows()
        )
        count = returns.height
        notes = [f"{count:,} {'row is a return' if count == 1 else 'rows are returns'} ({kinds})."]
        if self.unmatched:
            match = (
                "return matches no purchase and was" if self.unmatched == 1 else "returns match no purchase and were"
            )
            notes.append(f"{self.unmatched:,} {match} left out.")
        if self.partly:
            more = "return is of more units than were" if self.partly == 1 else "returns are of more units than were"
            notes.append(f"{self.partly:,} {more} bought; the other units were left out.")
        return notes


def count_units() -> pl.Expr:
    """Units of a row with price, quantity and `cancelled`: of a purchase above 0, of a return below."""
    is_return = (pl.col("quantity") < 0) | pl.col("cancelled") | (pl.col("price") < 0).fill_null(False)
    return pl.when(is_return).then(-pl.col("quantity").abs()).otherwise("quantity")


def detect_kind() -> pl.Expr:
    """What makes a row a return, a key of KINDS."""
    return pl.when(pl.col("quantity") < 0).then(1).when(pl.col("cancelled")).then(2).otherwise(3).cast(pl.Int8)


def take_back(purchases: pl.DataFrame, returns: pl.DataFrame) -> Returns:
    """Take returned units from the same customer's latest purchase of the article on or before that day, then earlier.

    The units of a customer and an article are a stack: a purchase puts units on it, a return takes them from the top.
    The stack's height is the running sum of units, kept from falling below 0. A purchase keeps what lies between its
    own base and the lowest height from then on. So no loop is needed, and the order of the rows does not matter.

    Parameters
    ----------
    purchases : customer, t_dat, article, price, sales_channel_id, quantity and more; distinct.
    returns : customer, article (null if nobody else names it), t_dat, units (below 0).
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
            lacks=pl.col("missing") - pl.col("missing").shift(1, fill_value=0).over(PAIR),
        )
    )
    lacking = events.filter(pl.col("is_return") & (pl.col("lacks") > 0))
    unmatched = lacking.filter(pl.col("lacks") == -pl.col("units")).height
    bought = events.filter(~pl.col("is_return"))
    stays = bought.filter(pl.col("left") > 0).with_columns(quantity=pl.col("left")).select(purchases.columns)
    return Returns(
        pl.concat([purchases.join(pairs, on=PAIR, how="anti"), stays]),
        bought.filter(pl.col("left") == 0).select(purchases.columns),
        unmatched,
        lacking.height - unmatched,
    )
