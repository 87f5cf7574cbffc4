"""What training makes small, from scores of what was bought and of what was not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def bpr_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Bayesian personalised ranking: mean of -log sigmoid(positive - negative).

    Source: Rendle et al., BPR, UAI 2009, https://arxiv.org/abs/1205.2618.

    Parameters
    ----------
    positive, negative : [n], scores of an article that was bought and of one that was not.
    """
    return functional.softplus(negative - positive).mean()


def softplus_loss(positive: Tensor, negative: Tensor, beta: float) -> Tensor:
    """BPR's with its bend sharpened: mean of log(1 + exp(beta * (negative - positive))) / beta.

    Parameters
    ----------
    positive, negative : [n], scores of an article that was bought and of one that was not.
    beta : above 0; 1 gives `bpr_loss`.
    """
    return functional.softplus(negative - positive, beta=beta).mean()


def sampled_softmax_loss(positive: Tensor, row: Tensor, negatives: Tensor, inclusion: Tensor, weight: Tensor) -> Tensor:
    """Minus the weighted mean log-probability of what was bought, among all articles, estimated from a sample of them.

    -log(exp(p) / (exp(p) + sum over j of exp(n_j) / inclusion_j)). Source: Bengio and Senécal, Adaptive importance
    sampling, IEEE Transactions on Neural Networks 2008; with the inclusion's logarithm as in
    Yi et al., Sampling-bias-corrected neural modeling, RecSys 2019.

    Parameters
    ----------
    positive : [n], scores of purchases.
    row : [n] int64, the customer's row of each.
    negatives : [customers, m], scores of the sampled articles, the same ones for every customer.
    inclusion : [m], the probability with which each came into the sample.
    weight : [n], adds up to 1.
    """
    rest = torch.logsumexp(negatives - inclusion.log(), dim=1)[row]
    return (weight * (torch.logaddexp(positive, rest) - positive)).sum()
