"""The losses of training, from scores of articles that were bought and of drawn negatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

from ..export.subgraph import Integers
from .processes import ALONE, Processes
from .trained_model import TrainSettings
from .weeks import TargetWeek


def bpr_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Return the loss of Bayesian personalised ranking: the mean of -log sigmoid(positive - negative).

    Source: Rendle et al., BPR, UAI 2009, https://arxiv.org/abs/1205.2618.

    Parameters
    ----------
    positive, negative : [n], scores of an article that was bought and of one that was not.
    """
    return functional.softplus(negative - positive).mean()


def softplus_loss(positive: Tensor, negative: Tensor, beta: float) -> Tensor:
    """Return BPR's loss with a sharper bend: the mean of log(1 + exp(beta * (negative - positive))) / beta.

    Parameters
    ----------
    positive, negative : [n], scores of an article that was bought and of one that was not.
    beta : above 0; 1 gives `bpr_loss`.
    """
    return functional.softplus(negative - positive, beta=beta).mean()


def sampled_softmax_loss(positive: Tensor, row: Tensor, negatives: Tensor, inclusion: Tensor, weight: Tensor) -> Tensor:
    """Return minus the weighted mean log-probability of purchases among all articles, estimated from a sample of these.

    -log(exp(p) / (exp(p) + sum over j of exp(n_j) / inclusion_j)). Source: Bengio and Senécal, Adaptive importance
    sampling, IEEE Transactions on Neural Networks 2008; with the inclusion's logarithm as in
    Yi et al., Sampling-bias-corrected neural modeling, RecSys 2019.

    Parameters
    ----------
    positive : [n], scores of purchases.
    row : [n] int64, the customer's row of each.
    negatives : [customers, m], scores of the sampled articles, the same ones for every customer.
    inclusion : [m], the probability of each article to be in the sample.
    weight : [n], adds up to 1 over the batch.
    """
    rest = torch.logsumexp(negatives - inclusion.log(), dim=1)[row]
    return (weight * (torch.logaddexp(positive, rest) - positive)).sum()


class Scores:
    """Scores of a batch of customers: scale * cosine + bias.

    Attributes
    ----------
    left : [batch, dim], the customers' unit vectors times the scale.
    right : [A, dim], the articles' vectors, of any length: a batch needs few of them, and scales only those.
    bias : [A].
    """

    def __init__(self, left: Tensor, right: Tensor, bias: Tensor) -> None:
        self.left, self.right, self.bias = left, right, bias

    @property
    def device(self) -> torch.device:
        """The device of the scores."""
        return self.left.device

    def place(self, array: npt.NDArray[Any]) -> Tensor:
        """Return an array on the device of the scores."""
        return torch.from_numpy(array).to(self.device)

    def unit(self, places: Tensor) -> Tensor:
        """Return [n, dim]: the unit vectors of articles."""
        return functional.normalize(self.right[places], dim=1)

    def of_pairs(self, row: Integers, article: Integers) -> Tensor:
        """Return [n]: the score of each article for the customer in that row of the batch."""
        places, rows = self.place(article), self.place(row)
        return (self.left[rows] * self.unit(places)).sum(1) + self.bias[places]

    def of_all(self, article: Integers) -> Tensor:
        """Return [batch, m]: the score of each article for each customer."""
        places = self.place(article)
        return self.left @ self.unit(places).T + self.bias[places]


def measure_loss(
    scores: Scores,
    week: TargetWeek,
    batch: Integers,
    settings: TrainSettings,
    random: np.random.Generator,
    processes: Processes = ALONE,
) -> Tensor:
    """Return this process's part of the loss of a batch; the parts of all processes add up to the batch's loss.

    With softmax each customer weighs alike, as in MAP; with the pairwise losses each purchase does.

    Parameters
    ----------
    scores : of the own customers of the batch.
    week : the target week.
    batch : [n], the own customers of the batch; may be empty if there are several processes.
    settings : which loss.
    random : draws the negatives, the same for all processes.
    processes : those that share the batch.
    """
    if settings.loss == "softmax":
        return _measure_softmax(scores, week, batch, settings, random, processes)
    bought = week.targets[batch]
    row = np.repeat(np.arange(len(batch)), np.diff(bought.indptr))  # [n]
    article = bought.indices.astype(np.int64)
    random = processes.split_random(random)
    pairs = int(processes.add(torch.tensor(len(row), device="cpu")))
    if not len(row):
        return torch.zeros((), device=scores.device)
    positive = scores.of_pairs(row, article)
    negative = scores.of_pairs(row, _draw_not_bought(batch[row], week, random))
    if settings.loss == "bpr":
        return bpr_loss(positive, negative) * (len(row) / pairs)
    return softplus_loss(positive, negative, settings.beta) * (len(row) / pairs)


def _measure_softmax(
    scores: Scores,
    week: TargetWeek,
    batch: Integers,
    settings: TrainSettings,
    random: np.random.Generator,
    processes: Processes,
) -> Tensor:
    drawn = np.unique(random.choice(len(week.chance), settings.negatives, p=week.chance))
    inclusion = scores.place(-np.expm1(-settings.negatives * week.chance[drawn]).astype(np.float32))
    negatives = scores.of_all(drawn)  # [len(batch), len(drawn)]
    # none of a customer's purchases is a negative for another purchase of the same customer
    negatives = _leave_out(negatives, week.targets[batch][:, drawn])
    loss = torch.zeros((), device=scores.device)
    for targets, share in ((week.targets, 1 - settings.new_share), (week.new, settings.new_share)):
        bought = targets[batch]
        count = np.diff(bought.indptr)
        customers = int(processes.add(torch.tensor(int((count > 0).sum()), device="cpu")))
        if not share or not bought.nnz:
            continue
        row = np.repeat(np.arange(len(batch)), count)
        weight = scores.place((1 / customers / np.maximum(count, 1))[row].astype(np.float32))
        if targets is week.new:
            negatives = _leave_out(negatives, week.owned[batch][:, drawn])
        positive = scores.of_pairs(row, bought.indices.astype(np.int64))
        loss = loss + share * sampled_softmax_loss(positive, scores.place(row), negatives, inclusion, weight)
    return loss


def _leave_out(scores: Tensor, pairs: sp.csr_matrix) -> Tensor:
    """Return the scores [batch, m] with those of `pairs` so low that they count nothing."""
    found = pairs.tocoo()
    mask = torch.zeros(scores.shape, dtype=torch.bool, device="cpu")
    mask[torch.from_numpy(found.row).long(), torch.from_numpy(found.col).long()] = True
    return scores.masked_fill(mask.to(scores.device), -1e9)


def _draw_not_bought(customer: Integers, week: TargetWeek, random: np.random.Generator) -> Integers:
    """Return [n]: an article for each customer, by popularity; those bought are drawn again, up to ten times."""
    drawn = random.choice(len(week.chance), len(customer), p=week.chance)
    for _ in range(10):
        wrong = np.flatnonzero(np.asarray(week.targets[customer, drawn]).ravel() > 0)
        if not len(wrong):
            break
        drawn[wrong] = random.choice(len(week.chance), len(wrong), p=week.chance)
    return drawn
