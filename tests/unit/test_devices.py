"""Training on any device, and with what PyTorch Geometric offers around a module."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.export.hetero import BOUGHT, to_hetero
from hmrec.graph_ml.export.subgraph import to_days
from hmrec.graph_ml.network.dated_graph import GraphBuilder, collect_features
from hmrec.graph_ml.network.devices import choose_device
from hmrec.graph_ml.network.embed import make_network
from hmrec.graph_ml.network.fold_in import embed_as_of
from hmrec.graph_ml.network.trained_model import TrainSettings
from hmrec.graph_ml.network.training import train
from torch_geometric import seed_everything, transforms
from torch_geometric.explain import Explainer, GNNExplainer
from torch_geometric.utils import to_edge_index

from tests.unit.purchases import make_two_tastes

SETTINGS = TrainSettings(dim=16, epochs=2, negatives=64)
DEVICES = [
    "cpu",
    *(["cuda"] if torch.cuda.is_available() else []),
    *(["mps"] if torch.backends.mps.is_available() else []),
]


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same_cosines(device: str) -> None:
    shop = make_two_tastes()
    expected, trained = train(shop, SETTINGS, device="cpu"), train(shop, SETTINGS, device=device)  # type: ignore[arg-type]
    again = embed_as_of(trained, shop, to_days(shop.until), torch.device(device))
    cosines = expected.customers @ expected.articles.T
    np.testing.assert_allclose(trained.customers @ trained.articles.T, cosines, atol=1e-2)
    np.testing.assert_allclose(again.customers @ again.articles.T, cosines, atol=1e-2)


def test_every_tensor_is_placed_on_the_device_of_the_training() -> None:
    """Tensors without an explicit device would be on "meta" here, and their first product would fail."""
    shop = make_two_tastes()
    expected = train(shop, SETTINGS, device="cpu")
    with torch.device("meta"):
        trained = train(shop, SETTINGS, device="cpu")
        again = embed_as_of(trained, shop, to_days(shop.until))
    np.testing.assert_array_equal(trained.articles, expected.articles)
    np.testing.assert_allclose(again.articles, expected.articles, atol=1e-6)


def test_a_device_that_is_missing_is_refused() -> None:
    assert choose_device("auto").type == DEVICES[1 if len(DEVICES) > 1 else 0]
    missing = {"cuda", "mps"} - set(DEVICES)
    for name in missing:
        with pytest.raises(UserMistake, match="GPU"):
            train(make_two_tastes(), SETTINGS, device=name)  # type: ignore[arg-type]


def test_explainers_take_the_network() -> None:
    seed_everything(0)
    shop = make_two_tastes()
    data = to_hetero(shop)
    day = to_days(shop.until)
    graph = GraphBuilder(SETTINGS, shop).build(shop, day)
    features = collect_features(data, SETTINGS)
    network = make_network(len(graph.adjacency), features, SETTINGS, torch.Generator().manual_seed(0))
    edge_index, edge_weight = to_edge_index(graph.adjacency.edge_index)
    x = network.begin(graph.known, features).detach()
    torch.testing.assert_close(network(x, edge_index, edge_weight), network(x, graph.adjacency.edge_index))
    explainer = Explainer(
        network,
        GNNExplainer(epochs=5),
        explanation_type="model",
        node_mask_type="object",
        edge_mask_type="object",
        model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
    )
    found = explainer(x, edge_index, edge_weight=edge_weight, index=0)
    assert found.edge_mask.shape == edge_weight.shape
    assert found.edge_mask[edge_index[1] == 0].sum() > 0  # edges into the node have a part in its embedding


def test_transforms_take_the_graph() -> None:
    data = transforms.ToUndirected()(to_hetero(make_two_tastes()))
    assert data.validate()
    assert ("article", "rev_bought", "customer") in data.edge_types
    moved = to_hetero(make_two_tastes()).to("meta")
    assert moved[BOUGHT].time.device.type == "meta"
