"""LightGCN: the same numbers and gradients as PyTorch Geometric's, and losses that are their formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hmrec.graph_ml.network.adjacency import build_adjacency
from hmrec.graph_ml.network.losses import bpr_loss, sampled_softmax_loss, softplus_loss
from hmrec.graph_ml.network.model import HeteroLightGCN, LightGCN, NodeFeatures, to_cosine_space
from torch.nn import functional
from torch_geometric.nn import LightGCN as PeerLightGCN
from torch_geometric.nn.conv.gcn_conv import gcn_norm

CUSTOMERS, ARTICLES = 13, 29


def make_edges(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Different pairs in no order, some customers and articles without any."""
    pairs = np.random.default_rng(seed).permutation(CUSTOMERS * (ARTICLES - 2))[:90]
    return pairs % CUSTOMERS, pairs // CUSTOMERS


def make_model(layers: int) -> LightGCN:
    return LightGCN(CUSTOMERS + ARTICLES, 8, layers, 0.0, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_embeddings_and_gradients_equal_pytorch_geometrics(layers: int) -> None:
    customer, article = make_edges(0)
    adjacency = build_adjacency(customer, article, np.ones(len(customer)), (CUSTOMERS, ARTICLES))
    ours = make_model(layers)
    peer = PeerLightGCN(CUSTOMERS + ARTICLES, 8, layers)
    with torch.no_grad():
        peer.embedding.weight.copy_(ours.embedding)
    one_way = torch.from_numpy(np.stack([customer, article + CUSTOMERS]))
    both_ways = torch.cat([one_way, one_way.flip(0)], dim=1)
    mine, theirs = ours(ours.embedding, adjacency.edge_index), peer.get_embedding(both_ways)
    torch.testing.assert_close(mine, theirs)
    for x in (mine, theirs):  # a loss in which every number counts differently
        bpr_loss((x[:CUSTOMERS] ** 2).sum(1), (x[CUSTOMERS : 2 * CUSTOMERS] * x[:CUSTOMERS]).sum(1)).backward()
    assert ours.embedding.grad is not None
    torch.testing.assert_close(ours.embedding.grad, peer.embedding.weight.grad)


def test_weights_of_a_pair_add_up_and_are_normalised_by_both_ends() -> None:
    customer, article = np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])
    weight = np.array([1.0, 2.0, 0.5, 4.0])
    dense = build_adjacency(customer, article, weight, (2, 2)).edge_index.to_dense()
    whole = torch.tensor([[0, 0, 3, 0.5], [0, 0, 0, 4], [3, 0, 0, 0], [0.5, 4, 0, 0]])
    degree = whole.sum(0)
    torch.testing.assert_close(dense, whole / torch.sqrt(degree[:, None] * degree[None, :]))
    edge_index = whole.nonzero().T
    index, scaled = gcn_norm(edge_index, whole[edge_index[0], edge_index[1]], 4, add_self_loops=False)
    torch.testing.assert_close(dense[index[0], index[1]], scaled)


@pytest.mark.parametrize("power", [0.0, 0.25, 1.0])
def test_edges_are_divided_by_the_power_of_both_ends_that_is_asked_for(power: float) -> None:
    customer, article, weight = np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([3.0, 0.5, 4.0])
    dense = build_adjacency(customer, article, weight, (2, 2), power=power).edge_index.to_dense()
    whole = torch.tensor([[0, 0, 3, 0.5], [0, 0, 0, 4], [3, 0, 0, 0], [0.5, 4, 0, 0]])
    degree = whole.sum(0)
    torch.testing.assert_close(dense, whole / (degree[:, None] * degree[None, :]) ** power)


def test_the_gradient_agrees_with_finite_differences() -> None:
    customer, article = make_edges(2)
    weight = np.random.default_rng(3).random(len(customer)) + 0.1
    adjacency = build_adjacency(customer, article, weight, (CUSTOMERS, ARTICLES))
    adjacency = replace(adjacency, edge_index=adjacency.edge_index.to(torch.float64))
    model = make_model(3).double()
    direction = torch.randn(model.embedding.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)

    def value() -> torch.Tensor:
        return functional.normalize(model.smooth(model.embedding, adjacency), dim=1).sin().sum()

    value().backward()
    assert model.embedding.grad is not None
    slope = float((model.embedding.grad * direction).sum())
    with torch.no_grad():
        model.embedding.add_(1e-6 * direction)
        above = float(value())
        model.embedding.sub_(2e-6 * direction)
        below = float(value())
    assert slope == pytest.approx((above - below) / 2e-6, rel=1e-4)


def test_dropout_leaves_numbers_out_in_training_only() -> None:
    customer, article = make_edges(5)
    adjacency = build_adjacency(customer, article, np.ones(len(customer)), (CUSTOMERS, ARTICLES))
    model = LightGCN(CUSTOMERS + ARTICLES, 8, 2, 0.5, torch.Generator().manual_seed(1))
    assert not torch.equal(model.train().smooth(model.embedding, adjacency), model.smooth(model.embedding, adjacency))
    assert torch.equal(model.eval().smooth(model.embedding, adjacency), model.smooth(model.embedding, adjacency))


def test_bpr_and_softplus_losses_by_hand() -> None:
    positive, negative = torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0])
    by_hand = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(3))) / 2
    assert float(bpr_loss(positive, negative)) == pytest.approx(by_hand)
    assert float(softplus_loss(positive, negative, 1.0)) == pytest.approx(by_hand)
    by_hand = (math.log(1 + math.exp(-1.5)) + math.log(1 + math.exp(4.5))) / 2 / 1.5
    assert float(softplus_loss(positive, negative, 1.5)) == pytest.approx(by_hand)


def test_sampled_softmax_with_all_articles_is_the_cross_entropy() -> None:
    scores = torch.randn(4, 10, generator=torch.Generator().manual_seed(0))
    bought = torch.tensor([3, 0, 9, 5])
    rest = torch.stack([row[torch.arange(10) != own] for row, own in zip(scores, bought, strict=True)])
    mine = sampled_softmax_loss(
        scores[torch.arange(4), bought], torch.arange(4), rest, torch.ones(9), torch.full((4,), 0.25)
    )
    torch.testing.assert_close(mine, functional.cross_entropy(scores, bought))


def test_sampled_softmax_estimates_the_whole_from_a_sample() -> None:
    random = np.random.default_rng(0)
    scores = torch.from_numpy(random.normal(size=(1, 5000)))
    chance = random.random(5000)
    chance /= chance.sum()
    positive = torch.tensor([1.0], dtype=torch.float64)
    estimates = []
    for _ in range(300):
        drawn = np.unique(random.choice(5000, 1000, p=chance))
        inclusion = torch.from_numpy(-np.expm1(1000 * np.log1p(-chance[drawn])))
        loss = sampled_softmax_loss(positive, torch.tensor([0]), scores[:, drawn], inclusion, torch.ones(1))
        estimates.append(math.exp(float(loss)) - 1)  # the partition without the positive, over exp(positive)
    assert np.mean(estimates) == pytest.approx(float(scores.exp().sum()) / math.e, rel=0.02)


def test_a_pair_weighs_at_most_what_is_asked_for() -> None:
    customer, article, weight = np.array([0, 0, 0]), np.array([0, 0, 1]), np.array([5.0, 4.0, 1.0])
    capped = build_adjacency(customer, article, weight, (1, 2), most=3.0)
    by_hand = build_adjacency(np.array([0, 0]), np.array([0, 1]), np.array([3.0, 1.0]), (1, 2))
    torch.testing.assert_close(capped.edge_index.to_dense(), by_hand.edge_index.to_dense())


def test_attribute_nodes_stand_behind_the_articles() -> None:
    """One customer bought article 0 of two; both have the attribute: 0.5 on each edge to it."""
    attributes = sp.csr_matrix(np.array([[0.5], [0.5]]))
    dense = build_adjacency(np.array([0]), np.array([0]), np.array([1.0]), (1, 2), attributes).edge_index.to_dense()
    whole = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 0.5], [0, 0, 0, 0.5], [0, 0.5, 0.5, 0]])
    degree = whole.sum(0)
    torch.testing.assert_close(dense, whole / torch.sqrt(degree[:, None] * degree[None, :]))


def test_block_iteration_finds_the_leading_singular_vectors() -> None:
    """Two halves of a shop that share nothing: the leading directions tell them apart."""
    customer, article = np.divmod(np.arange(50), 10)
    customer, article = np.append(customer, customer + 5), np.append(article, article + 10)
    adjacency = build_adjacency(customer, article, np.ones(100), (10, 20))
    model = LightGCN(30, 4, 1, 0.0, torch.Generator().manual_seed(0))
    model.start_from(adjacency, torch.randn(30, 4, generator=torch.Generator().manual_seed(0)))
    near = functional.normalize(model.embedding.detach(), dim=1)
    assert float((near[:5] @ near[:5].T).min()) > 0.99
    assert float((near[:5] @ near[5:10].T).abs().max()) < 0.01


def test_a_node_that_was_not_there_starts_from_its_features_alone() -> None:
    features = (NodeFeatures(1, torch.tensor([[1.0], [2.0]]), torch.tensor([[0], [1]]), (2,)),)
    network = HeteroLightGCN(3, 4, 0, 0.0, torch.Generator().manual_seed(0), features)
    with torch.no_grad():
        network.kinds[0].numbers[:] = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
        network.kinds[0].codes[1] = torch.tensor([0.5, 0.5, 0.5, 0.5])
    known = torch.tensor([[1.0], [1.0], [0.0]])
    empty = build_adjacency(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), (1, 2))
    x = network.embed(empty, known, features).detach()
    torch.testing.assert_close(x[0], network.embedding[0].detach())
    torch.testing.assert_close(x[1], network.embedding[1].detach() + torch.tensor([1.0, 2.0, 3.0, 4.0]))
    torch.testing.assert_close(x[2], torch.tensor([2.5, 4.5, 6.5, 8.5]))


def test_the_cosine_orders_as_the_score_with_what_sells_does() -> None:
    generator = torch.Generator().manual_seed(3)
    customers, articles = torch.randn(5, 6, generator=generator), torch.randn(40, 6, generator=generator)
    bias = torch.randn(40, generator=generator) * 2
    left, right = to_cosine_space(customers, articles, 7.0, bias)
    assert left.shape == (5, 8)
    assert right.shape == (40, 8)
    assert np.linalg.norm(np.vstack([left, right]), axis=1) == pytest.approx(1, abs=1e-5)
    score = 7.0 * functional.normalize(customers, dim=1) @ functional.normalize(articles, dim=1).T + bias
    assert (np.argsort(-(left @ right.T), axis=1) == score.argsort(dim=1, descending=True).numpy()).all()
