"""The evaluation as a self-contained HTML page, with tables and plots."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ..holdout.metrics import METRICS
from .outcome import ALL_CUSTOMERS, SEGMENTS
from .page import draw, write_page
from .random_split import describe_random_split

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORDS = {"all": "All purchases", "new": "Articles that the customer had not bought before"}
COLUMNS = (*METRICS, "coverage", "novelty", "rmse", "mae", "customers", "seconds")
"""The columns shown for each method, in order, MAP first."""


def write_report(table: pd.DataFrame, file: Path) -> None:
    """Write the page; the file appears only when it is complete.

    Parameters
    ----------
    table : as returned by `evaluate`, with its `attrs`.
    file : path of the page.
    """
    facts = table.attrs
    days = f"{facts['days']} days from {facts['cut']} on are held out"
    if facts["weeks"] > 1:
        days += f", as are {facts['weeks'] - 1} earlier periods of that length, each predicted from what was known then"
    parts = [
        f"<p>{days}; lists of {facts['k']} articles. Intervals are 95 % bootstrap intervals over customers. ",
        "Differences are to the best baseline, paired by customer.</p>",
    ]
    for kind, words in _WORDS.items():
        rows = table[table["purchases"] == kind]
        overall = rows[rows["segment"] == ALL_CUSTOMERS]
        parts += [
            f"<h2>{words}</h2>",
            draw(_plot_methods(overall, facts["k"])),
            _write_table(overall, facts["k"]),
            "<h3>By number of earlier purchases of the customer</h3>",
            draw(_plot_segments(rows, facts["k"])),
        ]
    write_page("Evaluation", parts, file)


def write_random_split_report(table: pd.DataFrame, file: Path) -> None:
    """Write the page of the source's protocol; the file appears only when it is complete.

    Parameters
    ----------
    table : as returned by `evaluate_random_split`, with its `attrs`.
    file : path of the page.
    """
    lines = ["".join(f"<th>{escape(str(name))}</th>" for name in table.columns)]
    for row in table.astype(object).where(table.notna(), None).to_dict(orient="records"):
        cells = ["" if v is None else f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values()]
        lines.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    parts = [
        "<h2>The source's protocol</h2>",
        f"<p>{escape(describe_random_split(table))}</p>",
        draw(_plot_random_split(table)),
        "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>",
    ]
    write_page("Evaluation", parts, file)


def format_interval(row: pd.Series) -> str:
    """Format the interval of the MAP."""
    return f"{row['map_low']:.4f} to {row['map_high']:.4f}"


def format_difference(row: pd.Series) -> str:
    """Format the difference to the best baseline; empty for that baseline itself, or if there is none."""
    if "against" not in row or row["against"] != row["against"] or row["against"] == row["method"]:
        return ""
    return f"{row['difference']:+.4f} ({row['difference_low']:+.4f} to {row['difference_high']:+.4f})"


def format_baseline(rows: pd.DataFrame) -> str:
    """Return the best baseline's name; "none" if no baseline was measured."""
    names = rows["against"].dropna().tolist() if "against" in rows else []
    return names[0] if names else "none"


def _write_table(rows: pd.DataFrame, k: int) -> str:
    names = [name for name in COLUMNS if name in rows and rows[name].notna().any()]
    head = [
        "method",
        f"MAP@{k}",
        "95 % interval",
        f"difference to {format_baseline(rows)}",
        *(name.replace("_", " ") for name in names[1:]),
    ]
    lines = ["".join(f"<th>{escape(name)}</th>" for name in head)]
    for _, row in rows.iterrows():
        cells = [str(row["method"]), f"{row['map']:.4f}", format_interval(row), format_difference(row)]
        cells += [f"{row[n]:,.0f}" if n in ("customers", "seconds") else f"{row[n]:.4f}" for n in names[1:]]
        lines.append("".join(f"<td>{escape(cell)}</td>" for cell in cells))
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _plot_methods(rows: pd.DataFrame, k: int) -> Figure:
    from matplotlib.figure import Figure

    ordered = rows.sort_values("map")
    figure = Figure(figsize=(8, 0.8 + 0.42 * len(ordered)), layout="constrained")
    axes = figure.subplots()
    bounds = [ordered["map"] - ordered["map_low"], ordered["map_high"] - ordered["map"]]
    axes.barh(ordered["method"], ordered["map"], xerr=bounds, color="#2F6DB5", ecolor="#1c2733", capsize=3)
    axes.set_xlabel(f"MAP@{k} with 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _plot_segments(rows: pd.DataFrame, k: int) -> Figure:
    from matplotlib.figure import Figure

    segments = [name for name in SEGMENTS if name != ALL_CUSTOMERS and (rows["segment"] == name).any()]
    methods = list(dict.fromkeys(rows["method"]))
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / max(1, len(methods))
    for number, method in enumerate(methods):
        found = rows[rows["method"] == method].set_index("segment").reindex(segments)
        places = [place + width * (number - (len(methods) - 1) / 2) for place in range(len(segments))]
        bounds = [found["map"] - found["map_low"], found["map_high"] - found["map"]]
        axes.bar(places, found["map"], width, yerr=bounds, label=method, ecolor="#1c2733", capsize=2)
    counts = rows[rows["method"] == methods[0]].set_index("segment")["customers"] if methods else {}
    axes.set_xticks(range(len(segments)), [f"{name}\n{int(counts[name]):,} customers" for name in segments])
    axes.set_ylabel(f"MAP@{k}")
    axes.legend(frameon=False, fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _plot_random_split(table: pd.DataFrame) -> Figure:
    from matplotlib.figure import Figure

    names = [
        " ".join([str(row["method"]), *([f"{row['epochs']} epochs"] if row["epochs"] == row["epochs"] else []),
                  f"(training pairs {row['training pairs']})"])
        for row in table.astype(object).where(table.notna(), float("nan")).to_dict(orient="records")
    ]  # fmt: skip
    figure = Figure(figsize=(11, 1 + 0.36 * len(table)), layout="constrained")
    for axes, metric in zip(figure.subplots(1, 3, sharey=True), ("precision", "recall", "rmse"), strict=True):
        axes.barh(names[::-1], table[metric][::-1], color="#2F6DB5")
        axes.set_xlabel("RMSE" if metric == "rmse" else f"{metric} at {table.attrs['k']}")
        axes.spines[["top", "right"]].set_visible(False)
    return figure
