"""What a database holds besides hmrec's own nodes, so that commands can say so before they change anything."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import Graph

ADVICE = "hmrec leaves them alone; NEO4J_DATABASE gives hmrec a database of its own (docs/operations.md)"


@dataclass(frozen=True)
class Foreign:
    """How much of a database is hmrec's, and how much is not.

    Attributes
    ----------
    own, bought : hmrec's own nodes, and the purchases between them.
    others : nodes that are not hmrec's.
    labels : some of their labels, the most frequent first.
    customers, articles : those of them that are labelled Customer or Article, and have no usable id.
    bought_by_others : BOUGHT on these.
    """

    own: int = 0
    bought: int = 0
    others: int = 0
    labels: tuple[str, ...] = ()
    customers: int = 0
    articles: int = 0
    bought_by_others: int = 0

    def describe(self) -> str:
        """Return what is not hmrec's in a sentence; empty if there is nothing."""
        if self.others <= 0:
            return ""
        nodes = "1 node is" if self.others == 1 else f"{self.others:,} nodes are"
        text = f"{nodes} not hmrec's (labels: {', '.join(self.labels)})"
        if self.customers or self.articles:
            text += (
                f"; among them {self.customers:,} Customer and {self.articles:,} Article without an id that is text, "
                f"with {self.bought_by_others:,} BOUGHT, which are left out everywhere"
            )
        return text


def describe_undated(graph: Graph) -> str:
    """Return how many BOUGHT have no day, in a sentence; empty if all have one or there are too many to look."""
    (undated,) = graph.read_column("undated_purchases")
    if not undated:
        return ""
    return f"{undated:,} BOUGHT {'has' if undated == 1 else 'have'} no date t_dat and are left out everywhere"


def find_foreign(graph: Graph) -> Foreign:
    """Count the nodes that are not hmrec's; takes a second or two at H&M's full size."""
    (found,) = graph.read_as(_make_foreign, "foreign")
    return found


def _make_foreign(others: int, labels: list[str], **counts: int) -> Foreign:
    return Foreign(others=max(0, others), labels=tuple(labels), **counts)
