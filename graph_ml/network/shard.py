"""The customers of one process: each process has a share of the customers, and all have all articles.

Customers meet only through articles. So each process keeps the purchases, embeddings and optimizer moments of its own
customers alone. Articles and attribute nodes are the shared nodes: their rows are the same in all processes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from ...cypher.errors import UserMistake
from ..export.hetero import take_customers
from ..export.subgraph import Integers, Subgraph
from ..holdout.ranking import Truth
from .processes import Processes


@dataclass(frozen=True)
class Shard:
    """Customers `begins[rank]` to `begins[rank + 1]`, by their numbers in the whole subgraph; alone: all of them."""

    processes: Processes
    begins: tuple[int, ...]

    @classmethod
    def cut(cls, subgraph: Subgraph, processes: Processes) -> Shard:
        """Cut the customers into runs with about as many purchases each.

        Raises
        ------
        UserMistake : there are fewer customers than processes.
        """
        total, size = len(subgraph.customer_ids), processes.size
        if size == 1:
            return cls(processes, (0, total))
        if total < size:
            raise UserMistake(f"{total} customers cannot be shared by {size} processes.", "Start fewer processes.")
        # a customer without purchases has a row, too
        ends = np.cumsum(np.bincount(subgraph.customer, minlength=total) + 1)
        wanted = ends[-1] * np.arange(1, size) / size
        begins = [0, *np.searchsorted(ends, wanted).tolist(), total]
        for place in range(1, size):  # at least one customer each
            begins[place] = min(max(begins[place], begins[place - 1] + 1), total - size + place)
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

    @property
    def is_whole(self) -> bool:
        """Whether this process has all customers."""
        return self.processes.size == 1

    def take(self, subgraph: Subgraph) -> Subgraph:
        """Return the own customers with their purchases, numbered from 0, and all articles."""
        return subgraph if self.is_whole else subgraph.take(np.arange(self.begin, self.end))

    def take_data(self, data: HeteroData) -> HeteroData:
        """As `take`, of the graph as `HeteroData`."""
        return data if self.is_whole else take_customers(data, np.arange(self.begin, self.end))

    def take_truth(self, truth: Truth) -> Truth:
        """Return the part of a truth that is about own customers, numbered from 0."""
        if self.is_whole:
            return truth
        own = (truth.customers >= self.begin) & (truth.customers < self.end)
        owned = None if truth.owned is None else truth.owned[self.begin : self.end]
        return Truth(truth.customers[own] - self.begin, truth.bought[self.begin : self.end], owned, truth.relevant[own])

    def take_customers(self, customers: Integers) -> Integers:
        """Return those of some customers [n] that are own ones, numbered from 0."""
        return customers[(customers >= self.begin) & (customers < self.end)] - self.begin

    def gather_customers(self, own: Integers) -> Integers:
        """Return the customers [n] that all processes name, by their numbers in the whole subgraph; ascending."""
        size = self.processes.size
        counts = self.processes.gather(torch.tensor([len(own)], device="cpu"), [1] * size).tolist()
        return self.processes.gather(torch.from_numpy(own + self.begin), counts).numpy()

    def take_rows(self, x: Tensor) -> Tensor:
        """Return the own rows of x [all customers + shared nodes, ...]: [own customers + shared nodes, ...]."""
        return x if self.is_whole else torch.cat([x[self.begin : self.end], x[self.begins[-1] :]])

    def gather_rows(self, x: Tensor) -> Tensor:
        """Return x [own customers + shared nodes, ...] with the customers of all processes; undoes `take_rows`."""
        if self.is_whole:
            return x
        own = self.end - self.begin
        return torch.cat([self.processes.gather(x[:own].contiguous(), self.counts), x[own:]])
