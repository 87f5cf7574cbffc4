"""Train a LightGCN to foresee what customers buy next week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import normalize

from ..cypher.progress import Progress, silent
from .export import IdMap, Integers, Subgraph, SubgraphSpec, to_days
from .features import FeatureEncoder
from .losses import bpr_loss, sampled_softmax_loss, softplus_loss
from .metrics import average_precision
from .model import HeteroLightGCN, NodeFeatures, to_cosine_space
from .ranking import Truth, make_truth, mark_hits, rank_by_cosine
from .split import hold_out
from .tasks import WEEK, DatedGraph, Task, collect_features, count_nodes, plan_tasks, take_graph, weeks_of

Preset = Literal["default", "slides"]
SHARED_RATE = 10.0  # the few numbers that all scores share move that much faster


class TrainSettings(BaseModel):
    """How the embeddings are trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(default=64, ge=4, le=4096, description="Numbers in an embedding, two of them for what sells")
    layers: int = Field(default=2, ge=0, le=8, description="How many steps away on the graph an embedding looks")
    half_life: float | None = Field(
        default=180.0, gt=0, description="Days after which a purchase weighs half in the graph; null: all weigh alike"
    )
    most: float | None = Field(
        default=3.0, gt=0, description="What a customer's purchases of one article weigh together at most; null: no end"
    )
    attributes: float = Field(
        default=0.3, ge=0, description="Weight of the edges to an article's attributes; 0: the purchases alone"
    )
    features: bool = Field(default=True, description="What nodes tell of themselves, so that new ones get an embedding")
    windows: tuple[int, ...] = Field(
        default=(3, 7, 14, 28, 84, 364), description="Last days of which an article's buyers count; none: cosine alone"
    )
    loss: Literal["softmax", "bpr", "softplus"] = Field(default="softmax", description="What training makes small")
    new_share: float = Field(
        default=0.5, ge=0, le=1, description="Share of the loss for articles not bought before, the others left out"
    )
    beta: float = Field(default=1.5, gt=0, description="Sharpness of the softplus loss; 1 is BPR's")
    temperature: float = Field(default=0.1, gt=0, description="What cosines are divided by to be scores, at the start")
    learning_rate: float = Field(default=0.002, gt=0, description="Adam's step")
    weight_decay: float = Field(default=0.0, ge=0, description="Adam's pull of all numbers towards 0")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of the learned numbers left out at each step")
    spectral: bool = Field(default=True, description="Start from the graph's singular vectors, not random numbers")
    epochs: int = Field(default=40, ge=1, description="At most how often the target weeks are gone through")
    patience: int = Field(default=6, ge=1, description="Epochs without a better validation before it stops")
    validation_days: int = Field(default=WEEK, ge=0, description="Last days that find the best epoch; 0: run them all")
    target_weeks: int = Field(
        default=5,
        ge=0,
        description="Last weeks to foresee, each from the purchases before it; 0: the graph's own purchases",
    )
    batch_size: int = Field(default=2048, ge=1, description="Customers in a step")
    negatives: int = Field(default=4096, ge=1, description="Articles drawn at a step as not bought")
    popularity: float = Field(default=0.75, ge=0, description="They are drawn by their purchases to this power")
    seed: int = Field(default=0, ge=0, description="The same seed gives the same embeddings on the same machine")


PRESETS: dict[Preset, tuple[TrainSettings, SubgraphSpec]] = {
    "default": (TrainSettings(), SubgraphSpec(isolated=True)),
    # as the source of this project trained: its rate, decay, dropout, epochs, loss and rows, on the purchases alone
    "slides": (
        TrainSettings(
            layers=3, learning_rate=0.01, weight_decay=0.001, dropout=0.01, epochs=50, loss="softplus", beta=1.5,
            half_life=None, most=None, attributes=0, features=False, windows=(), new_share=0, spectral=False,
            target_weeks=0, validation_days=0,
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
    customers, articles : [C, dim] and [A, dim] float32, of length 1, made to be compared by cosine.
    history : the epochs with a validation.
    epochs : how many the embeddings were trained for.
    since, until : the purchases' first day, and the day after their last.
    purchases : how many.
    weights : the network's parameters by name.
    attribute_keys : by label, the keys of the attribute nodes, in the order of their rows in the weights.
    encoders : for `customer` and `article`, how their features became numbers.
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
    weights: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    attribute_keys: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    encoders: Mapping[str, FeatureEncoder] = field(default_factory=dict)


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
    if settings.validation_days and weeks_of(subgraph) >= 2:
        held = hold_out(subgraph, settings.validation_days)
        truths = make_truth(held, new_only=False), make_truth(held, new_only=True)
        if len(truths[0].customers):
            for epoch in _Training(held.before, settings).run(settings.epochs, truths):
                history.append(epoch)
                progress("Training: finding the best epoch", len(history), settings.epochs)
                if len(history) - _best(history).epoch >= settings.patience:
                    break
            epochs = _best(history).epoch
    training = _Training(subgraph, settings)
    for done in training.run(epochs, None):
        progress("Training on all purchases", done.epoch, epochs)
    customers, articles = training.embed()
    return TrainedModel(
        subgraph.customer_ids, subgraph.article_ids, customers, articles, settings, tuple(history), epochs,
        subgraph.since, subgraph.until, subgraph.num_edges, training.weights(),
        {label: attribute.keys for label, attribute in subgraph.attributes.items()} if settings.attributes else {},
        training.encoders,
    )  # fmt: skip


class _Training:
    """A network, its optimizer and the weeks that it learns to foresee."""

    def __init__(self, subgraph: Subgraph, settings: TrainSettings) -> None:
        self.settings = settings
        self.split = len(subgraph.customer_ids), len(subgraph.article_ids)
        self.encoders = subgraph.fit_encoders() if settings.features else {}
        self.features = collect_features(subgraph, self.encoders)
        self.tasks = plan_tasks(subgraph, settings)
        self.whole = take_graph(subgraph, to_days(subgraph.until), settings)
        self.random = np.random.default_rng(settings.seed)
        torch.manual_seed(settings.seed)  # dropout's
        generator = torch.Generator().manual_seed(settings.seed)
        self.network = make_network(count_nodes(subgraph, settings), self.features, settings, generator)
        if settings.spectral:
            self.network.start_from(self.tasks[-1].graph.adjacency, generator)
        self.network.forget(torch.stack([task.graph.known for task in self.tasks]).amax(0))
        shared = [self.network.scale, self.network.trend]
        others = [value for value in self.network.parameters() if all(value is not other for other in shared)]
        self.optimizer = torch.optim.Adam(
            [{"params": others}, {"params": shared, "lr": SHARED_RATE * settings.learning_rate}],
            lr=settings.learning_rate, weight_decay=settings.weight_decay,
        )  # fmt: skip

    def run(self, epochs: int, truths: tuple[Truth, Truth] | None) -> Iterator[Epoch]:
        """Train, and tell after each epoch how it went."""
        for number in range(1, epochs + 1):
            self.network.train()
            losses = []
            for task in [self.tasks[place] for place in self.random.permutation(len(self.tasks))]:
                order = self.random.permutation(task.customers)
                for begin in range(0, len(order), self.settings.batch_size):
                    losses.append(self._step(task, np.sort(order[begin : begin + self.settings.batch_size])))
            maps = [_validate(*self.embed(), truth) for truth in truths or ()]
            yield Epoch(number, float(np.mean(losses)), *(maps or (0.0, 0.0)))

    def embed(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """[C, dim] and [A, dim], from all purchases, made to be compared by cosine."""
        self.network.eval()
        return embed_nodes(self.network, self.whole, self.features, self.split, self.settings)

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The network's parameters by name."""
        return {name: value.numpy().copy() for name, value in self.network.state_dict().items()}

    def _step(self, task: Task, batch: Integers) -> float:
        x = self.network.embed(task.graph.adjacency, task.graph.known, self.features)  # [N, dim]
        customers, articles = x[: self.split[0]], x[self.split[0] : sum(self.split)]
        scores = _Scores(
            normalize(customers[torch.from_numpy(batch)], dim=1) * self.network.scale.exp(),
            normalize(articles, dim=1),
            task.graph.sold @ self.network.trend,
        )
        loss = _loss(scores, task, batch, self.settings, self.random)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.item()


def make_network(
    num_nodes: int, features: tuple[NodeFeatures, ...], settings: TrainSettings, generator: torch.Generator
) -> HeteroLightGCN:
    """The network that `settings` describe, untrained."""
    windows = len(settings.windows)
    return HeteroLightGCN(
        num_nodes, settings.dim - 2 if windows else settings.dim, settings.layers, settings.dropout, generator,
        features, windows, 1 / settings.temperature,
    )  # fmt: skip


@torch.no_grad()
def embed_nodes(
    network: HeteroLightGCN,
    graph: DatedGraph,
    features: tuple[NodeFeatures, ...],
    split: tuple[int, int],
    settings: TrainSettings,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Embeddings of customers [C, dim] and articles [A, dim] as of a day, of length 1, to be compared by cosine."""
    x = network.embed(graph.adjacency, graph.known, features)
    customers, articles = x[: split[0]], x[split[0] : sum(split)]
    if settings.windows:
        return to_cosine_space(customers, articles, float(network.scale.exp()), graph.sold @ network.trend)
    return normalize(customers, dim=1).numpy(), normalize(articles, dim=1).numpy()


class _Scores:
    """Scores of the customers of a batch: scale * cosine + bias."""

    def __init__(self, left: Tensor, right: Tensor, bias: Tensor) -> None:
        self.left, self.right, self.bias = left, right, bias

    def of_pairs(self, row: Integers, article: Integers) -> Tensor:
        """[n]: the score of each article for the customer in that row of the batch."""
        places = torch.from_numpy(article)
        return (self.left[torch.from_numpy(row)] * self.right[places]).sum(1) + self.bias[places]

    def of_all(self, article: Integers) -> Tensor:
        """[batch, m]: the score of each article for each customer."""
        places = torch.from_numpy(article)
        return self.left @ self.right[places].T + self.bias[places]


def _loss(
    scores: _Scores, task: Task, batch: Integers, settings: TrainSettings, random: np.random.Generator
) -> Tensor:
    """The loss of a batch of customers, each of whom weighs alike, as in MAP."""
    if settings.loss != "softmax":
        bought = task.targets[batch]
        row = np.repeat(np.arange(len(batch)), np.diff(bought.indptr))  # [n]
        article = bought.indices.astype(np.int64)
        positive = scores.of_pairs(row, article)
        negative = scores.of_pairs(row, _draw_not_bought(batch[row], task, random))
        if settings.loss == "bpr":
            return bpr_loss(positive, negative)
        return softplus_loss(positive, negative, settings.beta)
    drawn = np.unique(random.choice(len(task.chance), settings.negatives, p=task.chance))
    inclusion = torch.from_numpy(-np.expm1(-settings.negatives * task.chance[drawn])).float()
    negatives = scores.of_all(drawn)  # [len(batch), len(drawn)]
    # what was bought is no negative, whichever purchase is looked at
    negatives = _leave_out(negatives, task.targets[batch][:, drawn])
    loss = torch.zeros(())
    for targets, share in ((task.targets, 1 - settings.new_share), (task.new, settings.new_share)):
        bought = targets[batch]
        if not share or not bought.nnz:
            continue
        count = np.diff(bought.indptr)
        row = np.repeat(np.arange(len(batch)), count)
        weight = torch.from_numpy((1 / count[count > 0].size / np.maximum(count, 1))[row]).float()
        if targets is task.new:
            negatives = _leave_out(negatives, task.owned[batch][:, drawn])
        positive = scores.of_pairs(row, bought.indices.astype(np.int64))
        loss = loss + share * sampled_softmax_loss(positive, torch.from_numpy(row), negatives, inclusion, weight)
    return loss


def _leave_out(scores: Tensor, pairs: sp.csr_matrix) -> Tensor:
    """The scores [batch, m] with those of `pairs` so low that they count nothing."""
    found = pairs.tocoo()
    mask = torch.zeros(scores.shape, dtype=torch.bool)
    mask[torch.from_numpy(found.row).long(), torch.from_numpy(found.col).long()] = True
    return scores.masked_fill(mask, -1e9)


def _draw_not_bought(customer: Integers, task: Task, random: np.random.Generator) -> Integers:
    """[n]: for each customer an article by popularity, drawn again, up to ten times, where the customer bought it."""
    drawn = random.choice(len(task.chance), len(customer), p=task.chance)
    for _ in range(10):
        wrong = np.flatnonzero(np.asarray(task.targets[customer, drawn]).ravel() > 0)
        if not len(wrong):
            break
        drawn[wrong] = random.choice(len(task.chance), len(wrong), p=task.chance)
    return drawn


def _validate(customers: npt.NDArray[np.float32], articles: npt.NDArray[np.float32], truth: Truth) -> float:
    owned = None if truth.owned is None else truth.owned[truth.customers]
    ranked = rank_by_cosine(customers[truth.customers], articles, 12, owned)
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).mean()) if len(ranked) else 0.0


def _best(history: list[Epoch]) -> Epoch:
    return max(history, key=lambda epoch: epoch.score)
