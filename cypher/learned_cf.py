"""Parameters of `user_based_cf` that training learns, and that a (:Model) keeps."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

COMPARED_PER_NEIGHBOUR = Fraction(6, 5)
"""A fifth more customers are compared exactly than become neighbours."""


def make_neighbour_parameters(neighbours: int) -> dict[str, Any]:
    """Return the query's parameters `neighbours` and `candidates`."""
    return {"neighbours": neighbours, "candidates": int(neighbours * COMPARED_PER_NEIGHBOUR)}


@dataclass(frozen=True)
class CfParameters:
    """Parameters of the query `user_based_cf` for one kind of list; its header describes them.

    Attributes
    ----------
    half_life, similarity_half_life : in days, in the score and in the similarity; None: every article bought counts 1.
    neighbours : number of neighbours.
    own_weight : weight of the customer's own history; None for lists of new articles, which it does not change.
    why : what was measured, in one sentence.
    """

    half_life: float | None
    similarity_half_life: float | None
    neighbours: int
    own_weight: float | None = None
    why: str = ""

    def parameters(self) -> dict[str, Any]:
        """Return the query's parameters by name."""
        found = self.half_lives() | make_neighbour_parameters(self.neighbours)
        return found if self.own_weight is None else found | {"own_weight": self.own_weight}

    def half_lives(self) -> dict[str, Any]:
        """Return the two half-lives by the names of the query's parameters."""
        return {"half_life": self.half_life, "similarity_half_life": self.similarity_half_life}

    def describe(self) -> str:
        """Describe the parameters, and why, in a sentence."""
        values = ", ".join(
            f"{name} {'null' if value is None else f'{value:g}'}" for name, value in self.parameters().items()
        )
        return f"{values}. {self.why}."


@dataclass(frozen=True)
class LearnedCf:
    """What training learned.

    Attributes
    ----------
    all : for lists of all articles.
    new : for lists of articles that the customer has not bought before.
    """

    all: CfParameters
    new: CfParameters

    def parameters(self, new_only: bool) -> dict[str, Any]:
        """Return the parameters of `user_based_cf` by name.

        Parameters
        ----------
        new_only : whether the list is of new articles.
        """
        return (self.new if new_only else self.all).parameters()
