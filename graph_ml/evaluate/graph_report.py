"""Report on the graph as an HTML page: the data that a recommender has to work with."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...cypher.errors import UserMistake
from ...cypher.foreign import find_foreign
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from .page import BLUE, INK, draw, make_axes, write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUERIES = ("weeks", "articles_by_sales", "customers_by_history", "repeat_rhythm", "baskets")
"""The saved queries of `cypher/report/`; each scans the graph once."""
_HISTORIES = ((0, 0), (1, 1), (2, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, None))


def read_report(graph: Graph, progress: Progress = silent) -> dict[str, pd.DataFrame]:
    """Return the rows of each query in `cypher/report/`, by the query's name.

    Raises
    ------
    UserMistake : the graph has no purchases.
    """
    if not find_foreign(graph).bought:
        raise UserMistake("The graph has no purchases to report on.", "Load some first: hmrec load DIR")
    frames = {}
    for number, name in enumerate(QUERIES):
        progress("Querying the graph", number, len(QUERIES))
        frames[name] = graph.read(name)
    progress("Querying the graph", len(QUERIES), len(QUERIES))
    return frames


def sum_up(frames: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Compute the figures of the page.

    Parameters
    ----------
    frames : as returned by `read_report`.

    Returns
    -------
    Counts, shares from 0 to 1, and medians of days and purchases; None for the median of nothing.
    """
    weeks, sales, history = frames["weeks"], frames["articles_by_sales"], frames["customers_by_history"]
    rhythm, baskets = frames["repeat_rhythm"], frames["baskets"]
    first = rhythm["days"].isna()
    again, days = rhythm[~first], int(rhythm["purchases"].sum())
    sold = sales[sales["bought"] > 0]
    best = _take_top_k(sold, max(1, round(0.01 * int(sold["articles"].sum()))))
    buyers = history[history["bought"] > 0]
    last = weeks.iloc[-1]
    return {
        "customers": int(history["customers"].sum()),
        "customers_without_purchases": int(history.loc[history["bought"] == 0, "customers"].sum()),
        "median_purchases_of_a_buyer": _median(buyers["bought"], buyers["customers"]),
        "articles": int(sales["articles"].sum()),
        "articles_never_sold": int(sales.loc[sales["bought"] == 0, "articles"].sum()),
        "share_of_the_best_hundredth": best / float((sold["bought"] * sold["articles"]).sum()),
        "purchases": int(weeks["purchases"].sum()),
        "first_week": weeks["week"].iloc[0].isoformat(),
        "last_week": last["week"].isoformat(),
        "share_of_repeats": float(again["purchases"].sum()) / days,
        "median_days_between_repeats": _median(again["days"], again["purchases"]),
        "median_pieces_of_a_basket": _median(baskets["pieces"], baskets["baskets"]),
        "baskets": int(baskets["baskets"].sum()),
        "share_of_new_articles_in_the_last_week": float(last["new_articles"]) / float(last["articles"]),
        "share_of_purchases_of_new_articles_in_the_last_week": float(last["new_purchases"]) / float(last["purchases"]),
    }


def _take_top_k(sold: pd.DataFrame, number: int) -> float:
    """Return the number of BOUGHT relationships of the `number` best sellers."""
    taken = np.clip(number - (sold["articles"].cumsum() - sold["articles"]), 0, sold["articles"])
    return float((taken * sold["bought"]).sum())


def _median(values: pd.Series, counts: pd.Series) -> float | None:
    """Return the lower median of values with these counts; None if there are none."""
    if not len(values):
        return None
    place = np.searchsorted(np.cumsum(counts.to_numpy()), (counts.sum() + 1) // 2)
    return float(values.iloc[int(place)])


def write_graph_report(graph: Graph, file: Path, progress: Progress = silent) -> dict[str, Any]:
    """Write the report on the graph; the file appears only when it is complete.

    Parameters
    ----------
    graph : the graph to report on; it is only read.
    file : path of the HTML page.
    progress : receives the number of queries answered.

    Returns
    -------
    The figures of the page, as from `sum_up`.

    Raises
    ------
    UserMistake : the graph has no purchases.
    """
    frames = read_report(graph, progress)
    facts = sum_up(frames)
    weeks, rhythm = frames["weeks"], frames["repeat_rhythm"]
    parts = [
        f"<p>{facts['purchases']:,} purchases by {facts['customers']:,} customers of {facts['articles']:,} articles, "
        f"in the weeks from {facts['first_week']} to {facts['last_week']}. Every figure comes from a saved query: "
        f"<code>hmrec query {'</code>, <code>'.join(QUERIES)}</code>.</p>",
        _write_facts(facts),
        "<h2>Purchases per week</h2>",
        "<p>Weeks begin on Monday; the first and the last may be incomplete.</p>",
        draw(_plot_weeks(weeks)),
        "<h2>The long tail</h2>",
        f"<p>The top 1 % of the articles sold account for {facts['share_of_the_best_hundredth']:.0%} of the purchases; "
        f"{facts['articles_never_sold']:,} articles were never sold.</p>",
        draw(_plot_tail(frames["articles_by_sales"])),
        "<h2>Repeats</h2>",
        f"<p>{facts['share_of_repeats']:.1%} of purchases repeat an article that the customer bought before.</p>",
        draw(_plot_rhythm(rhythm)),
        "<h2>Cold customers</h2>",
        f"<p>{facts['customers_without_purchases']:,} customers have no purchase; only their attributes are known.</p>",
        draw(_plot_history(frames["customers_by_history"])),
        "<h2>Cold articles</h2>",
        f"<p>Of the articles sold in the last week, {facts['share_of_new_articles_in_the_last_week']:.1%} had never "
        "been sold before. They account for "
        f"{facts['share_of_purchases_of_new_articles_in_the_last_week']:.1%} of the week's purchases.</p>",
        draw(_plot_cold(weeks)),
        "<h2>Baskets</h2>",
        "<p>The number of pieces that one customer buys on one day.</p>",
        draw(_plot_baskets(frames["baskets"])),
    ]
    write_page("The graph", parts, file)
    return facts


def _write_facts(facts: dict[str, Any]) -> str:
    lines = []
    for name, value in facts.items():
        share = "share" in name
        shown = (
            "none" if value is None else value if isinstance(value, str)
            else f"{value:.1%}" if share else f"{value:,.0f}"
        )  # fmt: skip
        lines.append(f"<tr><td>{escape(name.replace('_', ' '))}</td><td>{escape(shown)}</td></tr>")
    return "<table>" + "".join(lines) + "</table>"


def _plot_weeks(weeks: pd.DataFrame) -> Figure:
    figure, axes = make_axes()
    axes.bar(weeks["week"], weeks["purchases"], width=6, color=BLUE)
    axes.set_ylabel("purchases")
    return figure


def _plot_tail(sales: pd.DataFrame) -> Figure:
    sold = sales[sales["bought"] > 0]
    figure, axes = make_axes()
    articles = sold["articles"].cumsum() / sold["articles"].sum()
    bought = (sold["articles"] * sold["bought"]).cumsum() / (sold["articles"] * sold["bought"]).sum()
    axes.plot([0, *(100 * articles)], [0, *(100 * bought)], color=BLUE)
    axes.plot([0, 100], [0, 100], color=INK, linewidth=0.6, linestyle=":")
    axes.set_xlabel("% of the articles sold, best sellers first")
    axes.set_ylabel("% of the purchases")
    return figure


def _plot_rhythm(rhythm: pd.DataFrame) -> Figure:
    again = rhythm.dropna()
    within = again[again["days"] <= 120]
    figure, axes = make_axes()
    axes.bar(within["days"], within["purchases"], width=1, color=BLUE)
    beyond = int(again["purchases"].sum() - within["purchases"].sum())
    axes.set_xlabel(f"days since the customer last bought the article ({beyond:,} after more than 120)")
    axes.set_ylabel("purchases")
    return figure


def _plot_history(history: pd.DataFrame) -> Figure:
    names, sizes = [], []
    for low, high in _HISTORIES:
        within = (history["bought"] >= low) & (history["bought"] <= (high if high is not None else np.inf))
        names.append(f"{low} or more" if high is None else f"{low}" if low == high else f"{low} to {high}")
        sizes.append(int(history.loc[within, "customers"].sum()))
    figure, axes = make_axes()
    bars = axes.bar(names, sizes, color=BLUE)
    axes.bar_label(bars, [f"{size:,}" for size in sizes], fontsize="small")
    axes.set_xlabel("purchases of a customer")
    axes.set_ylabel("customers")
    return figure


def _plot_cold(weeks: pd.DataFrame) -> Figure:
    figure, axes = make_axes()
    later = weeks.iloc[1:]  # everything is new in the first week
    axes.plot(later["week"], 100 * later["new_articles"] / later["articles"], color=BLUE, label="articles sold")
    axes.plot(later["week"], 100 * later["new_purchases"] / later["purchases"], color=INK, label="purchases")
    axes.set_ylabel("% never sold before that week")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize="small")
    return figure


def _plot_baskets(baskets: pd.DataFrame) -> Figure:
    within = baskets[baskets["pieces"] <= 40]
    beyond = int(baskets["baskets"].sum() - within["baskets"].sum())
    figure, axes = make_axes()
    axes.bar(within["pieces"], within["baskets"], width=0.9, color=BLUE)
    axes.set_xlabel(f"pieces ({beyond:,} baskets of more than 40)")
    axes.set_ylabel("baskets")
    return figure
