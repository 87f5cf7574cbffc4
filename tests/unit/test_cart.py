"""A cart is read in several forms; whatever is wrong with one ends in one sentence."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hmrec.cypher.errors import UserMistake
from hmrec.graph_ml.recommend.related import RelationsVersion, describe_age
from hmrec.graph_ml.recommend.request import MOST_IN_CART, MOST_OF_ONE, CartItem, Request, parse_cart
from hypothesis import given
from hypothesis import strategies as st

IDS = st.text("0123456789abc-", min_size=1, max_size=12)
QUANTITIES = st.integers(1, 50)
CARTS = st.lists(st.tuples(IDS, QUANTITIES), max_size=20)


def add_up(cart: list[tuple[str, int]]) -> tuple[CartItem, ...]:
    quantities: dict[str, int] = {}
    for article_id, quantity in cart:
        quantities[article_id] = quantities.get(article_id, 0) + quantity
    return tuple(CartItem(*item) for item in quantities.items())


@given(CARTS, st.sampled_from("*="))
def test_every_form_of_a_cart_is_the_same_cart(cart: list[tuple[str, int]], sign: str) -> None:
    expected = add_up(cart)
    assert parse_cart(f"{article_id}{sign}{quantity}" for article_id, quantity in cart) == expected
    assert parse_cart([{"article_id": article_id, "quantity": quantity} for article_id, quantity in cart]) == expected
    assert parse_cart(cart) == expected
    assert parse_cart(expected) == expected
    assert parse_cart([one for article_id, quantity in cart for one in [article_id] * quantity]) == expected
    assert Request(articles=cart).articles == expected  # type: ignore[arg-type]


@given(st.recursive(st.none() | st.text() | st.integers() | st.floats() | st.booleans(), st.lists) | st.binary())
def test_anything_is_a_cart_or_one_sentence(given: Any) -> None:
    try:
        cart = parse_cart(given)
    except UserMistake as error:
        assert error.message.endswith(".")  # noqa: PT017  either outcome is right
    else:
        assert len({item.article_id for item in cart}) == len(cart) <= MOST_IN_CART
        assert all(1 <= item.quantity <= MOST_OF_ONE for item in cart)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["1*0"], "The quantity of '1' must be a whole number from 1 to 10000, not '1*0'."),
        (["1*two"], "The quantity of '1' must be a whole number from 1 to 10000, not '1*two'."),
        (["1*-1"], "The quantity of '1' must be a whole number from 1 to 10000, not '1*-1'."),
        (["1*9000", "1*9000"], "The quantity of '1' must be a whole number from 1 to 10000, not '1*9000'."),
        (["*2"], "articles must be ids of 1 to 1000 characters, not ''."),
        ([{"id": "1"}], "articles must be ids, such as 0108775015*2 for two, not ()."),
        (5, "articles must be article ids, not 5."),
        ([str(number) for number in range(101)], "A cart has at most 100 different articles, not 101."),
    ],
)
def test_a_wrong_cart_is_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(UserMistake) as caught:
        Request(articles=given)
    assert caught.value.message == sentence


def test_the_age_of_a_version_is_said_in_words() -> None:
    written, now = dt.datetime(2020, 9, 23, 10, tzinfo=dt.UTC), dt.datetime(2020, 9, 25, 12, tzinfo=dt.UTC)
    version = RelationsVersion(3, written, dt.date(2020, 9, 23), None, 5, 4, 3, 0)
    assert version.describe(dt.date(2020, 9, 23), now) == (
        "Article relationships 3, written 2 days ago from the purchases before 2020-09-23."
    )
    assert version.describe(dt.date(2020, 9, 25), now).endswith(
        "Purchases until 2020-09-24 came later; `hmrec relate` includes them."
    )
    ages = (dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=5), dt.timedelta(seconds=-3))
    assert [describe_age(age) for age in ages] == ["1 second", "1 minute", "5 hours", "0 seconds"]
