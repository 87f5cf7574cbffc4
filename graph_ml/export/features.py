"""The features of nodes: which properties are exported, and how they are encoded as numbers or categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...cypher.errors import HmrecError
from ...loader.schema import ARTICLES, ATTRIBUTES, CUSTOMERS

if TYPE_CHECKING:
    import polars as pl
    import torch


class FeatureKind(StrEnum):
    """How a property is encoded."""

    number = "number"
    category = "category"


@dataclass(frozen=True)
class Feature:
    """One property of a node.

    Attributes
    ----------
    name : name of the property in the graph.
    kind : how it is encoded.
    at_most : for a category, the number of values with a code, the most frequent ones; None for all. The others are
        encoded as unknown, so that a property with a million values does not need a million embeddings.
    """

    name: str
    kind: FeatureKind
    at_most: int | None = None


CUSTOMER_FEATURES = (
    Feature("age", FeatureKind.number),
    Feature("FN", FeatureKind.category),
    Feature("Active", FeatureKind.category),
    Feature("club_member_status", FeatureKind.category),
    Feature("fashion_news_frequency", FeatureKind.category),
)
"""The customers' features by default."""

GRAPH_ONLY_CUSTOMER_FEATURES = (Feature("postal_code", FeatureKind.category),)
"""Properties of customers that are exported but are no features: most customers have a post code of their own."""

# H&M's numbers stand for categories. If a number and a name mean the same, the one that Complete Journey has is used.
ARTICLE_FEATURES = (
    Feature("product_type_no", FeatureKind.category),
    Feature("product_group_name", FeatureKind.category),
    Feature("graphical_appearance_no", FeatureKind.category),
    Feature("colour_group_code", FeatureKind.category),
    Feature("perceived_colour_value_id", FeatureKind.category),
    Feature("perceived_colour_master_id", FeatureKind.category),
    Feature("department_no", FeatureKind.category),
    Feature("index_code", FeatureKind.category),
    Feature("index_group_no", FeatureKind.category),
    Feature("section_no", FeatureKind.category),
    Feature("garment_group_no", FeatureKind.category),
)
"""The articles' features by default."""

EDGES = tuple(attribute.relationship for attribute in ATTRIBUTES)
"""The types of all relationships from articles to attribute nodes."""


class FeatureSpec(BaseModel):
    """The properties and relationships of the graph that a subgraph holds besides its purchases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: tuple[Feature, ...] = Field(
        default=CUSTOMER_FEATURES, description="Properties of customers, in the order of their columns"
    )
    articles: tuple[Feature, ...] = Field(
        default=ARTICLE_FEATURES, description="Properties of articles, in the order of their columns"
    )
    edges: tuple[str, ...] = Field(
        default=EDGES, description="Relationships from articles to attribute nodes that become edges"
    )

    def model_post_init(self, context: object) -> None:
        """Check that the loader writes all of these into the graph."""
        for table, features in ((CUSTOMERS, self.customers), (ARTICLES, self.articles)):
            _check_names([feature.name for feature in features], table.hm_names[1:], f"property of {table.stem}")
        _check_names(list(self.edges), EDGES, "relationship of articles")


def _check_names(chosen: list[str], known: tuple[str, ...], what: str) -> None:
    if strange := set(chosen) - set(known):
        raise ValueError(f"{min(strange)!r} is not a {what}; there are {', '.join(known)}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"a {what} is listed twice")


@dataclass(frozen=True)
class EncodedFeatures:
    """The encoded features of one kind of node.

    Attributes
    ----------
    numbers : [num_nodes, 2 * num_numeric] float32: each number scaled to mean 0 and deviation 1 (0 if missing),
        followed by 1 if it is missing, and 0 otherwise.
    codes : [num_nodes, num_categories] int64: 0 if the value is missing or was unknown when the encoder was fitted;
        known values are numbered from 1 in sorted order.
    sizes : number of codes of each category, including 0.
    """

    numbers: torch.Tensor
    codes: torch.Tensor
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class FeatureEncoder:
    """An encoding of features, fitted to the nodes of a training, and applied unchanged to nodes loaded later.

    Attributes
    ----------
    features : the features that are encoded.
    scales : mean and deviation of the known values of each number, by name.
    vocabularies : values of each category in the order of their codes, from code 1, by name.
    """

    features: tuple[Feature, ...]
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def fit(cls, frame: pl.DataFrame, features: tuple[Feature, ...]) -> Self:
        """Learn means, deviations and vocabularies.

        Parameters
        ----------
        frame : a row for each node, with a column for each feature.
        features : the columns to encode.
        """
        numbers = [feature.name for feature in features if feature.kind is FeatureKind.number]
        categories = [feature for feature in features if feature.kind is FeatureKind.category]
        return cls(
            features,
            {name: _measure_scale(frame[name]) for name in numbers},
            {feature.name: _list_values(frame[feature.name], feature.at_most) for feature in categories},
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of codes of each category, including the one for missing and unknown values."""
        return tuple(len(self.vocabularies[f.name]) + 1 for f in self.features if f.kind is FeatureKind.category)

    def encode(self, frame: pl.DataFrame) -> EncodedFeatures:
        """Encode nodes, known or new. A missing value is encoded as missing, never imputed.

        Parameters
        ----------
        frame : a row for each node; if a column is missing, the feature is missing for every node.
        """
        import torch

        columns = {f.name: frame[f.name] if f.name in frame.columns else _empty(frame.height) for f in self.features}
        numbers = [_scale(columns[name], *scale) for name, scale in self.scales.items()]
        codes = [_code(columns[name], values) for name, values in self.vocabularies.items()]
        empty: list[Any] = [np.zeros((frame.height, 0))]
        return EncodedFeatures(
            torch.from_numpy(np.hstack(numbers or empty).astype(np.float32)),
            torch.from_numpy(np.stack(codes, axis=1) if codes else np.zeros((frame.height, 0), dtype=np.int64)),
            self.sizes,
        )

    def to_json(self) -> str:
        """Return the encoder as JSON, to store with a model."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> FeatureEncoder:
        """Return the encoder that `to_json` wrote.

        Raises
        ------
        HmrecError : the text is not an encoder.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValueError as error:
            raise HmrecError("The feature encoder stored with the model cannot be read.", "Train again.") from error


_ADAPTER = TypeAdapter(FeatureEncoder)


def make_frame(key: str, ids: list[str], rows: list[list[Any]], features: tuple[Feature, ...]) -> pl.DataFrame:
    """Return a frame with a row for each node: a column of ids, then one for each feature.

    Parameters
    ----------
    key : name of the column of ids.
    ids : the ids of the nodes.
    rows : for each node, its values in the order of the features.
    features : the features.
    """
    import polars as pl

    values = zip(*rows, strict=True) if rows else ([] for _ in features)
    columns = {f.name: pl.Series(f.name, column, strict=False) for f, column in zip(features, values, strict=True)}
    return pl.DataFrame({key: pl.Series(key, ids, dtype=pl.String)} | columns)


def _empty(height: int) -> pl.Series:
    import polars as pl

    return pl.repeat(None, height, dtype=pl.String, eager=True)


def _measure_scale(column: pl.Series) -> tuple[float, float]:
    """Return mean and deviation of the known values; 0 and 1 if there are none, deviation 1 if all are equal."""
    known = _to_numbers(column)
    known = known[~np.isnan(known)]
    return (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)


def _scale(column: pl.Series, mean: float, deviation: float) -> npt.NDArray[np.float64]:
    """Return [num_nodes, 2]: the scaled value, and whether it is missing."""
    value = _to_numbers(column)
    missing = np.isnan(value)
    return np.stack([np.where(missing, 0.0, (value - mean) / deviation), missing], axis=1)


def _to_numbers(column: pl.Series) -> npt.NDArray[np.float64]:
    """Return [num_nodes], NaN if missing."""
    import polars as pl

    return column.cast(pl.Float64).to_numpy()


def _list_values(column: pl.Series, at_most: int | None) -> tuple[str, ...]:
    """Return the values that get a code, in sorted order."""
    import polars as pl

    known = column.cast(pl.String).drop_nulls()
    if at_most is None or known.n_unique() <= at_most:
        return tuple(known.unique().sort())
    counts = known.value_counts().sort(["count", known.name], descending=[True, False])
    return tuple(counts[known.name].head(at_most).sort())


def _code(column: pl.Series, values: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return [num_nodes]: the value's place among the known values, from 1; 0 if it is missing or unknown."""
    import polars as pl

    places = range(1, len(values) + 1)
    known = pl.Series(values, dtype=pl.String)
    coded = column.cast(pl.String).replace_strict(
        known, pl.Series(places, dtype=pl.Int64), default=0, return_dtype=pl.Int64
    )
    return coded.fill_null(0).to_numpy()
