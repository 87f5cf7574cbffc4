"""Warm up a process that answers many requests, so that the first of them does not wait."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..graph_ml.recommend import Recommender


def start_warm_up(recommender: Recommender) -> None:
    """Warm up in the background, in a thread that ends with the process."""
    Thread(target=warm_up, args=(recommender,), daemon=True).start()


def warm_up(recommender: Recommender) -> None:
    """Warm up; ignore failures of the graph, because requests report them."""
    from ..cypher.errors import HmrecError

    with suppress(HmrecError):
        recommender.warm_up()
