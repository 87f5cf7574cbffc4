"""Lists that customers share: right for each, asked for once, never of purchases that are no longer the graph's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hmrec.cypher.state import GraphState, Load
from hmrec.graph_ml.recommend.shared_lists import DEPTH, Row, SharedLists

NOW = GraphState("a", 40, 60, 100, loads=(Load("load 1", "2020-09-22"),), until=None, model=None)


class Query:
    """A list of so many articles, best first; counts how often it is asked."""

    def __init__(self, articles: int, first: int = 0) -> None:
        self.rows = [Row(f"a{n:04}", 1.0 / (n + 1), "popular") for n in range(first, first + articles)]
        self.times = 0

    def __call__(self, k: int) -> list[Row]:
        self.times += 1
        return self.rows[:k]


def test_a_list_is_asked_for_once_and_each_customer_gets_it_less_what_they_own() -> None:
    lists, query = SharedLists(), Query(1000)
    assert lists.take(NOW, "popular", 3, (), query) == query.rows[:3]
    owned = {"a0000", "a0002"}
    assert lists.take(NOW, "popular", 3, owned, query) == [query.rows[1], query.rows[3], query.rows[4]]
    assert query.times == 1


def test_another_key_is_another_list_and_those_not_asked_for_longest_go() -> None:
    lists, query = SharedLists(kept=2), Query(10)
    for key in ("one", "two", "one", "three", "one"):
        lists.take(NOW, key, 3, (), query)
    assert query.times == 3
    assert len(lists) == 2
    lists.take(NOW, "two", 3, (), query)
    assert query.times == 4


@pytest.mark.parametrize(
    "then",
    [
        replace(NOW, loads=(Load("load 2", "2020-09-22"), *NOW.loads)),
        replace(NOW, loads=(Load("load 1", "2020-09-23"),)),
        replace(NOW, bought=101),
        replace(NOW, database="b"),
    ],
)
def test_another_state_of_the_graph_has_other_lists(then: GraphState) -> None:
    lists = SharedLists()
    lists.take(NOW, "popular", 3, (), Query(10))
    after = Query(10, first=5)
    assert lists.take(then, "popular", 3, (), after) == after.rows[:3]
    assert len(lists) == 1


@pytest.mark.parametrize("loads", [(Load("load 2", None), *NOW.loads), ()], ids=["running", "none"])
def test_nothing_is_kept_while_a_load_is_running_or_without_one(loads: tuple[Load, ...]) -> None:
    lists, query = SharedLists(), Query(10)
    for _ in range(2):
        lists.take(replace(NOW, loads=loads), "popular", 3, (), query)
    assert query.times == 2
    assert not len(lists)


def test_a_list_that_does_not_reach_is_told_and_a_short_one_is_whole() -> None:
    lists = SharedLists()
    owned = {f"a{n:04}" for n in range(DEPTH - 2)}
    assert lists.take(NOW, "long", 3, owned, Query(1000)) is None
    assert lists.take(NOW, "long", 2, owned, Query(1000)) == Query(1000).rows[DEPTH - 2 : DEPTH]
    assert lists.take(NOW, "short", 3, owned, Query(DEPTH - 1)) == Query(DEPTH - 1).rows[-1:]
    assert lists.take(NOW, "long", 900, (), Query(1000)) == Query(1000).rows[:900]
