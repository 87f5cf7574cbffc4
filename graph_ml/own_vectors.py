"""Write vectors of another model back as a version of the graph's model, with a ranker if they allow one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ..cypher.errors import UserMistake
from ..cypher.graph import Graph
from ..cypher.progress import Progress, silent
from .candidates.learn_cf import learn_cf
from .export.kept import export_kept
from .export.subgraph import SubgraphSpec, to_date, to_days
from .hybrid import add_training_views, rank_parts
from .network.own_vectors import Metric, check_known, read_own_vectors
from .network.trained_model import TrainedModel
from .ranker.fit import RankSettings, first_day
from .ranker.sources import apply_cf
from .relate.relate import relate_if_missing
from .write_back.write import WriteBackReceipt, write_embeddings


def write_own_vectors(
    graph: Graph,
    files: Sequence[Path],
    name: str,
    metric: Metric | None = None,
    until: date | None = None,
    ranker: bool = True,
    progress: Progress = silent,
) -> tuple[TrainedModel, WriteBackReceipt, str]:
    """Check vectors of another model against the graph, and put them into use by `write_embeddings`.

    Parameters
    ----------
    graph : the graph to write to.
    files, name, metric : as for `read_own_vectors`.
    until : the day after the last purchase that the model was trained on; None for all purchases.
    ranker : whether to train the ranker on the weeks after `until`.
    progress : receives the steps.

    Returns
    -------
    The vectors as a model, the receipt, and the reason for having no ranker (empty if there is one or none is wanted).

    Raises
    ------
    UserMistake : the files are wrong (see `read_own_vectors`) or have unknown nodes, or `until` is not after the first
        purchase. Nothing is changed then.
    """
    subgraph = export_kept(graph, SubgraphSpec(isolated=True), progress)
    last = min(until or subgraph.until, subgraph.until)
    if last <= subgraph.since:
        raise UserMistake(f"There are no purchases before {until}; the first is on {subgraph.since}.")
    trained = read_own_vectors(files, name, subgraph.since, last, metric)
    check_known(trained, subgraph)
    cf = learn_cf(subgraph.where(subgraph.time < to_days(last)), progress)
    rank = None
    if ranker:
        known = add_training_views(graph, subgraph, progress)
        rank = rank_parts(trained, known, sources=apply_cf(cf, known), progress=progress)
    why = ""
    if ranker and rank is None:
        start = to_date(first_day(subgraph, RankSettings()))
        why = (
            f"The ranker was not trained: it learns from the weeks since {start}, which these vectors have seen. For "
            f"a ranker, train on the purchases of `hmrec export DIR --until {start}`, and add --until {start} here."
        )
    receipt = write_embeddings(graph, trained, progress=progress, rank=rank, cf=cf)
    if rank is not None:
        relate_if_missing(graph, subgraph, progress)
    return trained, receipt, why
