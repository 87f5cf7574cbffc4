"""Apply rules to a ranked list: a pure function, the same for one customer and for all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

A = TypeVar("A", bound=Hashable)
"""How a caller names articles: by id, or by number."""


@dataclass(frozen=True)
class Cap(Generic[A]):
    """At most `most` articles with the same value.

    Attributes
    ----------
    values : the value of each article that is counted.
    most : how many of a value a list may have.
    """

    values: Mapping[A, Hashable]
    most: int


@dataclass(frozen=True)
class Share(Generic[A]):
    """A minimum share of some articles.

    Attributes
    ----------
    rule : the rule's name.
    members : the articles that count towards it.
    share : the share of k, 0 to 1.
    """

    rule: str
    members: Collection[A]
    share: float


@dataclass(frozen=True)
class Effects(Generic[A]):
    """What the rules in force mean for the articles of a list.

    Attributes
    ----------
    blocked : in no list.
    factors : by article, the factor that its place is divided by, and the rule's name; 0 puts it behind all others.
    pins : place from 1, article and the rule's name; the first of an article or a place counts.
    caps : all of them hold.
    shares : the first is met first.
    """

    blocked: Collection[A] = frozenset()
    factors: Mapping[A, tuple[float, str]] = field(default_factory=dict)
    pins: tuple[tuple[int, A, str], ...] = ()
    caps: tuple[Cap[A], ...] = ()
    shares: tuple[Share[A], ...] = ()


class Placed(NamedTuple, Generic[A]):
    """An article of the arranged list, and what a rule did to it; empty if no rule moved it."""

    article: A
    said: str


def meets_shares(articles: Collection[A], effects: Effects[A], k: int) -> bool:
    """Return whether a list has as many members of each share as the rules ask for.

    Parameters
    ----------
    articles : the list.
    effects, k : as `arrange` took them.
    """
    return all(
        sum(article in share.members for article in articles) >= _count_needed(share, k) for share in effects.shares
    )


def _count_needed(share: Share[A], k: int) -> int:
    return math.ceil(share.share * k - 1e-9)


def arrange(
    ranked: Sequence[A],
    effects: Effects[A],
    k: int,
    fill: Iterable[A] = (),
    reorder: Callable[[list[A]], list[A]] | None = None,
) -> list[Placed[A]]:
    """Return the first `k` articles of a ranked list as the rules want them.

    In this order:

    1. Blocked articles are left out, and `reorder` orders the others.
    2. Boost and bury: an article at place p with the factor f competes as if it were at p / f. Buried ones come last.
    3. Pinned articles take their places, if these are within `k`. They count for caps; one too many is dropped.
    4. The others fill the places in order; an article that would break a cap is left out.
    5. Shares: while there are too few members, the next one takes the place of the last article that is not one.
    6. Articles that are still missing come from `fill`.

    Everything else keeps its order. With one cap, the list is as long as any list that fulfils it; with several, no
    further article of `ranked` or `fill` could be added.

    Parameters
    ----------
    ranked : all candidates, best first, none twice.
    effects : what the rules mean for them. A pinned article may be missing in `ranked`.
    k : how many articles.
    fill : more candidates for a list that is too short, best first.
    reorder : returns articles in the order to start from, such as a more diverse one; None for theirs.
    """
    order = [article for article in ranked if article not in effects.blocked]
    order, said = _reorder(order if reorder is None else reorder(order), effects.factors)
    counted = _Counted(effects.caps)
    pinned: dict[int, A] = {}
    for place, article, rule in effects.pins:
        free = place <= k and place not in pinned and article not in pinned.values()
        if free and article not in effects.blocked and counted.has_room(article):
            counted.add(article)
            pinned[place] = article
            said[article] = f"pinned to place {place} by rule {rule!r}"
    taken = set(pinned.values())
    room = k - len(pinned)
    chosen: list[A] = []

    def top_up(articles: Iterable[A]) -> None:
        for article in articles:
            if len(chosen) >= room:
                return
            if article not in taken and counted.has_room(article):
                counted.add(article)
                taken.add(article)
                chosen.append(article)

    top_up(order)
    if effects.shares:
        place_of = {article: place for place, article in enumerate(order)}
        for share in effects.shares:
            _meet(share, effects.shares, _count_needed(share, k), order, chosen, taken, counted, said)
        top_up(order)
        chosen.sort(key=place_of.__getitem__)
    top_up(article for article in fill if article not in effects.blocked)
    rest = iter(chosen)
    placed: list[A] = []
    for place in range(1, len(chosen) + len(pinned) + 1):
        article = pinned.pop(place) if place in pinned else next(rest, None)  # type: ignore[assignment]
        if article is None:
            break
        placed.append(article)
    placed += [pinned[place] for place in sorted(pinned)]
    return [Placed(article, said.get(article, "")) for article in placed]


class _Counted(Generic[A]):
    """How many articles of each value a list has, by cap."""

    def __init__(self, caps: tuple[Cap[A], ...]) -> None:
        self.caps = [(cap.values, cap.most, Counter[Hashable]()) for cap in caps]

    def has_room(self, article: A) -> bool:
        """Return whether no cap forbids one more article like this."""
        for values, most, counts in self.caps:
            value = values.get(article)
            if value is not None and counts[value] >= most:
                return False
        return True

    def add(self, article: A, number: int = 1) -> None:
        """Count the article; with -1, remove it from the counts."""
        for values, _, counts in self.caps:
            value = values.get(article)
            if value is not None:
                counts[value] += number


def _reorder(order: list[A], factors: Mapping[A, tuple[float, str]]) -> tuple[list[A], dict[A, str]]:
    """Return the articles with boosts and buries, and what was done to those that moved."""
    said: dict[A, str] = {}
    touched = {place: factors[article] for place, article in enumerate(order) if article in factors}
    if not touched:
        return order, said
    keys = [float(place + 1) for place in range(len(order))]
    for place, (factor, _) in touched.items():
        keys[place] = keys[place] / factor if factor else math.inf
    places = sorted(range(len(order)), key=lambda place: (keys[place], place))
    for now, before in enumerate(places):
        if before in touched and now != before:
            factor, rule = touched[before]
            if now < before and factor > 1:
                said[order[before]] = f"boosted by rule {rule!r}"
            elif now > before and factor < 1:
                said[order[before]] = f"buried by rule {rule!r}"
    return [order[place] for place in places], said


def _meet(
    share: Share[A], shares: tuple[Share[A], ...], needed: int, order: list[A], chosen: list[A], taken: set[A],
    counted: _Counted[A], said: dict[A, str],
) -> None:  # fmt: skip
    """Exchange articles until `needed` of the list are members, or no exchange keeps the caps."""
    missing = needed - sum(article in share.members for article in taken)
    for article in order:
        if missing <= 0:
            return
        if article in taken or article not in share.members:
            continue
        for place in range(len(chosen) - 1, -1, -1):
            other = chosen[place]
            if any(other in one.members for one in shares):
                continue
            counted.add(other, -1)
            if counted.has_room(article):
                counted.add(article)
                taken.remove(other)
                taken.add(article)
                del chosen[place]
                chosen.append(article)
                said[article] = f"added by rule {share.rule!r}"
                missing -= 1
                break
            counted.add(other)
