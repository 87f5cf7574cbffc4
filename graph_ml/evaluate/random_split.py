"""Repeat the evaluation of the project's source: few rows, a random split, and scores for every customer-article pair.

The source took the first 20,000 transactions and drew 70 % of them for training. It kept those of the rest whose
customer and article occur in training, and scored every combination of the tested customers and trained articles. Where
the source leaves a choice open, this module follows the example behind the source's own baseline, Microsoft
Recommenders' examples/00_quick_start/fastai_movielens.ipynb: lists of 10 articles, without the training pairs. Unlike
viewers of that example's films, customers of a shop buy again, so lists that keep the training pairs are measured, too.

A random split lets training see purchases later than the tested ones; `evaluate` does not.
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
"""An array of float64."""
Scores = npt.NDArray[np.float32]
"""[customers, articles] float32; larger is more likely."""

K = 10
"""The length of the lists by default."""
TRAIN_SHARE = 0.7
"""The fraction of the rows that are used for training."""
SOURCE = {
    "method": "the source, on H&M's rows", "epochs": 5, "seconds": 44.3, "precision": 0.2451, "recall": 0.0208,
    "rmse": 0.106232, "mae": 0.013038,
}  # fmt: skip
"""The source's figures: 5 epochs on a CPU. It does not state k, or whether lists keep the training pairs."""
_BINS = 4096
NAMES: dict[Preset, str] = {"lightgcn": "hmrec's LightGCN", "default": "hmrec's network"}
"""LightGCN with the source's settings, and the network with the defaults of `hmrec train`."""


@dataclass(frozen=True)
class RandomSplit:
    """Rows split at random into training and test.

    Attributes
    ----------
    train : the training rows, with only the customers and articles that occur in them.
    customers : [n] int64, those of its customers who have a test row.
    owned : [n, A], 1 for pairs in training.
    tested : [n, A], 1 for pairs in the test rows.
    rows, train_rows, test_rows : number of rows in total, for training, and for testing.
    """

    train: Subgraph
    customers: Integers
    owned: sp.csr_matrix
    tested: sp.csr_matrix
    rows: int
    train_rows: int
    test_rows: int


def split_rows(subgraph: Subgraph, share: float = TRAIN_SHARE, seed: int = 0) -> RandomSplit:
    """Split the rows at random. Identical rows, which are one purchase in the graph, are drawn independently.

    Parameters
    ----------
    subgraph : the purchases.
    share : fraction of the rows used for training, above 0 and below 1.
    seed : the same seed draws the same rows.

    Raises
    ------
    UserMistake : no test row has both a customer and an article that occur in training.
    """
    row = np.repeat(np.arange(subgraph.num_edges), subgraph.quantity)  # [rows], the purchase of each row
    drawn = np.random.default_rng(seed).permutation(len(row))[: round(share * len(row))]
    quantity = np.bincount(row[drawn], minlength=subgraph.num_edges).astype(np.int32)
    rest = subgraph.quantity - quantity
    train = replace(subgraph, quantity=quantity).where(quantity > 0)
    has_customer = np.bincount(train.customer, minlength=len(subgraph.customer_ids)) > 0
    has_article = np.bincount(train.article, minlength=len(subgraph.article_ids)) > 0
    kept = (rest > 0) & has_customer[subgraph.customer] & has_article[subgraph.article]
    if not kept.any():
        raise UserMistake(
            f"None of the {len(row):,} rows can be tested: none has both a customer and an article in training.",
            "The protocol needs customers and articles that occur more than once.",
        )
    tested = collect_pairs(subgraph.where(kept))[has_customer][:, has_article]
    train = train.without_isolated()
    customers = np.flatnonzero(np.diff(tested.indptr) > 0)
    owned = collect_pairs(train)[customers]
    return RandomSplit(train, customers, owned, tested[customers], len(row), len(drawn), int(rest[kept].sum()))


def evaluate_random_split(
    graph: Graph,
    *,
    epochs: Sequence[int] = (5, 50),
    k: int = K,
    rows: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Train with the preset "lightgcn" on a random part of the graph's first rows, and measure as the source did.

    The default network of `hmrec train` is trained for comparison, for the source's 5 epochs.

    Parameters
    ----------
    graph : holds the purchases; it is only read.
    epochs : numbers of epochs; a separate model is trained for each.
    k : length of the lists.
    rows : number of transactions, the first by date; None for the preset's 20,000.
    seed : seed of the split and of the training.
    progress : receives the epochs.

    Returns
    -------
    The table of `tabulate_random_split`.
    """
    spec = PRESETS["lightgcn"][1]
    spec = spec.model_copy(update={"rows": rows}) if rows is not None else spec
    split = split_rows(export_subgraph(graph, spec, progress), seed=seed)
    measured = [row for number in epochs for row in measure_lightgcn(split, number, k, seed, progress)]
    measured += measure_lightgcn(split, int(str(SOURCE["epochs"])), k, seed, progress, preset="default")
    return tabulate_random_split(split, [*measured, *measure_simple(split, k, seed)], k)


def measure_simple(split: RandomSplit, k: int = K, seed: int = 0) -> list[dict[str, object]]:
    """Return the rows of the table for methods without a model: popularity and random scores.

    Parameters
    ----------
    split : the rows.
    k : length of the lists.
    seed : seed of the random scores.
    """
    buyers = np.asarray(collect_pairs(split.train).sum(axis=0)).ravel().astype(np.float32)
    popularity = np.broadcast_to(np.log(buyers), split.tested.shape).copy()
    chance = np.random.default_rng(seed).random(split.tested.shape, dtype=np.float32)
    measured = []
    for name, scores in (("popularity", popularity), ("chance", chance)):
        rows = measure_scores(split, scores, k, {"method": name, "epochs": None, "seconds": None})
        # These have no probability of their own.
        measured += [row | {"rmse raw": None, "mae raw": None} for row in rows]
    return measured


def measure_lightgcn(
    split: RandomSplit,
    epochs: int,
    k: int = K,
    seed: int = 0,
    progress: Progress = silent,
    preset: Preset = "lightgcn",
) -> list[dict[str, object]]:
    """Return the rows of the table for hmrec's network; seconds are of training alone.

    Parameters
    ----------
    split : the rows.
    epochs : how many epochs it is trained for.
    k : length of the lists.
    seed : seed of the training.
    progress : receives the epochs.
    preset : which settings of `PRESETS`.
    """
    settings = PRESETS[preset][0].model_copy(update={"epochs": epochs, "seed": seed, "validation_days": 0})
    begun = time.perf_counter()
    trained = train(split.train, settings, progress)
    seconds = time.perf_counter() - begun
    facts: dict[str, object] = {"method": NAMES[preset], "epochs": epochs, "seconds": round(seconds, 1)}
    return measure_scores(split, score_by_embedding(split, trained, settings), k, facts)


def score_by_embedding(split: RandomSplit, trained: TrainedModel, settings: TrainSettings) -> Scores:
    """Return [n, A], the cosine divided by the temperature, as in the training loss.

    Parameters
    ----------
    split : the rows.
    trained : the model, trained on `split.train`.
    settings : the settings it was trained with, for their temperature.
    """
    scores: Scores = trained.customers[split.customers] @ trained.articles.T / np.float32(settings.temperature)
    return scores


def measure_scores(
    split: RandomSplit, scores: Scores, k: int, facts: dict[str, object], *, are_probabilities: bool = False
) -> list[dict[str, object]]:
    """Return two rows of the table: with the training pairs excluded from lists and pairs, and with them kept.

    Precision and recall are means over customers with a relevant article, as everywhere in hmrec and in Microsoft
    Recommenders. RMSE and MAE are over every pair; the target is 1 for pairs bought and 0 for others. The probability
    is a logistic function of the score, fitted to the training pairs (`fit_logistic`). The raw errors use the model's
    own probability.

    Parameters
    ----------
    split : the rows.
    scores : [n, A]; larger is more likely.
    k : length of the lists.
    facts : further columns of the rows.
    are_probabilities : whether the scores are the model's own probabilities; otherwise those are sigmoid(score).
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
    """Return precision and recall of the k allowed articles with the largest scores, as means over customers.

    Parameters
    ----------
    scores, relevant, allowed : [n, A]; customers without a relevant article are skipped.
    k : length of the lists; shorter ones are padded with misses.
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
    """Return RMSE and MAE of probabilities [n] against what was bought [n]."""
    error = probability - bought
    return float(np.sqrt(np.square(error).mean())), float(np.abs(error).mean())


def fit_logistic(scores: Scores, bought: npt.NDArray[np.bool_], steps: int = 100) -> Floats:
    """Return [n, A]: 1 / (1 + exp(-(a * score + b))), with the a and b that maximise the likelihood of what was bought.

    Source: Platt, Probabilistic outputs for support vector machines, 1999. Newton's method on counts in 4,096 bins of
    the scores replaces millions of pairs by a few numbers, at no visible loss of precision.

    Parameters
    ----------
    scores, bought : [n, A].
    steps : maximum number of Newton steps.
    """
    spread = float(scores.std()) or 1.0
    x = ((scores - scores.mean()) / spread).astype(np.float64).clip(-20, 20)  # scaled to keep Newton's method stable
    edges = np.linspace(x.min(), x.max() + 1e-9, _BINS + 1)
    place = np.minimum(((x - edges[0]) / (edges[-1] - edges[0]) * _BINS).astype(np.int64), _BINS - 1).ravel()
    count = np.bincount(place, minlength=_BINS)
    hits = np.bincount(place, weights=bought.ravel(), minlength=_BINS)
    middle = np.bincount(place, weights=x.ravel(), minlength=_BINS) / np.maximum(count, 1)
    design = np.stack([middle, np.ones(_BINS)], axis=1)
    share = (hits.sum() + 1) / (count.sum() + 2)
    weights = np.array([0.0, np.log(share / (1 - share))])
    for _ in range(steps):
        chance = expit(design @ weights)
        gradient = design.T @ (hits - count * chance)
        # The small ridge bounds the slope if the scores separate the pairs bought perfectly.
        hessian = (design.T * (count * chance * (1 - chance))) @ design + 1e-3 * np.eye(2)
        step = np.linalg.solve(hessian, gradient - 1e-3 * weights)
        weights = weights + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < 1e-8:
            break
    fitted: Floats = expit(weights[0] * x + weights[1])
    return fitted


def tabulate_random_split(split: RandomSplit, measured: Sequence[dict[str, object]], k: int) -> pd.DataFrame:
    """Return the source's figures, followed by the measured ones.

    Parameters
    ----------
    split : the rows.
    measured : rows of `measure_scores`.
    k : length of the lists.

    Returns
    -------
    method, training pairs (left out of the lists or kept), epochs, seconds (of training), precision and recall at k,
    rmse and mae over every pair, "rmse raw" and "mae raw" (of the model's own probability), and customers (the number
    behind the means of precision and recall). Its `attrs` hold the counts of rows, customers and articles, and k.
    """
    table = pd.DataFrame([SOURCE | {"training pairs": "not stated"}, *measured])
    columns = ["method", "training pairs", "epochs", "seconds", "precision", "recall", "rmse", "mae"]
    table = table[[*columns, "rmse raw", "mae raw", "customers"]]
    table["epochs"], table["customers"] = table["epochs"].astype("Int64"), table["customers"].astype("Int64")
    table["seconds"] = table["seconds"].astype(float)
    relevant = split.tested.nnz
    table.attrs |= {
        "protocol": "random-split", "k": k, "rows": split.rows, "train_rows": split.train_rows,
        "test_rows": split.test_rows, "customers": len(split.customers), "articles": split.tested.shape[1],
        "pairs": int(np.prod(split.tested.shape)), "pairs_tested": relevant,
        "pairs_a_customer": relevant / len(split.customers),
        "since": split.train.since.isoformat(), "until": split.train.until.isoformat(),
    }  # fmt: skip
    return table


def describe_random_split(table: pd.DataFrame) -> str:
    """Describe in sentences what was measured, and the choices that the source leaves open.

    Parameters
    ----------
    table : as returned by `evaluate_random_split`, with its `attrs`.
    """
    facts = table.attrs
    wanted = facts["k"] * float(str(SOURCE["precision"])) / float(str(SOURCE["recall"]))
    return (
        f"The data are the first {facts['rows']:,} rows (from {facts['since']} to before {facts['until']}). "
        f"{facts['train_rows']:,} of them are drawn for training. {facts['test_rows']:,} of the others have a customer "
        f"and an article that occur in training, and are tested. All {facts['pairs']:,} pairs of "
        f"{facts['customers']:,} customers and {facts['articles']:,} articles are scored; {facts['pairs_tested']:,} of "
        "them were bought in the tested rows. The source leaves some choices open, which are made here as follows. "
        f"Lists have k = {facts['k']} articles, and are measured both without and with the training pairs. The "
        "probability is a logistic function of the score, fitted to the training pairs. It is overconfident if a model "
        "has memorised them, so the raw columns show the model's own probability, or else the sigmoid of the score. "
        "RMSE and MAE over all pairs depend mainly on the share of pairs bought. The row chance knows nothing but that "
        "share in training, so it shows how much a model adds. The source's precision and recall are consistent as "
        f"means over customers at this k if customers have about {wanted:.0f} relevant articles each; here they have "
        f"{facts['pairs_a_customer']:.1f}. The source used H&M's data, so its row is for orientation only."
    )
