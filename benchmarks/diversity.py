"""MAP against diversity: the lists of user-based CF with several values of `--diversity`, likeness by attributes.

hmrec sample journey journey/ --households 500
hmrec load journey/ --replace
python -m benchmarks.diversity --write
"""

from __future__ import annotations

import argparse

import numpy as np
from hmrec.cypher.graph import Graph
from hmrec.graph_ml.candidates.batch_recommender import find_batch_recommender
from hmrec.graph_ml.candidates.snapshot import Snapshot
from hmrec.graph_ml.evaluate.outcome import Outcome, count_history, score_lists
from hmrec.graph_ml.evaluate.variety import Kinds
from hmrec.graph_ml.export.kept import export_kept
from hmrec.graph_ml.export.subgraph import SubgraphSpec
from hmrec.graph_ml.holdout.intervals import bootstrap_interval
from hmrec.graph_ml.holdout.ranking import make_truth
from hmrec.graph_ml.holdout.split import hold_out_weeks
from hmrec.graph_ml.recommend.diversity import Likeness, diversify
from hmrec.graph_ml.recommend.in_force import DEEPER

from .report import describe_machine, write_section

K = 12
VALUES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)


def measure(graph: Graph, weeks: int) -> tuple[list[str], int]:
    """Return the rows of the table, and the number of customers and weeks."""
    subgraph = export_kept(graph, SubgraphSpec(isolated=True))
    outcomes: dict[float, list] = {value: [] for value in VALUES}
    for held in hold_out_weeks(subgraph, weeks):
        known, truth = count_history(held), make_truth(held, new_only=False)
        snapshot, likeness = Snapshot.of(held.before, held.cut), Likeness(Kinds.of(held.before).codes)
        found = find_batch_recommender("user_based_cf")(snapshot, truth.customers, k=DEEPER * K, new_only=False)
        lists = {value: np.full((len(truth.customers), K), -1, dtype=np.int64) for value in VALUES}
        for row in range(len(truth.customers)):
            articles = found.of(row)[0]
            alike = likeness.compare(articles.tolist())
            for value, table in lists.items():
                chosen = articles[diversify(alike, value)[:K]]
                table[row, : len(chosen)] = chosen
        for value, table in lists.items():
            outcomes[value].append(score_lists(known, table, truth))
    lines = []
    for value, weekly in outcomes.items():
        precisions, customers = Outcome("user_based_cf", "all", 0.0, tuple(weekly)).precisions()
        low, high = bootstrap_interval(precisions, customers)
        figures = [
            np.mean([getattr(week.variety, name) for week in weekly]) for name in ("diversity", "departments", "gini")
        ]
        coverage = np.mean([week.coverage for week in weekly])
        lines.append(
            f"| {value:.1f} | {precisions.mean():.4f} ({low:.4f} to {high:.4f}) | {figures[0]:.3f} | {figures[1]:.1f} | "
            f"{coverage:.3f} | {figures[2]:.3f} |"
        )
    return lines, len(precisions)


def main() -> None:
    """Measure, print, and write to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weeks", type=int, default=4, help="number of weeks held out, one after the other")
    parser.add_argument("--write", action="store_true", help="write the table into docs/quality.md")
    options = parser.parse_args()
    with Graph.connect() as graph:
        rows, customers = measure(graph, options.weeks)
    lines = [
        f"Measured by `python -m benchmarks.diversity` on {describe_machine()}; 500 households of Complete Journey, the last "
        f"{options.weeks} weeks held out one after the other, {customers:,} lists of `user_based_cf`, likeness by attributes:",
        "",
        "| `--diversity` | MAP@12 of all purchases (95 %) | diversity inside a list | departments in a list | coverage | Gini |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    print("\n".join(lines))
    if options.write:
        write_section("diversity", lines, "quality.md")


if __name__ == "__main__":
    main()
