"""Models are restored from their bytes unchanged; other bytes are refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hmrec.graph_ml.export.subgraph import IdMap
from hmrec.graph_ml.network.model_file import BadModel, load_model, save_model
from hmrec.graph_ml.network.trained_model import Epoch, TrainedModel, TrainSettings
from safetensors.numpy import save


def make_model(customers: int = 5, articles: int = 4, dim: int = 8, seed: int = 0) -> TrainedModel:
    """Return random embeddings of length 1."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(customers + articles, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return TrainedModel(
        IdMap(["ä\n\"'", *(f"c{n}" for n in range(1, customers))]),
        IdMap(f"{n:010}" for n in range(articles)),
        vectors[:customers],
        vectors[customers:],
        TrainSettings(dim=dim, half_life=None),
        (Epoch(1, 0.5, 0.25, 0.125), Epoch(2, 0.25, 0.0, 0.0)),
        2,
        dt.date(2019, 9, 1),
        dt.date(2020, 9, 23),
        1234,
        {"table": random.normal(size=(2, 3, 1)).astype(np.float32), "scale": np.array(3, dtype=np.int64)},
    )


def assert_same(one: TrainedModel, other: TrainedModel) -> None:
    for name in ("customer_ids", "article_ids", "settings", "history", "epochs", "since", "until", "purchases"):
        assert getattr(one, name) == getattr(other, name), name
    arrays = {"c": one.customers, "a": one.articles, **one.weights}
    others = {"c": other.customers, "a": other.articles, **other.weights}
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype
        np.testing.assert_array_equal(array, others[name])


def test_a_model_is_restored_unchanged() -> None:
    trained = make_model()
    assert_same(trained, load_model(save_model(trained)))


def test_truncated_and_other_bytes_are_refused_in_one_line() -> None:
    content = save_model(make_model())
    wrong = [content[:length] for length in range(0, len(content), 61)]
    wrong += [
        content + b"x", b"\xff" * 8 + content, b"\x00" * 100, save({"x": np.zeros(3)}), b"\x05" + bytes(7) + b"[[[[[",
        save({"customers": np.zeros(3)}, {"format": "hmrec model 1"}),
        content.replace(b'"until"', b'"untli"'), content.replace(b"2020-09-23", b"2020-99-23"),
        content.replace(b"0000000003", b"0000000002"), (100_001).to_bytes(8, "little") + b"[" * 100_001,
    ]  # fmt: skip
    for bytes_ in wrong:
        with pytest.raises(BadModel) as caught:
            load_model(bytes_)
        assert "\n" not in str(caught.value)


def test_random_damage_is_refused_or_leaves_a_model_of_the_right_shape() -> None:
    content = save_model(make_model())
    random = np.random.default_rng(1)
    for _ in range(500):
        damaged = bytearray(content)
        damaged[int(random.integers(len(damaged)))] = int(random.integers(256))
        try:
            found = load_model(bytes(damaged))
        except BadModel:
            continue
        assert found.customers.shape == (len(found.customer_ids), found.settings.dim)


def test_weights_of_another_type_are_refused() -> None:
    trained = make_model()
    object.__setattr__(trained, "weights", {"x": np.zeros(2)})
    with pytest.raises(ValueError, match="float64"):
        save_model(trained)
