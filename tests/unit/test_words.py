"""The words of articles' names as attribute nodes."""

import numpy as np
import polars as pl
import pytest
from hmrec.graph_ml.export.words import LABEL, LEAST_ARTICLES, MAX_SHARE, find_words
from hypothesis import given
from hypothesis import strategies as st


def name(*names: str | None) -> pl.DataFrame:
    """Return a frame of articles with these names."""
    return pl.DataFrame(
        {"article_id": [str(n) for n in range(len(names))], "prod_name": pl.Series(names, dtype=pl.String)}
    )


def test_words_join_articles_whatever_their_case_and_punctuation() -> None:
    others = [f"other{n}" for n in range(30)]  # so that two articles are less than a tenth of all
    found = find_words(name("Strap-top", "STRAP top (1)", "T-shirt", *others))[LABEL]
    assert found.keys == ("strap", "top")
    assert found.edge_index.tolist() == [[0, 1, 0, 1], [0, 0, 1, 1]]


def test_common_words_and_words_of_one_article_are_left_out() -> None:
    names = [f"basic {'red' if n % 25 == 0 else f'colour{n}'}" for n in range(100)]
    assert find_words(name(*names))[LABEL].keys == ("red",)


@pytest.mark.parametrize("articles", [name(), name(None, None), name("", "?!"), pl.DataFrame({"article_id": ["1"]})])
def test_no_names_no_words(articles: pl.DataFrame) -> None:
    assert find_words(articles) == {}


@given(st.lists(st.none() | st.text(max_size=12), max_size=60))
def test_any_names_give_edges_in_range(names: list[str | None]) -> None:
    found = find_words(name(*names))
    for attribute in found.values():
        article, node = attribute.edge_index
        degrees = np.bincount(node, minlength=len(attribute.keys))
        assert article.max() < len(names)
        assert len(set(zip(article.tolist(), node.tolist(), strict=True))) == len(node)
        assert degrees.min() >= LEAST_ARTICLES
        assert degrees.max() <= max(LEAST_ARTICLES, MAX_SHARE * len(names))
        assert list(attribute.keys) == sorted(attribute.keys)
