"""What groups of customers buy now, as `hmrec relate` counted it, for the recommenders that read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..export.subgraph import Integers
from .lists import LISTED, Floats

Key = tuple[float | None, str | None]
"""Age and club status of a group's customers; None if unknown, and both of everyone."""


@dataclass(frozen=True)
class GroupList:
    """What a group of customers bought most in the last days.

    Attributes
    ----------
    facts : properties of the group's node: method, name, the parameters with which purchases were counted, `counted`
        (the days that they are from), and of a segment age and club_member_status, None if unknown.
    articles, purchases : the articles and their purchases, most first: [n] and [n].
    """

    facts: Mapping[str, Any]
    articles: Integers
    purchases: Integers

    @property
    def key(self) -> Key:
        """Age and club status."""
        return self.facts.get("age"), self.facts.get("club_member_status")

    def spread(self, articles: int) -> Floats:
        """Return the purchases of each article of a shop, [articles]; 0 of those that are not in the list."""
        scores = np.zeros(articles)
        scores[self.articles] = self.purchases
        return scores

    @property
    def is_whole(self) -> bool:
        """Whether it has all that the group bought: it is shorter than the longest list that is stored."""
        return len(self.articles) < LISTED


@dataclass(frozen=True)
class GroupLists:
    """The lists of one recommender.

    Attributes
    ----------
    lists : the lists.
    """

    lists: tuple[GroupList, ...] = ()

    def select(self, **parameters: int) -> dict[Key, GroupList]:
        """Return the lists that the query reads, by group; it counts the purchases of a group without one.

        Parameters
        ----------
        parameters : of the request; a list that was counted with others is left out.
        """
        return {
            one.key: one for one in self.lists if all(one.facts.get(name) == parameters[name] for name in parameters)
        }
