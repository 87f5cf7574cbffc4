"""Train a LightGCN to foresee what customers buy next week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import normalize
from torch_geometric.data import HeteroData

from ..cypher.progress import Progress, silent
from .export import IdMap, Integers, Subgraph, SubgraphSpec, to_days
from .metrics import average_precision
from .model import LightGCN, bpr_loss, build_adjacency, sampled_softmax_loss, softplus_loss
from .ranking import Truth, collect_pairs, make_truth, mark_hits, rank_by_cosine
from .split import hold_out

Preset = Literal["default", "slides"]
WEEK = 7
BOUGHT = ("customer", "bought", "article")


class TrainSettings(BaseModel):
    """How the embeddings are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=2, le=4096, description="Numbers in an embedding")
    layers: int = Field(default=3, ge=0, le=8, description="How many steps away on the graph an embedding looks")
    half_life: float | None = Field(
        default=42.0, gt=0, description="Days after which a purchase weighs half in the graph; null: all weigh alike"
    )
    loss: Literal["softmax", "bpr", "softplus"] = Field(default="softmax", description="What training makes small")
    beta: float = Field(default=1.5, gt=0, description="Sharpness of the softplus loss; 1 is BPR's")
    temperature: float = Field(default=0.1, gt=0, description="What cosines are divided by to be scores")
    learning_rate: float = Field(default=0.003, gt=0, description="Adam's step")
    weight_decay: float = Field(default=0.0, ge=0, description="Adam's pull of all numbers towards 0")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of the learned numbers left out at each step")
    epochs: int = Field(default=12, ge=1, description="At most how often the target weeks are gone through")
    patience: int = Field(default=3, ge=1, description="Epochs without a better validation before it stops")
    validation_days: int = Field(default=WEEK, ge=0, description="Last days that find the best epoch; 0: run them all")
    target_weeks: int = Field(
        default=8,
        ge=0,
        description="Last weeks to foresee, each from the purchases before it; 0: the graph's own purchases",
    )
    batch_size: int = Field(default=2048, ge=1, description="Customers in a step")
    negatives: int = Field(default=4096, ge=1, description="Articles drawn at a step as not bought")
    popularity: float = Field(default=0.75, ge=0, description="They are drawn by their purchases to this power")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same embeddings on the same machine")


PRESETS: dict[Preset, tuple[TrainSettings, SubgraphSpec]] = {
    "default": (TrainSettings(), SubgraphSpec()),
    # as the source of this project trained: its rate, decay, dropout, epochs, loss and rows
    "slides": (
        TrainSettings(
            learning_rate=0.01, weight_decay=0.001, dropout=0.01, epochs=50, loss="softplus", beta=1.5,
            half_life=None, target_weeks=0, validation_days=0,
        ),
        SubgraphSpec(rows=20_000),
    ),
}  # fmt: skip


class Epoch(NamedTuple):
    """One epoch of the history: its number from 1, mean loss, and MAP@12 on the validation days (0 without any)."""

    epoch: int
    loss: float
    map_all: float
    map_new: float

    @property
    def score(self) -> float:
        """What the best epoch has most of: the geometric mean, so that neither kind of purchase drowns the other."""
        return float(np.sqrt(self.map_all * self.map_new)) or max(self.map_all, self.map_new) / 1000


@dataclass(frozen=True)
class TrainedModel:
    """Embeddings and where they came from.

    Attributes
    ----------
    customer_ids, article_ids : whose embedding each row is.
    customers, articles : [C, dim] and [A, dim] float32, length 1 (0 where there was nothing to learn from).
    history : the epochs with a validation.
    epochs : how many the embeddings were trained for.
    since, until : the purchases' first day, and the day after their last.
    purchases : how many.
    weights : the network's parameters by name, float32 or int64.
    """

    customer_ids: IdMap
    article_ids: IdMap
    customers: npt.NDArray[np.float32]
    articles: npt.NDArray[np.float32]
    settings: TrainSettings
    history: tuple[Epoch, ...]
    epochs: int
    since: date
    until: date
    purchases: int
    weights: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Task:
    """Purchases to foresee, and the graph to foresee them from."""

    adjacency: Tensor  # [C + A, C + A]
    targets: sp.csr_matrix  # [C, A], 1 where bought
    customers: Integers  # those with targets and a place in the graph
    chance: npt.NDArray[np.float64]  # [A], of each article to be drawn as not bought


def train(subgraph: Subgraph, settings: TrainSettings | None = None, progress: Progress = silent) -> TrainedModel:
    """Learn an embedding for each customer and article, so that what a customer buys next has a large cosine.

    First the number of epochs is found: the last days are held out, and the epoch whose lists for them are best wins.
    Then the model is trained anew for as many epochs on all purchases, for the last days tell most about the next.

    Parameters
    ----------
    subgraph : the purchases.
    settings : how; None for the defaults.
    progress : told the epochs.
    """
    settings = settings or TrainSettings()
    history: list[Epoch] = []
    epochs = settings.epochs
    if settings.validation_days and _weeks_of(subgraph) >= 2:
        held = hold_out(subgraph, settings.validation_days)
        truths = make_truth(held, new_only=False), make_truth(held, new_only=True)
        if len(truths[0].customers):
            step = "Training: finding the best epoch"
            for epoch, _ in _run_epochs(held.before, settings, settings.epochs, truths):
                history.append(epoch)
                progress(step, len(history), settings.epochs)
                if len(history) - _best(history).epoch >= settings.patience:
                    break
            epochs = _best(history).epoch
    for done, vectors in _run_epochs(subgraph, settings, epochs, None):  # noqa: B007  the last epoch's are kept
        progress("Training on all purchases", done.epoch, epochs)
    split = len(subgraph.customer_ids)
    return TrainedModel(
        subgraph.customer_ids, subgraph.article_ids, vectors[:split], vectors[split:], settings, tuple(history), epochs,
        subgraph.since, subgraph.until, subgraph.num_edges,
    )  # fmt: skip


def _run_epochs(
    subgraph: Subgraph, settings: TrainSettings, epochs: int, truths: tuple[Truth, Truth] | None
) -> Iterator[tuple[Epoch, npt.NDArray[np.float32]]]:
    """Train from the start, and tell after each epoch how it went and the embeddings [C + A, dim]."""
    generator = torch.Generator().manual_seed(settings.seed)
    torch.manual_seed(settings.seed)  # dropout's
    random = np.random.default_rng(settings.seed)
    num_customers, num_articles = len(subgraph.customer_ids), len(subgraph.article_ids)
    model = LightGCN(num_customers + num_articles, settings.dim, settings.layers, settings.dropout, generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    tasks = _plan_tasks(subgraph, settings)
    whole = _weigh_and_build(subgraph.to_hetero(), to_days(subgraph.until), settings)
    for number in range(1, epochs + 1):
        model.train()
        losses = []
        for task in [tasks[place] for place in random.permutation(len(tasks))]:
            order = random.permutation(task.customers)
            for begin in range(0, len(order), settings.batch_size):
                batch = np.sort(order[begin : begin + settings.batch_size])
                x = model(task.adjacency)  # [C + A, dim]
                loss = _loss(x[:num_customers], x[num_customers:], task, batch, settings, random)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            vectors = normalize(model(whole), dim=1).numpy()
        maps = [_validate(vectors[:num_customers], vectors[num_customers:], truth) for truth in truths or ()]
        yield Epoch(number, float(np.mean(losses)), *(maps or (0.0, 0.0))), vectors


def _plan_tasks(subgraph: Subgraph, settings: TrainSettings) -> list[_Task]:
    """The weeks to foresee, each with the graph before it; without enough of them, the graph's own purchases."""
    until = to_days(subgraph.until)
    tasks = []
    for week in range(1, min(settings.target_weeks, _weeks_of(subgraph) - 1) + 1):
        cut = until - WEEK * week
        before = subgraph.where(subgraph.time < cut)
        after = subgraph.where((subgraph.time >= cut) & (subgraph.time < cut + WEEK))
        if before.num_edges and after.num_edges and len((task := _make_task(before, after, cut, settings)).customers):
            tasks.append(task)
    return tasks or [_make_task(subgraph, subgraph, until, settings)]


def _make_task(before: Subgraph, after: Subgraph, today: int, settings: TrainSettings) -> _Task:
    targets, history = collect_pairs(after), collect_pairs(before)
    customers = np.flatnonzero((np.diff(targets.indptr) > 0) & (np.diff(history.indptr) > 0))
    data = before.to_hetero()
    weight = np.bincount(before.article, _weigh(data, today, settings), targets.shape[1]) ** settings.popularity
    return _Task(_weigh_and_build(data, today, settings), targets, customers, weight / weight.sum())


def _loss(
    customers: Tensor,
    articles: Tensor,
    task: _Task,
    batch: Integers,
    settings: TrainSettings,
    random: np.random.Generator,
) -> Tensor:
    """The loss of a batch of customers, each of whom weighs alike, as in MAP."""
    bought = task.targets[batch]
    row = np.repeat(np.arange(len(batch)), np.diff(bought.indptr))  # [n]
    weight = torch.from_numpy((1 / np.diff(bought.indptr) / len(batch))[row]).float()  # [n]
    article = bought.indices.astype(np.int64)  # [n]
    left = normalize(customers[torch.from_numpy(batch)], dim=1) / settings.temperature  # [len(batch), dim]
    positive = (left[torch.from_numpy(row)] * normalize(articles[torch.from_numpy(article)], dim=1)).sum(1)  # [n]
    if settings.loss == "softmax":
        drawn = np.unique(random.choice(len(task.chance), settings.negatives, p=task.chance))
        inclusion = torch.from_numpy(-np.expm1(-settings.negatives * task.chance[drawn])).float()
        negatives = left @ normalize(articles[torch.from_numpy(drawn)], dim=1).T  # [len(batch), len(drawn)]
        return sampled_softmax_loss(positive, torch.from_numpy(row), negatives, inclusion, weight)
    drawn = _draw_not_bought(batch[row], task, random)
    negative = (left[torch.from_numpy(row)] * normalize(articles[torch.from_numpy(drawn)], dim=1)).sum(1)  # [n]
    return bpr_loss(positive, negative) if settings.loss == "bpr" else softplus_loss(positive, negative, settings.beta)


def _draw_not_bought(customer: Integers, task: _Task, random: np.random.Generator) -> Integers:
    """[n]: for each customer an article by popularity, drawn again, up to ten times, where the customer bought it."""
    drawn = random.choice(len(task.chance), len(customer), p=task.chance)
    for _ in range(10):
        wrong = np.flatnonzero(np.asarray(task.targets[customer, drawn]).ravel() > 0)
        if not len(wrong):
            break
        drawn[wrong] = random.choice(len(task.chance), len(wrong), p=task.chance)
    return drawn


def _weigh(data: HeteroData, today: int, settings: TrainSettings) -> npt.NDArray[np.float64]:
    """[num_edges]: quantity * 0.5 ^ (age / half_life)."""
    bought = data[BOUGHT]
    quantity: npt.NDArray[np.float64] = bought.quantity.numpy().astype(np.float64)
    if settings.half_life is None:
        return quantity
    weight: npt.NDArray[np.float64] = quantity * 0.5 ** ((today - bought.time.numpy()) / settings.half_life)
    return weight


def _weigh_and_build(data: HeteroData, today: int, settings: TrainSettings) -> Tensor:
    customer, article = data[BOUGHT].edge_index.numpy()
    shape = (data["customer"].num_nodes, data["article"].num_nodes)
    return build_adjacency(customer, article, _weigh(data, today, settings), shape)


def _validate(customers: npt.NDArray[np.float32], articles: npt.NDArray[np.float32], truth: Truth) -> float:
    owned = None if truth.owned is None else truth.owned[truth.customers]
    ranked = rank_by_cosine(customers[truth.customers], articles, 12, owned)
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).mean()) if len(ranked) else 0.0


def _weeks_of(subgraph: Subgraph) -> int:
    return (to_days(subgraph.until) - int(subgraph.time.min())) // WEEK


def _best(history: list[Epoch]) -> Epoch:
    return max(history, key=lambda epoch: epoch.score)
