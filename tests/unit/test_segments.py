"""Segments of customers in memory: their names are unique, and the same each time."""

from __future__ import annotations

import numpy as np
from hmrec.graph_ml.export.subgraph import IdMap, Subgraph
from hmrec.graph_ml.segments.cluster import make_segments
from hmrec.graph_ml.segments.taste import Groups, describe_by_groups

NAMES = ("Books", "Games", "Music")


def make_shop(customers: int = 90) -> tuple[Subgraph, Groups]:
    """Return purchases of three tastes: music, books, and books with some music; one more customer bought nothing."""
    random = np.random.default_rng(0)
    shares = np.array([[0.0, 0.1, 0.9], [0.9, 0.1, 0.0], [0.6, 0.0, 0.4]])
    customer = np.repeat(np.arange(customers), 50)
    article = np.concatenate([random.choice(3, 50, p=shares[one % 3]) for one in range(customers)])
    size = len(customer)
    zeros = np.zeros(size, dtype=np.int32)
    ids = (
        IdMap(f"c{n}" for n in range(customers + 1)),
        IdMap(f"a{n}" for n in range(3)),
    )
    return Subgraph(*ids, customer, article, zeros, zeros.astype(np.float32), zeros, zeros), Groups(NAMES, np.arange(3))


def test_tastes_are_found_and_named() -> None:
    subgraph, groups = make_shop()
    found = make_segments(subgraph, groups, describe_by_groups(subgraph, groups), 3)
    assert [segment.size for segment in found.segments] == [30, 30, 30]
    names = [found.segments[place].name for place in found.of_customer[:3]]
    assert names[0] == "Music"
    assert names[1].startswith("Books")
    assert len(set(names)) == 3
    assert (found.of_customer[:90].reshape(30, 3) == found.of_customer[:3]).all()
    assert found.of_customer[90] == -1
    assert all("times as often" in trait for segment in found.segments for trait in segment.traits)


def test_the_same_seed_gives_the_same_segments() -> None:
    subgraph, groups = make_shop()
    taste = describe_by_groups(subgraph, groups)
    one, other = (make_segments(subgraph, groups, taste, 5, seed=3) for _ in range(2))
    assert one.segments == other.segments
    assert (one.of_customer == other.of_customer).all()
    assert len({segment.name for segment in one.segments}) == 5


def test_segments_without_any_department_have_numbers() -> None:
    subgraph, _ = make_shop()
    taste = describe_by_groups(subgraph, Groups(NAMES, np.arange(3)))
    found = make_segments(subgraph, Groups((), np.full(3, -1)), taste, 3)
    assert [segment.name for segment in found.segments] == ["Segment 1", "Segment 2", "Segment 3"]
