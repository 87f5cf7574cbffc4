"""Articles related to an article: those bought with it, similar to it, or bought after it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from ...cypher.articles import check_articles
from ...cypher.graph import Graph
from ...cypher.state import GraphState, read_state

if TYPE_CHECKING:
    import pandas as pd


class Kind(StrEnum):
    """How an article is related to another one."""

    complement = "complement"
    """Bought with it, and not similar to it."""
    substitute = "substitute"
    """Similar to it: may be bought in its place."""
    next = "next"
    """Bought after it."""
    together = "together"
    """Bought with it, similar or not."""


class RelationsVersion(NamedTuple):
    """The version of article relationships in force.

    Attributes
    ----------
    version : its number.
    created : when it was written.
    until : the day after the last purchase that it knows.
    model : the model whose embeddings its `SIMILAR` compare; None without one.
    articles : number of articles.
    bought_with, bought_after, similar : number of relationships of each type.
    state : what it was made from, as `describe_source` of `relate` returns it; None if that is not known.
    sells, received : number of relationships of departments with articles; None in a version of an older hmrec.
    """

    version: int
    created: datetime
    until: date
    model: int | None
    articles: int
    bought_with: int
    bought_after: int
    similar: int
    state: str | None = None
    sells: int | None = None
    received: int | None = None

    def is_usable(self, as_of: date | None) -> bool:
        """Return whether a request as of that day may use it: it must not know later purchases."""
        return as_of is None or self.until <= as_of

    def knows(self, state: GraphState) -> bool:
        """Return whether it was made from exactly the purchases that the graph has in this state."""
        return self.state is not None and self.state.split()[0] == state.purchase_checksum

    def describe(self, until: date | None, now: datetime | None = None) -> str:
        """Return a sentence that says how old the version is, and whether there are later purchases.

        Parameters
        ----------
        until : the day after the graph's last purchase; None without purchases.
        now : the present; None for the clock's.
        """
        age = describe_age((now or datetime.now(UTC)) - self.created)
        text = f"Article relationships {self.version}, written {age} ago from the purchases before {self.until}."
        if until is not None and until > self.until:
            text += f" Purchases until {until - timedelta(days=1)} came later; `hmrec relate` includes them."
        return text


@dataclass(frozen=True)
class RelatedArticles:
    """Articles related to an article.

    Attributes
    ----------
    article_id : the article that they are related to.
    kind : how.
    articles : article_id, prod_name, score, because; best first.
    version : the version of the relationships that they come from; None if they were computed from the purchases.
    note : says how old they are.
    """

    article_id: str
    kind: Kind
    articles: pd.DataFrame
    version: int | None
    note: str


def read_version(graph: Graph) -> RelationsVersion | None:
    """Return the version of article relationships in force; None without one."""
    return graph.read_one(RelationsVersion, "relations_in_force")


def find_related(
    graph: Graph,
    article_id: str,
    kind: Kind,
    *,
    k: int,
    include_unavailable: bool,
    as_of: date | None,
) -> RelatedArticles:
    """Return what `Recommender.related` describes."""
    check_articles(graph, [article_id])
    version = read_version(graph)
    articles = graph.read(
        "related", article_id=article_id, kind=kind.value, k=k, include_unavailable=include_unavailable, as_of=as_of
    )
    if version is not None and not version.is_usable(as_of):
        version = None
        note = f"Computed from the purchases before {as_of}."
    elif version is None:
        note = "Computed from the purchases: the graph has no article relationships yet (`hmrec relate` writes them)."
    else:
        note = version.describe(None if as_of else read_state(graph).until)
    return RelatedArticles(article_id, kind, articles, version and version.version, note)


def describe_age(age: timedelta) -> str:
    """Return a duration in words, in its largest unit: 5 seconds, 1 hour, 3 days."""
    seconds = max(0, int(age.total_seconds()))
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}{'s' if seconds >= 2 * size else ''}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
