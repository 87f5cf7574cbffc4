"""Compiled forests return LightGBM's sums bit for bit."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hmrec.graph_ml.ranker.forest import MAX_LEAVES, ROWS_AT_ONCE, Forest
from hypothesis import given, settings
from hypothesis import strategies as st

FEATURES = 7


def draw(rows: int, seed: int) -> np.ndarray:
    """Return columns of normal, integer, partly zero and large values; three more have missing values."""
    random = np.random.default_rng(seed)
    features = random.standard_normal((rows, FEATURES)).astype(np.float32)
    features[:, 1] = random.integers(-3, 4, rows)
    features[:, 2] *= random.random(rows) < 0.5
    features[:, 3] *= 1e30
    for column in (4, 5, 6):
        features[random.random(rows) < 0.1 * column, column] = np.nan
    return features


def grow(seed: int, objective: str = "regression", leaves: int = MAX_LEAVES, rounds: int = 12) -> lightgbm.Booster:
    features = draw(3_000, seed)
    known = np.nan_to_num(features, nan=-1.5)
    wanted = known[:, 0] * known[:, 1] + np.sign(known[:, 3]) + known[:, 4] + known[:, 5] * known[:, 6] > 0.5
    parameters = {"objective": objective, "num_leaves": leaves, "min_data_in_leaf": 3, "seed": seed, "verbosity": -1}
    return lightgbm.train(parameters | {"num_threads": 1}, lightgbm.Dataset(features, wanted.astype(float)), rounds)


@pytest.mark.parametrize("rows", [1, 2, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, 3 * ROWS_AT_ONCE + 5])
@pytest.mark.parametrize("leaves", [2, 3, 31, MAX_LEAVES])
def test_sums_equal_lightgbms(rows: int, leaves: int) -> None:
    booster = grow(1, leaves=leaves)
    forest, features = Forest.of(booster), draw(rows, 2)
    for trees in (None, 1, 5, 12, 100):
        expected = booster.predict(features, num_iteration=trees, raw_score=True, num_threads=1)
        assert (forest.score(features.T, trees) == expected).all()


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), objective=st.sampled_from(["regression", "binary"]))
def test_sums_are_equal_for_missing_and_infinite_values_and_at_thresholds(seed: int, objective: str) -> None:
    booster = grow(seed, objective, leaves=15, rounds=4)
    forest, features = Forest.of(booster), draw(400, seed + 1)
    random = np.random.default_rng(seed)
    features[random.random(features.shape) < 0.05] = np.nan  # also in columns that training saw complete
    features[random.random(features.shape) < 0.02] = np.inf
    features[random.random(features.shape) < 0.02] = -np.inf
    for node, (feature, threshold) in enumerate(zip(forest.feature, forest.threshold, strict=True)):
        row = node % 300
        features[row, feature] = threshold
        features[row + 50, feature] = np.nextafter(threshold, np.float32(np.inf))
    expected = booster.predict(features, raw_score=True, num_threads=1)
    assert (forest.score(features.T) == expected).all()


def test_a_tree_of_one_leaf_and_an_empty_batch() -> None:
    booster = lightgbm.train(
        {"objective": "regression", "verbosity": -1, "num_threads": 1},
        lightgbm.Dataset(np.zeros((50, 1)), np.full(50, 3.0)),
        2,
    )
    expected = booster.predict(np.zeros((4, 1)), raw_score=True)
    assert (Forest.of(booster).score(np.zeros((1, 4), dtype=np.float32)) == expected).all()
    assert (Forest.of(booster).score(np.zeros((1, 0), dtype=np.float32))).shape == (0,)


def test_large_trees_and_categorical_splits_are_refused() -> None:
    with pytest.raises(ValueError, match="32 leaves"):
        Forest.of(grow(3, leaves=MAX_LEAVES + 8))
    features = np.random.default_rng(0).integers(0, 9, (500, 1)).astype(float)
    parameters = {"objective": "regression", "verbosity": -1, "min_data_in_leaf": 3, "num_threads": 1}
    data = lightgbm.Dataset(features, features[:, 0] % 2, categorical_feature=[0])
    with pytest.raises(ValueError, match="categories"):
        Forest.of(lightgbm.train(parameters, data, 2))
