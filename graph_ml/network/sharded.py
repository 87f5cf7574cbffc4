"""Train one network by several processes: each has a share of the customers, all have the articles.

Customers meet only through articles. So each process keeps the purchases, embeddings and optimiser's moments of its own
customers; a layer of propagation takes its own customers' rows from the articles without asking anybody, and adds up
over all processes what reaches the articles: [articles and attributes, dim] numbers a layer, whatever the number of
purchases. The gradient goes back the same way. The mathematics is that of one process; batches are drawn in another
order and start values differ, so results agree within what another seed changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from ...cypher.errors import UserMistake
from ...cypher.progress import Progress, silent
from ..export.subgraph import Integers, Subgraph, to_days
from ..holdout.ranking import Truth
from ..holdout.split import WEEK
from .checkpoint import Checkpoint, pack_optimizer
from .model import ROUNDS, HeteroLightGCN, add_up, invert_powers, mean_of_layers, to_tensor
from .processes import Processes
from .trained_model import Epoch, TrainedModel, TrainSettings
from .training import MOST_STEPS, Quiz, Training, measure_loss, sum_precision, train
from .weeks import (
    DatedGraph,
    Task,
    collect_features,
    count_buyers,
    count_nodes,
    count_target_weeks,
    make_task,
    weigh,
    weigh_articles,
    weigh_attributes,
)


@dataclass(frozen=True)
class Shard:
    """One process's share: customers `begins[rank]` to `begins[rank + 1]`, by their numbers in the whole subgraph."""

    processes: Processes
    begins: tuple[int, ...]

    @classmethod
    def cut(cls, subgraph: Subgraph, processes: Processes) -> Shard:
        """Runs of customers with about as many purchases each.

        Raises
        ------
        UserMistake : there are fewer customers than processes.
        """
        total = len(subgraph.customer_ids)
        if total < processes.size:
            raise UserMistake(f"{total} customers cannot be shared by {processes.size} processes.", "Take fewer.")
        ends = np.cumsum(np.bincount(subgraph.customer, minlength=total) + 1)  # who bought nothing has a row, too
        wanted = ends[-1] * np.arange(1, processes.size) / processes.size
        begins = [0, *np.searchsorted(ends, wanted).tolist(), total]
        for place in range(1, processes.size):  # at least one customer each
            begins[place] = min(max(begins[place], begins[place - 1] + 1), total - processes.size + place)
        return cls(processes, tuple(begins))

    @property
    def begin(self) -> int:
        """The first own customer."""
        return self.begins[self.processes.rank]

    @property
    def end(self) -> int:
        """The one after the last own customer."""
        return self.begins[self.processes.rank + 1]

    @property
    def counts(self) -> list[int]:
        """How many customers each process has."""
        return np.diff(self.begins).tolist()

    def take(self, subgraph: Subgraph) -> Subgraph:
        """The own customers with their purchases, numbered from 0; all articles."""
        return subgraph.take(np.arange(self.begin, self.end))

    def take_truth(self, truth: Truth) -> Truth:
        """What of a truth is about own customers."""
        own = (truth.customers >= self.begin) & (truth.customers < self.end)
        owned = None if truth.owned is None else truth.owned[self.begin : self.end]
        return Truth(truth.customers[own] - self.begin, truth.bought[self.begin : self.end], owned, truth.relevant[own])


@dataclass(frozen=True)
class ShardAdjacency:
    """The own rows of the normalised adjacency; articles and attribute nodes together are the shared nodes.

    Attributes
    ----------
    to_customers : [own customers, shared].
    to_shared : [shared, own customers], its transpose.
    among : [shared, shared], between articles and their attributes; the same for all processes.
    processes : who adds up.
    """

    to_customers: Tensor
    to_shared: Tensor
    among: Tensor
    processes: Processes

    def __matmul__(self, x: Tensor) -> Tensor:
        """One layer of propagation of x [own customers + shared, dim]; the shared rows are the same for everybody."""
        customers, shared = x[: len(self.to_customers)], x[len(self.to_customers) :]
        reached = self.processes.add(self.to_shared @ customers) + self.among @ shared
        return torch.cat([self.to_customers @ shared, reached])


class _ShardPropagate(torch.autograd.Function):
    """mean of x, A x, ..., A^L x, and back; of the shared nodes' gradient each process has a part, which add up."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, adjacency: ShardAdjacency, layers: int) -> Tensor:
        ctx.adjacency, ctx.layers = adjacency, layers
        return mean_of_layers(x, adjacency, layers)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        gradient, own = gradients[0].contiguous().clone(), len(ctx.adjacency.to_customers)
        gradient[own:] = ctx.adjacency.processes.add(gradient[own:].clone())
        return mean_of_layers(gradient, ctx.adjacency, ctx.layers), None, None


class ShardedLightGCN(HeteroLightGCN):
    """The network with the latent embeddings of own customers, then those of the shared nodes."""

    def propagate(self, x: Tensor, adjacency: Any) -> Tensor:
        """As `LightGCN.propagate`, over a `ShardAdjacency`."""
        propagated: Tensor = _ShardPropagate.apply(x, adjacency, self.layers)
        return propagated

    @torch.no_grad()
    def start_from(self, adjacency: Any, generator: torch.Generator) -> None:
        """As `LightGCN.start_from`; orthogonal columns by the Cholesky factor of what all processes' rows add up to.

        Source: Fukaya et al., CholeskyQR2, ScalA 2014.
        """
        block = self.embedding.detach().clone()
        for _ in range(ROUNDS):
            block = adjacency @ (adjacency @ block)
            for _ in range(2):
                block = _make_orthogonal(block, adjacency)
        nodes = float(adjacency.processes.add(torch.tensor(float(len(adjacency.to_customers))))) + len(adjacency.among)
        self.embedding.copy_(block * nodes**0.5 * 0.1)


def _make_orthogonal(block: Tensor, adjacency: ShardAdjacency) -> Tensor:
    customers, shared = block[: len(adjacency.to_customers)].double(), block[len(adjacency.to_customers) :].double()
    gram = adjacency.processes.add(customers.T @ customers) + shared.T @ shared  # [dim, dim]
    gram += torch.eye(len(gram), dtype=gram.dtype) * gram.diagonal().mean() * 1e-12  # fewer nodes than columns
    factor = torch.linalg.cholesky(gram)
    orthogonal: Tensor = torch.linalg.solve_triangular(factor, block.double().T, upper=False).T.float()
    return orthogonal


class ShardedTraining(Training):
    """A `Training` of which each process does a share; what it tells is that of the whole, `best` its own."""

    def __init__(
        self, subgraph: Subgraph, settings: TrainSettings, processes: Processes, shop: Subgraph | None = None
    ) -> None:
        if settings.dropout:
            raise UserMistake("Dropout cannot be shared by several processes.", "Train with one, or without dropout.")
        self.settings, self.shop = settings, shop or subgraph
        self.shard = Shard.cut(subgraph, processes)
        self.processes = processes
        own = self.shard.take(subgraph)
        self.split = len(own.customer_ids), len(own.article_ids)
        self.encoders = subgraph.fit_encoders() if settings.features else {}
        self.features = collect_features(own, self.encoders)
        until = to_days(subgraph.until)
        weeks = count_target_weeks(subgraph, settings)
        self.tasks = plan_shard_tasks(own, until, weeks, settings, processes, self.shop)
        self.whole = take_shard_graph(own, until, settings, processes, self.shop)
        self.batches = [self._count_customers(task) for task in self.tasks]
        self.get_ready(own)

    def make_start(self, power: float) -> ShardedLightGCN:
        """As `Training.make_start`, the own customers' part of it."""
        settings, (earlier, first) = self.settings, self.earliest
        windows = len(settings.windows)
        dim = settings.dim - 2 if windows else settings.dim
        generator = torch.Generator().manual_seed(1_000_003 * settings.seed + self.processes.rank)
        network = ShardedLightGCN(
            count_nodes(earlier, settings), dim, settings.layers, 0.0, generator, self.features, windows,
            1 / settings.temperature,
        )  # fmt: skip
        self._copy_shared(network)
        if settings.spectral:
            network.start_from(join_shard_nodes(earlier, first, settings, self.processes, power), torch.Generator())
        return network

    def _copy_shared(self, network: HeteroLightGCN) -> None:
        """Give all processes the first one's embeddings of shared nodes."""
        shared = network.embedding.detach()[self.split[0] :].contiguous()
        self.processes.copy_first(shared)
        network.embedding.data[self.split[0] :] = shared

    def _count_customers(self, task: Task) -> Integers:
        """[processes]: how many customers with targets each has."""
        mine = torch.tensor([len(task.customers)])
        return self.processes.gather(mine, [1] * self.processes.size).numpy()

    def run_epoch(self, quizzes: list[Quiz]) -> Epoch:
        """Go through all target weeks once; in each step every process has a part of the batch."""
        self.network.train()
        losses = []
        for place in self.random.permutation(len(self.tasks)).tolist():
            task, counts = self.tasks[place], self.batches[place]
            steps = min(MOST_STEPS, int(np.ceil(counts.sum() / self.settings.batch_size)))
            seed = (self.settings.seed, self.epochs, place, self.processes.rank)
            random = np.random.default_rng(seed)  # its state need not be kept: a checkpoint is between two epochs
            order = random.permutation(task.customers)
            for step in range(steps):
                begins, ends = counts * step // steps, counts * (step + 1) // steps
                mine = order[begins[self.processes.rank] : ends[self.processes.rank]]
                losses.append(self._step_shared(task, np.sort(mine), int((ends - begins).sum()), random))
        self.epochs += 1
        self._copy_shared(self.network)  # equal already, unless processors differ
        self.average()
        maps = np.mean([[0.0, 0.0]] if not quizzes else [self._validate_own(quiz) for quiz in quizzes], axis=0)
        sums = torch.tensor([float(np.sum(losses)), *maps.tolist()], dtype=torch.float64)
        loss, map_all, map_new = self.processes.add(sums).tolist()
        return Epoch(self.epochs, loss / max(1, len(losses)), map_all, map_new)

    def _step_shared(self, task: Task, batch: Integers, whole: int, random: np.random.Generator) -> float:
        """One step on the own customers of a batch of `whole` customers; their part of the batch's loss."""
        with_new = int((np.diff(task.new.indptr)[batch] > 0).sum())
        sizes = whole, int(self.processes.add(torch.tensor(with_new)))
        x = self.network.embed(task.graph.adjacency, task.graph.known, self.features)
        loss = x.sum() * 0  # who has no customer in this batch has a gradient nevertheless, for all add theirs up
        if len(batch):
            mine = measure_loss(self.score(x, task, batch), task, batch, self.settings, random, sizes)
            loss = loss + (mine if self.settings.loss == "softmax" else mine * (len(batch) / whole))
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._add_gradients()
        self.optimizer.step()
        return loss.item()

    def _add_gradients(self) -> None:
        """Add up the gradients of what is learned from own customers alone; the articles' are whole by propagation."""
        partial = [self.network.scale, self.network.trend]
        for kind, encoder in zip(self.features, self.network.kinds, strict=True):
            partial += list(encoder.parameters()) if kind.first == 0 else []
        for parameter in partial:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            parameter.grad = self.processes.add(gradient.clone())

    def make_graph(self, before: Subgraph, day: int) -> DatedGraph:
        """As `Training.make_graph`, the own customers' part of it."""
        return take_shard_graph(self.shard.take(before), day, self.settings, self.processes, self.shop)

    def _validate_own(self, quiz: Quiz) -> list[float]:
        """The own customers' part of MAP@12, all and new."""
        vectors = self._embed_own(self.take_graph_before(quiz))
        return [
            sum_precision(vectors, self.shard.take_truth(truth)) / max(1, len(truth.customers)) for truth in quiz.truths
        ]

    def _embed_own(self, graph: DatedGraph | None = None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        return super().embed(graph)

    def embed(self, graph: DatedGraph | None = None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """[C, dim] and [A, dim] of all customers and articles, the same for every process."""
        customers, articles = self._embed_own(graph)
        return self.processes.gather(torch.from_numpy(customers), self.shard.counts).numpy(), articles

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """The whole network's parameters by name, as one process would have them."""
        return {name: self._gather(name, value).numpy() for name, value in self.mean.state_dict().items()}

    def tensors(self) -> dict[str, Tensor]:
        """All that changes in a training, as one process would have it."""
        best = {f"best.{name}": value for name, value in self.best.items()}
        now = {f"network.{name}": value.detach() for name, value in self.network.state_dict().items()}
        now |= {f"mean.{name}": value.detach() for name, value in self.mean.state_dict().items()}
        mine = best | now | pack_optimizer(self.optimizer)
        return {name: self._gather(name, value) for name, value in mine.items()} | {"torch": torch.get_rng_state()}

    def load(self, tensors: Mapping[str, Tensor], random: Mapping[str, Any]) -> None:
        """Be as the training was that gave these tensors, by however many processes."""
        super().load({name: self.take_own(name, value) for name, value in tensors.items()}, random)

    def _gather(self, name: str, value: Tensor) -> Tensor:
        if not _is_sharded(name):
            return value.clone()
        customers = self.processes.gather(value[: self.split[0]].contiguous(), self.shard.counts)
        return torch.cat([customers, value[self.split[0] :]])

    def take_own(self, name: str, value: Tensor) -> Tensor:
        """Of a whole training's tensor, by its name, the rows that this process keeps."""
        if not _is_sharded(name):
            return value
        return torch.cat([value[self.shard.begin : self.shard.end], value[self.shard.begins[-1] :]])


def _is_sharded(name: str) -> bool:
    """Whether a tensor has a row for each node: the latent embeddings, the first parameter, and its moments."""
    return name.rpartition(".")[2] == "embedding" or name.startswith("optimizer.0.exp_avg")


class FirstWrites(Checkpoint):
    """A checkpoint that the first process writes and reads for all."""

    def __init__(self, checkpoint: Checkpoint, processes: Processes) -> None:
        super().__init__(checkpoint.file, checkpoint.every, checkpoint.tell)
        self.processes = processes

    def save(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """As `Checkpoint.save`, by the first process."""
        if self.processes.rank == 0:
            super().save(facts, tensors)

    def load(self, key: str) -> tuple[dict[str, Any], dict[str, Tensor]] | None:
        """What the first process finds, for all."""
        found: Any = self.processes.share(super().load(key) if self.processes.rank == 0 else None)
        return found  # type: ignore[no-any-return]

    def remove(self) -> None:
        """As `Checkpoint.remove`, by the first process."""
        if self.processes.rank == 0:
            super().remove()


def train_sharded(
    subgraph: Subgraph,
    processes: Processes,
    settings: TrainSettings | None = None,
    progress: Progress = silent,
    checkpoint: Checkpoint | None = None,
) -> TrainedModel:
    """As `train`, by several processes, each of which calls this with the same subgraph and settings.

    Returns
    -------
    The same model for every process.

    Raises
    ------
    ProcessLost : one of them is gone.
    UserMistake : there are fewer customers than processes, or dropout is asked for.
    """
    shared = FirstWrites(checkpoint, processes) if checkpoint is not None else None
    return train(
        subgraph, settings, progress if processes.rank == 0 else silent, shared,
        begin=lambda part, chosen, shop: ShardedTraining(part, chosen, processes, shop),
    )  # fmt: skip


def plan_shard_tasks(
    own: Subgraph, until: int, weeks: int, settings: TrainSettings, processes: Processes, shop: Subgraph
) -> list[Task]:
    """As `plan_tasks`, for own customers: the last `weeks` before `until` (days since 1970-01-01)."""
    tasks = []
    for week in range(1, weeks + 1):
        cut = until - WEEK * week
        before, after = own.where(own.time < cut), own.where((own.time >= cut) & (own.time < cut + WEEK))
        edges = processes.add(torch.tensor([before.num_edges, after.num_edges]))
        if int(edges.min()):
            tasks.append(_make_shard_task(before, after, cut, settings, processes, shop))
    return tasks or [_make_shard_task(own, own, until, settings, processes, shop)]


def _make_shard_task(
    before: Subgraph,
    after: Subgraph,
    today: int,
    settings: TrainSettings,
    processes: Processes,
    shop: Subgraph,
) -> Task:
    sold = processes.add(torch.from_numpy(weigh_articles(before, today, settings))).numpy()
    return make_task(take_shard_graph(before, today, settings, processes, shop), before, after, sold, settings)


def take_shard_graph(
    own: Subgraph, today: int, settings: TrainSettings, processes: Processes, shop: Subgraph
) -> DatedGraph:
    """As `take_graph`, the own customers' part of it; the buyers of all customers are counted in `shop`."""
    num_customers, num_articles = len(own.customer_ids), len(own.article_ids)
    adjacency: Any = join_shard_nodes(own, today, settings, processes)
    known = torch.zeros(num_customers + len(adjacency.among), 1)
    known[torch.from_numpy(np.unique(own.customer))] = 1
    sold_ever = processes.add(torch.from_numpy(np.bincount(own.article, minlength=num_articles)))
    known[num_customers : num_customers + num_articles, 0] = (sold_ever > 0).float()
    known[num_customers + num_articles :] = 1
    if not settings.features:
        known[:] = 1
    buyers = torch.from_numpy(count_buyers(shop, today, settings.windows))
    return DatedGraph(today, adjacency, known, buyers.log1p())


def join_shard_nodes(
    own: Subgraph, today: int, settings: TrainSettings, processes: Processes, power: float = 0.5
) -> ShardAdjacency:
    """As `join_nodes`, the own customers' rows."""
    num_customers, num_articles = len(own.customer_ids), len(own.article_ids)
    attributes = weigh_attributes(own, settings)
    if attributes is None:
        attributes = sp.csr_matrix((num_articles, 0))
    shared = num_articles + attributes.shape[1]
    weight = weigh(own, today, settings.half_life)
    pairs = add_up(own.customer, own.article, weight, (num_customers, shared), settings.most)
    among = sp.bmat([[None, attributes], [attributes.T, sp.csr_matrix((shared - num_articles,) * 2)]], format="csr")
    sums = torch.from_numpy(np.asarray(pairs.sum(0)).ravel())
    degrees = processes.add(sums).numpy() + np.asarray(among.sum(1)).ravel()
    left, right = (sp.diags(invert_powers(part, power)) for part in (np.asarray(pairs.sum(1)).ravel(), degrees))
    to_customers = (left @ pairs @ right).tocsr()
    return ShardAdjacency(
        to_tensor(to_customers),
        to_tensor(to_customers.T.tocsr()),
        to_tensor((right @ among @ right).tocsr()),
        processes,
    )
