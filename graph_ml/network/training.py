"""Train a LightGCN to foresee what customers buy next week."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...cypher.errors import UserMistake
from ...cypher.progress import DETAIL, Progress, silent
from ..export.subgraph import Integers, Subgraph, SubgraphSpec, to_days
from ..holdout.metrics import average_precision
from ..holdout.ranking import Truth, make_truth, mark_hits, rank_by_cosine
from ..holdout.split import hold_out
from .checkpoint import Checkpoint, make_key, pack_optimizer, unpack_optimizer
from .embed import embed_nodes, make_network
from .fold_in import embed_shop
from .losses import bpr_loss, sampled_softmax_loss, softplus_loss
from .model import HeteroLightGCN
from .trained_model import Epoch, TrainedModel, TrainSettings
from .weeks import DatedGraph, Degree, Task, collect_features, count_nodes, join_nodes, plan_tasks, take_graph, weeks_of

Preset = Literal["default", "slides"]
MOST_STEPS = 8  # a week: each propagates over the whole graph, 9 s of processor time at H&M's size, whatever its batch
STARTS = (0.25, 0.0, 0.5)  # `start_power`, the first where no week can be held out to choose by
SHARED_RATE = 10.0  # the few numbers that all scores share move that much faster


PRESETS: dict[Preset, tuple[TrainSettings, SubgraphSpec]] = {
    "default": (TrainSettings(), SubgraphSpec(isolated=True)),
    # as the source of this project trained: its rate, decay, dropout, epochs, loss and rows, on the purchases alone
    "slides": (
        TrainSettings(
            layers=3, learning_rate=0.01, weight_decay=0.001, dropout=0.01, epochs=50, loss="softplus", beta=1.5,
            averaging=0, half_life=None, most=None, attributes=0, features=False, windows=(), new_share=0,
            spectral=False, target_weeks=0, validation_days=0,
        ),
        SubgraphSpec(rows=20_000),
    ),
}  # fmt: skip


def train(
    subgraph: Subgraph,
    settings: TrainSettings | None = None,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
    begin: Callable[[Subgraph, TrainSettings, Subgraph], Training] | None = None,
) -> TrainedModel:
    """Learn an embedding for each customer and article, so that what a customer buys next has a large cosine.

    First the number of epochs is found: the last weeks are held out, and the epoch whose lists for each of them, from
    the graph as it stood before it, are best on average wins. Where to start from is found so, too, by one epoch each.
    Then the model is trained anew for as many epochs on all purchases, for the last days tell most about the next.
    Of a large shop the customers to learn from are drawn (`most_purchases`); the others' embeddings, as those of
    customers who come later, are made from what they bought.
    An interrupt (Ctrl-C) after the first epoch ends the training with the best that there is: the weights of the best
    epoch, over the graph of all purchases.

    Parameters
    ----------
    subgraph : the purchases.
    settings : how; None for the defaults.
    progress : told the epochs, with loss and validation.
    checkpoint : where the training's state is kept while it runs; a training that was killed goes on from there, and
        ends as it would have ended. None: nothing is kept.
    begin : makes a training of purchases; None for one process's, of a shop as wide as this (`wide.py`); `sharded.py`
        has another.
    """
    settings = settings or TrainSettings()
    begin = begin or _choose_training(subgraph, settings)
    log = _Log(checkpoint, make_key(subgraph, settings.model_dump_json()) if checkpoint else "")
    history: list[Epoch] = []
    interrupted = False
    training, epochs = None, settings.epochs
    drawn = draw_customers(subgraph, settings)
    base = subgraph
    if drawn is not None:
        progress(f"Learning from {len(drawn):,} of {len(subgraph.customer_ids):,} customers", 0, None)
        base = subgraph.take(drawn)
    quizzes = hold_validation(base, settings)
    progress(PREPARING, 0, None)
    if quizzes:
        search = begin(quizzes[-1].before, settings, subgraph)
        if settings.spectral and settings.start_power is None:
            if log.start_power is None:
                log.start_power = choose_start(search, quizzes, progress)
            settings = settings.model_copy(update={"start_power": log.start_power})
        history, interrupted = _run(search, "search", settings.epochs, quizzes, log, progress)
        epochs = _best(history).epoch
        best = search.best
        del search, quizzes  # gigabytes of graphs at H&M's size, and as many come now
        if interrupted:
            training = begin(base, settings, subgraph)
            training.mean.load_state_dict(best)
    if training is None:
        progress(PREPARING, 0, None)
        training = begin(base, settings, subgraph)
        done, interrupted = _run(training, "final", epochs, [], log, progress)
        epochs = done[-1].epoch
    customers, articles = training.embed()
    trained = TrainedModel(
        base.customer_ids, base.article_ids, customers, articles, settings, tuple(history), epochs,
        subgraph.since, subgraph.until, base.num_edges, training.weights(),
        {label: attribute.keys for label, attribute in subgraph.attributes.items()} if settings.attributes else {},
        training.encoders, interrupted,
    )  # fmt: skip
    del training  # graphs of all weeks
    if drawn is not None:
        progress("Embedding the other customers", 0, None)
        trained = embed_shop(trained, subgraph)
    if checkpoint is not None:
        checkpoint.remove()
    return trained


def draw_customers(subgraph: Subgraph, settings: TrainSettings) -> Integers | None:
    """Customers to learn from, ascending, drawn evenly; None where all are to be learned from.

    What a purchase teaches of articles it teaches as well with a part of the customers, and a step over all of H&M's
    takes 9 s of processor time (docs/decisions/0029 has both measured).
    """
    most, number = settings.most_purchases, len(subgraph.customer_ids)
    if most is None or subgraph.num_edges <= most:
        return None
    wanted = max(1, round(number * most / subgraph.num_edges))
    return np.sort(np.random.default_rng(settings.seed).permutation(number)[:wanted])


def _choose_training(shop: Subgraph, settings: TrainSettings) -> type[Training]:
    from .wide import WideTraining, is_wide

    return WideTraining if is_wide(shop, settings) else Training


class Quiz(NamedTuple):
    """Some days held out: all purchases, the first of the days, and what was bought in them, all and new."""

    subgraph: Subgraph
    day: int
    truths: tuple[Truth, Truth]

    @property
    def before(self) -> Subgraph:
        """The purchases before them; not kept, for it is as large as all."""
        return self.subgraph.where(self.subgraph.time < self.day)


def hold_validation(subgraph: Subgraph, settings: TrainSettings) -> list[Quiz]:
    """The last stretches of days, the latest first; none where there are too few weeks, or nobody to ask about."""
    days = settings.validation_days
    if not days or weeks_of(subgraph) < 2:
        return []
    spans = (to_days(subgraph.until) - int(subgraph.time.min())) // days
    quizzes: list[Quiz] = []
    for ago in range(min(settings.validation_times, max(1, spans // 8))):
        try:
            held = hold_out(subgraph, days, ago)
        except UserMistake:  # a shop may have closed for these days
            continue
        truths = make_truth(held, new_only=False), make_truth(held, new_only=True)
        if len(truths[0].customers):
            quizzes.append(Quiz(subgraph, to_days(held.cut), truths))
    return quizzes


def choose_start(training: Training, quizzes: list[Quiz], progress: Progress = silent) -> float:
    """Which of `STARTS` has the best lists after one epoch; the training starts from it, untrained."""
    scores = []
    for done, power in enumerate(STARTS):
        progress("Training: finding the best start", done, len(STARTS))
        if done:  # it stands at the first
            training.start(power)
        scores.append(training.run_epoch(quizzes).score)
    power = STARTS[int(np.argmax(scores))]
    training.start(power)
    return power


PREPARING = "Training: making the graphs of the weeks"
STEPS = {"search": "Training: finding the best epoch", "final": "Training on all purchases"}


def _run(
    training: Training,
    stage: str,
    epochs: int,
    quizzes: list[Quiz],
    log: _Log,
    progress: Progress,
) -> tuple[list[Epoch], bool]:
    """Train through a stage, from where a killed one stood; its epochs, and whether it was interrupted."""
    history = log.resume(stage, training)
    progress(STEPS[stage], len(history), epochs)
    try:
        while len(history) < epochs and not _is_over(history, training.settings, bool(quizzes)):
            epoch = training.run_epoch(quizzes)
            history.append(epoch)
            if _best(history) is epoch:
                training.keep_best()
            progress(f"{STEPS[stage]}{DETAIL}{epoch.tell()}", len(history), epochs)
            log.save(stage, training, history)
    except KeyboardInterrupt:
        if not history:
            raise
        return history, True
    return history, False


def _is_over(history: list[Epoch], settings: TrainSettings, validated: bool) -> bool:
    return validated and bool(history) and len(history) - _best(history).epoch >= settings.patience


class _Log:
    """Keeps what a training needs to go on after it was killed."""

    def __init__(self, checkpoint: Checkpoint | None, key: str) -> None:
        self.checkpoint, self.key = checkpoint, key
        self.saved = checkpoint.load(key) if checkpoint else None
        self.searched: list[list[float]] = []
        self.start_power: float | None = self.saved[0]["start_power"] if self.saved else None

    def resume(self, stage: str, training: Training) -> list[Epoch]:
        """Bring a training to where it was in this stage; the epochs that it has behind it."""
        if self.saved is None:
            return []
        facts, tensors = self.saved
        if stage == "search" and facts["stage"] == "final":  # over: its epochs are enough
            self.searched = facts["searched"]
            return [Epoch(*epoch) for epoch in facts["searched"]]
        if facts["stage"] != stage:
            return []
        self.searched = facts["searched"]
        training.load(tensors, facts["random"])
        training.epochs = len(facts["history"])
        return [Epoch(*epoch) for epoch in facts["history"]]

    def save(self, stage: str, training: Training, history: list[Epoch]) -> None:
        """Keep where a training is."""
        epochs = [list(epoch) for epoch in history]
        if stage == "search":
            self.searched = epochs
        if self.checkpoint is not None:
            facts = {"key": self.key, "stage": stage, "history": epochs, "searched": self.searched}
            now = {"start_power": self.start_power, "random": training.random.bit_generator.state}
            self.checkpoint.save(facts | now, training.tensors())


class Training:
    """A network, its optimizer and the weeks that it learns to foresee.

    Parameters
    ----------
    subgraph : the purchases to learn from.
    settings : how.
    shop : the purchases of all customers, later ones among them; None: the subgraph has them.
    """

    degree: Degree = None

    def __init__(self, subgraph: Subgraph, settings: TrainSettings, shop: Subgraph | None = None) -> None:
        self.settings, self.shop = settings, shop or subgraph
        self.split = len(subgraph.customer_ids), len(subgraph.article_ids)
        self.encoders = subgraph.fit_encoders() if settings.features else {}
        self.features = collect_features(subgraph, self.encoders)
        self.tasks = plan_tasks(subgraph, settings, self.shop)
        self.whole = take_graph(subgraph, to_days(subgraph.until), settings, self.shop)
        self.get_ready(subgraph)

    def get_ready(self, own: Subgraph) -> None:
        """Make what training changes, from this process's purchases; the tasks are there."""
        first = self.tasks[-1].graph.day
        self.earliest = own.where(own.time < first), first
        self.graphs: dict[int, DatedGraph] = {}
        self.start(self.settings.start_power)

    def start(self, power: float | None) -> None:
        """Forget all that was learned; start from singular vectors made with this `start_power`."""
        power = STARTS[0] if power is None else power
        self.settings = self.settings.model_copy(update={"start_power": power})
        self.random = np.random.default_rng(self.settings.seed)
        self.network = self.make_start(power)
        self.network.forget(torch.stack([task.graph.known for task in self.tasks]).amax(0))
        self.optimizer = make_optimizer(self.network, self.settings)
        self.mean = deepcopy(self.network)  # of the epochs: it overfits later, and is better (docs/decisions/0025)
        self.epochs = 0
        self.best: dict[str, Tensor] = {}

    def make_start(self, power: float) -> HeteroLightGCN:
        """The network with its start values."""
        torch.manual_seed(self.settings.seed)  # dropout's
        generator = torch.Generator().manual_seed(self.settings.seed)
        earlier, first = self.earliest
        network = make_network(count_nodes(earlier, self.settings), self.features, self.settings, generator)
        if self.settings.spectral:
            network.start_from(join_nodes(earlier, first, self.settings, power, self.degree), generator)
        return network

    def run_epoch(self, quizzes: list[Quiz]) -> Epoch:
        """Go through all target weeks once, and tell how it went."""
        self.network.train()
        losses = []
        for task in [self.tasks[place] for place in self.random.permutation(len(self.tasks))]:
            order = self.random.permutation(task.customers)
            size = max(self.settings.batch_size, -(-len(order) // MOST_STEPS))
            for begin in range(0, len(order), size):
                losses.append(self._step(task, np.sort(order[begin : begin + size])))
        self.epochs += 1
        self.average()
        maps = [self._validate(quiz) for quiz in quizzes]
        return Epoch(self.epochs, float(np.mean(losses)), *(np.mean(maps, axis=0).tolist() if maps else (0.0, 0.0)))

    def _validate(self, quiz: Quiz) -> list[float]:
        """MAP@12 of all purchases and of new ones."""
        vectors = self.embed(self.take_graph_before(quiz))
        return [sum_precision(vectors, truth) / max(1, len(truth.customers)) for truth in quiz.truths]

    @torch.no_grad()
    def average(self) -> None:
        """Take the weights as they are into their running mean."""
        share = self.settings.averaging if self.epochs > 1 else 0.0
        for mean, now in zip(self.mean.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - share)

    def take_graph_before(self, quiz: Quiz) -> DatedGraph:
        """The graph as it stood on a quiz's first day; made once."""
        if quiz.day not in self.graphs:
            self.graphs[quiz.day] = self.make_graph(quiz.before, quiz.day)
        return self.graphs[quiz.day]

    def make_graph(self, before: Subgraph, day: int) -> DatedGraph:
        """The graph of purchases that all happened before a day (since 1970-01-01)."""
        return take_graph(before, day, self.settings, self.shop, self.degree)

    def keep_best(self) -> None:
        """Remember the weights as they are."""
        self.best = {name: value.detach().clone() for name, value in self.mean.state_dict().items()}

    def embed(self, graph: DatedGraph | None = None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """[C, dim] and [A, dim], as of the day of a graph or from all purchases, made to be compared by cosine."""
        self.mean.eval()
        return embed_nodes(self.mean, graph or self.whole, self.features, self.split, self.settings)

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The network's parameters by name."""
        return {name: value.numpy().copy() for name, value in self.mean.state_dict().items()}

    def tensors(self) -> dict[str, Tensor]:
        """All that changes in a training, but the drawing of random numbers."""
        best = {f"best.{name}": value for name, value in self.best.items()}
        now = {f"network.{name}": value.detach() for name, value in self.network.state_dict().items()}
        now |= {f"mean.{name}": value.detach() for name, value in self.mean.state_dict().items()}
        return best | now | pack_optimizer(self.optimizer) | {"torch": torch.get_rng_state()}

    def load(self, tensors: Mapping[str, Tensor], random: Mapping[str, Any]) -> None:
        """Be as the training was that gave these tensors."""
        parts = {
            kind: {name.removeprefix(kind): value for name, value in tensors.items() if name.startswith(kind)}
            for kind in ("best.", "network.", "mean.")
        }
        self.best = parts["best."]
        self.network.load_state_dict(parts["network."])
        self.mean.load_state_dict(parts["mean."])
        unpack_optimizer(self.optimizer, dict(tensors))
        torch.set_rng_state(tensors["torch"])
        self.random.bit_generator.state = dict(random)

    def _step(self, task: Task, batch: Integers) -> float:
        loss = measure_loss(self.look_at(task, batch), task, batch, self.settings, self.random)
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.item()

    def look_at(self, task: Task, batch: Integers) -> Scores:
        """The scores of a batch of customers, from the graph before a task."""
        x = self.network.embed(task.graph.adjacency, task.graph.known, self.features)  # [N, dim]
        return self.score(x, task, batch)

    def score(self, x: Tensor, task: Task, batch: Integers) -> Scores:
        """The scores of a batch of customers, from the embeddings [N, dim] of all nodes."""
        customers, articles = x[: self.split[0]], x[self.split[0] : sum(self.split)]
        return Scores(
            normalize(customers[torch.from_numpy(batch)], dim=1) * self.network.scale.exp(),
            normalize(articles, dim=1),
            task.graph.sold @ self.network.trend,
        )


def make_optimizer(network: HeteroLightGCN, settings: TrainSettings) -> torch.optim.Optimizer:
    """Adam, the few numbers that all scores share moved faster; the latent embeddings are its first parameter."""
    shared = {"scale", "trend"}
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for name, value in network.named_parameters():
        parts[name in shared].append(value)
    groups: list[dict[str, Any]] = [
        {"params": parts[0]},
        {"params": parts[1], "lr": SHARED_RATE * settings.learning_rate},
    ]
    return torch.optim.Adam(
        groups,
        lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True,
    )  # fmt: skip


class Scores:
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


def measure_loss(
    scores: Scores,
    task: Task,
    batch: Integers,
    settings: TrainSettings,
    random: np.random.Generator,
    sizes: tuple[int, int] | None = None,
) -> Tensor:
    """The loss of a batch of customers, each of whom weighs alike, as in MAP.

    `sizes` are the customers with targets and those with new ones in the whole batch, of which `batch` is a part; None:
    it is all of it. The parts' losses add up to the whole's (softmax).
    """
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
    shares = (1 - settings.new_share, settings.new_share)
    for targets, share, size in zip((task.targets, task.new), shares, sizes or (0, 0), strict=True):
        bought = targets[batch]
        if not share or not bought.nnz:
            continue
        count = np.diff(bought.indptr)
        row = np.repeat(np.arange(len(batch)), count)
        weight = torch.from_numpy((1 / (size or count[count > 0].size) / np.maximum(count, 1))[row]).float()
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


def sum_precision(vectors: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], truth: Truth) -> float:
    """The sum over a truth's customers of the average precision of the 12 nearest articles."""
    owned = None if truth.owned is None else truth.owned[truth.customers]
    ranked = rank_by_cosine(vectors[0][truth.customers], vectors[1], 12, owned)
    return float(average_precision(mark_hits(ranked, truth), truth.relevant).sum()) if len(ranked) else 0.0


def _best(history: list[Epoch]) -> Epoch:
    return max(history, key=lambda epoch: epoch.score)
