"""Shared by the benchmarks: a description of the machine, sections of pages in docs/, and plots."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
from hmrec.cypher.local.install import NEO4J_VERSION

DOCS = Path(__file__).resolve().parent.parent / "docs"


def describe_machine() -> str:
    """Return cores, memory and versions, without names."""
    gib = psutil.virtual_memory().total / (1 << 30)
    return (
        f"{os.cpu_count()} cores and {gib:.0f} GiB ({platform.system()}, Python {platform.python_version()}, "
        f"Neo4j {NEO4J_VERSION}, polars {version('polars')}, neo4j driver {version('neo4j')})"
    )


def write_section(name: str, lines: list[str], page: str = "performance.md") -> None:
    """Replace the text between a section's markers in a page of docs/."""
    file = DOCS / page
    text = file.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, _, rest = text.partition(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        raise SystemExit(f"{file} has no section {name}.")
    file.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + tail, encoding="utf-8")


def publish(lines: list[str], section: str, write: bool) -> None:
    """Print the tables, and write them into a section of docs/quality.md if `write`."""
    print("\n".join(lines), flush=True)
    if write:
        write_section(section, lines, "quality.md")


@dataclass(frozen=True)
class Plot:
    """A plot of several series against scale on a logarithmic axis; `growth` makes the other axis logarithmic, too.

    With `growth`, linear growth is a straight line parallel to the diagonal.
    """

    x: str
    y: str
    file: str
    growth: bool = False

    def draw(self, at: list[int], series: dict[str, list[float]]) -> None:
        """Write the plot into docs/."""
        import matplotlib

        matplotlib.use("svg")
        matplotlib.rcParams["svg.hashsalt"] = self.file
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(9, 4.5) if self.growth else (7, 4), layout="constrained")
        for number, (label, values) in enumerate(series.items()):
            axes.plot(at, values, marker="os^D"[number // 10], color=f"C{number % 10}", label=label)
        axes.set(xlabel=self.x, ylabel=self.y, xscale="log")
        if self.growth:
            axes.set(yscale="log")
            figure.legend(loc="outside right")
        else:
            axes.set_ylim(bottom=0)
            axes.legend()
        axes.grid(alpha=0.3)
        figure.savefig(DOCS / self.file, metadata={"Date": None})
        pyplot.close(figure)
