"""The evaluation of the project's source, repeated: few rows, split at random, every customer x article pair scored.

The source took the first 20,000 transactions, drew 70 % of them to train on, kept those of the rest whose customer and
article occur in training, and scored every combination of the customers tested and the articles trained on. What it
left open is chosen as in the example that its own baseline follows, Microsoft Recommenders'
examples/00_quick_start/fastai_movielens.ipynb: lists of 10 articles, without the pairs of the training. As a shop's
customers buy again, which that example's films are not, lists that keep those pairs are measured, too.

A split at random lets training see what comes after the purchases tested; `evaluate` does not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy.special import expit

from ...cypher.errors import UserMistake
from ...cypher.graph import Graph
from ...cypher.progress import Progress, silent
from ..export.read_subgraph import export_subgraph
from ..export.subgraph import Integers, Subgraph
from ..holdout.metrics import METRICS
from ..holdout.ranking import collect_pairs
from ..network.trained_model import TrainedModel, TrainSettings
from ..network.training import PRESETS, Preset, train

Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]

K = 10
TRAIN_SHARE = 0.7
SOURCE = {
    "method": "the source, on H&M's rows", "epochs": 5, "seconds": 44.3, "precision": 0.2451, "recall": 0.0208,
    "rmse": 0.106232, "mae": 0.013038,
}  # fmt: skip
"""What the source tells of its model: 5 epochs on a CPU; not told: k, and whether lists keep the training's pairs."""
BINS = 4096
NAMES: dict[Preset, str] = {"slides": "hmrec's LightGCN", "default": "hmrec's network"}
"""The first is set up as the source's, the second as `hmrec train` does."""


@dataclass(frozen=True)
class SlidesSplit:
    """The rows, split.

    Attributes
    ----------
    train : the rows trained on, with those customers and articles alone that occur in them.
    customers : [n] int64, those of them with a row tested.
    owned : [n, A], 1 where the training has the pair.
    tested : [n, A], 1 where the rows tested have it.
    rows, train_rows, test_rows : how many rows there were, are trained on, and are tested.
    """

    train: Subgraph
    customers: Integers
    owned: sp.csr_matrix
    tested: sp.csr_matrix
    rows: int
    train_rows: int
    test_rows: int


def split_rows(subgraph: Subgraph, share: float = TRAIN_SHARE, seed: int = 0) -> SlidesSplit:
    """Draw rows to train on; equal rows, one purchase in the graph, are drawn each for itself.

    Parameters
    ----------
    subgraph : the purchases.
    share : how much of the rows is trained on, above 0 and below 1.
    seed : the same seed draws the same rows.

    Raises
    ------
    UserMistake : none of the rows left has a customer and an article that are trained on.
    """
    row = np.repeat(np.arange(subgraph.num_edges), subgraph.quantity)  # [rows], each one's purchase
    drawn = np.random.default_rng(seed).permutation(len(row))[: round(share * len(row))]
    quantity = np.bincount(row[drawn], minlength=subgraph.num_edges).astype(np.int32)
    rest = subgraph.quantity - quantity
    train = replace(subgraph, quantity=quantity).where(quantity > 0)
    has_customer = np.bincount(train.customer, minlength=len(subgraph.customer_ids)) > 0
    has_article = np.bincount(train.article, minlength=len(subgraph.article_ids)) > 0
    kept = (rest > 0) & has_customer[subgraph.customer] & has_article[subgraph.article]
    if not kept.any():
        raise UserMistake(
            f"No row of the {len(row):,} can be tested: none has a customer and an article that are trained on.",
            "The protocol needs a graph where customers and articles come more than once.",
        )
    tested = collect_pairs(subgraph.where(kept))[has_customer][:, has_article]
    train = train.without_isolated()
    customers = np.flatnonzero(np.diff(tested.indptr) > 0)
    owned = collect_pairs(train)[customers]
    return SlidesSplit(train, customers, owned, tested[customers], len(row), len(drawn), int(rest[kept].sum()))


def evaluate_slides(
    graph: Graph,
    *,
    epochs: Sequence[int] = (5, 50),
    k: int = K,
    rows: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Train by the preset "slides" on a random part of the graph's first rows and measure as the source did.

    The network as `hmrec train` has it by default is trained beside it, for the source's 5 epochs.

    Parameters
    ----------
    graph : holds the purchases; it is only read.
    epochs : for how many epochs, each anew.
    k : length of the lists.
    rows : how many transactions, the first by date; None for the preset's 20,000.
    seed : of the split and of the training.
    progress : told the epochs.

    Returns
    -------
    The table of `tabulate_slides`.
    """
    spec = PRESETS["slides"][1]
    spec = spec.model_copy(update={"rows": rows}) if rows is not None else spec
    split = split_rows(export_subgraph(graph, spec, progress), seed=seed)
    measured = [row for number in epochs for row in measure_lightgcn(split, number, k, seed, progress)]
    measured += measure_lightgcn(split, int(str(SOURCE["epochs"])), k, seed, progress, preset="default")
    return tabulate_slides(split, [*measured, *measure_simple(split, k, seed)], k)


def measure_simple(split: SlidesSplit, k: int = K, seed: int = 0) -> list[dict[str, object]]:
    """The rows of the table for what needs no model: popularity, and articles drawn by chance."""
    buyers = np.asarray(collect_pairs(split.train).sum(axis=0)).ravel().astype(np.float32)
    popularity = np.broadcast_to(np.log(buyers), split.tested.shape).copy()
    chance = np.random.default_rng(seed).random(split.tested.shape, dtype=np.float32)
    measured = []
    for name, scores in (("popularity", popularity), ("chance", chance)):
        rows = measure_scores(split, scores, k, {"method": name, "epochs": None, "seconds": None})
        # these have no probability of their own
        measured += [row | {"rmse raw": None, "mae raw": None} for row in rows]
    return measured


def measure_lightgcn(
    split: SlidesSplit,
    epochs: int,
    k: int = K,
    seed: int = 0,
    progress: Progress = silent,
    preset: Preset = "slides",
) -> list[dict[str, object]]:
    """The rows of the table for our network, trained for so many epochs; seconds are those of training alone."""
    settings = PRESETS[preset][0].model_copy(update={"epochs": epochs, "seed": seed, "validation_days": 0})
    begun = time.perf_counter()
    trained = train(split.train, settings, progress)
    seconds = time.perf_counter() - begun
    facts: dict[str, object] = {"method": NAMES[preset], "epochs": epochs, "seconds": round(seconds, 1)}
    return measure_scores(split, score_by_embedding(split, trained, settings), k, facts)


def score_by_embedding(split: SlidesSplit, trained: TrainedModel, settings: TrainSettings) -> Scores:
    """[n, A]: the cosine by the temperature, which is what the training's loss takes."""
    scores: Scores = trained.customers[split.customers] @ trained.articles.T / np.float32(settings.temperature)
    return scores


def measure_scores(
    split: SlidesSplit, scores: Scores, k: int, facts: dict[str, object], *, are_probabilities: bool = False
) -> list[dict[str, object]]:
    """Two rows of the table: with the training's pairs left out of lists and pairs, and with them kept.

    Precision and recall are means over customers with a relevant article, as everywhere in hmrec and in Microsoft
    Recommenders. RMSE and MAE are over every pair, those bought 1 and the others 0; the probability is a logistic
    function of the score, fitted to which pairs the training has (`fit_logistic`), and as `raw` the model's own.

    Parameters
    ----------
    split : the rows.
    scores : [n, A], larger is more likely.
    k : length of the lists.
    facts : what else the rows say.
    are_probabilities : whether the scores are the model's own probabilities; else those are sigmoid(score).
    """
    owned, tested = split.owned.toarray() > 0, split.tested.toarray() > 0
    fitted = fit_logistic(scores, owned)
    raw = scores.astype(np.float64) if are_probabilities else expit(scores.astype(np.float64))
    measured = []
    for keeps in (False, True):
        allowed = np.full(scores.shape, keeps) | ~owned
        relevant = tested & allowed
        row = facts | {"training pairs": "kept" if keeps else "left out"} | measure_lists(scores, relevant, allowed, k)
        row["rmse"], row["mae"] = measure_errors(fitted[allowed], relevant[allowed])
        row["rmse raw"], row["mae raw"] = measure_errors(raw[allowed], relevant[allowed])
        measured.append(row)
    return measured


def measure_lists(
    scores: Scores, relevant: npt.NDArray[np.bool_], allowed: npt.NDArray[np.bool_], k: int
) -> dict[str, object]:
    """Precision and recall of the k allowed articles with the largest scores, means over customers.

    Parameters
    ----------
    scores, relevant, allowed : [n, A]; customers without a relevant article are left out.
    k : length of the lists, filled with misses where fewer articles are allowed.
    """
    counts = relevant.sum(1)
    counted = np.flatnonzero(counts)
    if not len(counted):
        return {"precision": float("nan"), "recall": float("nan"), "customers": 0}
    ordered = np.argsort(np.where(allowed, -scores, np.inf)[counted], axis=1, kind="stable")[:, :k]
    hits = np.zeros((len(counted), k), dtype=np.bool_)
    hits[:, : ordered.shape[1]] = np.take_along_axis(relevant[counted], ordered, axis=1)
    values: dict[str, object] = {
        name: float(METRICS[name](hits, counts[counted]).mean()) for name in ("precision", "recall")
    }
    return values | {"customers": len(counted)}


def measure_errors(probability: Floats, bought: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """RMSE and MAE of probabilities [n] of what was bought [n]."""
    error = probability - bought
    return float(np.sqrt(np.square(error).mean())), float(np.abs(error).mean())


def fit_logistic(scores: Scores, bought: npt.NDArray[np.bool_], steps: int = 100) -> Floats:
    """[n, A]: 1 / (1 + exp(-(a * score + b))), with the a and b that make what was bought most likely.

    Source: Platt, Probabilistic outputs for support vector machines, 1999. Newton's method, on counts in 4,096 bins of
    the scores: a few numbers instead of millions of pairs, and more exact than two parameters can show.

    Parameters
    ----------
    scores, bought : [n, A].
    steps : at most how many of Newton's.
    """
    spread = float(scores.std()) or 1.0
    x = ((scores - scores.mean()) / spread).astype(np.float64).clip(-20, 20)  # of size 1, so that Newton is safe
    edges = np.linspace(x.min(), x.max() + 1e-9, BINS + 1)
    place = np.minimum(((x - edges[0]) / (edges[-1] - edges[0]) * BINS).astype(np.int64), BINS - 1).ravel()
    count = np.bincount(place, minlength=BINS)
    hits = np.bincount(place, weights=bought.ravel(), minlength=BINS)
    middle = np.bincount(place, weights=x.ravel(), minlength=BINS) / np.maximum(count, 1)
    design = np.stack([middle, np.ones(BINS)], axis=1)
    share = (hits.sum() + 1) / (count.sum() + 2)
    weights = np.array([0.0, np.log(share / (1 - share))])
    for _ in range(steps):
        chance = expit(design @ weights)
        gradient = design.T @ (hits - count * chance)
        # the small ridge bounds the slope where scores part what was bought from the rest without a fault
        hessian = (design.T * (count * chance * (1 - chance))) @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient - 1e-3 * weights)
        weights = weights + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    fitted: Floats = expit(weights[0] * x + weights[1])
    return fitted


def tabulate_slides(split: SlidesSplit, measured: Sequence[dict[str, object]], k: int) -> pd.DataFrame:
    """The source's figures first, then those measured.

    Returns
    -------
    method, training pairs (left out of the lists or kept), epochs, seconds (of training), precision and recall at k,
    rmse and mae over every pair, the same of the model's own probability as "rmse raw" and "mae raw", customers (that
    precision and recall are means of). Its `attrs` tell the rows, customers, articles and choices.
    """
    table = pd.DataFrame([SOURCE | {"training pairs": "not told"}, *measured])
    columns = ["method", "training pairs", "epochs", "seconds", "precision", "recall", "rmse", "mae"]
    table = table[[*columns, "rmse raw", "mae raw", "customers"]]
    table["epochs"], table["customers"] = table["epochs"].astype("Int64"), table["customers"].astype("Int64")
    table["seconds"] = table["seconds"].astype(float)
    relevant = split.tested.nnz
    table.attrs |= {
        "protocol": "slides", "k": k, "rows": split.rows, "train_rows": split.train_rows,
        "test_rows": split.test_rows, "customers": len(split.customers), "articles": split.tested.shape[1],
        "pairs": int(np.prod(split.tested.shape)), "pairs_tested": relevant,
        "pairs_a_customer": relevant / len(split.customers),
        "since": split.train.since.isoformat(), "until": split.train.until.isoformat(),
    }  # fmt: skip
    return table


def describe_slides(table: pd.DataFrame) -> str:
    """What was measured and what was chosen where the source is silent, in sentences."""
    facts = table.attrs
    wanted = facts["k"] * float(str(SOURCE["precision"])) / float(str(SOURCE["recall"]))
    return (
        f"The first {facts['rows']:,} rows ({facts['since']} to before {facts['until']}), {facts['train_rows']:,} of "
        f"them drawn for training; {facts['test_rows']:,} of the rest have a customer and an article that occur there. "
        f"Every pair of {facts['customers']:,} customers and {facts['articles']:,} articles is scored: "
        f"{facts['pairs']:,}, of which {facts['pairs_tested']:,} were bought in the rows tested. Chosen, as the source "
        f"does not tell: k = {facts['k']}; lists both without and with the pairs of the training; the probability is a "
        "logistic function of the score fitted to the training's pairs, too sure where a model knows these by heart "
        "(raw: the model's own probability, else sigmoid of the score). RMSE and MAE over every pair follow the share "
        "of pairs bought: the row chance, which knows that share in the training and nothing else, tells how much a "
        "model adds. The source's precision and recall fit together, as means over customers at this k, where "
        f"customers have about {wanted:.0f} relevant articles each; here they have {facts['pairs_a_customer']:.1f}. "
        "Its data, H&M's, is another one, too: its row is for orientation, not a race."
    )
