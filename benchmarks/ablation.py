"""What the ranker's lists lose without one of its sources, the embeddings, or a kind of features.

    python -m benchmarks.ablation --shop gifts=DIR --shop clothing=DIR --weeks 2 --write

The trees are grown again without each part, from the same candidates, and rank the same weeks. The last weeks are left
out: docs/quality.md reports them, and nothing is chosen by them. `--write` puts the tables there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
from hmrec.cypher.graph import Graph
from hmrec.cypher.recommenders import Method
from hmrec.cypher.shop import read_shop
from hmrec.graph_ml.candidates.learn_cf import learn_cf
from hmrec.graph_ml.candidates.nearest import Vectors
from hmrec.graph_ml.evaluate.evaluation import KINDS, Peer, evaluate
from hmrec.graph_ml.evaluate.outcome import ALL_CUSTOMERS
from hmrec.graph_ml.evaluate.report import format_difference, format_interval
from hmrec.graph_ml.export.subgraph import Integers
from hmrec.graph_ml.holdout.ranking import Truth
from hmrec.graph_ml.holdout.split import HoldOut
from hmrec.graph_ml.hybrid import embed_earlier_weeks
from hmrec.graph_ml.network.training import train
from hmrec.graph_ml.ranker.context import RankingContext, keep_new, take_first
from hmrec.graph_ml.ranker.declare import KNOWN
from hmrec.graph_ml.ranker.features import SUBJECTS, CandidateSet, Matrix, name_features
from hmrec.graph_ml.ranker.fit import RankSettings, TrainingWeek, collect_weeks, grow_trees
from hmrec.graph_ml.ranker.ranker import Ranker
from hmrec.graph_ml.ranker.sources import BY_EMBEDDING, SOURCES, apply_cf, name_sources

from .report import describe_machine, publish
from .shops import visit_shops

EVERYTHING = "everything"


@dataclass(frozen=True)
class Collected:
    """The candidates of a hold-out period and of the weeks before it.

    Attributes
    ----------
    weeks : what the trees learn from.
    tested : the candidates of the customers to rank for, with their features.
    """

    weeks: list[TrainingWeek]
    tested: list[tuple[CandidateSet, Matrix]]


@dataclass(frozen=True)
class Ablation:
    """Rankers that lack one part; each period's candidates are collected once.

    Attributes
    ----------
    settings : settings of the trees.
    embedded : whether a network is trained for each period.
    methods : the sources that need no embeddings; the shops of the benchmarks have no views.
    """

    settings: RankSettings
    embedded: bool
    methods: tuple[Method, ...] = tuple(source for source in SOURCES if not source.needs_views)
    _collected: dict[date, Collected] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, in the order of their columns."""
        return name_sources(self.methods, self.embedded)

    def list_peers(self) -> dict[str, Peer]:
        """Return a peer for each part that can be left out, and one that has everything."""
        parts = [EVERYTHING, *self.sources, *KNOWN]
        return {f"without {part}" if part != EVERYTHING else part: self._leave_out(part) for part in parts}

    def _leave_out(self, part: str) -> Peer:
        columns = find_columns(part, self.sources)

        def rank(
            held: HoldOut, truths: Mapping[str, Truth], k: int, seconds: Mapping[str, float]
        ) -> dict[str, Integers]:
            if held.cut not in self._collected:
                self._collected[held.cut] = self._collect(held, truths["all"].customers)
            found = self._collected[held.cut]
            weeks = [mask_week(week, columns, len(self.sources)) for week in found.weeks]
            ranker = Ranker(self.sources, grow_trees(weeks, self.sources, self.settings))
            return {
                kind: rank_without(ranker, found.tested, columns, truths[kind].customers, k, kind == "new")
                for kind in KINDS
            }

        return rank

    def _collect(self, held: HoldOut, customers: Integers) -> Collected:
        sources = apply_cf(learn_cf(held.before), held.before, self.methods)
        embed, vectors = None, None
        if self.embedded:
            trained = train(held.before)
            embed = embed_earlier_weeks(trained, held.before, self.settings)
            vectors = Vectors(trained.customers, trained.articles)
        weeks = collect_weeks(held.before, embed, self.settings, sources)
        context = RankingContext.of(held, None if vectors is None else lambda *_: vectors, sources)
        return Collected(weeks, list(context.describe(customers)))


def find_columns(part: str, sources: tuple[str, ...]) -> Integers:
    """Return the numbers of a part's features: of a source, of a subject, or none.

    The number of days on which the customer bought the article stays: it says which candidates are new.
    """
    names = name_features(sources)
    if part in KNOWN:
        return np.flatnonzero(
            [subject == part and name != "days_bought" for subject, name in zip(SUBJECTS, names, strict=False)]
        )
    wanted = {f"{part}_score", f"{part}_place"} | ({"cosine"} if part == BY_EMBEDDING.name else set())
    return np.flatnonzero([name in wanted for name in names])


def mask(features: Matrix, columns: Integers, sources: int) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Return the features without these columns, and which candidates some source still proposes."""
    masked = features.copy()
    masked[:, columns] = np.nan
    return masked, ~np.isnan(masked[:, -sources:]).all(axis=1)


def mask_week(week: TrainingWeek, columns: Integers, sources: int) -> TrainingWeek:
    """Return a week's candidates without these columns."""
    features, kept = mask(week.features, columns, sources)
    return TrainingWeek(features[kept], week.bought[kept], week.customer[kept])


def rank_without(
    ranker: Ranker,
    tested: Sequence[tuple[CandidateSet, Matrix]],
    columns: Integers,
    customers: Integers,
    k: int,
    new_only: bool,
) -> Integers:
    """Return [n, k]: the lists of customers, ascending, padded with -1."""
    lists = np.full((len(customers), k), -1, dtype=np.int64)
    for whole, described in tested:
        features, kept = mask(described, columns, len(ranker.sources))
        candidates = whole.take(np.flatnonzero(kept))
        features = features[kept]
        if new_only:
            candidates, features = keep_new(candidates, features)
        row, place, which = take_first(candidates, ranker.score(features, candidates.row, new_only, k), k)
        at = np.searchsorted(customers, candidates.customers[row])
        wanted = np.append(customers, -1)[at] == candidates.customers[row]
        lists[at[wanted], place[wanted]] = candidates.article[which[wanted]]
    return lists


def measure(graph: Graph, options: argparse.Namespace, data: str) -> list[str]:
    """Return a shop's table in Markdown."""
    ablation = Ablation(RankSettings(forests=options.forests), not options.without_embeddings)
    peers = ablation.list_peers()
    last = read_shop(graph).last
    if last is None:
        raise SystemExit(f"{data} has no purchases.")
    until = last + timedelta(days=1 - 7 * options.spared)
    table = evaluate(
        graph, weeks=options.weeks, until=until, customers=options.customers, methods=tuple(peers), peers=peers,
        baselines=[EVERYTHING],
    )  # fmt: skip
    k, table = table.attrs["k"], table[table["segment"] == ALL_CUSTOMERS]
    lines = [
        f"Measured by `python -m benchmarks.ablation` on {describe_machine()}; {data}, {options.weeks} weeks up to {until}, "
        + (f"a sample of {options.customers:,} customers a week, " if options.customers else "")
        + f"forests of {RankSettings().rounds} trees, {options.forests} per list"
        + (", without embeddings." if options.without_embeddings else "."),
        "",
        f"| ranker | MAP@{k} all (95 %) | difference (95 %) | MAP@{k} new (95 %) | difference (95 %) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in peers:
        cells = [name]
        for kind in KINDS:
            row = table[(table["method"] == name) & (table["purchases"] == kind)].iloc[0]
            cells += [f"{row['map']:.4f} ({format_interval(row)})", format_difference(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure, print, and write to the docs if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", action="append", required=True, metavar="NAME=DIR", help="as for benchmarks.quality")
    parser.add_argument("--weeks", type=int, default=2, help="number of weeks to rank")
    parser.add_argument("--spared", type=int, default=4, help="number of weeks at the end to leave out")
    parser.add_argument("--customers", type=int, help="number of customers per week, sampled at random")
    parser.add_argument("--forests", type=int, default=1, help="number of forests per ranker")
    parser.add_argument("--without-embeddings", action="store_true", help="train no network")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/quality.md")
    options = parser.parse_args()
    visit_shops(
        options.shop, lambda graph, name: publish(measure(graph, options, name), f"ablation-{name}", options.write)
    )


if __name__ == "__main__":
    main()
