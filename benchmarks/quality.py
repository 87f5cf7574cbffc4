"""Quality of the recommendations compared with peers': the same days held out, the same customers, in one run.

    python -m benchmarks.quality --data "Complete Journey" --write
    python -m benchmarks.quality --weeks 3 --until 2017-12-25 --only "ALS" "gnn"
    python -m benchmarks.quality --shop journey=DIR --shop gifts=DIR --shop clothing=DIR --weeks 4 --write

Uses the graph at NEO4J_URI, or the local one; with `--shop`, one shop after the other. `--write` puts the tables into
docs/quality.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import date
from importlib.metadata import version

import pandas as pd
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.evaluate.evaluation import METHODS, Peer, evaluate
from hmrec.graph_ml.evaluate.outcome import ALL_CUSTOMERS, BASELINES
from hmrec.graph_ml.evaluate.report import format_baseline, format_difference, format_interval
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import CosineRecommender

from .peers.rank import (
    FACTORS,
    HALF_LIFE,
    rank_by_als_trained_as_long,
    rank_by_implicit,
    rank_by_neighbours_only,
    rank_by_pyg,
    rank_by_torchrec,
    rank_by_user_knn,
)
from .report import describe_machine, publish
from .shops import visit_shops

NEIGHBOURS = "user_based_cf, neighbours only"
OURS = (NEIGHBOURS, "user_based_cf", "gnn", "hybrid")
NAMES = {"popular": "popularity", "own_repurchases": "own repurchases, then popularity"}


def list_peers() -> dict[str, Peer]:
    """Return the peers by their names in the table; TorchRec only if HMREC_TORCHREC_PYTHON names an environment with it."""
    optional: dict[str, Peer] = {"torchrec": rank_by_torchrec} if "HMREC_TORCHREC_PYTHON" in os.environ else {}
    return optional | {
        "ALS": rank_by_implicit(lambda: AlternatingLeastSquares(factors=FACTORS, random_state=0)),
        "ALS, by recency": rank_by_implicit(
            lambda: AlternatingLeastSquares(factors=FACTORS, random_state=0), HALF_LIFE
        ),
        "ALS, as long as gnn": rank_by_als_trained_as_long,
        "BPR": rank_by_implicit(lambda: BayesianPersonalizedRanking(random_state=0)),
        "item-kNN": rank_by_implicit(CosineRecommender),
        "user-kNN": rank_by_user_knn,
        "PyG's LightGCN": rank_by_pyg,
        NEIGHBOURS: rank_by_neighbours_only,
    }


def order_methods(peers: Mapping[str, Peer], only: list[str] | None) -> tuple[str, ...]:
    """Return baselines, then hmrec's methods, then peers, as PyG's class is trained for as long as hmrec's network took."""
    methods = [*BASELINES, *(name for name in OURS if name in METHODS or name in peers)]
    methods += [name for name in peers if name not in methods]
    return tuple(name for name in methods if not only or name in only)


def format_markdown(table: pd.DataFrame, kind: str) -> list[str]:
    """Format one kind of purchases as a Markdown table, best first."""
    rows = table[(table["segment"] == ALL_CUSTOMERS) & (table["purchases"] == kind)].sort_values("map", ascending=False)
    lines = [
        f"| {kind} | MAP@{table.attrs['k']} (95 %) | difference to {format_baseline(rows)} (95 %) | precision | recall | NDCG | hit rate | coverage | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for _, row in rows.iterrows():
        name = NAMES.get(row["method"], row["method"])
        name = f"**{name}**" if row["method"] in OURS else name
        figures = [f"{row[column]:.4f}" for column in ("precision", "recall", "ndcg", "hit_rate", "coverage")]
        cells = [
            name,
            f"{row['map']:.4f} ({format_interval(row)})",
            format_difference(row),
            *figures,
            f"{row['seconds']:,.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure, print, and write to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=1, help="number of weeks held out, one after the other")
    parser.add_argument("--until", type=date.fromisoformat, help="the day after the last one held out")
    parser.add_argument("--customers", type=int, help="number of customers per week, sampled at random")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure only these rows")
    parser.add_argument(
        "--data", default="the graph's purchases", help="description of the graph's data, for the report"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/quality.md")
    parser.add_argument(
        "--shop",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="measure the shop in the local server of this HMREC_HOME; may be given several times",
    )
    options = parser.parse_args()
    if not options.shop:
        with Graph.connect() as graph:
            lines = measure(graph, options, options.data)
        publish(lines, "quality", options.write)
    visit_shops(
        options.shop, lambda graph, name: publish(measure(graph, options, name), f"quality-{name}", options.write)
    )


def measure(graph: Graph, options: argparse.Namespace, data: str) -> list[str]:
    """Return the tables of one shop, described as `data`, in Markdown."""
    peers = list_peers()
    given = {"weeks": options.weeks, "until": options.until, "customers": options.customers}
    baselines = [*BASELINES, *(name for name in peers if name not in OURS)]
    table = evaluate(graph, **given, methods=order_methods(peers, options.only), peers=peers, baselines=baselines)
    facts = table.attrs
    before = facts["weeks"] - 1
    lines = [
        f"Measured by `python -m benchmarks.quality` on {describe_machine()}, implicit {version('implicit')}, torch {version('torch')}, torch-geometric "
        f"{version('torch-geometric')}; {data}, {facts['days']} days from {facts['cut']} on held out"
        + {0: "", 1: ", as is the period of that length before"}.get(
            before, f", as are the {before} periods of that length before"
        )
        + ". hmrec's own methods are bold.",
        "Peers have their packages' defaults, count purchases, and ignore recency:",
        "",
        f"- implicit's ALS with {FACTORS} factors. *By recency* halves the weight of a purchase every {HALF_LIFE:.0f} days. "
        "*As long as gnn* trains as long as gnn did.",
        "- implicit's BPR and item-kNN (cosine).",
        "- PyG's LightGCN class: 64 dimensions, 3 layers, 32,768 pairs per step, trained as long as gnn.",
        "- user-kNN: cosine, 50 neighbours, scipy.",
        *(["", f"Measured only: {', '.join(options.only)}."] if options.only else []),
    ]
    for kind in ("all", "new"):
        count = table[(table["segment"] == ALL_CUSTOMERS) & (table["purchases"] == kind)]["customers"].max()
        lines += ["", f"{count:,} customers with a history, {kind} purchases:", "", *format_markdown(table, kind)]
    return lines


if __name__ == "__main__":
    main()
