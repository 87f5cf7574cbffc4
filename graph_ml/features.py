"""What the nodes of a subgraph tell about themselves: which properties, as numbers or categories, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import polars as pl
import torch


class FeatureKind(StrEnum):
    """How a property becomes numbers."""

    number = "number"
    category = "category"


@dataclass(frozen=True)
class Feature:
    """One property of a node: its name in the graph and how it is encoded."""

    name: str
    kind: FeatureKind


CUSTOMER_FEATURES = (
    Feature("age", FeatureKind.number),
    Feature("FN", FeatureKind.category),
    Feature("Active", FeatureKind.category),
    Feature("club_member_status", FeatureKind.category),
    Feature("fashion_news_frequency", FeatureKind.category),
)


@dataclass(frozen=True)
class EncodedFeatures:
    """The features of one kind of node.

    Attributes
    ----------
    numbers : [num_nodes, 2 * num_numeric] float32: each number scaled to mean 0 and deviation 1 (0 where it is
        missing), followed by 1 where it is missing and 0 elsewhere.
    codes : [num_nodes, num_categories] int64: 0 where the value is missing, known values from 1 in sorted order.
    sizes : for each category how many codes it has, the missing one included.
    """

    numbers: torch.Tensor
    codes: torch.Tensor
    sizes: tuple[int, ...]


def encode_features(frame: pl.DataFrame, features: tuple[Feature, ...]) -> EncodedFeatures:
    """Encode the declared features of a frame with one row a node; a missing value is told as such, never guessed.

    Parameters
    ----------
    frame : has a column for each feature.
    features : which columns, and how.
    """
    numbers = [_encode_number(frame[f.name]) for f in features if f.kind is FeatureKind.number]
    codes = [_encode_category(frame[f.name]) for f in features if f.kind is FeatureKind.category]
    empty: list[Any] = [np.zeros((frame.height, 0))]
    return EncodedFeatures(
        torch.from_numpy(np.hstack(numbers or empty).astype(np.float32)),
        torch.from_numpy(np.stack(codes, axis=1) if codes else np.zeros((frame.height, 0), dtype=np.int64)),
        tuple(int(column.max(initial=0)) + 1 for column in codes),
    )


def _encode_number(column: pl.Series) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[num_nodes, 2]: the scaled value and whether it is missing."""
    value = column.cast(pl.Float64).to_numpy()
    missing = np.isnan(value)
    known = value[~missing]
    mean, deviation = (known.mean(), known.std()) if len(known) else (0.0, 1.0)
    scaled = np.where(missing, 0.0, (value - mean) / (deviation or 1.0))
    return np.stack([scaled, missing], axis=1)


def _encode_category(column: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    """[num_nodes]: 0 for a missing value, else its place among the sorted values, from 1."""
    known = column.cast(pl.String)
    values = known.drop_nulls().unique().sort().to_list()
    places = {value: place for place, value in enumerate(values, start=1)}
    return np.fromiter((places.get(value, 0) for value in known), dtype=np.int64, count=len(known))
