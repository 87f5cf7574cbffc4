"""Speed of writing embeddings: plain UNWIND with SET, hmrec with one and with two sessions, then a complete write-back.

    python -m benchmarks.write_back --data "the synthetic shop at 10 %" --write

Uses the graph at NEO4J_URI, or the local one, and writes a new version of a model of random numbers to it. `--write` puts the
figures into docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import date
from pathlib import Path

import numpy as np
from hmrec.cypher.catalogue import parse_query
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.export.subgraph import IdMap
from hmrec.graph_ml.network.trained_model import TrainedModel, TrainSettings
from hmrec.graph_ml.ranker.features import Matrix
from hmrec.graph_ml.write_back import write_vectors
from hmrec.graph_ml.write_back.write import STAGED, write_embeddings

from .report import describe_machine, write_section

DIM = 64
PLAIN_BATCH = 5_000
PEERS = Path(__file__).parent / "peers"
PLAIN, CLEAR = (
    parse_query((PEERS / f).read_text("utf-8"), PEERS / f) for f in ("set_embeddings.cypher", "clear_plain.cypher")
)


def draw(number: int) -> Matrix:
    """Return [number, DIM] random vectors of length 1."""
    drawn = np.random.default_rng(0).normal(size=(number, DIM)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def write_plainly(graph: Graph, ids: IdMap, vectors: Matrix) -> float:
    """Return the seconds of one session that sends lists of floats."""
    outer, begun = list(ids), time.perf_counter()
    for begin in range(0, len(outer), PLAIN_BATCH):
        part = slice(begin, begin + PLAIN_BATCH)
        graph.write(PLAIN, rows=[list(pair) for pair in zip(outer[part], vectors[part].tolist(), strict=True)])
    seconds = time.perf_counter() - begun
    graph.write(CLEAR)
    return seconds


def write_ours(graph: Graph, ids: IdMap, vectors: Matrix, sessions: int) -> float:
    """Return the seconds of `write_vectors`, including the look-up of the nodes."""
    write_vectors.SESSIONS = sessions
    begun = time.perf_counter()
    places = write_vectors.find_places(graph, "customer_nodes", ids)
    write_vectors.write_vectors(graph, places, vectors, STAGED, "customers")
    seconds = time.perf_counter() - begun
    graph.write("clear_embeddings", slot=STAGED)
    return seconds


def main() -> None:
    """Measure, print, and write to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=2, help="number of turns, in alternation; medians are reported")
    parser.add_argument("--data", default="the graph", help="description of its data, for the report")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/performance.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with Graph.connect() as graph:
        customers = IdMap(sorted(outer for _, outer in graph.stream("customer_nodes")))
        articles = IdMap(sorted(outer for _, outer in graph.stream("article_nodes")))
        vectors = draw(len(customers))
        trained = TrainedModel(
            customers, articles, vectors, draw(len(articles)), TrainSettings(dim=DIM), (), 1, date(2000, 1, 1),
            date(2000, 1, 2), 0,
        )  # fmt: skip
        write_embeddings(graph, trained)
        ways = {
            "plain `UNWIND`, `SET` of a list of floats, one session": lambda: write_plainly(graph, customers, vectors),
            "`write_vectors`, one session": lambda: write_ours(graph, customers, vectors, 1),
            "`write_vectors`, two sessions": lambda: write_ours(graph, customers, vectors, 2),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        runs: list[dict[str, float]] = []
        for _ in range(options.turns):  # in alternation, so that other load on the machine affects all
            for name, work in ways.items():
                found[name].append(work())
            begun = time.perf_counter()
            steps = write_embeddings(graph, trained).seconds
            runs.append(steps | {"all": time.perf_counter() - begun})
    nodes = len(customers) + len(articles)
    medians = {name: float(np.median(seconds)) for name, seconds in found.items()}
    plain = next(iter(medians.values()))
    lines = [
        f"Measured by `python -m benchmarks.write_back` on {describe_machine()}; {options.data}: {len(customers):,} customers, {len(articles):,} articles, {DIM} numbers each; load average at the start {load:.1f}, median of {options.turns} turns, taken in turn.",
        "",
        "| way, customers | seconds | nodes/s | times the plain |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {n} | {s:.1f} | {len(customers) / s:,.0f} | {plain / s:.1f} |" for n, s in medians.items()]
    parts = {name: float(np.median([steps[name] for steps in runs])) for name in runs[0]}
    lines += [
        "",
        f"A write-back of all {nodes:,} nodes takes **{parts['all']:.1f} s**, {nodes / parts['all']:,.0f} nodes/s:",
        "",
        "| step | seconds |",
        "| --- | --- |",
        *(f"| {name} | {seconds:.1f} |" for name, seconds in parts.items() if name != "all"),
        "",
        "*Activating* also moves every embedding to its final property, for readers that do not check the slot, and clears the other one.",
    ]
    print("\n".join(lines))
    if options.write:
        write_section("write-back", lines)


if __name__ == "__main__":
    main()
