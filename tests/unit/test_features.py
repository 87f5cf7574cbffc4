"""Features: scaled numbers, coded categories, and missing values that are told as such."""

from __future__ import annotations

import polars as pl
import pytest
from hmrec.graph_ml.features import CUSTOMER_FEATURES, Feature, FeatureKind, encode_features


def test_numbers_are_scaled_and_missing_ones_flagged() -> None:
    encoded = encode_features(pl.DataFrame({"age": [20, None, 40]}), (Feature("age", FeatureKind.number),))
    assert encoded.numbers.tolist() == [[-1, 0], [0, 1], [1, 0]]


def test_categories_have_codes_from_one_and_missing_is_zero() -> None:
    frame = pl.DataFrame({"club": ["b", None, "a", "b"], "FN": [1, None, None, 1]})
    encoded = encode_features(frame, (Feature("club", FeatureKind.category), Feature("FN", FeatureKind.category)))
    assert encoded.codes.tolist() == [[2, 1], [0, 0], [1, 0], [2, 1]]
    assert encoded.sizes == (3, 2)


def test_a_column_without_any_value_is_all_missing() -> None:
    columns = {feature.name: [None, None] for feature in CUSTOMER_FEATURES}
    encoded = encode_features(pl.DataFrame(columns), CUSTOMER_FEATURES)
    assert encoded.numbers.tolist() == [[0, 1], [0, 1]]
    assert encoded.codes.sum() == 0
    assert encoded.sizes == pytest.approx([1] * encoded.codes.shape[1])
