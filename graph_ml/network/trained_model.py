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
        default=1.0, ge=0, description="Weight of the edges to an article's attributes; 0: the purchases alone"
    )
    features: bool = Field(default=True, description="What nodes tell of themselves, so that new ones get an embedding")
    windows: tuple[int, ...] = Field(
        default=(3, 7, 14, 28, 84, 364), description="Last days of which an article's buyers count; none: cosine alone"
    )
    loss: Literal["softmax", "bpr", "softplus"] = Field(default="softmax", description="What training makes small")
    new_share: float = Field(
        default=0.65, ge=0, le=1, description="Share of the loss for articles not bought before, the others left out"
    )
    beta: float = Field(default=1.5, gt=0, description="Sharpness of the softplus loss; 1 is BPR's")
    temperature: float = Field(default=0.1, gt=0, description="What cosines are divided by to be scores, at the start")
    learning_rate: float = Field(default=0.002, gt=0, description="Adam's step")
    weight_decay: float = Field(default=0.0, ge=0, description="Adam's pull of all numbers towards 0")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="Share of the learned numbers left out at each step")
    spectral: bool = Field(default=True, description="Start from the graph's singular vectors, not random numbers")
    start_power: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="For these an edge is divided by this power of its ends' degrees, 0.5 as for propagation; "
        "null: what is best after one epoch",
    )
    averaging: float = Field(
        default=0.8,
        ge=0,
        lt=1,
        description="Share of the epochs before in the mean of the weights that is kept; 0: the last epoch's alone",
    )
    epochs: int = Field(default=40, ge=1, description="At most how often the target weeks are gone through")
    patience: int = Field(default=4, ge=1, description="Epochs without a better validation before it stops")
    validation_days: int = Field(
        default=WEEK, ge=0, description="Days held out at a time to find the best epoch; 0: run them all"
    )
    validation_times: int = Field(
        default=3, ge=1, description="How often so many days are held out, at most an eighth of all; one time is noisy"
    )
    target_weeks: int = Field(
        default=20,
        ge=0,
        description="At most so many last weeks to foresee, each from the purchases before it; 0: the graph's own "
        "purchases",
    )
    target_customers: int = Field(
        default=25_000,
        ge=1,
        description="As many weeks as have so many customers together, counted in each; at least five",
    )
    batch_size: int = Field(default=2048, ge=1, description="Customers in a step; more where a week has many")
    negatives: int = Field(default=4096, ge=1, description="Articles drawn at a step as not bought")
    popularity: float = Field(default=0.75, ge=0, description="They are drawn by their purchases to this power")
    most_purchases: int | None = Field(
        default=4_000_000,
        ge=1,
        description="Learn from customers drawn evenly who have about so many purchases together, and embed the others "
        "by what they bought; null: learn from all",
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

    @property
    def trained_customers(self) -> IdMap:
        """The customers whose latent embeddings are in the weights, in the order of their rows."""
        return self.customer_ids if self.learned_from is None else self.learned_from

    @property
    def best(self) -> Epoch | None:
        """The best epoch of the history; None without a validation."""
        return max(self.history, key=lambda epoch: epoch.score, default=None)
