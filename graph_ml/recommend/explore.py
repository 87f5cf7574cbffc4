"""Fill a share of a list's places at random, with known probabilities, so that other methods can be estimated later."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

LARGEST_SHARE = 0.5
"""The greatest share of places that may be filled at random."""


class Placed(NamedTuple):
    """An article of an explored list.

    Attributes
    ----------
    article_id : the article.
    propensity : the probability with which the list has it, at any place.
    explored : whether it was put there at random.
    """

    article_id: str
    propensity: float
    explored: bool


def explore(
    listed: Sequence[str],
    pool: Sequence[str],
    share: float,
    *,
    fixed: Collection[str] = (),
    chance: random.Random | None = None,
) -> list[Placed]:
    """Return the list with a share of its places filled by articles of the pool, drawn without replacement.

    Each place is filled with probability `share`, independently of the others. So an article of the list
    stays with probability 1 - share, and one of the pool gets in with probability share * places / size of the pool.

    Parameters
    ----------
    listed : the articles of the list in their order.
    pool : other articles that may be shown, none of the list's. If they are fewer than the places, only as many of the
        last places can be filled.
    share : from 0 to `LARGEST_SHARE`.
    fixed : articles of the list that keep their places, such as pinned ones.
    chance : the random number generator; None for the global one.
    """
    drawing = chance or random
    free = [place for place, article in enumerate(listed) if article not in fixed]
    free = free[max(0, len(free) - len(pool)) :]
    explored = [place for place in free if drawing.random() < share]
    drawn = dict(zip(explored, drawing.sample(pool, len(explored)), strict=True))
    stays = dict.fromkeys(free, 1 - share)
    return [
        Placed(drawn[place], share * len(free) / len(pool), True)
        if place in drawn
        else Placed(article, stays.get(place, 1.0), False)
        for place, article in enumerate(listed)
    ]
