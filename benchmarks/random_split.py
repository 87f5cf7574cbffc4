"""The source's protocol with the source's own baseline beside hmrec, on the graph at NEO4J_URI, or the local one.

    python -m benchmarks.random_split                          # creates an environment with fastai in the user's cache
    python -m benchmarks.random_split --venv DIR               # uses this environment; creates it if missing
    python -m benchmarks.random_split --data "Complete Journey" --write

`--write` puts the table into docs/quality.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import platformdirs
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.evaluate.random_split import (
    K,
    RandomSplit,
    describe_random_split,
    measure_lightgcn,
    measure_scores,
    measure_simple,
    split_rows,
    tabulate_random_split,
)
from hmrec.graph_ml.export.read_subgraph import export_subgraph
from hmrec.graph_ml.network.training import PRESETS

from .report import describe_machine, write_section

SCRIPT = Path(__file__).with_name("fastai_baseline.py")
FASTAI = "fastai>=2.8,<3"


def make_environment(folder: Path) -> Path:
    """Return the Python of a virtual environment with fastai and the torch it requires; create it if missing."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        print(f"Creating an environment for fastai in {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    if subprocess.run([str(python), "-c", "import fastai.collab"], capture_output=True).returncode:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", FASTAI], check=True)
    return python


def run_fastai(
    split: RandomSplit, python: Path, epochs: int, negatives: int
) -> tuple[np.ndarray[Any, Any], dict[str, Any]]:
    """Train fastai on the same rows; return its scores [n, A] and the figures that its script prints."""
    train = split.train
    row = np.repeat(np.arange(train.num_edges), train.quantity)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pd.DataFrame({"customer": train.customer[row], "article": train.article[row], "rating": 1.0}).to_csv(
            folder / "train.csv", index=False
        )
        pd.DataFrame({"customer": split.customers}).to_csv(folder / "customers.csv", index=False)
        command = [
            str(python),
            "-W",
            "ignore",
            str(SCRIPT),
            name,
            "--epochs",
            str(epochs),
            "--negatives",
            str(negatives),
        ]
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
        done = subprocess.run(
            command, env=environment | {"CUDA_VISIBLE_DEVICES": ""}, stdout=subprocess.PIPE, text=True, check=True
        )
        return np.load(folder / "scores.npy"), json.loads(done.stdout.splitlines()[-1])


def format_markdown(table: pd.DataFrame) -> list[str]:
    """Format the table as Markdown."""
    lines = ["| " + " | ".join(table.columns) + " |", "| " + " | ".join("---" for _ in table.columns) + " |"]
    for row in table.astype(object).where(table.notna(), None).to_dict(orient="records"):
        cells = []
        for name, value in row.items():
            if value is None:
                cells.append("")
            elif name in ("precision", "recall"):
                cells.append(f"{value:.2%}")
            elif isinstance(value, float):
                cells.append(f"{value:.1f}" if name == "seconds" else f"{value:.6f}")
            else:
                cells.append(f"{value:,}" if isinstance(value, int) else str(value))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure, print, and write to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = Path(platformdirs.user_cache_dir("hmrec", appauthor=False)) / "fastai"
    parser.add_argument("--venv", type=Path, default=cache, help="virtual environment for fastai")
    parser.add_argument("--negatives", type=int, default=4, help="fastai: negatives per row")
    parser.add_argument("-k", type=int, default=K, help="length of the lists")
    parser.add_argument(
        "--data", default="the graph's purchases", help="description of the graph's data, for the report"
    )
    parser.add_argument(
        "--write", metavar="SECTION", nargs="?", const="random-split", help="write into docs/quality.md"
    )
    options = parser.parse_args()
    python = make_environment(options.venv)
    with Graph.connect() as graph:
        split = split_rows(export_subgraph(graph, PRESETS["lightgcn"][1]))
    measured = [row for epochs in (5, 50) for row in measure_lightgcn(split, epochs, options.k)]
    measured += measure_lightgcn(split, 5, options.k, preset="default")
    scores, printed = run_fastai(split, python, 5, options.negatives)
    facts = {"method": "fastai's EmbeddingDotBias", "epochs": 5, "seconds": round(printed["seconds"], 1)}
    measured += measure_scores(split, scores, options.k, facts, are_probabilities=True)
    table = tabulate_random_split(split, [*measured, *measure_simple(split, options.k)], options.k)
    lines = [
        f"Measured by `python -m benchmarks.random_split` on {describe_machine()}, fastai {printed['fastai']} with torch {printed['torch']} ({printed['threads']} threads) in its "
        f"own environment, on {options.data}. Seconds are training time on the CPU.",
        "fastai is set up as in the example: 40 factors, weight decay 0.1, learning rate up to 0.005, batches of 64. "
        f"It gets {options.negatives} negatives per row, drawn uniformly among pairs not in the training data. "
        "The source does not say how many it used.",
        "",
        describe_random_split(table),
        "",
        *format_markdown(table),
    ]
    print("\n".join(lines))
    if options.write:
        write_section(options.write, lines, "quality.md")


if __name__ == "__main__":
    main()
