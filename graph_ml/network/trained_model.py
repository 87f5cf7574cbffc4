"""The settings of a training, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ..export.features import FeatureEncoder
from ..export.subgraph import IdMap
from ..holdout.split import WEEK


class TrainSettings(BaseModel):
    """Settings of the training of embeddings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int = Field(
        default=64, ge=4, le=4096, description="Dimension of the embeddings; two of the numbers are for popularity"
    )
    layers: int = Field(
        default=2, ge=0, le=8, description="Number of layers: steps on the graph that an embedding reaches"
    )
    half_life: float | None = Field(
        default=180.0,
        gt=0,
        description="Days after which a purchase counts half in the graph; null: all count the same",
    )
    most: float | None = Field(
        default=3.0, gt=0, description="Maximum total weight of a customer's purchases of one article; null: no maximum"
    )
    attributes: float = Field(
        default=1.0, ge=0, description="Weight of the edges from articles to their attributes; 0: only purchases"
    )
    features: bool = Field(default=True, description="Use the features of nodes, so that new nodes get an embedding")
    windows: tuple[int, ...] = Field(
        default=(3, 7, 14, 28, 84, 364),
        description="Periods of last days whose buyers are counted; empty: only the cosine",
    )
    loss: Literal["softmax", "bpr", "softplus"] = Field(default="softmax", description="The loss function")
    new_share: float = Field(
        default=0.65,
        ge=0,
        le=1,
        description="Weight of the loss over new purchases only; the rest is over all purchases",
    )
    beta: float = Field(default=1.5, gt=0, description="Sharpness of the softplus loss; with 1, it is BPR")
    temperature: float = Field(default=0.1, gt=0, description="Initial divisor of cosines in the scores")
    learning_rate: float = Field(default=0.002, gt=0, description="Adam's learning rate")
    weight_decay: float = Field(default=0.0, ge=0, description="Adam's weight decay")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of the numbers dropped in each step")
    spectral: bool = Field(default=True, description="Start from singular vectors of the graph, not random numbers")
    start_power: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="For these vectors, edges are divided by this power of the degrees of their nodes, as by 0.5 in "
        "propagation; null: the best of several after one epoch",
    )
    averaging: float = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="Share of earlier epochs in the running mean of the weights; 0: only the last epoch",
    )
    epochs: int = Field(default=40, ge=1, description="Maximum number of epochs; each trains on all target weeks once")
    patience: int = Field(default=4, ge=1, description="Epochs without a better validation after which training stops")
    validation_days: int = Field(
        default=WEEK, ge=0, description="Days held out at a time to find the best epoch; 0: run all epochs"
    )
    validation_times: int = Field(
        default=4, ge=1, description="Number of such periods, at most an eighth of all; a single one is noisy"
    )
    target_weeks: int = Field(
        default=20,
        ge=0,
        description="Maximum number of last weeks to predict, each from earlier purchases; 0: predict the purchases of "
        "the graph itself",
    )
    target_customers: int = Field(
        default=25_000,
        ge=1,
        description="Use as many weeks as have this many customers in total, counted in each week; at least five",
    )
    batch_size: int = Field(default=2048, ge=1, description="Customers per step; more if a week has many")
    negatives: int = Field(default=4096, ge=1, description="Articles drawn as negatives per step, for softmax")
    popularity: float = Field(
        default=0.75, ge=0, description="Negatives are drawn by the weight of their purchases to this power"
    )
    most_purchases: int | None = Field(
        default=4_000_000,
        ge=1,
        description="Train on a uniform sample of customers with about this many purchases in total, and embed the "
        "others from their purchases; null: train on all",
    )
    seed: int = Field(default=0, ge=0, description="The same seed gives the same embeddings on the same machine")


class Epoch(NamedTuple):
    """One epoch of the history: its number from 1, mean loss, and MAP@12 on the validation days (0 without any)."""

    epoch: int
    loss: float
    map_all: float
    map_new: float

    def describe(self) -> str:
        """Return the epoch in words."""
        maps = f", MAP@12 {self.map_all:.4f} all, {self.map_new:.4f} new" if self.map_all or self.map_new else ""
        return f"loss {self.loss:.3f}{maps}"

    @property
    def score(self) -> float:
        """The measure of the best epoch: the geometric mean of both MAPs, so that both kinds of purchases count."""
        return float(np.sqrt(self.map_all * self.map_new)) or max(self.map_all, self.map_new) / 1000


@dataclass(frozen=True)
class TrainedModel:
    """Embeddings, and the training that they came from.

    Attributes
    ----------
    customer_ids, article_ids : the node of each row.
    customers, articles : [C, dim] and [A, dim] float32, of length 1, to compare by cosine.
    settings : how they were trained.
    history : the epochs with a validation.
    epochs : the number of epochs that the embeddings were trained for.
    since, until : the purchases' first day, and the day after their last.
    purchases : the number of purchases learned from.
    weights : the network's parameters by name.
    attribute_keys : by label, the keys of the attribute nodes, in the order of their rows in the weights.
    encoders : for `customer` and `article`, the encoders of their features.
    interrupted : whether an interrupt ended the training early.
    learned_from : the customers whose latent embeddings are in the weights; None: all of `customer_ids`.
    name : of vectors of another model (`read_own_vectors`), which have no weights here; empty for hmrec's own.
    before : the network that found the number of epochs, from the purchases before the weeks held out; it has weights,
        and no rows in `customers` and `articles`. None without such weeks. It is not stored.
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
    interrupted: bool = False
    learned_from: IdMap | None = None
    name: str = ""
    before: TrainedModel | None = None

    @property
    def trained_customers(self) -> IdMap:
        """The customers whose latent embeddings are in the weights, in the order of their rows."""
        return self.customer_ids if self.learned_from is None else self.learned_from

    @property
    def best(self) -> Epoch | None:
        """The best epoch of the history; None without a validation."""
        return max(self.history, key=lambda epoch: epoch.score, default=None)
