"""Train a network on its target weeks, an epoch at a time, by one process or by several.

With several processes each has the customers of its `Shard`. All draw the same batches and negatives, and each computes
its own customers' part of the loss. So the mathematics is that of one process, and results differ by rounding alone.
(With a pairwise loss each process draws negatives of its own.)
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch_geometric.data import HeteroData

from ...cypher.errors import UserMistake
from ..export.hetero import to_subgraph
from ..export.subgraph import Integers, Subgraph, to_days
from .checkpoint import pack_optimizer, unpack_optimizer
from .dated_graph import DatedGraph, GraphBuilder, collect_features, count_nodes
from .devices import CPU
from .embed import embed_nodes, make_network
from .losses import Scores, measure_loss
from .model import HeteroLightGCN
from .processes import ALONE, Processes
from .shard import Shard
from .trained_model import Epoch, TrainSettings
from .validation import ValidationFold, sum_precision
from .weeks import TargetWeek, count_target_weeks, plan_target_weeks

MAX_STEPS = 8  # a week: each propagates over the whole graph, 9 s of processor time at H&M's size, whatever its batch
START_POWERS = (0.25, 0.0, 0.5)  # values of `start_power`; the first if no week can be held out to choose by
SHARED_RATE = 10.0  # factor of the learning rate for the few numbers that all scores share


class Training:
    """A network being trained, with its optimizer and target weeks.

    Parameters
    ----------
    data : the graph to learn from (`to_hetero`), with the customers of all processes.
    settings : how.
    shop : the graph of all customers, also of those not learned from; None: `data` has them.
    processes : those that train together.
    device : of the weights and graphs; several processes train on the CPU.

    Attributes
    ----------
    network : the weights of the last step; its latent embeddings are the own customers', then the shared nodes'.
    mean : the running mean of the weights after each epoch.
    best : the mean's weights when `keep_best` was called last.

    Raises
    ------
    UserMistake : there are fewer customers than processes, or several processes and dropout.
    """

    def __init__(
        self,
        data: HeteroData,
        settings: TrainSettings,
        shop: HeteroData | None = None,
        processes: Processes = ALONE,
        device: torch.device = CPU,
    ) -> None:
        if settings.dropout and processes.size > 1:
            raise UserMistake("Dropout cannot be shared by several processes.", "Train with one, or without dropout.")
        builder = GraphBuilder(settings, to_subgraph(data if shop is None else shop), processes, device=device)
        self.prepare(data, to_subgraph(data), builder)

    def prepare(self, data: HeteroData, subgraph: Subgraph, builder: GraphBuilder) -> None:
        """Plan the target weeks, build the graphs and start; `subgraph` has the purchases of `data`."""
        self.settings, self.builder, self.device = builder.settings, builder, builder.device
        self.shard = Shard.cut(subgraph, builder.processes)
        own, until = self.shard.take(subgraph), to_days(subgraph.until)
        self.split = len(own.customer_ids), len(own.article_ids)
        self.num_nodes = count_nodes(subgraph, self.settings)  # of all processes
        features = collect_features(self.shard.take_data(data), self.settings)
        self.features = tuple(kind.to(self.device) for kind in features)
        self.weeks = plan_target_weeks(own, count_target_weeks(subgraph, self.settings), until, builder)
        self.customers = [self.shard.gather_customers(week.customers) for week in self.weeks]  # of all processes
        self.whole = builder.build(own, until)
        self.first_day = self.weeks[-1].graph.day
        self.earliest = own.where(own.time < self.first_day)
        self.validation_graphs: dict[int, DatedGraph] = {}
        self.start(self.settings.start_power)

    def start(self, power: float | None) -> None:
        """Forget all that was learned; start from singular vectors found with this `start_power`."""
        power = START_POWERS[0] if power is None else power
        self.settings = self.settings.model_copy(update={"start_power": power})
        self.random = np.random.default_rng(self.settings.seed)
        self.network = self._make_start(power)
        self.network.clear_cache(torch.stack([week.graph.known for week in self.weeks]).amax(0))
        self.optimizer = make_optimizer(self.network, self.settings)
        self.mean = deepcopy(self.network)  # of the epochs: it overfits later, and is better (docs/decisions/0025)
        self.epochs = 0
        self.best: dict[str, Tensor] = {}

    def _make_start(self, power: float) -> HeteroLightGCN:
        """Return the network with its start values, drawn for the nodes of all processes alike."""
        torch.manual_seed(self.settings.seed)  # dropout's
        generator = torch.Generator("cpu").manual_seed(self.settings.seed)
        network = make_network(self.num_nodes, self.features, self.settings, generator)
        shape = network.embedding.shape
        network.embedding.data = self.shard.take_rows(network.embedding.data)
        if self.settings.spectral:
            block = self.shard.take_rows(torch.randn(shape, generator=generator, device="cpu"))
            place = CPU if self.device.type == "mps" else self.device  # Apple's have no QR decomposition
            adjacency = self.builder.join_nodes(self.earliest, self.first_day, power).to(place)
            network = network.to(place)
            network.start_from(adjacency, block.to(place))
        self._copy_shared(network)
        return network.to(self.device)

    def _copy_shared(self, network: HeteroLightGCN) -> None:
        """Give all processes the first one's embeddings of shared nodes: equal already, unless processors differ."""
        self.builder.processes.copy_first(network.embedding.data[self.split[0] :])

    def run_epoch(self, folds: list[ValidationFold]) -> Epoch:
        """Go through all target weeks once, and validate."""
        self.network.train()
        losses = []
        for place in self.random.permutation(len(self.weeks)).tolist():
            order = self.random.permutation(self.customers[place])
            size = max(self.settings.batch_size, -(-len(order) // MAX_STEPS))
            for begin in range(0, len(order), size):
                batch = self.shard.take_customers(np.sort(order[begin : begin + size]))
                losses.append(self._step(self.weeks[place], batch))
        self.epochs += 1
        self._copy_shared(self.network)
        self._average()
        loss = np.mean(self.builder.processes.add(torch.tensor(losses, dtype=torch.float64, device="cpu")).numpy())
        maps = [self._validate(fold) for fold in folds]
        return Epoch(self.epochs, float(loss), *(np.mean(maps, axis=0).tolist() if maps else (0.0, 0.0)))

    def _step(self, week: TargetWeek, batch: Integers) -> float:
        """Make one step on the own customers of a batch; return their part of its loss."""
        scores = self.score_batch(week, batch)
        loss = measure_loss(scores, week, batch, self.settings, self.random, self.builder.processes)
        if not loss.requires_grad:  # no purchase of own customers, but all processes go backward together
            loss = loss + 0 * scores.right.sum()
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self._add_gradients()
        self.optimizer.step()
        return loss.item()

    def _add_gradients(self) -> None:
        """Add up the gradients that come from own customers alone; propagation has added up the articles'."""
        if self.builder.processes.size == 1:
            return
        partial = [self.network.scale, self.network.trend]
        for kind, encoder in zip(self.features, self.network.kinds, strict=True):
            partial += list(encoder.parameters()) if kind.first == 0 else []
        for parameter in partial:
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            parameter.grad = self.builder.processes.add(gradient.clone())

    def score_batch(self, week: TargetWeek, batch: Integers) -> Scores:
        """Return the scores of own customers, from the graph before a target week."""
        return self.score(self.network.embed(week.graph.adjacency, week.graph.known, self.features), week, batch)

    def score(self, x: Tensor, week: TargetWeek, batch: Integers) -> Scores:
        """Return the scores of own customers, from the embeddings x [N, dim] of all nodes."""
        customers, articles = x[: self.split[0]], x[self.split[0] : sum(self.split)]
        return Scores(
            normalize(customers[torch.from_numpy(batch).to(x.device)], dim=1) * self.network.scale.exp(),
            articles,
            week.graph.sold @ self.network.trend,
        )

    def _validate(self, fold: ValidationFold) -> list[float]:
        """Return MAP@12 of all purchases and of new ones."""
        if fold.day not in self.validation_graphs:
            self.validation_graphs[fold.day] = self.build_graph(fold.before, fold.day)
        vectors = self.embed_local(self.validation_graphs[fold.day])
        sums = torch.tensor(
            [sum_precision(vectors, self.shard.take_truth(truth)) for truth in fold.truths],
            dtype=torch.float64,
            device="cpu",
        )
        sizes = [max(1, len(truth.customers)) for truth in fold.truths]
        return [total / size for total, size in zip(self.builder.processes.add(sums).tolist(), sizes, strict=True)]

    def build_graph(self, before: Subgraph, day: int) -> DatedGraph:
        """Return the graph of purchases of all processes' customers, all before a day (since 1970-01-01)."""
        return self.builder.build(self.shard.take(before), day)

    @torch.no_grad()
    def _average(self) -> None:
        """Update the running mean of the weights."""
        share = self.settings.averaging if self.epochs > 1 else 0.0
        for mean, now in zip(self.mean.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - share)

    def keep_best(self) -> None:
        """Remember the mean's weights."""
        self.best = {name: value.detach().clone() for name, value in self.mean.state_dict().items()}

    def embed(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return [C, dim] and [A, dim] of all customers and articles, from all purchases, to compare by cosine."""
        customers, articles = self.embed_local(self.whole)
        return self.shard.gather_rows(torch.from_numpy(customers)).numpy(), articles

    def embed_local(self, graph: DatedGraph) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return [own customers, dim] and [A, dim], as of the day of a graph."""
        self.mean.eval()
        return embed_nodes(self.mean, graph, self.features, self.split, self.settings)

    def weights(self, state: Mapping[str, Tensor] | None = None) -> dict[str, npt.NDArray[np.float32]]:
        """Return parameters by name, with the latent embeddings of all nodes.

        Parameters
        ----------
        state : the parameters, such as `best`; None for the mean's.
        """
        state = self.mean.state_dict() if state is None else state
        return {name: self._gather(name, value.cpu()).numpy().copy() for name, value in state.items()}

    def tensors(self) -> dict[str, Tensor]:
        """Return the state of the training but for `random`, the same whatever the number of processes."""
        state = {f"best.{name}": value for name, value in self.best.items()}
        state |= {f"network.{name}": value.detach() for name, value in self.network.state_dict().items()}
        state |= {f"mean.{name}": value.detach() for name, value in self.mean.state_dict().items()}
        state |= pack_optimizer(self.optimizer)
        gathered = {name: self._gather(name, value.cpu()) for name, value in state.items()}
        return gathered | {"torch": torch.get_rng_state()}

    def load(self, tensors: Mapping[str, Tensor], random: Mapping[str, Any]) -> None:
        """Restore the state that `tensors` returned, in whatever number of processes."""
        own = {name: self.shard.take_rows(value) if _has_rows(name) else value for name, value in tensors.items()}
        parts = {
            kind: {name.removeprefix(kind): value for name, value in own.items() if name.startswith(kind)}
            for kind in ("best.", "network.", "mean.")
        }
        self.best = parts["best."]
        self.network.load_state_dict(parts["network."])
        self.mean.load_state_dict(parts["mean."])
        unpack_optimizer(self.optimizer, own)
        torch.set_rng_state(own["torch"])
        self.random.bit_generator.state = dict(random)

    def _gather(self, name: str, value: Tensor) -> Tensor:
        return self.shard.gather_rows(value) if _has_rows(name) else value


def _has_rows(name: str) -> bool:
    """Return whether a tensor has a row for each node: the latent embeddings, the first parameter, and its moments."""
    return name.rpartition(".")[2] == "embedding" or name.startswith("optimizer.0.exp_avg")


def make_optimizer(network: HeteroLightGCN, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return Adam, with a higher rate for the few numbers that all scores share.

    The latent embeddings are its first parameter.
    """
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
