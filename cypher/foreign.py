"""Count a database's foreign content, which is not hmrec's, to report it before anything changes."""

from __future__ import annotations

from dataclasses import dataclass

from .graph import Graph

ADVICE = "hmrec does not use or change them; NEO4J_DATABASE can give hmrec its own database (docs/operations.md)"


@dataclass(frozen=True)
class Foreign:
    """How much of a database is hmrec's, and how much is foreign.

    Attributes
    ----------
    own, bought : hmrec's own nodes, and the purchases between them.
    others : foreign nodes.
    labels : some of their labels, the most frequent first.
    customers, articles : foreign nodes labelled Customer or Article, without a usable id.
    bought_by_others : BOUGHT relationships on these.
    """

    own: int = 0
    bought: int = 0
    others: int = 0
    labels: tuple[str, ...] = ()
    customers: int = 0
    articles: int = 0
    bought_by_others: int = 0

    def describe(self) -> str:
        """Describe the foreign nodes in one sentence; empty if there are none."""
        if self.others <= 0:
            return ""
        nodes = "1 node is" if self.others == 1 else f"{self.others:,} nodes are"
        text = f"{nodes} not hmrec's (labels: {', '.join(self.labels)})"
        if self.customers or self.articles:
            text += (
                f"; among them {self.customers:,} Customer and {self.articles:,} Article without a text id, "
                f"with {self.bought_by_others:,} BOUGHT, which hmrec ignores"
            )
        return text


def describe_undated(graph: Graph) -> str:
    """Say in one sentence how many BOUGHT have no date; empty if all have one or there are too many to check."""
    (undated,) = graph.read_column("undated_purchases")
    if not undated:
        return ""
    has, them = ("has", "it") if undated == 1 else ("have", "them")
    return f"{undated:,} BOUGHT {has} no date t_dat, and hmrec ignores {them}"


def find_foreign(graph: Graph) -> Foreign:
    """Count the foreign nodes; takes a second or two at H&M's full size."""
    (found,) = graph.read_as(_make_foreign, "foreign")
    return found


def _make_foreign(others: int, labels: list[str], **counts: int) -> Foreign:
    return Foreign(others=max(0, others), labels=tuple(labels), **counts)
