"""Self-contained HTML pages: tables and inline SVG plots, with no external resources."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from ...cypher.result_file import write_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Without a writable cache folder, Matplotlib logs several lines of warnings and uses a temporary folder.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

BLUE = "#2F6DB5"
INK = "#1c2733"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 84rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d8dee4; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
svg { max-width: 100%; height: auto }
"""
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>hmrec: {name}</title><style>{style}</style>
<h1>{title}</h1>
{parts}
</html>
"""


def write_page(title: str, parts: Sequence[str], file: Path) -> None:
    """Write the page; the file appears only when it is complete.

    Parameters
    ----------
    title : heading of the page.
    parts : HTML fragments, in order.
    file : path of the page; its folder is created.
    """
    name = escape(title[:1].lower() + title[1:])
    page = PAGE.format(style=STYLE, name=name, title=escape(title), parts="\n".join(parts))
    write_result(file, lambda path: path.write_text(page, encoding="utf-8"))


def make_axes(width: float = 8, height: float = 3.2) -> tuple[Figure, Axes]:
    """Return an empty plot of the given size in inches, without a frame at the top and right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def draw(figure: Figure) -> str:
    """Return the figure as SVG to embed in HTML; the same data give the same bytes."""
    from matplotlib import rc_context

    with io.StringIO() as text, rc_context({"svg.hashsalt": "hmrec"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
        whole = text.getvalue()
    return whole[whole.index("<svg") :]
