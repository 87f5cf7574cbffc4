"""Features: scaled numbers, coded categories, and missing values marked as missing."""

from __future__ import annotations

import polars as pl
import pytest
from hmrec.cypher.errors import HmrecError
from hmrec.graph_ml.export.features import (
    CUSTOMER_FEATURES,
    EncodedFeatures,
    Feature,
    FeatureEncoder,
    FeatureKind,
    FeatureSpec,
)
from pydantic import ValidationError


def encode_features(frame: pl.DataFrame, features: tuple[Feature, ...]) -> EncodedFeatures:
    """Encode the features with an encoder that is fitted to the frame itself."""
    return FeatureEncoder.fit(frame, features).encode(frame)


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


def test_values_unknown_in_training_are_encoded_as_missing() -> None:
    features = (Feature("age", FeatureKind.number), Feature("club", FeatureKind.category))
    encoder = FeatureEncoder.fit(pl.DataFrame({"age": [20, 40], "club": ["a", "b"]}), features)
    later = encoder.encode(pl.DataFrame({"age": [30, 50, None], "club": ["b", "new", None]}))
    assert later.numbers.tolist() == [[0, 0], [2, 0], [0, 1]]
    assert later.codes.tolist() == [[2], [0], [0]]
    assert later.sizes == encoder.sizes == (3,)


def test_a_missing_column_is_encoded_as_missing_values() -> None:
    features = (Feature("age", FeatureKind.number), Feature("club", FeatureKind.category))
    encoder = FeatureEncoder.fit(pl.DataFrame({"age": [20, 40], "club": ["a", "b"]}), features)
    later = encoder.encode(pl.DataFrame({"club": [None, None]}))
    assert later.numbers.tolist() == [[0, 1], [0, 1]]
    assert later.codes.tolist() == [[0], [0]]


def test_an_encoder_is_restored_from_its_text() -> None:
    frame = pl.DataFrame({"age": [20, None, 41], "FN": [1, None, 0], "club": ["ä", None, "b"]})
    kinds = {"age": FeatureKind.number, "FN": FeatureKind.category, "club": FeatureKind.category}
    encoder = FeatureEncoder.fit(frame, tuple(Feature(name, kind) for name, kind in kinds.items()))
    restored = FeatureEncoder.from_json(encoder.to_json())
    assert restored == encoder
    assert (restored.encode(frame).codes == encoder.encode(frame).codes).all()
    assert (restored.encode(frame).numbers == encoder.encode(frame).numbers).all()
    with pytest.raises(HmrecError, match="cannot be read"):
        FeatureEncoder.from_json("{}")


def test_only_the_most_frequent_values_have_codes() -> None:
    frame = pl.DataFrame({"postal_code": ["z", "z", "a", "a", "b", "c"]})
    encoded = encode_features(frame, (Feature("postal_code", FeatureKind.category, at_most=2),))
    assert encoded.codes[:, 0].tolist() == [2, 2, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "choice",
    [
        {"customers": (Feature("shoe_size", FeatureKind.number),)},
        {"articles": (Feature("article_id", FeatureKind.category),)},
        {"articles": (Feature("index_code", FeatureKind.category),) * 2},
        {"edges": ("BOUGHT",)},
    ],
)
def test_only_what_the_loader_writes_can_be_chosen(choice: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FeatureSpec.model_validate(choice)
