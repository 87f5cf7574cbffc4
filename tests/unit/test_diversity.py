"""A more diverse order of a ranked list, by the formula of maximal marginal relevance."""

from __future__ import annotations

import numpy as np
import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.recommend.diversity import ALIKE, Likeness, diversify
from hmrec.graph_ml.recommend.request import Request
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def make_likeness(draw: st.DrawFn) -> np.ndarray:
    number, seed = draw(st.integers(0, 12)), draw(st.integers(0, 1000))
    vectors = np.abs(np.random.default_rng(seed).normal(size=(number, 3))).astype(np.float32)
    return Likeness(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).compare(range(number))


@given(make_likeness(), st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
def test_the_order_is_that_of_the_formula(likeness: np.ndarray, diversity: float) -> None:
    number = len(likeness)
    naive: list[int] = []
    for _ in range(number):
        scores = {
            place: (1 - diversity) * (1 - place / number)
            - diversity * max((likeness[place, before] for before in naive), default=0.0)
            for place in range(number)
            if place not in naive
        }
        best = max(scores.values())
        naive.append(next(place for place, score in scores.items() if score > best - 1e-8))
    assert diversify(likeness, diversity) == naive


@given(make_likeness())
def test_without_diversity_the_order_stays(likeness: np.ndarray) -> None:
    assert diversify(likeness, 0) == list(range(len(likeness)))


def test_more_diversity_makes_the_first_articles_less_alike() -> None:
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    likeness = Likeness(vectors).compare(range(5))
    assert diversify(likeness, 0.1)[:2] == [0, 1]
    assert diversify(likeness, 0.6)[:2] == [0, 4]
    assert diversify(likeness, 1)[:3] == [0, 4, 3]


def test_likeness_by_attributes_is_the_share_of_equal_ones() -> None:
    values = {name: {"a": 1, "b": 1, "c": 2} for name in ALIKE[:3]} | {ALIKE[3]: {"a": "x", "b": "y"}}
    alike = Likeness.by_attributes(["a", "b", "c", "nothing"], values).compare([0, 1, 2, 3])
    assert alike[0, 1] == alike[1, 0] == pytest.approx(3 / len(ALIKE))
    assert alike[0, 2] == alike[0, 3] == alike[3, 3] == 0


def test_an_article_without_an_embedding_is_like_no_other() -> None:
    table = np.array([[1, 0], [np.nan, np.nan], [-1, 0]], dtype=np.float32)
    assert Likeness(table).compare([0, 1, 2]).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan"), "much"])
def test_a_diversity_out_of_range_is_one_sentence(wrong: object) -> None:
    with pytest.raises(UserMistake, match="diversity must be a number from 0 to 1"):
        Request(diversity=wrong)  # type: ignore[arg-type]
