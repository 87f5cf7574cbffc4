"""Speed of the export of purchases, compared with a query that returns a row per purchase: `python -m benchmarks.export`.

Both read the graph at NEO4J_URI or in HMREC_HOME, in alternation, each in its own process so that memory is measured
separately. `--write` puts the figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from hmrec.cypher.catalogue import parse_query
from hmrec.cypher.graph import Graph
from hmrec.cypher.state import read_counts
from hmrec.graph_ml.export.read_purchases import read_purchases
from hmrec.graph_ml.export.read_subgraph import export_subgraph

from .report import describe_machine, write_section

PEER = Path(__file__).parent / "peers" / "row_per_purchase.cypher"
PEER_PURCHASES = 300_000  # of the first customers: at 30,000 per second, the whole graph would take 15 minutes


def measure(job: str) -> dict[str, float]:
    """Run `plain`, `purchases` or `subgraph`; return the number of purchases, the time and the peak memory."""
    with Graph.connect() as graph:
        begun = time.perf_counter()
        if job == "subgraph":
            count = export_subgraph(graph).num_edges
        else:
            customers, articles = (
                np.array([node for node, *_ in graph.stream(f"export_{kind}")]) for kind in ("customers", "articles")
            )
            begun = time.perf_counter()
            count = (
                _read_plainly(graph, customers) if job == "plain" else len(read_purchases(graph, customers, articles))
            )
        seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    return {"purchases": count, "seconds": seconds, "rate": count / seconds, "peak_gib": peak}


def _read_plainly(graph: Graph, customers: np.ndarray[Any, Any]) -> int:
    """Read a row per purchase of the first customers, in storage order, and convert the rows to columns."""
    share = min(1.0, PEER_PURCHASES / read_counts(graph).bought)
    part = np.sort(customers)[: max(1, round(share * len(customers)))].tolist()
    rows = list(graph.stream(parse_query(PEER.read_text("utf-8"), PEER), customers=part))
    columns = list(zip(*rows, strict=True))
    return len(columns[0])


def in_process(job: str) -> dict[str, float]:
    """Run `measure` in its own process."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.export", job], check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure in alternation, print the table, and write it to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", nargs="?", choices=["plain", "purchases", "subgraph"])
    parser.add_argument("--turns", type=int, default=3, help="number of turns; the first is a warm-up and not counted")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    if options.job:
        print(json.dumps(measure(options.job)))
        return
    load = os.getloadavg()[0]
    turns = [{job: in_process(job) for job in ("plain", "purchases", "subgraph")} for _ in range(options.turns)][1:]
    ratio = statistics.median(turn["purchases"]["rate"] / turn["plain"]["rate"] for turn in turns)
    words = {
        "plain": "one row for each purchase",
        "purchases": "`read_purchases`: sorted arrays",
        "subgraph": "`export_subgraph`: with ids, features and attribute nodes",
    }
    lines = [
        f"Measured by `python -m benchmarks.export` on {describe_machine()}; load average at the start {load:.1f}, median of {len(turns)} turns.",
        "",
        "| way | purchases | seconds | purchases/s | Python's peak memory |",
        "| --- | --- | --- | --- | --- |",
    ]
    for job, name in words.items():
        seen = {key: statistics.median(turn[job][key] for turn in turns) for key in turns[0][job]}
        lines.append(
            f"| {name} | {seen['purchases']:,.0f} | {seen['seconds']:.1f} | {seen['rate']:,.0f} | {seen['peak_gib']:.2f} GiB |"
        )
    whole = statistics.median(turn["subgraph"]["rate"] / turn["plain"]["rate"] for turn in turns)
    lines += [
        "",
        f"`read_purchases` reads **{ratio:.1f}** times as many purchases per second as one row for each. "
        f"The whole export reads {whole:.1f} times as many.",
    ]
    print("\n".join(lines))
    if options.write:
        write_section("export", lines)


if __name__ == "__main__":
    main()
