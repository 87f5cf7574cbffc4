"""Vectors of other models: read from every form of file, compared as their model does, refused in a sentence."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.holdout.ranking import rank_by_cosine
from hmrec.graph_ml.network.model_file import load_model, save_model
from hmrec.graph_ml.network.own_vectors import read_own_vectors
from hmrec.graph_ml.network.trained_model import TrainedModel

RANDOM = np.random.default_rng(0)
CUSTOMERS, ARTICLES = [f"c{n}" for n in range(7)], [f"a{n}" for n in range(50)]
C, A = RANDOM.normal(size=(7, 6)).astype(np.float32), RANDOM.normal(size=(50, 6)).astype(np.float32)


def read(*files: Path, metric: Any = "inner-product") -> TrainedModel:
    return read_own_vectors(files, "mine", dt.date(2020, 1, 1), dt.date(2020, 9, 1), metric)


def write_npz(file: Path, **changed: Any) -> Path:
    arrays = {"customer_ids": CUSTOMERS, "customers": C, "article_ids": ARTICLES, "articles": A} | changed
    np.savez(file, **{name: np.array(value) for name, value in arrays.items() if value is not None})
    return file


def write_parquet(file: Path, key: str, ids: list[str], vectors: Any, **more: Any) -> Path:
    pl.DataFrame({key: ids, "vector": vectors.tolist(), **more}).write_parquet(file)
    return file


def test_every_form_of_file_gives_the_same_model(tmp_path: Path) -> None:
    npz = read(write_npz(tmp_path / "v.npz"))
    two = read(
        write_parquet(tmp_path / "c.parquet", "customer_id", CUSTOMERS, C),
        write_parquet(tmp_path / "a.parquet", "article_id", ARTICLES, A),
    )
    kinds = ["customer"] * 7 + ["article"] * 50
    one = read(write_parquet(tmp_path / "v.parquet", "id", CUSTOMERS + ARTICLES, np.concatenate([C, A]), kind=kinds))
    for other in (two, one):
        assert other.customer_ids == npz.customer_ids
        assert other.article_ids == npz.article_ids
        np.testing.assert_array_equal(other.customers, npz.customers)
        np.testing.assert_array_equal(other.articles, npz.articles)
    assert list(npz.article_ids) == sorted(ARTICLES)  # rows follow their ids


@pytest.mark.parametrize("dim", [1, 2, 6])
@pytest.mark.parametrize("metric", ["cosine", "inner-product"])
def test_cosines_order_articles_as_the_model_does(tmp_path: Path, metric: str, dim: int) -> None:
    trained = read(write_npz(tmp_path / "v.npz", customers=C[:, :dim], articles=A[:, :dim]), metric=metric)
    length = np.linalg.norm(A[:, :dim], axis=1) if metric == "cosine" else 1.0
    order = np.array([trained.article_ids.index(outer) for outer in ARTICLES])
    for row, customer in enumerate(CUSTOMERS):
        scores = A[:, :dim] @ C[row, :dim] / length
        found = rank_by_cosine(trained.customers[[trained.customer_ids.index(customer)]], trained.articles, 5)[0]
        np.testing.assert_allclose(
            np.sort(scores)[::-1][:5], scores[np.argsort(order)][found], rtol=1e-4, err_msg="other scores"
        )
    np.testing.assert_allclose(np.linalg.norm(trained.customers, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(trained.articles, axis=1), 1, rtol=1e-5)
    assert trained.settings.dim == trained.customers.shape[1] >= dim


def test_vectors_of_length_one_need_no_metric(tmp_path: Path) -> None:
    unit = A / np.linalg.norm(A, axis=1, keepdims=True)
    trained = read(write_npz(tmp_path / "v.npz", articles=unit), metric=None)
    assert trained.settings.dim == 6
    with pytest.raises(UserMistake, match="cosine and inner product"):
        read(write_npz(tmp_path / "v.npz"), metric=None)


def test_a_model_without_weights_is_kept_as_it_is(tmp_path: Path) -> None:
    trained = read(write_npz(tmp_path / "v.npz"))
    again = load_model(save_model(trained))
    assert (again.name, again.until) == ("mine", dt.date(2020, 9, 1))
    np.testing.assert_array_equal(again.articles, trained.articles)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"customer_ids": None, "customers": None}, "no vectors of customers"),
        ({"customers": C[:, :3]}, "customers' vectors have 3 dimensions and the articles' 6"),
        ({"articles": A[:-1]}, "50 ids of articles and 49 vectors"),
        ({"article_ids": [*ARTICLES[:-1], "a0"]}, "'a0' has two vectors"),
        ({"customers": np.where(C[2, 1] == C, np.nan, C)}, "customer 'c2' has a number that is not finite"),
        ({"customers": C * (np.arange(7) != 3)[:, None]}, "nothing but zeros"),
        ({"articles": A[:, 0]}, "50 ids of articles and 50 vectors"),
        ({"articles": np.array([["x"] * 6] * 50)}, "cannot be read as vectors"),
    ],
)
def test_wrong_vectors_end_in_a_sentence(tmp_path: Path, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserMistake, match=sentence):
        read(write_npz(tmp_path / "v.npz", **changed))


def test_other_files_end_in_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "v.csv"
    text.write_text("customer_id,vector\n")
    ragged = tmp_path / "ragged.parquet"
    pl.DataFrame({"customer_id": ["a", "b"], "vector": [[1.0, 2.0], [1.0]]}).write_parquet(ragged)
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, customer_ids=np.array([object()]), customers=C[:1])
    for file, sentence in (
        (tmp_path / "none.npz", "There is no file"),
        (text, "cannot be read as vectors"),
        (ragged, "different lengths"),
        (pickled, "cannot be read as vectors"),
        (write_parquet(tmp_path / "n.parquet", "name", CUSTOMERS, C), "neither customer_id nor article_id"),
    ):
        with pytest.raises(UserMistake, match=sentence):
            read(file)
