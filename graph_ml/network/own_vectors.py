"""Vectors of another model as a `TrainedModel`: read from files, checked, and brought into the space of cosines."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from ...cypher.errors import UserMistake
from ..candidates.nearest import Vectors
from ..export.subgraph import IdMap, Subgraph
from .devices import CPU
from .fold_in import embed_as_of
from .trained_model import TrainedModel, TrainSettings

Metric = Literal["cosine", "inner-product"]
"""How a model compares a customer with an article."""
Floats = npt.NDArray[np.float32]
"""[n, dim] float32."""

_LEAST_DIM = 4  # of `TrainSettings`; shorter vectors get zeros, which change no cosine
_MAX_DIM = 4096  # of Neo4j's vector indexes
_LAYOUT = (
    "A Parquet file has the columns customer_id or article_id, and vector; or kind (customer, article), id and vector. "
    "An .npz file has the arrays customer_ids, customers, article_ids and articles."
)


def read_own_vectors(
    files: Sequence[Path], name: str, since: date, until: date, metric: Metric | None = None
) -> TrainedModel:
    """Read vectors of customers and articles that any model computed.

    Parameters
    ----------
    files : Parquet or .npz files; together they have both kinds of nodes.
    name : the name of the model, as `hmrec models` lists it.
    since, until : the first day of the purchases that it learned from, and the day after their last.
    metric : how the model compares a customer with an article; None for vectors of length 1, whose order is the same.

    Returns
    -------
    A model without weights, whose vectors are compared by cosine. For an inner product, each vector has one number
    more: an article (a, sqrt(max |a|^2 - |a|^2)), a customer (c, 0). Source: Bachrach et al., Speeding up the Xbox
    recommender system, RecSys 2014.

    Raises
    ------
    UserMistake : a file cannot be read, a kind of node is missing, ids repeat, dimensions differ, or a vector has no
        direction.
    """
    found: dict[str, list[tuple[list[str], Floats]]] = {"customer": [], "article": []}
    for file in files:
        for kind, ids, vectors in _read_file(file):
            _check(file, kind, ids, vectors)
            found[kind].append((ids, vectors))
    joined: dict[str, tuple[IdMap, Floats]] = {}
    for kind, parts in found.items():
        if not parts or not sum(len(ids) for ids, _ in parts):
            raise UserMistake(f"The files have no vectors of {kind}s.", _LAYOUT)
        if len({vectors.shape[1] for _, vectors in parts}) > 1:
            raise UserMistake(f"The {kind}s' vectors have different dimensions in different files.", _LAYOUT)
        joined[kind] = _join(kind, parts)
    (customer_ids, customers), (article_ids, articles) = joined["customer"], joined["article"]
    if customers.shape[1] != articles.shape[1]:
        raise UserMistake(
            f"The customers' vectors have {customers.shape[1]} dimensions and the articles' {articles.shape[1]}.",
            "Both need the same number, to be compared.",
        )
    customers, articles = _to_cosines(customers, articles, metric)
    if customers.shape[1] > _MAX_DIM:
        raise UserMistake(f"Neo4j indexes vectors of up to {_MAX_DIM} dimensions; these have {customers.shape[1]}.")
    settings = TrainSettings(dim=customers.shape[1])
    return TrainedModel(customer_ids, article_ids, customers, articles, settings, (), 0, since, until, 0, name=name)


def align_vectors(trained: TrainedModel, subgraph: Subgraph) -> Vectors:
    """Return a row for each customer and article of a subgraph; NaN for nodes without a vector.

    Parameters
    ----------
    trained : the vectors.
    subgraph : the nodes to return rows for.
    """
    return Vectors(
        _align(trained.customer_ids, trained.customers, subgraph.customer_ids),
        _align(trained.article_ids, trained.articles, subgraph.article_ids),
    )


def embed_again(trained: TrainedModel, subgraph: Subgraph, today: int, device: torch.device = CPU) -> TrainedModel:
    """Return a model with embeddings of a subgraph's nodes as of `today`, in their order.

    A network embeds them from the subgraph's purchases, as in `embed_as_of`. Vectors without a network stay as they
    are, with NaN for nodes without a vector.

    Parameters
    ----------
    trained : the network, or vectors without one.
    subgraph : the nodes, and the purchases before `today`.
    today : in days since 1970-01-01.
    device : where the network computes.
    """
    vectors = embed_as_of(trained, subgraph, today, device) if trained.weights else align_vectors(trained, subgraph)
    return replace(
        trained,
        customer_ids=subgraph.customer_ids,
        article_ids=subgraph.article_ids,
        customers=vectors.customers,
        articles=vectors.articles,
        learned_from=trained.trained_customers,
    )


def check_known(trained: TrainedModel, known: Subgraph) -> None:
    """Check that the graph has every node that has a vector.

    Parameters
    ----------
    trained : the vectors.
    known : all nodes of the graph.

    Raises
    ------
    UserMistake : some nodes are missing.
    """
    for kind, ids, there in (
        ("customers", trained.customer_ids, known.customer_ids),
        ("articles", trained.article_ids, known.article_ids),
    ):
        strange = [outer for outer in ids if outer not in there]
        if strange:
            raise UserMistake(
                f"{len(strange):,} of the {len(ids):,} {kind} with a vector are not in the graph, for example "
                f"{strange[0][:40]!r}.",
                "Use the ids of `hmrec export`; nothing was changed.",
            )


def _align(ids: IdMap, vectors: Floats, wanted: IdMap) -> Floats:
    aligned = np.full((len(wanted), vectors.shape[1]), np.nan, dtype=np.float32)
    for place, outer in enumerate(wanted):
        if outer in ids:
            aligned[place] = vectors[ids.index(outer)]
    return aligned


def _read_file(file: Path) -> list[tuple[str, list[str], Floats]]:
    try:
        return _read_npz(file) if zipfile.is_zipfile(file) else _read_parquet(file)
    except FileNotFoundError as error:
        raise UserMistake(f"There is no file {file}.") from error
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise UserMistake(f"{file} cannot be read as vectors: {str(error).splitlines()[0]}.", _LAYOUT) from error


def _read_npz(file: Path) -> list[tuple[str, list[str], Floats]]:
    with np.load(file, allow_pickle=False) as arrays:
        missing = {"customer_ids", "customers", "article_ids", "articles"} - set(arrays.files)
        if len(missing) == 4:
            raise ValueError("it has none of these arrays")
        return [
            (kind, [str(outer) for outer in arrays[f"{kind}_ids"].tolist()], np.asarray(arrays[f"{kind}s"], np.float32))
            for kind in ("customer", "article")
            if f"{kind}_ids" not in missing
        ]


def _read_parquet(file: Path) -> list[tuple[str, list[str], Floats]]:
    frame = pl.read_parquet(file)
    if "vector" not in frame.columns:
        raise ValueError(f"it has no column vector, but {', '.join(frame.columns[:10])}")
    if {"kind", "id"} <= set(frame.columns):
        strange = set(frame["kind"].cast(pl.String).unique()) - {"customer", "article"}
        if strange:
            raise ValueError(f"{min(map(str, strange))!r} is no kind of node")
        parts = [(kind, frame.filter(pl.col("kind") == kind), "id") for kind in ("customer", "article")]
    else:
        parts = [(kind, frame, f"{kind}_id") for kind in ("customer", "article") if f"{kind}_id" in frame.columns]
    if len(parts) == 2 and parts[0][1] is frame:
        raise ValueError("it has both customer_id and article_id")
    if not parts:
        raise ValueError("it has neither customer_id nor article_id")
    return [(kind, rows[key].cast(pl.String).to_list(), _to_matrix(rows["vector"])) for kind, rows, key in parts]


def _to_matrix(column: pl.Series) -> Floats:
    """Return [n, dim] of a column of lists or arrays."""
    if not len(column):
        return np.zeros((0, 0), dtype=np.float32)
    lengths = column.cast(pl.List(pl.Float32)).list.len()
    if lengths.null_count() or lengths.n_unique() > 1:
        raise ValueError("its vectors have different lengths")
    flat = column.cast(pl.List(pl.Float32)).explode().to_numpy()
    matrix: Floats = np.asarray(flat, dtype=np.float32).reshape(len(column), -1)
    return matrix


def _check(file: Path, kind: str, ids: list[Any], vectors: Floats) -> None:
    if vectors.ndim != 2 or len(vectors) != len(ids):
        raise UserMistake(f"{file} has {len(ids):,} ids of {kind}s and {len(vectors):,} vectors.", _LAYOUT)
    if any(outer is None for outer in ids):
        raise UserMistake(f"{file} has a {kind} without an id.", _LAYOUT)
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(wrong):
        raise UserMistake(f"{file}: the vector of {kind} {ids[wrong[0]][:40]!r} has a number that is not finite.")


def _join(kind: str, parts: list[tuple[list[str], Floats]]) -> tuple[IdMap, Floats]:
    ids = [outer for part, _ in parts for outer in part]
    order = sorted(range(len(ids)), key=ids.__getitem__)
    twice = [ids[place] for place, following in pairwise(order) if ids[place] == ids[following]]
    if twice:
        raise UserMistake(f"The {kind} {twice[0][:40]!r} has two vectors.")
    return IdMap(ids[place] for place in order), np.concatenate([vectors for _, vectors in parts])[order]


def _to_cosines(customers: Floats, articles: Floats, metric: Metric | None) -> tuple[Floats, Floats]:
    """Return vectors of length 1 whose cosines order articles as the metric does."""
    lengths = [np.linalg.norm(vectors.astype(np.float64), axis=1) for vectors in (customers, articles)]
    if metric is None:
        if not np.allclose(lengths[1], 1, atol=1e-3):
            raise UserMistake(
                "The articles' vectors have different lengths: cosine and inner product order them differently.",
                "Say which one your model uses: --metric cosine or --metric inner-product.",
            )
        metric = "cosine"
    if metric == "inner-product":
        rest = np.sqrt(np.maximum(lengths[1].max() ** 2 - lengths[1] ** 2, 0))
        customers = np.hstack([customers, np.zeros((len(customers), 1), dtype=np.float32)])
        articles = np.hstack([articles, rest[:, None].astype(np.float32)])
    missing = max(0, _LEAST_DIM - customers.shape[1])
    found = []
    for kind, vectors in (("customer", customers), ("article", articles)):
        length = np.linalg.norm(vectors.astype(np.float64), axis=1)
        if not length.all():
            raise UserMistake(f"The vector of a {kind} has nothing but zeros, and so no direction.")
        found.append(np.pad((vectors / length[:, None]).astype(np.float32), ((0, 0), (0, missing))))
    return found[0], found[1]
