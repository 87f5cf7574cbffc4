"""What the nodes of a subgraph tell about themselves: which properties, as numbers or categories, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from ...cypher.errors import HmrecError
from ...loader.schema import ARTICLES, ATTRIBUTES, CUSTOMERS

if TYPE_CHECKING:
    import torch


class FeatureKind(StrEnum):
    """How a property becomes numbers."""

    number = "number"
    category = "category"


@dataclass(frozen=True)
class Feature:
    """One property of a node.

    Attributes
    ----------
    name : the property's name in the graph.
    kind : how it is encoded.
    at_most : of a category, how many of its values have a code of their own, the most frequent ones; None for all.
        The others are as an unknown value is, so that a property with a million values makes no million embeddings.
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
"""Properties of customers that come along, but are no feature: nearly everybody has another post code."""

# H&M's numbers are names of categories; where a number and a name say the same, the one that Complete Journey has, too
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
    """Which properties and relationships of the graph a subgraph has besides its purchases."""

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
        """Hold the choice against what the loader puts into the graph."""
        for table, features in ((CUSTOMERS, self.customers), (ARTICLES, self.articles)):
            _check_names([feature.name for feature in features], table.column_names[1:], f"property of {table.stem}")
        _check_names(list(self.edges), EDGES, "relationship of articles")


def _check_names(chosen: list[str], known: tuple[str, ...], what: str) -> None:
    if strange := set(chosen) - set(known):
        raise ValueError(f"{min(strange)!r} is no {what}; there are {', '.join(known)}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"a {what} is named twice")


@dataclass(frozen=True)
class EncodedFeatures:
    """The features of one kind of node.

    Attributes
    ----------
    numbers : [num_nodes, 2 * num_numeric] float32: each number scaled to mean 0 and deviation 1 (0 where it is
        missing), followed by 1 where it is missing and 0 elsewhere.
    codes : [num_nodes, num_categories] int64: 0 where the value is missing or was not there when the encoder was
        fitted, known values from 1 in sorted order.
    sizes : for each category how many codes it has, the missing one included.
    """

    numbers: torch.Tensor
    codes: torch.Tensor
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class FeatureEncoder:
    """How features are encoded, learned from the nodes of a training and applied alike to nodes that come later.

    Attributes
    ----------
    features : what is encoded.
    scales : by name of a number, mean and deviation of its known values.
    vocabularies : by name of a category, its values in the order of their codes, the first one's being 1.
    """

    features: tuple[Feature, ...]
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def fit(cls, frame: pl.DataFrame, features: tuple[Feature, ...]) -> Self:
        """Learn means, deviations and vocabularies.

        Parameters
        ----------
        frame : one row a node, with a column for each feature.
        features : which columns, and how.
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
        """For each category how many codes it has, the one for missing and unknown values included."""
        return tuple(len(self.vocabularies[f.name]) + 1 for f in self.features if f.kind is FeatureKind.category)

    def encode(self, frame: pl.DataFrame) -> EncodedFeatures:
        """Encode nodes, known ones or new; a missing value is told as such, never guessed.

        Parameters
        ----------
        frame : one row a node; a column that it lacks is missing of every node.
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
        """The encoder as text, to be kept with a model."""
        return _ADAPTER.dump_json(self).decode()

    @classmethod
    def from_json(cls, text: str) -> FeatureEncoder:
        """An encoder that was kept.

        Raises
        ------
        HmrecError : the text is no encoder's.
        """
        try:
            return _ADAPTER.validate_json(text)
        except ValueError as error:
            raise HmrecError("The features' encoder kept with the model cannot be read.", "Train again.") from error


_ADAPTER = TypeAdapter(FeatureEncoder)


def make_frame(key: str, ids: list[str], rows: list[list[Any]], features: tuple[Feature, ...]) -> pl.DataFrame:
    """A frame of nodes: a column for their ids under the name `key`, then one for each feature.

    Parameters
    ----------
    key : the id's name.
    ids : outer ids, one a node.
    rows : one a node: its values in the features' order.
    features : the properties that are read.
    """
    values = zip(*rows, strict=True) if rows else ([] for _ in features)
    columns = {f.name: pl.Series(f.name, column, strict=False) for f, column in zip(features, values, strict=True)}
    return pl.DataFrame({key: pl.Series(key, ids, dtype=pl.String)} | columns)


def _empty(height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=pl.String, eager=True)


def _measure_scale(column: pl.Series) -> tuple[float, float]:
    """Mean and deviation of the known values; 0 and 1 where there is none, or all are alike."""
    known = _to_numbers(column)
    known = known[~np.isnan(known)]
    return (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)


def _scale(column: pl.Series, mean: float, deviation: float) -> npt.NDArray[np.float64]:
    """[num_nodes, 2]: the scaled value and whether it is missing."""
    value = _to_numbers(column)
    missing = np.isnan(value)
    return np.stack([np.where(missing, 0.0, (value - mean) / deviation), missing], axis=1)


def _to_numbers(column: pl.Series) -> npt.NDArray[np.float64]:
    """[num_nodes], not a number where it is missing."""
    return column.cast(pl.Float64).to_numpy()


def _list_values(column: pl.Series, at_most: int | None) -> tuple[str, ...]:
    """The values in sorted order, those alone that get a code."""
    known = column.cast(pl.String).drop_nulls()
    if at_most is None or known.n_unique() <= at_most:
        return tuple(known.unique().sort())
    counts = known.value_counts().sort(["count", known.name], descending=[True, False])
    return tuple(counts[known.name].head(at_most).sort())


def _code(column: pl.Series, values: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """[num_nodes]: 0 for a missing or unknown value, else its place among the values, from 1."""
    places = range(1, len(values) + 1)
    known = pl.Series(values, dtype=pl.String)
    coded = column.cast(pl.String).replace_strict(
        known, pl.Series(places, dtype=pl.Int64), default=0, return_dtype=pl.Int64
    )
    return coded.fill_null(0).to_numpy()
